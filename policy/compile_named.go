package policy

import (
	"slices"
	"strings"
)

// named is a condition that others use by name. It is compiled once, and its
// node is shared by all uses.
type named struct {
	spec   *NamedCondition
	at     string
	state  namedState
	facts  facts
	shared []node // one
}

type namedState uint8

const (
	notCompiled namedState = iota
	inProgress
	compiledWell
	compiledBadly
)

// namedConditions checks the names and compiles every condition, those too
// that nothing uses.
func (c *compilation) namedConditions(specs []NamedCondition) {
	const list = "namedConditions"
	c.named = make(map[string]*named, len(specs))
	specs = within(c, list, specs, maxNamed)
	order := make([]*named, 0, len(specs))
	for i := range specs {
		n := &named{spec: &specs[i], at: element(list, i)}
		order = append(order, n)
		c.name(n.at, n.spec.Name)
		if _, taken := c.named[n.spec.Name]; !taken {
			c.named[n.spec.Name] = n
		}
	}
	for _, n := range order {
		c.compileNamed(n)
	}
	c.names = map[string]string{}
}

func (c *compilation) compileNamed(n *named) {
	if n.state != notCompiled {
		return
	}
	n.state = inProgress
	c.using = append(c.using, n.spec.Name)
	before := len(c.problems)
	b := &builder{compilation: c, root: n.at, scope: "a named condition", named: true}
	b.facts.nodes = 1
	n.shared = []node{b.condition(place{path: n.at, depth: 1}, &n.spec.Condition)}
	n.facts = b.facts
	c.using = c.using[:len(c.using)-1]
	n.state = compiledWell
	if len(c.problems) > before {
		n.state = compiledBadly
	}
}

// use compiles the use of a named condition.
func (b *builder) use(at place, name string) node {
	field := at.path + ".use"
	target := b.resolve(field, name)
	if target == nil {
		return node{}
	}
	b.noteDepth(at.depth + target.facts.height)
	if at.depth+target.facts.height > maxDepth {
		b.addf(field, "flatten it or what it uses", "is nested deeper than %d with the conditions that it uses", maxDepth)
	}
	for _, capture := range target.facts.captures {
		b.captured(field, capture)
	}
	b.facts.take(&target.facts)
	b.weighProgram(field, target.facts.program)
	if !at.negated {
		b.facts.scopes = union(b.facts.scopes, target.facts.scopes...)
	}
	return node{op: opUse, name: name, kids: target.shared}
}

// resolve returns the named condition, or nil where there is none that is of
// use. What is wrong with it is reported where it stands.
func (b *builder) resolve(at, name string) *named {
	target := b.compilation.named[name]
	if target == nil {
		b.addf(at, b.nearName(name), "%s is no named condition of this policy", quote(name))
		return nil
	}
	b.compileNamed(target)
	switch target.state {
	case inProgress:
		first := slices.Index(b.using, name)
		circle := strings.Join(append(slices.Clone(b.using[first:]), name), " -> ")
		b.addf(at, "take one of them out of the circle", "leads back to itself: %s", circle)
		return nil
	case compiledWell:
		return target
	case notCompiled, compiledBadly:
	}
	return nil
}

// nearName says which name may be meant.
func (c *compilation) nearName(name string) string {
	names := make([]string, 0, len(c.named))
	for known := range c.named {
		if isName(known) {
			names = append(names, known)
		}
	}
	slices.Sort(names)
	if near := nearest(name, names); near != "" {
		return "write " + near
	}
	if len(names) == 0 {
		return "define it under `namedConditions`"
	}
	return "define it under `namedConditions`, or write one of " + joined(len(names), shownElements, func(i int) string { return names[i] })
}

// nearest returns the name that differs in at most a third of its letters, or
// "".
func nearest(word string, names []string) string {
	best, least := "", min(len(word), maxName)/3+1
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name), least); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the number of bytes to insert, remove or replace that turn one
// word into the other, or bound where it is not less.
func distance(a, b string, bound int) int {
	if len(a)-len(b) >= bound || len(b)-len(a) >= bound {
		return bound
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
