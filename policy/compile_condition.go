package policy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// builder compiles the conditions of one rule, or those of `require`.
type builder struct {
	*compiler
	root       string // where its list of conditions stands
	scope      string // whose they are, in words
	paths      []pattern
	nodes      int
	readsToken bool
	scopes     []string
}

// place is where a condition stands.
type place struct {
	path    string
	depth   int
	negated bool // below a `not`
}

func (at place) below(field string) place {
	return place{path: at.path + "." + field, depth: at.depth + 1, negated: at.negated || field == "not"}
}

func (b *builder) list(at place, conditions []Condition) []node {
	if b.nodes+len(conditions) > maxNodes {
		if b.nodes <= maxNodes {
			b.addf(b.root, "split it into several rules", "holds more than %d conditions, nested ones included", maxNodes)
		}
		b.nodes = maxNodes + 1
		return nil
	}
	b.nodes += len(conditions)
	out := make([]node, 0, len(conditions))
	for i := range conditions {
		item := at
		item.path = element(at.path, i)
		out = append(out, b.condition(item, &conditions[i]))
	}
	return out
}

func (b *builder) condition(at place, c *Condition) node {
	combinators, lefts, operators := writtenCombinators(c), writtenLefts(c), writtenOperators(c)
	switch {
	case at.depth > maxDepth:
		b.addf(at.path, "flatten the condition", "is nested deeper than %d", maxDepth)
	case len(combinators) > 1:
		b.addf(at.path, "nest one in the other", "has several combinators: %s", names(combinators))
	case len(combinators) == 1 && len(lefts)+len(operators) > 0:
		b.addf(at.path, "move the comparison into the combinator", "mixes %s with a comparison", names(combinators))
	case len(combinators) == 1 && c.IfPresent:
		b.addf(at.path+".ifPresent", "move it to a comparison", "has no meaning beside %s", names(combinators))
	case len(combinators) == 1:
		return b.combinator(at, combinators[0], c)
	case len(lefts)+len(operators) == 0:
		b.addf(at.path, "write a left side and an operator, or one of all, any, not", "is neither a comparison nor a combinator")
	default:
		return b.comparison(at, c, lefts, operators)
	}
	return node{}
}

func names(ops []opcode) string {
	out := make([]string, len(ops))
	for i, op := range ops {
		out[i] = operatorName(op)
	}
	return strings.Join(out, ", ")
}

func (b *builder) combinator(at place, op opcode, c *Condition) node {
	below := at.below(operatorName(op))
	switch op {
	case opNot:
		if b.nodes++; b.nodes == maxNodes+1 {
			b.addf(b.root, "split it into several rules", "holds more than %d conditions, nested ones included", maxNodes)
		}
		if b.nodes > maxNodes {
			return node{}
		}
		return node{op: op, kids: []node{b.condition(below, c.Not)}}
	case opAll:
		return node{op: op, kids: b.nonEmpty(below, c.All)}
	}
	return node{op: op, kids: b.nonEmpty(below, c.Any)}
}

func (b *builder) nonEmpty(at place, conditions []Condition) []node {
	if len(conditions) == 0 {
		b.addf(at.path, "write the conditions that it combines", "is empty")
	}
	return b.list(at, conditions)
}

func (b *builder) comparison(at place, c *Condition, lefts []string, operators []writtenOperator) node {
	complete := true
	if len(lefts) != 1 {
		complete = false
		b.addf(at.path, "write exactly one of claim, header, issuer, remoteIp, time", "has %s", count(len(lefts), "left side"))
	}
	if len(operators) != 1 {
		complete = false
		b.addf(at.path, "write exactly one operator; combine several with all or any", "has %s", count(len(operators), "operator"))
	}
	n := node{ifPresent: c.IfPresent}
	b.leftSides(at.path, c, &n)
	if !complete {
		return n
	}
	n.op = operators[0].op
	b.fit(at, &n, lefts[0])
	if operators[0].operand != nil {
		n.right = b.operand(at.path+"."+operatorName(n.op), &n, operators[0].operand)
		b.noteScope(at, &n)
	}
	return n
}

func count(n int, noun string) string {
	if n == 0 {
		return "no " + noun
	}
	return "more than one " + noun
}

// leftSides checks each left side that was written.
func (b *builder) leftSides(at string, c *Condition, n *node) {
	if c.Claim != nil {
		n.left, n.claim = leftClaim, b.claimPath(at+".claim", c.Claim)
	}
	if c.Header != "" {
		n.left, n.header = leftHeader, b.headerName(at+".header", c.Header)
	}
	switch c.Issuer {
	case "":
	case "name", "url":
		b.readsToken = true
		n.left = leftIssuerName
		if c.Issuer == "url" {
			n.left = leftIssuerURL
		}
	default:
		n.left = leftIssuerName
		b.addf(at+".issuer", "write `name` or `url`", "is neither name nor url")
	}
	if c.RemoteIP != "" {
		n.left, b.readsRequest = leftRemoteIP, true
		if c.RemoteIP != "peer" {
			b.addf(at+".remoteIp", "write `peer`", "is not peer")
		}
	}
	if c.Time != "" {
		n.left, b.readsRequest = leftTime, true
		if c.Time != "now" {
			b.addf(at+".time", "write `now`", "is not now")
		}
	}
}

func (b *builder) claimPath(at string, path []string) []string {
	b.readsToken = true
	switch {
	case len(path) == 0:
		b.addf(at, "name a claim", "is empty")
	case len(path) > maxClaimPath:
		b.addf(at, "read a claim that lies less deep", "has %d names, more than %d", len(path), maxClaimPath)
		return nil
	}
	for i, name := range path {
		if name == "" || len(name) > maxString || !utf8.ValidString(name) {
			b.addf(element(at, i), "write the name of a member", "is empty, longer than %d bytes or not UTF-8", maxString)
		}
	}
	return slices.Clone(path)
}

func (b *builder) headerName(at, name string) string {
	b.readsRequest = true
	if !isLowerToken(name) {
		b.addf(at, "write a header name in lower case, as in x-region", "is not a lower-case header name: %s", quote(name))
	}
	return name
}

// fit checks that operator and left side go together.
func (b *builder) fit(at place, n *node, left string) {
	t := operatorTraits(n.op)
	if !slices.Contains(t.lefts, n.left) {
		mend := "use another operator"
		switch n.left {
		case leftRemoteIP:
			mend = "use within"
		case leftTime:
			mend = "use lt, lte, gt or gte"
		}
		b.addf(at.path+"."+t.name, mend, "does not go with %s", left)
	}
	if !n.ifPresent {
		return
	}
	switch {
	case n.op == opExists || n.op == opAbsent:
		b.addf(at.path+".ifPresent", "remove it", "has no meaning beside %s, which knows what is missing", t.name)
	case n.left == leftTime || n.left == leftIssuerName || n.left == leftIssuerURL:
		b.addf(at.path+".ifPresent", "remove it", "has no meaning beside %s, which is never missing", left)
	}
}

// noteScope collects the scopes that a token could be short of.
func (b *builder) noteScope(at place, n *node) {
	if n.op != opHasScope || n.right.kind != rightLiteral || at.negated {
		return
	}
	n.assumable = true
	if scope := n.right.scalar.String; !slices.Contains(b.scopes, scope) {
		b.scopes = append(b.scopes, scope)
	}
}
