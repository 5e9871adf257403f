package authz_test

import (
	"slices"
	"strings"
)

// The oracle judges a model by its places as sets of requests, and by pairs.

// modelPlace is a host and prefix with its owner.
type modelPlace struct {
	host, prefix  string
	tenant, entry string
	yield         []string
}

// worldHosts and worldPaths are enough to tell the places of any model apart.
func worldHosts() []string {
	return []string{"api.x", "b.x", "t1.x", "t2.x", "t3.x", "t4.x", "zz.x", "c.y", "d.y", "zz.y", "t1.own", "t2.own", "t3.own", "t4.own", "a.b.x", "zz"}
}

func worldPaths() []string {
	var paths []string
	for _, a := range []string{"p", "t", "z"} {
		for _, b := range []string{"", "p", "t", "z"} {
			for _, c := range []string{"", "p", "z"} {
				paths = append(paths, strings.TrimRight("/"+a+"/"+b+"/"+c, "/"))
			}
		}
	}
	return append(paths, "/")
}

// hostIn says what a wildcard covers, in words of its own.
func hostIn(host, pattern string) bool {
	labels, wanted := strings.Split(host, "."), strings.Split(pattern, ".")
	if pattern == "*" {
		return true
	}
	if wanted[0] != "*" {
		return host == pattern
	}
	return len(labels) == len(wanted) && slices.Equal(labels[1:], wanted[1:])
}

// pathIn says what lies below a prefix.
func pathIn(path, prefix string) bool {
	if prefix == "" {
		return true
	}
	segments, wanted := strings.Split(path, "/")[1:], strings.Split(prefix, "/")[1:]
	for i, segment := range wanted {
		if i >= len(segments) || segment != "{tenant}" && segment != segments[i] || segments[i] == "" {
			return false
		}
	}
	return true
}

// relation compares two sets of the world.
func relation(world []string, inA, inB func(string) bool) (meet, aHoldsB, bHoldsA bool) {
	aHoldsB, bHoldsA = true, true
	for _, x := range world {
		a, b := inA(x), inB(x)
		meet = meet || a && b
		aHoldsB = aHoldsB && (a || !b)
		bHoldsA = bHoldsA && (b || !a)
	}
	return meet, meet && aHoldsB, meet && bHoldsA
}

func (p *modelPlace) yields(q *modelPlace) bool {
	return p.tenant != "" && p.tenant == q.tenant || q.tenant != "" && slices.Contains(p.yield, q.tenant) || q.entry != "" && slices.Contains(p.yield, q.entry)
}

// together reports whether two places can be in one configuration.
func together(p, q *modelPlace) bool {
	meet, pHosts, qHosts := relation(worldHosts(), func(h string) bool { return hostIn(h, p.host) }, func(h string) bool { return hostIn(h, q.host) })
	switch {
	case !meet:
		return true
	case !qHosts:
		return p.yields(q)
	case !pHosts:
		return q.yields(p)
	}
	meet, pPaths, qPaths := relation(worldPaths(), func(s string) bool { return pathIn(s, p.prefix) }, func(s string) bool { return pathIn(s, q.prefix) })
	switch {
	case !meet:
		return true
	case pPaths == qPaths:
		return false
	case pPaths:
		return p.yields(q)
	}
	return q.yields(p)
}

// places lists all places of a model: of entries as such, of tenants, and those
// that an entry makes of a tenant's name. Entries whose hosts begin with the
// name are compared as such, too, on the host of a tenant that nobody is.
func (m *model) places() []modelPlace {
	var places []modelPlace
	for _, e := range m.entries {
		for _, host := range e.hosts {
			if !strings.HasPrefix(host, "{tenant}") {
				places = append(places, modelPlace{host: host, prefix: e.prefix, entry: e.name, yield: e.yield})
			}
		}
	}
	for _, t := range m.tenants {
		for _, host := range t.hosts {
			places = append(places, modelPlace{host: host, tenant: t.name, yield: t.yield})
		}
		for _, e := range m.entries {
			for _, host := range e.hosts {
				if label := strings.Replace(host, "{tenant}", t.name, 1); label != host && slices.Contains(t.entries, e.name) {
					places = append(places, modelPlace{host: label, prefix: e.prefix, tenant: t.name, entry: e.name, yield: e.yield})
				}
			}
		}
	}
	return places
}

// sound is the oracle for NewSnapshot.
func (m *model) sound() bool {
	places := m.places()
	for i := range places {
		for k := range places[:i] {
			if !together(&places[i], &places[k]) {
				return false
			}
		}
	}
	for i, e := range m.entries {
		for _, o := range m.entries[:i] {
			both := slices.Contains(e.hosts, "{tenant}.x") && slices.Contains(o.hosts, "{tenant}.x")
			if both && !together(&modelPlace{host: "zz.x", prefix: e.prefix, entry: e.name, yield: e.yield}, &modelPlace{host: "zz.x", prefix: o.prefix, entry: o.name, yield: o.yield}) {
				return false
			}
		}
	}
	for i, t := range m.tenants {
		if !m.reaches(&m.tenants[i]) || !m.leavesEntries(&m.tenants[i]) {
			return false
		}
		for _, o := range m.tenants[:i] {
			if !m.apart(t.grants, o.grants) {
				return false
			}
		}
	}
	return true
}

// leavesEntries reports whether the tenant takes no host that an entry may make
// of a name, whether or not anybody has the name.
func (m *model) leavesEntries(t *modelTenant) bool {
	for _, e := range m.entries {
		for _, host := range t.hosts {
			if !slices.Contains(e.hosts, "{tenant}.x") {
				continue
			}
			entryYields, tenantYields := slices.Contains(e.yield, t.name), slices.Contains(t.yield, e.name)
			meet, own, others := relation(worldHosts(), func(h string) bool { return hostIn(h, host) }, func(h string) bool { return hostIn(h, "*.x") })
			switch {
			case !meet:
			case own && others, own && !tenantYields, others && !entryYields, others && e.prefix != "" && !tenantYields:
				return false
			}
		}
	}
	return true
}

// reaches reports whether each entry of the tenant can lead to it.
func (m *model) reaches(t *modelTenant) bool {
	for _, e := range m.entries {
		admits := func(g modelGrant) bool { return slices.Contains(e.defs, g.def) }
		if slices.Contains(t.entries, e.name) && e.defs != nil && !slices.ContainsFunc(t.grants, admits) {
			return false
		}
	}
	return true
}

// apart reports whether no token of one tenant could be good for the other,
// unless both say so.
func (m *model) apart(a, b []modelGrant) bool {
	for _, g := range a {
		for _, h := range b {
			first, second := &modelDefs[g.def], &modelDefs[h.def]
			if !urlsMeet(first.url, second.url) {
				continue
			}
			sameClaim := first.claim != "" && first.claim == second.claim
			narrowed := g.def == h.def && g.parts != nil && h.parts != nil && !slices.ContainsFunc(g.parts, func(p string) bool { return slices.Contains(h.parts, p) })
			switch {
			case sameClaim && g.id == h.id:
				return false
			case sameClaim, g.shared && h.shared, narrowed && first.claim == "":
			default:
				return false
			}
		}
	}
	return true
}
