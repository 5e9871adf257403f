package authz

import (
	"slices"
	"strings"
)

// scope is whose a request is: a tenant's, or an entry's until the token has told
// the tenant. Its paths are what rules see.
type scope struct {
	entry   *entry  // nil at a tenant's own host
	tenant  *Tenant // nil until a claim names it
	path    string
	lenient string
}

// resolvePlace finds whose a request is. A context extension, which a client
// cannot forge, comes first: where the request carries a key that an entry
// reads, only such entries are asked, and a value that they do not know is an
// unknown place even where the host is known. Else the host decides, and among
// the places of one host the longest prefix of the path. A place that is not
// found is never looked for in a wider one.
//
// Where context and host name the same tenant, the rules see the path below the
// prefix of the host's place.
func (s *Snapshot) resolvePlace(req *Request) (scope, Reason, bool) {
	named, reason, ok := s.byContext(req)
	if !ok {
		return scope{}, reason, false
	}
	local, reason, ok := s.byHost(req)
	if !ok && reason == PathNotCanonical {
		return scope{}, PlaceUnknown, false
	}
	if named.tenant == nil {
		return local, reason, ok
	}
	named.path, named.lenient = req.Path.Forms()
	switch {
	case !ok && reason == TenantUnavailable, ok && local.tenant != nil && local.tenant != named.tenant:
		return scope{}, TenantConflict, false
	case ok && (local.tenant != nil || local.entry.tenant(named.tenant.name) == named.tenant):
		named.path, named.lenient = local.path, local.lenient
	}
	return named, 0, true
}

// byContext finds the tenant that the proxy names; it is nil where the request
// carries no key of an entry.
func (s *Snapshot) byContext(req *Request) (scope, Reason, bool) {
	var named scope
	for _, e := range s.contexts {
		value, present := req.Context[e.key]
		if !present {
			continue
		}
		tenant := e.tenant(value)
		switch {
		case e.held[value]:
			return scope{}, TenantUnavailable, false
		case tenant == nil:
			return scope{}, PlaceUnknown, false
		case named.tenant != nil && named.tenant != tenant:
			return scope{}, TenantConflict, false
		case named.tenant == nil:
			named = scope{entry: e, tenant: tenant}
		}
	}
	return named, 0, true
}

// byHost finds the place by host and path. The reason is PlaceUnknown where
// there is none, and PathNotCanonical where the two forms of the path lead to
// different ones.
func (s *Snapshot) byHost(req *Request) (scope, Reason, bool) {
	n := s.nodeOf(req.Host)
	if n == nil {
		return scope{}, PlaceUnknown, false
	}
	sent, read := req.Path.Forms()
	at, path, segment := n.match(sent)
	lenient := path
	if read != sent {
		var other *place
		var otherSegment string
		if other, lenient, otherSegment = n.match(read); other != at || otherSegment != segment {
			return scope{}, PathNotCanonical, false
		}
	}
	if at == nil {
		return scope{}, PlaceUnknown, false
	}
	found := scope{entry: s.entryOf(at), tenant: at.tenant, path: path, lenient: lenient}
	if at.prefix.tenant >= 0 {
		found.tenant = found.entry.tenant(segment)
		if found.tenant == nil && !found.entry.held[segment] {
			return scope{entry: found.entry}, PlaceUnknown, false // challenged as if it were known
		}
		if found.tenant == nil {
			return scope{}, TenantUnavailable, false
		}
	}
	if at.held != "" {
		return scope{}, TenantUnavailable, false
	}
	return found, 0, true
}

// nodeOf returns the places of a host: of the exact one, else of the most
// specific wildcard.
func (s *Snapshot) nodeOf(host string) *node {
	if host == "" {
		return nil
	}
	label, parent := cutHost(host)
	if z, _ := s.zones.get(parent); z != nil {
		if n, _ := z.hosts.get(label); n != nil {
			return n
		}
		if z.wild != nil {
			return z.wild
		}
	}
	return s.anyHost
}

// entryOf returns the entry of a place, nil for a tenant's own host.
func (s *Snapshot) entryOf(p *place) *entry {
	if p.entry == nil {
		return nil
	}
	return s.entries[p.entry.index]
}

// tenant returns the tenant of that name that lists the entry, or nil.
func (e *entry) tenant(name string) *Tenant {
	t, _ := e.tenants.get(name)
	return t
}

// cutHost parts a host into its first label and the rest, dot included: "" for
// a host without any, which no wildcard covers.
func cutHost(host string) (label, parent string) {
	if dot := strings.IndexByte(host, '.'); dot >= 0 {
		return host[:dot], host[dot:]
	}
	return host, ""
}

// zone holds the hosts of one label and one parent.
type zone struct {
	hosts table[string, *node] // exact, by their label
	wild  *node                // `*.parent`
	owner *edit
}

// node holds the places of one host, exact or wildcard, the longest prefix
// first.
type node struct{ places []*place }

// place is one host and prefix in force.
type place struct {
	entry  *entryForm // nil: the tenant's own host
	tenant *Tenant    // nil: a segment or a claim names it
	held   string     // the tenant that closes the place, "" for none
	prefix prefix
	host   string
	list   string // where it is written: `hosts` or `entries`
	index  int
	// namesake says that the tenant has the name of an entry: where yieldsTo
	// holds the name, it means the entry.
	namesake bool
}

// match finds the place of a path and the path below it.
func (n *node) match(path string) (_ *place, rest, segment string) {
	for _, p := range n.places {
		if rest, segment, ok := p.prefix.match(path); ok {
			return p, rest, segment
		}
	}
	return nil, "", ""
}

// with returns a node that has the place too, in the order in which places are
// asked.
func (n *node) with(p *place) *node {
	at, _ := slices.BinarySearchFunc(n.all(), p, func(a, b *place) int { return comparePrefixes(&a.prefix, &b.prefix) })
	return &node{slices.Insert(slices.Clip(n.all()), at, p)}
}

// without returns a node that lacks the tenant's place, nil where it has no
// other.
func (n *node) without(p *place) *node {
	rest := slices.DeleteFunc(slices.Clone(n.all()), func(q *place) bool {
		return q.tenant == p.tenant && q.entry == p.entry && comparePrefixes(&q.prefix, &p.prefix) == 0
	})
	if len(rest) == 0 {
		return nil
	}
	return &node{rest}
}

// prefix is a compiled path prefix: whole segments.
type prefix struct {
	segments []string
	tenant   int // index of the segment that names the tenant, -1 for none
}

const tenantVariable = "{tenant}"

// match cuts the prefix off a path. Of the whole path "/" is left.
func (p *prefix) match(path string) (rest, tenant string, ok bool) {
	rest = path
	for i, wanted := range p.segments {
		if rest == "" || rest[0] != '/' {
			return "", "", false
		}
		segment := rest[1:]
		end := strings.IndexByte(segment, '/')
		if end < 0 {
			end = len(segment)
		}
		segment, rest = segment[:end], segment[end:]
		switch {
		case i != p.tenant && segment != wanted, segment == "":
			return "", "", false
		case i == p.tenant:
			tenant = segment
		}
	}
	if rest == "" {
		rest = "/"
	}
	return rest, tenant, true
}

// comparePrefixes orders prefixes by length, the longest first, and literal
// segments before the variable. Only equal ones are equal.
func comparePrefixes(a, b *prefix) int {
	if len(a.segments) != len(b.segments) {
		return len(b.segments) - len(a.segments)
	}
	for i := range a.segments {
		variable, other := i == a.tenant, i == b.tenant
		if variable != other {
			if variable {
				return 1
			}
			return -1
		}
		if c := strings.Compare(a.segments[i], b.segments[i]); c != 0 {
			return c
		}
	}
	return 0
}

// meets reports whether some path lies below both prefixes, and whether every
// path below b then lies below a.
func (p *prefix) meets(b *prefix) (overlap, wider bool) {
	wider = len(p.segments) <= len(b.segments)
	for i := range min(len(p.segments), len(b.segments)) {
		switch {
		case i == p.tenant:
		case i == b.tenant:
			wider = false
		case p.segments[i] != b.segments[i]:
			return false, false
		}
	}
	return true, wider
}
