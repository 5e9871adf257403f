package authz

// resolvePlace finds the tenant of a request. A context extension, which a
// client cannot forge, comes first: where the request carries a key that an
// entry reads, only such entries are asked, and a value that they do not know
// is an unknown place even where the host is known. Else the host decides,
// exactly. No step falls back to a wider one.
func (s *Snapshot) resolvePlace(req *Request) (*Tenant, Reason, bool) {
	var named *Tenant
	for i := range s.entries {
		value, present := req.Context[s.entries[i].key]
		if !present {
			continue
		}
		tenant := s.entries[i].tenants[value]
		switch {
		case tenant == nil:
			return nil, PlaceUnknown, false
		case named != nil && named != tenant:
			return nil, TenantConflict, false
		}
		named = tenant
	}
	tenant := s.hosts[req.Host]
	switch {
	case named == nil && tenant == nil:
		return nil, PlaceUnknown, false
	case named == nil:
		return tenant, 0, true
	case tenant != nil && tenant != named:
		return nil, TenantConflict, false
	}
	return named, 0, true
}
