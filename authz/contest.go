package authz

// addEntryHosts enters the places that belong to an entry as such.
func (b *builder) addEntryHosts(e *entryForm, base string) {
	for i, h := range e.hosts {
		p := &place{entry: e, prefix: e.prefix, host: h.host, list: "hosts", index: i}
		var problems []Problem
		if h.variable {
			problems = b.checkTwins(p)
			b.ground.reserve(e, h.host)
		} else if problems = b.contest(p); len(problems) == 0 {
			b.enter(p)
		}
		b.found.addBelow(base, problems)
	}
}

// checkTwins compares an entry whose hosts begin with the tenant's name with
// those before it: on the host of one tenant they are places like any other.
func (b *builder) checkTwins(p *place) (problems []Problem) {
	for _, other := range b.next.entries[:len(b.next.entries)-1] {
		for _, h := range other.hosts {
			if !h.variable || h.host != p.host {
				continue
			}
			if q := (&place{entry: other.entryForm, prefix: other.prefix, host: p.host}); !tolerates(p, q) {
				c := ConflictError{Kind: ConflictEntryHosts, Asks: p.side(), Has: q.side()}
				c.Asks.Host, c.Has.Host = tenantVariable+"."+p.host, tenantVariable+"."+p.host
				problems = append(problems, c.problem(p.where(), "a place belongs to one entry: give them prefixes of their own, or say yieldsTo at the wider one"))
			}
		}
	}
	return problems
}

// where returns where the place is written, as in `hosts[0]`.
func (p *place) where() string { return at(p.list, p.index) }

// placesOf returns the hosts of a tenant: its own, and those that an entry makes
// of its name. An own one that is an entry's is a problem and left out.
func (g *ground) placesOf(t *Tenant, found *problems) []*place {
	places := make([]*place, 0, len(t.hosts)+len(t.entries))
	var own names
	if len(t.entries) > 0 && len(t.hosts) > 0 {
		own = make(names, len(t.hosts))
	}
	for i, host := range t.hosts {
		p := &place{tenant: t, prefix: prefix{tenant: -1}, host: host, list: "hosts", index: i, namesake: g.isEntry(t.name)}
		if pattern := g.reservedFrom(p); pattern != nil {
			found.addAll([]Problem{reservedProblem(p, pattern)})
			continue
		}
		places = append(places, p)
		if own != nil {
			own[host] = struct{}{}
		}
	}
	for i, name := range t.entries {
		e := g.byName[name]
		if e == nil {
			continue
		}
		for _, p := range expand(e, t.name) {
			p.tenant, p.list, p.index, p.namesake = t, "entries", i, g.isEntry(t.name)
			if own.has(p.host) && len(p.prefix.segments) == 0 {
				asks := ConflictSide{Tenant: t.name, Host: p.host}
				found.conflict(p.where(), ConflictError{Kind: ConflictHostTwice, Asks: asks, Has: p.side()}, "remove one")
			}
			places = append(places, p)
		}
	}
	return places
}

// expand returns the hosts of an entry that begin with the name.
func expand(e *entryForm, name string) []*place {
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
func (g *ground) isEntry(name string) bool { return g.byName[name] != nil }

// owner returns the name of the tenant that the place belongs to, "" for one of
// an entry as such.
func (p *place) owner() string {
	if p.tenant != nil {
		return p.tenant.name
	}
	return p.held
}

// overlap says that the newcomer cannot have its place beside another.
func overlap(known, newcomer *place) []Problem {
	c := ConflictError{Kind: ConflictPlaces, Asks: newcomer.side(), Has: known.side(), Held: known.held != ""}
	mend := "remove one, or name the narrower one's tenant under yieldsTo at the wider one"
	if known.namesake || newcomer.namesake {
		mend += "; a name that an entry has too stands for the entry there"
	}
	if known.entry == nil && newcomer.entry == nil && known.host == newcomer.host {
		c.Kind, mend = ConflictHost, "a host belongs to one tenant: remove it from the other"
	}
	return []Problem{c.problem(newcomer.where(), mend)}
}

// all returns the places of a node, of none for nil.
func (n *node) all() []*place {
	if n == nil {
		return nil
	}
	return n.places
}

// zone returns what lies one label below a parent, of nothing for nil.
func (b *builder) zone(parent string) *zone {
	if z, _ := b.next.zones.get(parent); z != nil {
		return z
	}
	return &zone{}
}

// nodeAt returns the node of exactly this host or wildcard, or nil.
func (b *builder) nodeAt(host string) *node {
	label, parent := cutHost(host)
	switch {
	case host == "*":
		return b.next.anyHost
	case label == "*":
		return b.zone(parent).wild
	}
	n, _ := b.zone(parent).hosts.get(label)
	return n
}

// widerThan returns the nodes of the wildcards that cover the host.
func (b *builder) widerThan(host string) []*node {
	switch label, parent := cutHost(host); {
	case host == "*":
		return nil
	case parent != "" && label != "*":
		return []*node{b.zone(parent).wild, b.next.anyHost}
	}
	return []*node{b.next.anyHost}
}

// entered are places in the order in which they were entered, so that who is
// told of a contest does not change.
type entered struct {
	children map[string][]*place // of exact hosts, by parent
	narrow   []*place            // of all hosts but `*`
}

// narrowerThan visits all places whose hosts a wildcard covers, in the order in
// which they were entered where that is known, until visit returns false.
func (b *builder) narrowerThan(host string, visit func(*place) bool) {
	label, parent := cutHost(host)
	switch {
	case label != "*":
	case b.order == nil && host == "*":
		for _, z := range b.next.zones.all() {
			if !z.visit(visit) || !z.wild.visit(visit) {
				return
			}
		}
	case b.order == nil:
		b.zone(parent).visit(visit)
	case host == "*":
		(&node{b.order.narrow}).visit(visit)
	default:
		(&node{b.order.children[parent]}).visit(visit)
	}
}

// visit visits the exact hosts until visit returns false.
func (z *zone) visit(visit func(*place) bool) bool {
	for _, n := range z.hosts.all() {
		if !n.visit(visit) {
			return false
		}
	}
	return true
}

func (n *node) visit(visit func(*place) bool) bool {
	for _, p := range n.all() {
		if !visit(p) {
			return false
		}
	}
	return true
}

// enter puts a place in force.
func (b *builder) enter(p *place) {
	b.setNode(p.host, b.nodeAt(p.host).with(p))
	if b.order == nil || p.host == "*" {
		return
	}
	b.order.narrow = append(b.order.narrow, p)
	if label, parent := cutHost(p.host); parent != "" && label != "*" {
		b.order.children[parent] = append(b.order.children[parent], p)
	}
}

// setNode replaces the places of a host; nil: there are none.
func (b *builder) setNode(host string, n *node) {
	label, parent := cutHost(host)
	if host == "*" {
		b.next.anyHost = n
		return
	}
	z := b.ownZone(parent)
	switch {
	case label == "*":
		z.wild = n
	case n == nil:
		z.hosts.remove(b.by, label)
	default:
		z.hosts.set(b.by, label, n)
	}
	if z.wild == nil && z.hosts.size == 0 {
		b.next.zones.remove(b.by, parent)
	}
}

// ownZone returns a zone for changing it.
func (b *builder) ownZone(parent string) *zone {
	z := b.zone(parent)
	if z.owner != b.by {
		z = &zone{hosts: z.hosts, wild: z.wild, owner: b.by}
		b.next.zones.set(b.by, parent, z)
	}
	return z
}
