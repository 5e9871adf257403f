package authz

// heldIDs are the ids of tenants that were in force and have no good version:
// wherever somebody else had them, tokens of these tenants would be good.
type heldIDs struct {
	known  map[string]*Issuer // by name
	owners []heldIssuer       // in the order of their first holder
	named  map[heldID]string  // tenant, of issuers that are not known
}

// heldIssuer is a known issuer with ids of held tenants.
type heldIssuer struct {
	issuer *Issuer
	first  string            // tenant
	tenant map[string]string // by id
}

// heldID is the value of the tenant claim of an issuer that goes by its name.
type heldID struct{ issuer, id string }

func newHeldIDs(issuers []*Issuer) *heldIDs {
	h := &heldIDs{known: make(map[string]*Issuer, len(issuers)), named: map[heldID]string{}}
	for _, issuer := range issuers {
		if issuer != nil {
			h.known[issuer.Name()] = issuer
		}
	}
	return h
}

func (h *heldIDs) add(spec *HeldSpec) {
	for _, name := range sortedKeys(spec.IDs) {
		id := spec.IDs[name]
		issuer := h.known[name]
		if issuer == nil {
			h.named[heldID{name, id}] = spec.Name
			continue
		}
		h.of(issuer, spec.Name).tenant[id] = spec.Name
	}
}

func (h *heldIDs) of(issuer *Issuer, first string) *heldIssuer {
	for i := range h.owners {
		if h.owners[i].issuer == issuer {
			return &h.owners[i]
		}
	}
	h.owners = append(h.owners, heldIssuer{issuer: issuer, first: first, tenant: map[string]string{}})
	return &h.owners[len(h.owners)-1]
}

// contested returns why a grant would open a held tenant's tokens, or nil. What
// counts is which tokens a definition admits, not what it is called.
func (h *heldIDs) contested(m *member) *ConflictError {
	g := m.grant
	for i := range h.owners {
		held := &h.owners[i]
		switch {
		case g.issuer != held.issuer && !g.issuer.issuer.Overlaps(held.issuer.issuer):
		case g.issuer.claimText != held.issuer.claimText:
			c := m.conflict(ConflictHeldClaim, held.first)
			c.Has.Issuer, c.Held = held.issuer.Name(), true
			return c
		case held.tenant[g.id] != "":
			return m.hasHeld(held.tenant[g.id])
		}
	}
	name := g.issuer.Name()
	if owner := h.named[heldID{name, g.id}]; owner != "" && g.id != "" && h.known[name] == nil {
		return m.hasHeld(owner)
	}
	return nil
}

// hasHeld is the conflict about an id of a held tenant.
func (m *member) hasHeld(owner string) *ConflictError {
	c := m.conflict(ConflictHeldID, owner)
	c.ID, c.Held = m.grant.id, true
	return c
}

// checkHeldIDs reports issuers by which a tenant would get a held tenant's tokens.
func (b *builder) checkHeldIDs(t *Tenant, found *problems) {
	for i := range t.grants {
		if c := b.heldIDs.contested(&member{tenant: t.name, grant: &t.grants[i]}); c != nil {
			found.conflict(at("issuers", i), *c, "mend that tenant, or give this one an id of its own")
		}
	}
}
