package policy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// builder compiles the conditions of one rule, or those of `require`.
type builder struct {
	*compilation
	root  string // where its list of conditions stands
	scope string // whose they are, in words
	named bool   // they are one named condition
	paths []pattern
	nodes int
	facts facts
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
	b.facts.nodes += len(conditions)
	out := make([]node, 0, len(conditions))
	for i := range conditions {
		item := at
		item.path = element(at.path, i)
		out = append(out, b.condition(item, &conditions[i]))
	}
	return out
}

func (b *builder) condition(at place, c *Condition) node {
	wholes, lefts, operators := writtenWholes(c), writtenLefts(c), writtenOperators(c)
	b.noteDepth(at.depth)
	switch {
	case at.depth > maxDepth:
		b.addf(at.path, "flatten the condition", "is nested deeper than %d", maxDepth)
	case len(wholes) > 1:
		b.addf(at.path, "nest one in the other, or combine them with all or any", "has several of all, any, not, use and cel: %s", names(wholes))
	case len(wholes) == 1 && len(lefts)+len(operators) > 0:
		b.addf(at.path, "make the comparison a condition of its own", "mixes %s with a comparison", names(wholes))
	case len(wholes) == 1 && c.IfPresent:
		b.addf(at.path+".ifPresent", "move it to a comparison", "has no meaning beside %s", names(wholes))
	case len(wholes) == 1:
		return b.whole(at, wholes[0], c)
	case len(lefts)+len(operators) == 0:
		b.addf(at.path, "write a left side and an operator, or one of all, any, not, use, cel", "is neither a comparison nor a combinator")
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

func (b *builder) noteDepth(depth int) { b.facts.height = max(b.facts.height, depth) }

// whole compiles a condition without a left side.
func (b *builder) whole(at place, op opcode, c *Condition) node {
	below := at.below(operatorName(op))
	switch op {
	case opNot:
		return b.negation(below, c.Not)
	case opUse:
		return b.use(at, c.Use)
	case opCEL:
		return b.cel(at, c.CEL)
	case opAll:
		return node{op: op, kids: b.nonEmpty(below, c.All)}
	}
	return node{op: op, kids: b.nonEmpty(below, c.Any)}
}

func (b *builder) negation(at place, c *Condition) node {
	if b.nodes++; b.nodes == maxNodes+1 {
		b.addf(b.root, "split it into several rules", "holds more than %d conditions, nested ones included", maxNodes)
	}
	if b.nodes > maxNodes {
		return node{}
	}
	b.facts.nodes++
	return node{op: opNot, kids: []node{b.condition(at, c)}}
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
		b.addf(at.path, "write exactly one of claim, mapped, header, tenant, issuer, remoteIp, principal, time", "has %s", count(len(lefts), "left side"))
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
	if c.Mapped != "" {
		n.left, n.name = leftMapped, b.mappedName(at+".mapped", c.Mapped)
	}
	if c.Header != "" {
		n.left, n.name = leftHeader, b.headerName(at+".header", c.Header)
	}
	if c.Tenant != "" {
		n.left, n.name = leftTenantLabel, b.label(at+".tenant", c.Tenant)
		if n.name == "" {
			n.left = leftTenantName
		}
	}
	if c.Issuer != "" {
		n.left, b.facts.token = leftIssuerName, true
		if c.Issuer == "url" {
			n.left = leftIssuerURL
		}
		b.oneWord(at+".issuer", c.Issuer, "name", "url")
	}
	b.connection(at, c, n)
}

// connection checks the left sides that read the connection or the clock.
func (b *builder) connection(at string, c *Condition, n *node) {
	for _, f := range [...]struct {
		left              leftKind
		name, value, word string
	}{
		{leftRemoteIP, "remoteIp", c.RemoteIP, "peer"},
		{leftPrincipal, "principal", c.Principal, "peer"},
		{leftTime, "time", c.Time, "now"},
	} {
		if f.value != "" {
			n.left, b.facts.request = f.left, true
			b.oneWord(at+"."+f.name, f.value, f.word)
		}
	}
}

func (b *builder) oneWord(at, value string, words ...string) {
	switch {
	case slices.Contains(words, value):
	case len(words) == 1:
		b.addf(at, "write `"+words[0]+"`", "is not %s", words[0])
	default:
		b.addf(at, "write `"+strings.Join(words, "` or `")+"`", "is neither %s", strings.Join(words, " nor "))
	}
}

func (b *builder) mappedName(at, name string) string {
	b.facts.token = true
	if !isName(name) {
		b.addf(at, "write a name of `claimMappings`", "is not the name of a mapping: %s", quote(name))
		return name
	}
	b.facts.mapped = union(b.facts.mapped, name)
	return name
}

const labelPrefix = "labels."

// label returns the name of a label, or "" for the name of the tenant itself.
func (b *builder) label(at, text string) string {
	name, ok := strings.CutPrefix(text, labelPrefix)
	switch {
	case text == "name":
		return ""
	case !ok || !isName(name):
		b.addf(at, "write `name`, or `labels.` and the name of a label", "is neither name nor a label: %s", quote(text))
		return ""
	}
	b.facts.labels = union(b.facts.labels, name)
	return name
}

func (b *builder) claimPath(at string, path []string) []string {
	b.facts.token = true
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
	b.facts.request = true
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
	case slices.Contains([]leftKind{leftTime, leftIssuerName, leftIssuerURL, leftTenantName, leftTenantLabel}, n.left):
		b.addf(at.path+".ifPresent", "remove it", "has no meaning beside %s, which is never missing", left)
	}
}

// noteScope collects the scopes that a token could be short of.
func (b *builder) noteScope(at place, n *node) {
	if n.op != opHasScope || n.right.kind != rightLiteral || !n.left.isClaim() {
		return
	}
	n.assumable = true
	if !at.negated {
		b.facts.scopes = union(b.facts.scopes, n.right.scalar.String)
	}
}
