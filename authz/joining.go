package authz

import (
	"slices"
	"strconv"
)

// checkEntries reports entries that cannot lead to the tenant.
func (b *builder) checkEntries(base string, t *Tenant) {
	for i, name := range t.entries {
		place := base + "." + at("entries", i)
		e := b.entries[name]
		if e == nil {
			b.found.add(place, "tenant "+strconv.Quote(t.name)+" names the unknown entry "+strconv.Quote(name),
				"define it under entries or correct the name")
			continue
		}
		if slices.ContainsFunc(e.hosts, func(h hostOfSpec) bool { return h.variable }) && !isHostLabel(t.name) {
			b.found.add(place, "the hosts of entry "+strconv.Quote(name)+" begin with the tenant's name, and "+strconv.Quote(t.name)+" can be no part of a host",
				"rename the tenant with a-z, 0-9, `-` and `_`, or list another entry")
		}
		if !e.byClaim() {
			continue
		}
		admitted := false
		for k, issuer := range e.issuers {
			g := t.grantOf(issuer)
			admitted = admitted || g != nil
			if g == nil {
				continue
			}
			if _, taken := e.claimed[k][g.id]; taken {
				b.found.add(place, "id "+strconv.Quote(g.id)+" of issuer "+strconv.Quote(issuer.Name())+" belongs to another tenant", "give each tenant an id of its own")
			}
		}
		if !admitted {
			b.found.add(place, "tenant "+strconv.Quote(t.name)+" admits no issuer of entry "+strconv.Quote(name)+", so that no token could lead to it",
				"name one of them under issuers, or remove the entry")
		}
	}
}

// join enters the tenant at its entries, under its name and its ids.
func (b *builder) join(t *Tenant) {
	for _, name := range t.entries {
		e := b.entries[name]
		e.tenants[t.name] = t
		for k, issuer := range e.issuers {
			if g := t.grantOf(issuer); g != nil {
				e.claimed[k][g.id] = claimed{tenant: t, grant: g}
			}
		}
	}
}

// grantOf returns the tenant's grant for an issuer of the same definition, or
// nil.
func (t *Tenant) grantOf(issuer *Issuer) *grant {
	for i := range t.grants {
		if t.grants[i].issuer.same(issuer) {
			return &t.grants[i]
		}
	}
	return nil
}

// isHostLabel reports whether a tenant's name is, as it stands, one label of a
// canonical host.
func isHostLabel(name string) bool {
	canonical, ok := CanonicalHost(name)
	if !ok || canonical != name {
		return false
	}
	for i := range len(name) {
		if name[i] == '.' {
			return false
		}
	}
	return true
}

// holdAll keeps the places of tenants without a good version: before all
// tenants those that were in force, after them what is left for the others.
func (b *builder) holdAll(accepted bool) {
	for i := range b.spec.Held {
		h := &b.spec.Held[i]
		if h.Accepted != accepted {
			continue
		}
		if h.Name == "" || b.held[h.Name] || b.snapshot.tenants[h.Name] != nil {
			b.found.add(at("held", i)+".name", "two tenants are named "+strconv.Quote(h.Name), "rename one")
			continue
		}
		b.held[h.Name] = true
		b.hold(h)
		if accepted {
			b.heldIDs.add(h)
		}
	}
}

// hold closes the places of one tenant. What others have stays theirs.
func (b *builder) hold(h *HeldSpec) {
	var places []*place
	for _, host := range h.Hosts {
		if canonical, ok := canonicalHostPattern(host); ok && canonical == host {
			places = append(places, &place{prefix: prefix{tenant: -1}, host: host})
		}
	}
	for _, e := range b.all {
		if !h.unknown() && !slices.Contains(h.Entries, e.name) {
			continue
		}
		e.held[h.Name] = true
		for k, issuer := range e.issuers {
			id, given := h.IDs[issuer.Name()]
			if !given {
				id = h.Name
			}
			if _, taken := e.claimed[k][id]; !taken && id != "" {
				e.claimed[k][id] = claimed{}
			}
		}
		if isHostLabel(h.Name) {
			places = append(places, expand(e, h.Name)...)
		}
	}
	for _, p := range places {
		p.held, p.namesake = h.Name, b.isEntry(h.Name)
		if p.entry == nil && b.reservedFrom(p) != nil {
			b.late = append(b.late, p)
			continue
		}
		b.enterFree(p)
	}
}

// holdLate closes what held tenants had of an entry's hosts, where the tenants
// of these names have left it.
func (b *builder) holdLate() {
	for _, p := range b.late {
		b.enterFree(p)
	}
}

// enterFree puts a place in force that nobody else has.
func (b *builder) enterFree(p *place) {
	if b.contest(p) == nil {
		b.enter(p)
	}
}

// unknown reports whether no place of the tenant is known.
func (h *HeldSpec) unknown() bool { return len(h.Hosts)+len(h.Entries)+len(h.IDs) == 0 }

// closeYielding closes every wildcard host that yields to a tenant whose places
// are not known: its requests may arrive there.
func (b *builder) closeYielding() {
	unknown := map[string]bool{}
	for i := range b.spec.Held {
		if h := &b.spec.Held[i]; h.unknown() && !b.isEntry(h.Name) {
			unknown[h.Name] = true
		}
	}
	if len(unknown) == 0 {
		return
	}
	closeIn := func(n *node) {
		for _, p := range n.all() {
			if p.held == "" {
				p.held = p.yields().first(unknown)
			}
		}
	}
	closeIn(b.snapshot.anyHost)
	for _, n := range b.snapshot.parents {
		closeIn(n)
	}
}

// first returns the first name in order that is wanted, "" for none.
func (n names) first(wanted map[string]bool) string {
	least := ""
	for name := range n {
		if wanted[name] && (least == "" || name < least) {
			least = name
		}
	}
	return least
}
