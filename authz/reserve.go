package authz

import (
	"slices"
	"strconv"
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
	entry, tenant := pattern.entry.name, own.owner()
	problem := Problem{
		Path: own.where(),
		Message: "host " + own.describe() + " belongs to entry " + strconv.Quote(entry) + ", whose hosts " + strconv.Quote(pattern.host) +
			" are kept for the tenants of these names",
		Mend: "write entries: [" + entry + "] in place of the host, or ",
	}
	consent := "let the entry say yieldsTo: [" + tenant + "]"
	switch {
	case own.host == "*":
		problem.Message = "host " + own.describe() + " overlaps host " + pattern.describe()
		problem.Mend = "let the tenant say yieldsTo: [" + entry + "], or remove the host"
		return problem
	case own.namesake:
		problem.Mend += "rename the tenant: under yieldsTo its name stands for the entry that has it too"
		return problem
	case isWildcard(own.host):
		problem.Mend += "list exact hosts and " + consent
	default:
		problem.Mend += consent
	}
	if len(pattern.prefix.segments) > 0 {
		problem.Mend += " and the tenant yieldsTo: [" + entry + "]"
	}
	return problem
}
