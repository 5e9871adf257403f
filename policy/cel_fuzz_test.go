package policy_test

import (
	"testing"

	"github.com/claimgate/claimgate/policy"
)

// Whatever the source: nothing panics, an evaluation ends, it comes to one
// answer each time, and what cannot be decided allows nothing.
func FuzzCEL(f *testing.F) {
	for _, source := range celUndecidable() {
		f.Add(source, "a", "b")
	}
	for _, source := range []string{
		``, `true`, `claims.a == "x" || `, `claims.a.matches("(a*)*b")`, `[[[[1]]]] == claims.a`, `claims.a.map(x, x).map(y, [y]) == []`, `"\u00e9" in claims.roles`,
		`has(claims.a.b) ? claims.a.b == claims.c : !has(claims.d)`, `1.7e308 * 10.0 > claims.level`, `request.path.matches("^/[a-z]+$")`, `b"\xff" == bytes(claims.a)`,
		`claims.roles.exists_one(r, r.size() == 6) && now.getDayOfWeek() == 0`, `timestamp(0) + duration("1h") < now`, `type(1) == int`, `.claims.a == 'x'`,
	} {
		f.Add(source, "x", "y")
	}
	f.Fuzz(func(t *testing.T, source, text, other string) {
		compiler := new(policy.Compiler)
		rule := policy.RuleSpec{Name: "r", Action: policy.Allow, Paths: []string{"/users/{id}", "/{id}"}, When: []policy.Condition{{CEL: source}}}
		p, problems := compiler.Compile(rules(rule))
		if (p == nil) != (len(problems) > 0) {
			t.Fatalf("policy %v with %d problems", p != nil, len(problems))
		}
		if p == nil {
			return
		}
		o := celToken()
		o["a"], o["c"], o["x"+text] = text, other, []any{text, other}
		in := celRequestOf(o)
		in.Headers = headers{"x-region": {text}, "b": {text, other}}
		first, second := p.Evaluate(in), p.Evaluate(in)
		if first.Outcome != second.Outcome || first.Erred != second.Erred {
			t.Errorf("%q: %v, then %v", source, first.Outcome, second.Outcome)
		}
		if first.Outcome == policy.Allowed && !first.Matched.Has(0) || first.Erred.Has(0) && first.Matched.Has(0) {
			t.Errorf("%q: %+v", source, first)
		}
		p.Explain(in, false)
		in.Claims, in.Mapped, in.Tenant = nil, nil, nil
		if got := p.Evaluate(in); got.Outcome != policy.NoRule {
			t.Errorf("%q allows without a token", source)
		}
	})
}
