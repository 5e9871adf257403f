package policy

import "slices"

// Join puts several policies together, in order, as one: their rules, `require`
// conditions and public routes follow each other, and so do the indexes of a
// Result. The parts stay as they are and are shared, so that many policies
// with one part in common cost little more than that part. One policy alone is
// returned itself; of none, the result denies everything.
//
// A name that two parts give, a part that was not compiled, and what is too
// much for one policy are problems, whose paths begin with the index of the
// part, as in `parts[1].rules[0].name`. With any problem the policy is nil.
func Join(policies ...*Policy) (*Policy, []Problem) {
	c := &compilation{}
	for i, p := range policies {
		if p == nil || !p.compiled {
			c.addf(element("parts", i), "compile it first", "is not a compiled policy")
		}
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	if len(policies) == 1 {
		return policies[0], nil
	}
	joined := &Policy{compiled: true}
	for i, p := range policies {
		c.joinable(element("parts", i), joined, p)
		joined.rules = append(slices.Grow(joined.rules, len(p.rules)), p.rules...)
		joined.require = append(joined.require, p.require...)
		joined.public = append(joined.public, p.public...)
		joined.facts.take(&p.facts)
		c.bounded(element("parts", i), joined)
		if len(c.problems) > 0 {
			return nil, c.problems
		}
	}
	return joined, nil
}

// joinable reports the names of a part that are taken already.
func (c *compilation) joinable(at string, joined, part *Policy) {
	for i, r := range part.rules {
		if slices.ContainsFunc(joined.rules, func(known *rule) bool { return known.name == r.name }) {
			c.addf(element(at+".rules", i)+".name", "give one of them another name", "%q is the name of a rule of an earlier part already", r.name)
		}
	}
	for i, r := range part.public {
		name := r.public.Name
		if slices.ContainsFunc(joined.public, func(known *publicRoute) bool { return known.public.Name == name }) {
			c.addf(element(at+".public", i)+".name", "give one of them another name", "%q is the name of a public route of an earlier part already", name)
		}
	}
}

// bounded reports what goes beyond the limits of one policy with this part.
func (c *compilation) bounded(at string, p *Policy) {
	for _, limit := range [...]struct {
		what        string
		n, greatest int
	}{
		{"rules", len(p.rules), MaxRules},
		{"public routes", len(p.public), maxPublic},
		{"conditions, named ones counted at each use", p.facts.nodes, maxConditions},
		{"CEL expressions, named ones counted at each use", p.facts.expressions, maxCEL},
		{"instructions of regular expressions", p.facts.program, maxProgram},
	} {
		if limit.n > limit.greatest {
			c.addf(at, "join fewer or smaller policies", "makes %d %s, more than %d of one policy", limit.n, limit.what, limit.greatest)
		}
	}
}

// Needs tells which labels and mappings the conditions of the policy read, so
// that one that is missing can be refused at load rather than be unknown on
// each request. A label that an expression guards with has() is not needed.
func (p *Policy) Needs() Needs {
	if p == nil {
		return Needs{}
	}
	needs := Needs{Labels: slices.Clone(p.facts.labels), Mapped: slices.Clone(p.facts.mapped)}
	slices.Sort(needs.Labels)
	slices.Sort(needs.Mapped)
	return needs
}
