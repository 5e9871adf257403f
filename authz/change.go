package authz

import "github.com/claimgate/claimgate/authz/token"

// Change is what differs between a snapshot and the next one.
type Change struct {
	Generation uint64
	Tenants    []*Tenant  // new ones, and those in place of others of the same name
	Gone       []string   // names of tenants that are not there any more
	Held       []HeldSpec // all of them, none Accepted
}

// With returns a snapshot that is what NewSnapshot builds of the same
// configuration, with the tenants of now in any order, at the cost of what
// changes alone. It returns nil where something is contested, and where it
// cannot tell so cheaply: NewSnapshot then says what it is.
func (s *Snapshot) With(c Change) *Snapshot {
	if s.final || !s.admits(&c) {
		return nil
	}
	before := s
	if s.own != nil {
		before = s.own
	}
	b := &builder{by: new(edit), next: before.clone(), ground: s.ground, held: map[string]bool{}, heldIDs: newHeldIDs(nil)}
	b.next.generation, b.next.own = c.Generation, nil
	for _, name := range c.Gone {
		b.leave(name)
	}
	for _, t := range c.Tenants {
		b.leave(t.name)
	}
	for i, t := range c.Tenants {
		b.addTenant(i, t)
	}
	b.keep(c.Held)
	if len(b.found.list) > 0 {
		return nil
	}
	return b.next
}

// admits reports whether a change can be judged without all tenants.
func (s *Snapshot) admits(c *Change) bool {
	for i := range c.Held {
		if c.Held[i].Accepted {
			return false
		}
	}
	for _, t := range c.Tenants {
		if t == nil || !t.knownTo(s.tokens.knows) {
			return false
		}
	}
	return true
}

// CanTell reports whether With can judge the tenant: where it returns nil, something
// is contested then.
func (s *Snapshot) CanTell(t *Tenant) bool { return !s.final && t.knownTo(s.tokens.knows) }

func (t *Tenant) knownTo(knows func(*token.Issuer) bool) bool {
	for i := range t.grants {
		if !knows(t.grants[i].issuer.issuer) {
			return false
		}
	}
	return true
}

// leave takes a tenant with all that it has out of the snapshot.
func (b *builder) leave(name string) {
	t := b.next.Tenant(name)
	if t == nil {
		return
	}
	b.next.tenants.remove(b.by, name)
	var known problems // none: it is in force
	for _, p := range b.ground.placesOf(t, &known) {
		b.setNode(p.host, b.nodeAt(p.host).without(p))
	}
	b.part(t)
	b.next.tokens.remove(b.by, t)
}

// part takes the tenant away from its entries.
func (b *builder) part(t *Tenant) {
	for _, name := range t.entries {
		e := b.entry(name)
		e.tenants.remove(b.by, t.name)
		for k, issuer := range e.issuers {
			if g := t.grantOf(issuer); g != nil {
				e.claimed[k].remove(b.by, g.id)
			}
		}
	}
}
