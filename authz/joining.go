package authz

import (
	"slices"
	"strconv"
)

// checkEntries reports entries that cannot lead to the tenant.
func (b *builder) checkEntries(t *Tenant, found *problems) {
	for i, name := range t.entries {
		e := b.entry(name)
		if e == nil {
			found.add(at("entries", i), "tenant "+strconv.Quote(t.name)+" names the unknown entry "+strconv.Quote(name),
				"define it under entries or correct the name")
			continue
		}
		if slices.ContainsFunc(e.hosts, func(h hostOfSpec) bool { return h.variable }) && !isHostLabel(t.name) {
			found.add(at("entries", i), "the hosts of entry "+strconv.Quote(name)+" begin with the tenant's name, and "+strconv.Quote(t.name)+" can be no part of a host",
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
			if owner, taken := e.claimed[k].get(g.id); taken {
				c := ConflictError{Kind: ConflictEntryID, ID: g.id, Issuer: issuer.issuer.URL(), Asks: ConflictSide{Tenant: t.name, Entry: name, Issuer: issuer.Name()}}
				if c.Has.Entry = name; owner.tenant != nil {
					c.Has.Tenant = owner.tenant.name
				}
				found.conflict(at("entries", i), c, "give each tenant an id of its own")
			}
		}
		if !admitted {
			found.add(at("entries", i), "tenant "+strconv.Quote(t.name)+" admits no issuer of entry "+strconv.Quote(name)+", so that no token could lead to it",
				"name one of them under issuers, or remove the entry")
		}
	}
}

// entry returns the entry of that name, or nil.
func (b *builder) entry(name string) *entry {
	form := b.ground.byName[name]
	if form == nil {
		return nil
	}
	return b.next.entries[form.index]
}

// join enters the tenant at its entries, under its name and its ids.
func (b *builder) join(t *Tenant) {
	for _, name := range t.entries {
		e := b.entry(name)
		e.tenants.set(b.by, t.name, t)
		for k, issuer := range e.issuers {
			if g := t.grantOf(issuer); g != nil {
				e.claimed[k].set(b.by, g.id, claimed{tenant: t, grant: g})
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
func (b *builder) holdAll(held []HeldSpec, accepted bool) {
	for i := range held {
		h := &held[i]
		if h.Accepted != accepted {
			continue
		}
		if h.Name == "" || b.held[h.Name] || b.next.Tenant(h.Name) != nil {
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
	for _, e := range b.next.entries {
		if !h.unknown() && !slices.Contains(h.Entries, e.name) {
			continue
		}
		e.held[h.Name] = true
		for k, issuer := range e.issuers {
			id, given := h.IDs[issuer.Name()]
			if !given {
				id = h.Name
			}
			if _, taken := e.claimed[k].get(id); !taken && id != "" {
				e.claimed[k].set(b.by, id, claimed{})
			}
		}
		if isHostLabel(h.Name) {
			places = append(places, expand(e.entryForm, h.Name)...)
		}
	}
	for _, p := range places {
		p.held, p.namesake = h.Name, b.ground.isEntry(h.Name)
		if p.entry == nil && b.ground.reservedFrom(p) != nil {
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
func (b *builder) closeYielding(held []HeldSpec) {
	unknown := map[string]bool{}
	for i := range held {
		if h := &held[i]; h.unknown() && !b.ground.isEntry(h.Name) {
			unknown[h.Name] = true
		}
	}
	if len(unknown) == 0 {
		return
	}
	b.next.anyHost = b.next.anyHost.closed(unknown)
	wild := map[string]*node{}
	for parent, z := range b.next.zones.all() {
		if n := z.wild.closed(unknown); n != z.wild {
			wild[parent] = n
		}
	}
	for parent, n := range wild {
		b.ownZone(parent).wild = n
	}
}

// closed returns the node with those places closed that yield to an unknown
// tenant: itself, where none does.
func (n *node) closed(unknown map[string]bool) *node {
	var places []*place
	for i, p := range n.all() {
		holder := p.yields().first(unknown)
		if p.held != "" || holder == "" {
			continue
		}
		if places == nil {
			places = slices.Clone(n.places)
		}
		shut := *p
		shut.held, places[i] = holder, &shut
	}
	if places == nil {
		return n
	}
	return &node{places}
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
