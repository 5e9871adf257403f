package authz

import (
	"strconv"
	"strings"
)

// addEntryHosts enters the places that belong to an entry as such.
func (b *builder) addEntryHosts(e *entry, base string) {
	for i, h := range e.hosts {
		p := &place{entry: e, prefix: e.prefix, host: h.host, path: base + "." + at("hosts", i)}
		if h.variable {
			b.checkTwins(p)
			b.reserve(e, h.host)
			continue
		}
		problems := b.contest(p)
		b.found.addAll(problems)
		if len(problems) == 0 {
			b.enter(p)
		}
	}
}

// checkTwins compares an entry whose hosts begin with the tenant's name with
// those before it: on the host of one tenant they are places like any other.
func (b *builder) checkTwins(p *place) {
	for _, other := range b.all[:len(b.all)-1] {
		for _, h := range other.hosts {
			if !h.variable || h.host != p.host {
				continue
			}
			if q := (&place{entry: other, prefix: other.prefix, host: p.host}); !tolerates(p, q) {
				b.found.add(p.path, "entries "+strconv.Quote(other.name)+" and "+strconv.Quote(p.entry.name)+" both name host "+
					strconv.Quote(tenantVariable+"."+p.host), "a place belongs to one entry: give them prefixes of their own, or say yieldsTo at the wider one")
			}
		}
	}
}

// placesOf returns the hosts of a tenant: its own, and those that an entry makes
// of its name. An own one that is an entry's is a problem and left out.
func (b *builder) placesOf(t *Tenant, base string) []*place {
	places := make([]*place, 0, len(t.hosts)+len(t.entries))
	own := make(names, len(t.hosts))
	for i, host := range t.hosts {
		p := &place{tenant: t, prefix: prefix{tenant: -1}, host: host, path: base + "." + at("hosts", i), namesake: b.isEntry(t.name)}
		if pattern := b.reservedFrom(p); pattern != nil {
			b.found.addAll([]Problem{reservedProblem(p, pattern)})
			continue
		}
		own[host] = struct{}{}
		places = append(places, p)
	}
	for i, name := range t.entries {
		e := b.entries[name]
		if e == nil {
			continue
		}
		for _, p := range expand(e, t.name) {
			p.tenant, p.path, p.namesake = t, base+"."+at("entries", i), b.isEntry(t.name)
			if own.has(p.host) && len(p.prefix.segments) == 0 {
				b.found.add(p.path, "tenant "+strconv.Quote(t.name)+" names host "+strconv.Quote(p.host)+" itself and reaches it by entry "+strconv.Quote(name),
					"remove one")
			}
			places = append(places, p)
		}
	}
	return places
}

// expand returns the hosts of an entry that begin with the name.
func expand(e *entry, name string) []*place {
	var places []*place
	for _, h := range e.hosts {
		if h.variable {
			places = append(places, &place{entry: e, prefix: e.prefix, host: name + "." + h.host})
		}
	}
	return places
}

// contest returns the first overlap of the place with one that is in force.
func (b *builder) contest(p *place) []Problem {
	for _, q := range b.nodeAt(p.host).all() {
		if !tolerates(q, p) {
			return overlap(q, p)
		}
	}
	for _, wider := range b.widerThan(p.host) {
		for _, q := range wider.all() {
			if !q.yieldsTo(p) {
				return overlap(q, p)
			}
		}
	}
	var problems []Problem
	b.narrowerThan(p.host, func(q *place) bool {
		if !p.yieldsTo(q) {
			problems = overlap(q, p)
		}
		return problems == nil
	})
	return problems
}

// tolerates reports whether two places of one host go together: no path lies in
// both, or the wider one yields.
func tolerates(a, b *place) bool {
	meet, aWider := a.prefix.meets(&b.prefix)
	if !meet {
		return true
	}
	_, bWider := b.prefix.meets(&a.prefix)
	switch {
	case aWider == bWider:
		return false
	case aWider:
		return a.yieldsTo(b)
	}
	return b.yieldsTo(a)
}

// yieldsTo reports whether the place may be narrowed by another: by one of the
// same tenant, or of a tenant or entry that it names. A tenant without a good
// version stands in nobody's way.
func (p *place) yieldsTo(narrow *place) bool {
	if p.held != "" || p.tenant != nil && p.tenant == narrow.tenant {
		return true
	}
	yields := p.yields()
	return !narrow.namesake && yields.has(narrow.owner()) || narrow.entry != nil && yields.has(narrow.entry.name)
}

// yields returns the names that the place yields to.
func (p *place) yields() names {
	switch {
	case p.entry != nil:
		return p.entry.yieldsTo
	case p.tenant != nil:
		return p.tenant.yieldsTo
	}
	return nil
}

// isEntry reports whether an entry has the name.
func (b *builder) isEntry(name string) bool { return b.entries[name] != nil }

// owner returns the name of the tenant that the place belongs to, "" for one of
// an entry as such.
func (p *place) owner() string {
	if p.tenant != nil {
		return p.tenant.name
	}
	return p.held
}

// describe names a place for a person.
func (p *place) describe() string {
	text := strconv.Quote(p.host)
	if len(p.prefix.segments) > 0 {
		text += " with prefix " + strconv.Quote("/"+strings.Join(p.prefix.segments, "/"))
	}
	if owner := p.owner(); owner != "" {
		text += " of tenant " + strconv.Quote(owner)
	}
	if p.entry != nil {
		text += " of entry " + strconv.Quote(p.entry.name)
	}
	return text
}

// overlap says that the newcomer cannot have its place beside another.
func overlap(known, newcomer *place) []Problem {
	problem := Problem{
		Path:    newcomer.path,
		Message: "host " + newcomer.describe() + " overlaps host " + known.describe(),
		Mend:    "remove one, or name the narrower one's tenant under yieldsTo at the wider one",
	}
	if known.namesake || newcomer.namesake {
		problem.Mend += "; a name that an entry has too stands for the entry there"
	}
	if known.entry == nil && newcomer.entry == nil && known.host == newcomer.host {
		problem.Message = "tenants " + strconv.Quote(known.owner()) + " and " + strconv.Quote(newcomer.owner()) + " both name host " + strconv.Quote(known.host)
		problem.Mend = "a host belongs to one tenant: remove it from the other"
	}
	return []Problem{problem}
}

// all returns the places of a node, of none for nil.
func (n *node) all() []*place {
	if n == nil {
		return nil
	}
	return n.places
}

// nodeAt returns the node of exactly this host or wildcard, or nil.
func (b *builder) nodeAt(host string) *node {
	if host == "*" {
		return b.snapshot.anyHost
	}
	if parent, wild := strings.CutPrefix(host, "*."); wild {
		return b.snapshot.parents[parent]
	}
	return b.snapshot.hosts[host]
}

// widerThan returns the nodes of the wildcards that cover the host.
func (b *builder) widerThan(host string) []*node {
	switch _, parent, dotted := strings.Cut(host, "."); {
	case host == "*":
		return nil
	case dotted && !strings.HasPrefix(host, "*."):
		return []*node{b.snapshot.parents[parent], b.snapshot.anyHost}
	}
	return []*node{b.snapshot.anyHost}
}

// narrowerThan visits all places whose hosts a wildcard covers, in the order in
// which they were entered, until visit returns false.
func (b *builder) narrowerThan(host string, visit func(*place) bool) {
	var covered []*place
	if parent, wild := strings.CutPrefix(host, "*."); wild {
		covered = b.children[parent]
	} else if host == "*" {
		covered = b.narrow
	}
	for _, p := range covered {
		if !visit(p) {
			return
		}
	}
}

// enter puts a place in force.
func (b *builder) enter(p *place) {
	s := b.snapshot
	parent, wild := strings.CutPrefix(p.host, "*.")
	var n *node
	switch {
	case p.host == "*":
		if s.anyHost == nil {
			s.anyHost = &node{}
		}
		n = s.anyHost
	case wild:
		n = nodeIn(s.parents, parent)
	default:
		n = nodeIn(s.hosts, p.host)
		if _, parent, dotted := strings.Cut(p.host, "."); dotted {
			b.children[parent] = append(b.children[parent], p)
		}
	}
	if p.host != "*" {
		b.narrow = append(b.narrow, p)
	}
	n.insert(p)
}

func nodeIn(nodes map[string]*node, name string) *node {
	n := nodes[name]
	if n == nil {
		n = &node{}
		nodes[name] = n
	}
	return n
}
