package authz

import (
	"slices"
	"strings"
)

// reserve keeps for an entry every host that its `{tenant}.x` may become, also
// those of names that nobody has yet: a tenant that took one would keep the
// tenant of that name out when it comes.
func (g *ground) reserve(e *entryForm, parent string) {
	p := &place{entry: e, prefix: e.prefix, host: tenantVariable + "." + parent}
	g.patterns = append(g.patterns, p)
	g.patternsOf[parent] = append(g.patternsOf[parent], p)
}

// reservedFrom returns the first pattern of an entry that keeps a tenant's own
// host from it, or nil. Only `*` is wider than a pattern; `*.x` is as wide as
// `{tenant}.x` and leaves it nothing.
func (g *ground) reservedFrom(p *place) *place {
	refused, patterns := func(q *place) bool { return !q.leaves(p) }, g.patterns
	if p.host == "*" {
		refused = func(q *place) bool { return !p.yieldsTo(q) }
	} else {
		_, parent, _ := strings.Cut(p.host, ".")
		patterns = g.patternsOf[parent]
	}
	if i := slices.IndexFunc(patterns, refused); i >= 0 {
		return patterns[i]
	}
	return nil
}

// leaves reports whether the pattern of an entry leaves one of its hosts to a
// tenant. Where the entry has but a part of the paths, the tenant has to leave
// it that part.
func (p *place) leaves(own *place) bool {
	return !isWildcard(own.host) && p.yieldsTo(own) && (len(p.prefix.segments) == 0 || own.yieldsTo(p))
}

func isWildcard(host string) bool { return host == "*" || strings.HasPrefix(host, "*.") }

// reservedProblem says whose the host is.
func reservedProblem(own, pattern *place) Problem {
	c := ConflictError{Kind: ConflictReserved, Asks: own.side(), Has: pattern.side()}
	entry := pattern.entry.name
	mend, consent := "write entries: ["+entry+"] in place of the host, or ", "let the entry say yieldsTo: ["+own.owner()+"]"
	switch {
	case own.host == "*":
		c.Kind = ConflictPlaces
		return c.problem(own.where(), "let the tenant say yieldsTo: ["+entry+"], or remove the host")
	case own.namesake:
		return c.problem(own.where(), mend+"rename the tenant: under yieldsTo its name stands for the entry that has it too")
	case isWildcard(own.host):
		mend += "list exact hosts and " + consent
	default:
		mend += consent
	}
	if len(pattern.prefix.segments) > 0 {
		mend += " and the tenant yieldsTo: [" + entry + "]"
	}
	return c.problem(own.where(), mend)
}
