package policy

import "strings"

// Trace is the complete account of one evaluation. It quotes claim values, so
// it is shown only to whoever holds the token. Values longer than 256 bytes
// and lists of more than 16 elements are cut; headers that carry credentials,
// such as authorization and cookie, are never quoted.
type Trace struct {
	Result  Result
	Rules   []RuleTrace      // of every rule, in file order
	Require []ConditionTrace // empty where `require` does not count
}

// RuleTrace is the account of one rule.
type RuleTrace struct {
	Name    string
	Action  Action
	Shadow  bool   // the rule is no part of the outcome
	Applies bool   // methods, paths, upgrades and issuers matched
	Why     string // why the rule does not apply, "" where it does
	Truth   Truth  // of the conditions together; only where it applies
	When    []ConditionTrace
}

// ConditionTrace is the account of one condition and of its parts.
type ConditionTrace struct {
	Text     string // the condition as a person would write it
	Truth    Truth
	Expected string // of a comparison
	Actual   string // of a comparison
	Why      string // why a comparison is unknown
	Parts    []ConditionTrace
}

// Explain evaluates like Evaluate (like EvaluatePublic when public is set) and
// tells, from the same compiled form, about each rule whether it matched, why
// not, and what was expected and seen. Every part of a condition is evaluated,
// those too that decided nothing. It is for people, not for the hot path.
func (p *Policy) Explain(in *Input, public bool) Trace {
	t := Trace{Result: p.evaluate(in, public)}
	if p == nil || in == nil {
		return t
	}
	var e env
	e.init(in, public)
	for i := range p.rules {
		t.Rules = append(t.Rules, p.rules[i].trace(&e))
	}
	if p.requires(&e) {
		e.pattern = nil
		for _, n := range p.require {
			t.Require = append(t.Require, n.trace(&e))
		}
	}
	return t
}

func (r *rule) trace(e *env) RuleTrace {
	t := RuleTrace{Name: r.name, Action: r.action, Shadow: r.shadow}
	if m := r.mismatch(e); m != applies {
		t.Why = r.whyNot(m, e)
		return t
	}
	t.Applies = true
	t.Truth = evalAll(r.when, e)
	t.When = traceAll(r.when, e)
	return t
}

func (r *rule) whyNot(m mismatch, e *env) string {
	switch m {
	case byNotAsked:
		return "allow rules are not asked here"
	case byNoToken:
		return "it asks for a token, and there is none"
	case byIssuer:
		return "issuer " + show(e.in.IssuerName) + " is not one of " + strings.Join(r.issuers, ", ")
	case byMethod:
		return "method " + show(e.in.Method) + " is not one of " + strings.Join(r.methods, ", ")
	case byUpgrade:
		return "it does not allow the upgrade to " + show(e.in.Upgrade)
	case byOddPath:
		return "path " + show(e.in.Path) + " is not canonical, so that nothing may be allowed there"
	case byPath:
		return "path " + show(e.in.Path) + " matches none of " + patternTexts(r.paths)
	case byNotPath:
		return "path " + show(e.in.Path) + " is excluded by one of " + patternTexts(r.notPaths)
	}
	return ""
}

func patternTexts(patterns []pattern) string {
	texts := make([]string, len(patterns))
	for i := range patterns {
		texts[i] = patterns[i].text
	}
	return strings.Join(texts, ", ")
}

func traceAll(nodes []node, e *env) []ConditionTrace {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]ConditionTrace, len(nodes))
	for i := range nodes {
		out[i] = nodes[i].trace(e)
	}
	return out
}

func (n *node) trace(e *env) ConditionTrace {
	t := ConditionTrace{Text: n.text(), Truth: n.eval(e)}
	if n.left == leftNone {
		t.Parts = traceAll(n.kids, e)
		return t
	}
	_, why := n.compare(e)
	t.Why = why.String()
	if n.op == opCEL {
		t.Expected, t.Actual = "true", n.cel.seen(e)
		return t
	}
	t.Expected = n.expected(e)
	t.Actual = n.actual(e)
	return t
}

// expected says what would have made the comparison true.
func (n *node) expected(e *env) string {
	switch n.op {
	case opExists:
		return "a value"
	case opAbsent:
		return "no value"
	}
	text := expectation(n.op) + " " + n.right.text()
	if n.right.kind == rightLiteral {
		return text
	}
	var room Value
	v, why := n.right.value(e, &room)
	why &^= ofReference
	if why == causeNone && n.right.kind == rightHeader && e.isCredential(n.right.name) {
		return text + " (" + notShown + ")"
	}
	return text + " (" + seen(v, why) + ")"
}

func expectation(op opcode) string {
	switch op {
	case opIn:
		return "one of"
	case opContains:
		return "a list with"
	case opContainsAny:
		return "a list with one of"
	case opContainsAll:
		return "a list with all of"
	case opHasScope:
		return "scopes with"
	case opPrefix:
		return "a string that begins with"
	case opSuffix:
		return "a string that ends with"
	case opMatches:
		return "a string that matches as a whole"
	case opLess:
		return "less than"
	case opLessEqual:
		return "at most"
	case opGreater:
		return "more than"
	case opGreaterEqual:
		return "at least"
	case opWithin:
		return "an address within"
	}
	return "exactly"
}

// actual says what the left side was.
func (n *node) actual(e *env) string {
	switch n.left {
	case leftRemoteIP:
		if !e.in.RemoteIP.IsValid() {
			return "unknown"
		}
		return e.in.RemoteIP.String()
	case leftTime:
		if e.in.Now.IsZero() {
			return "unknown"
		}
		return e.in.Now.UTC().Format("2006-01-02T15:04:05.999999999Z07:00")
	}
	var v Value
	why := n.leftValue(e, &v)
	if why == causeNone && n.left == leftHeader && e.isCredential(n.name) {
		return notShown
	}
	return seen(&v, why)
}

const notShown = "a credential, which is not shown"

// isCredential reports whether a header holds what no trace may quote: one that
// does so everywhere, or one that Headers says is secret.
func (e *env) isCredential(header string) bool {
	if secret, ok := e.in.Headers.(SecretHeaders); ok && secret.Secret(header) {
		return true
	}
	switch header {
	case "authorization", "proxy-authorization", "cookie", "dpop", "x-api-key", "x-forwarded-access-token", "x-amz-security-token":
		return true
	}
	return false
}

// seen names a value, or what hides it.
func seen(v *Value, why cause) string {
	switch why {
	case causeNone:
		return v.text()
	case causeMissing:
		return "missing"
	case causeNull:
		return "null"
	case causeWithheld:
		return "withheld"
	case causeRepeated:
		return "repeated"
	case causeEmpty:
		return "empty"
	}
	return "unknown"
}
