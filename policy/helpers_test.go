package policy_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/claimgate/claimgate/policy"
)

// object is a JSON object of a fake token: scalars, lists ([]any), objects,
// nil for null, and withheld.
type object map[string]any

type withheldMark struct{}

var withheld withheldMark

// number is the source of a number.
type number string

type list []policy.Value

func (l list) Len() int              { return len(l) }
func (l list) At(i int) policy.Value { return l[i] }

// claims is a token whose values are converted up front, as a real one's are.
type claims struct {
	value   policy.Value
	members map[string]*claims
}

func (c *claims) Claim(path []string) policy.Value {
	for _, name := range path {
		if c = c.members[name]; c == nil {
			return policy.Value{}
		}
	}
	return c.value
}

func claimsOf(o object) *claims {
	c := &claims{value: policy.Value{Kind: policy.Object}, members: map[string]*claims{}}
	for name, v := range o {
		if inner, ok := v.(object); ok {
			c.members[name] = claimsOf(inner)
		} else {
			c.members[name] = &claims{value: valueOf(v)}
		}
	}
	return c
}

func valueOf(v any) policy.Value {
	switch v := v.(type) {
	case nil:
		return policy.Value{Kind: policy.Null}
	case withheldMark:
		return policy.Value{Kind: policy.Withheld}
	case bool:
		return policy.Value{Kind: policy.Bool, Bool: v}
	case string:
		return policy.Value{Kind: policy.String, String: v}
	case number:
		return policy.Value{Kind: policy.Num, Num: num(string(v))}
	case object:
		return policy.Value{Kind: policy.Object}
	case []any:
		l := make(list, len(v))
		for i := range v {
			l[i] = valueOf(v[i])
		}
		return policy.Value{Kind: policy.List, List: l}
	}
	panic("no such value in a fake token")
}

func num(text string) policy.Number {
	n, err := policy.ParseNumber(text)
	if err != nil {
		panic(err)
	}
	return n
}

// headers is a fake set of request headers.
type headers map[string][]string

func (h headers) Header(name string) (string, int) {
	v := h[name]
	if len(v) == 0 {
		return "", 0
	}
	return v[0], len(v)
}

// lit is an operand with a literal: a string, bool, number or []any of them.
func lit(v any) *policy.Operand {
	l := literalOf(v)
	return &policy.Operand{Literal: &l}
}

func literalOf(v any) policy.Literal {
	if values, ok := v.([]any); ok {
		l := policy.Literal{Kind: policy.List, List: []policy.Literal{}}
		for _, e := range values {
			l.List = append(l.List, literalOf(e))
		}
		return l
	}
	value := valueOf(v)
	return policy.Literal{Kind: value.Kind, Bool: value.Bool, Num: value.Num, String: value.String}
}

func claimRef(path ...string) *policy.Operand { return &policy.Operand{Claim: path} }

func claim(path ...string) []string { return path }

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// request is a GET with a token.
func request(path string, o object) *policy.Input {
	return &policy.Input{
		Method: "GET", Path: path, Claims: claimsOf(o), Headers: headers{},
		IssuerName: "idp", IssuerURL: "https://id.example.com/",
		RemoteIP: netip.MustParseAddr("192.0.2.7"), Now: now,
	}
}

func compile(t testing.TB, spec policy.Spec) *policy.Policy {
	t.Helper()
	p, problems := policy.Compile(spec)
	for _, problem := range problems {
		t.Errorf("problem: %v", problem)
	}
	if len(problems) > 0 {
		t.FailNow()
	}
	return p
}

func rules(r ...policy.RuleSpec) policy.Spec { return policy.Spec{Rules: r} }

// anyone allows every token on some paths.
func anyone(name string, paths ...string) policy.RuleSpec {
	return policy.RuleSpec{Name: name, Action: policy.Allow, Paths: paths, AnyToken: true}
}

// deny denies some paths.
func deny(name string, paths ...string) policy.RuleSpec {
	return policy.RuleSpec{Name: name, Paths: paths}
}

// allowWhen allows whatever meets the conditions.
func allowWhen(name string, when ...policy.Condition) policy.RuleSpec {
	return policy.RuleSpec{Name: name, Action: policy.Allow, When: when}
}

func denyWhen(name string, when ...policy.Condition) policy.RuleSpec {
	return policy.RuleSpec{Name: name, When: when}
}

// truthOf evaluates one condition by way of a rule.
func truthOf(t testing.TB, c policy.Condition, in *policy.Input, paths ...string) policy.ConditionTrace {
	t.Helper()
	p := compile(t, rules(policy.RuleSpec{Name: "r", Action: policy.Allow, Paths: paths, When: []policy.Condition{c}}))
	rule := p.Explain(in, false).Rules[0]
	if !rule.Applies {
		t.Fatalf("the rule does not apply: %s", rule.Why)
	}
	if rule.Truth != rule.When[0].Truth {
		t.Fatalf("rule is %v, its only condition %v", rule.Truth, rule.When[0].Truth)
	}
	return rule.When[0]
}

func wantOutcome(t testing.TB, p *policy.Policy, in *policy.Input, want policy.Outcome) {
	t.Helper()
	if got := p.Evaluate(in); got.Outcome != want {
		t.Errorf("%s %s (lenient %q): %v, want %v", in.Method, in.Path, in.LenientPath, got.Outcome, want)
	}
}
