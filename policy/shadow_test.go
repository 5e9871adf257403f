package policy_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/policy"
)

func shadow(r policy.RuleSpec) policy.RuleSpec {
	r.Shadow = true
	return r
}

func TestShadowRules(t *testing.T) {
	isX, isY := has("sub", "x"), has("sub", "y")
	missing := has("none", "x")
	for _, tc := range []struct {
		name    string
		rules   []policy.RuleSpec
		outcome policy.Outcome
		rule    int
		shadow  int
		matched []int
		erred   []int
	}{
		{"a shadow deny denies nothing", []policy.RuleSpec{anyone("a"), shadow(denyWhen("d", isX))}, policy.Allowed, 0, 1, []int{0, 1}, nil},
		{"a shadow deny that is unknown", []policy.RuleSpec{anyone("a"), shadow(denyWhen("d", missing))}, policy.Allowed, 0, 1, []int{0}, []int{1}},
		{"a shadow deny that does not hold", []policy.RuleSpec{anyone("a"), shadow(denyWhen("d", isY))}, policy.Allowed, 0, -1, []int{0}, nil},
		{"the first of them", []policy.RuleSpec{shadow(denyWhen("c", isY)), shadow(denyWhen("d", missing)), shadow(denyWhen("e", isX)), anyone("a")}, policy.Allowed, 3, 1, []int{2, 3}, []int{1}},
		{"a shadow allow grants nothing", []policy.RuleSpec{shadow(anyone("a"))}, policy.NoRule, -1, -1, []int{0}, nil},
		{"an allow behind a shadow allow", []policy.RuleSpec{shadow(anyone("a")), anyone("b")}, policy.Allowed, 1, -1, []int{0, 1}, nil},
		{"a deny wins, and the shadow is told", []policy.RuleSpec{shadow(denyWhen("d", isX)), denyWhen("e", isX), anyone("a")}, policy.DeniedByRule, 1, 0, []int{0, 1, 2}, nil},
		{"a shadow allow is short of no scope", []policy.RuleSpec{shadow(allowWhen("a", scope("read")))}, policy.NoRule, -1, -1, nil, []int{0}},
		{"an allow behind it is", []policy.RuleSpec{shadow(allowWhen("a", scope("read"))), allowWhen("b", scope("write"))}, policy.ScopeMissing, -1, -1, nil, []int{0, 1}},
		{"elsewhere", []policy.RuleSpec{anyone("a"), shadow(deny("d", "/y"))}, policy.Allowed, 0, -1, []int{0}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := compile(t, rules(tc.rules...)).Evaluate(request("/x", object{"sub": "x"}))
			if got.Outcome != tc.outcome || got.Rule != tc.rule || got.Shadow != tc.shadow {
				t.Errorf("%v by %d, shadow %d", got.Outcome, got.Rule, got.Shadow)
			}
			if got.Matched != set(tc.matched...) || got.Erred != set(tc.erred...) {
				t.Errorf("matched %v, erred %v", got.Matched, got.Erred)
			}
		})
	}
}

func set(indexes ...int) (s policy.RuleSet) {
	for _, i := range indexes {
		s[i/64] |= 1 << (i % 64)
	}
	return s
}

func TestShadowOnPublicRoutes(t *testing.T) {
	p := compile(t, rules(shadow(deny("d", "/x")), shadow(anyone("a")), shadow(denyWhen("e", has("sub", "x")))))
	in := request("/x", nil)
	in.Claims = nil
	got := p.EvaluatePublic(in)
	if got.Outcome != policy.Allowed || got.Shadow != 0 || got.Matched != set(0) || got.Erred != set() {
		t.Errorf("%+v", got)
	}
	if got := p.Explain(in, true).Rules[0]; !got.Shadow || !got.Applies {
		t.Errorf("%+v", got)
	}
}

// Whoever could not be judged is in nobody's shadow.
func TestShadowOfNothing(t *testing.T) {
	for _, got := range []policy.Result{
		(*policy.Policy)(nil).Evaluate(request("/", nil)),
		new(policy.Policy).Evaluate(request("/", nil)),
		compile(t, rules(shadow(deny("d")))).Evaluate(nil),
	} {
		if got.Shadow != -1 || got.Rule != -1 || got.Outcome != policy.NoRule {
			t.Errorf("%+v", got)
		}
	}
}

func TestShadowRulesAreCheckedAsOthers(t *testing.T) {
	runProblems(t, []problemCase{
		{"allow without conditions", rules(shadow(policy.RuleSpec{Name: "r", Action: policy.Allow})), []string{"rules[0].when: missing"}},
		{"same name", rules(shadow(deny("r")), deny("r")), []string{"rules[1].name: rules[0] already"}},
	})
}

// Shadow rules come and go without changing an outcome.
func TestRemovingShadowRulesNeverChangesTheOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := vocabulary{presence: true, names: true}.spec(t)
		var left []policy.RuleSpec
		for i := range spec.Rules {
			if spec.Rules[i].Shadow = rapid.Bool().Draw(t, "shadow"); !spec.Rules[i].Shadow {
				left = append(left, spec.Rules[i])
			}
		}
		in := anyRequest(t, anyToken(t))
		with := mustCompile(t, spec)
		spec.Rules = left
		without := mustCompile(t, spec)
		for _, evaluate := range []func(*policy.Policy) policy.Result{
			func(p *policy.Policy) policy.Result { return p.Evaluate(in) },
			func(p *policy.Policy) policy.Result { return p.EvaluatePublic(in) },
		} {
			a, b := evaluate(with), evaluate(without)
			if a.Outcome != b.Outcome || ruleName(with, a) != ruleName(without, b) || len(a.Scopes) != len(b.Scopes) {
				t.Fatalf("%+v with shadow rules, %+v without", a, b)
			}
			if b.Shadow != -1 {
				t.Fatalf("no shadow rule is left, and rule %d is told", b.Shadow)
			}
		}
	})
}

// ruleName names the decisive rule, or the index of the failed condition.
func ruleName(p *policy.Policy, r policy.Result) string {
	if r.Outcome == policy.RequireFailed {
		return string(rune('0' + r.Rule))
	}
	return p.RuleName(r.Rule)
}

// The first rule of several that hold is the one that is told, also the very
// first.
func TestFirstRuleIsTold(t *testing.T) {
	p := compile(t, rules(shadow(deny("s1")), shadow(deny("s2")), anyone("a1"), anyone("a2")))
	if got := p.Evaluate(request("/", object{})); got.Outcome != policy.Allowed || p.RuleName(got.Rule) != "a1" || p.RuleName(got.Shadow) != "s1" {
		t.Errorf("%v by %d, shadow %d", got.Outcome, got.Rule, got.Shadow)
	}
	p = compile(t, rules(anyone("a1"), anyone("a2"), deny("d1", "/x"), deny("d2", "/x")))
	for path, want := range map[string]string{"/": "a1", "/x": "d1"} {
		if got := p.Evaluate(request(path, object{})); p.RuleName(got.Rule) != want || got.Shadow != -1 {
			t.Errorf("%s: %v by %d, shadow %d", path, got.Outcome, got.Rule, got.Shadow)
		}
	}
}

// What is required is required without a token, too.
func TestRequireWithoutAToken(t *testing.T) {
	p := compile(t, policy.Spec{Require: []policy.Condition{{Claim: claim("sub"), Exists: true}}, Rules: []policy.RuleSpec{anyone("a")}})
	in := request("/", object{"sub": "x"})
	wantOutcome(t, p, in, policy.Allowed)
	in.Claims = nil
	wantOutcome(t, p, in, policy.RequireFailed)
}

// What can be no public route is refused where one asks about it all the same.
func TestP1WhatFitsNoPublicRoute(t *testing.T) {
	p := compile(t, policy.Spec{Public: []policy.PublicSpec{{Name: "open", Paths: []string{"/**"}}}})
	for name, change := range map[string]func(*policy.Input){
		"upgrade": func(in *policy.Input) { in.Upgrade = "websocket" }, "no method": func(in *policy.Input) { in.Method = "" },
		"odd path": func(in *policy.Input) { in.Path = "/a/../b" }, "odd reading": func(in *policy.Input) { in.Path, in.LenientPath = "/a", "/../a" },
		"no path": func(in *policy.Input) { in.Path = "" },
	} {
		in := request("/a", nil)
		in.Claims = nil
		if got := p.EvaluatePublic(in); got.Outcome != policy.Allowed {
			t.Fatalf("control: %v", got.Outcome)
		}
		if change(in); p.EvaluatePublic(in).Outcome == policy.Allowed || p.MatchPublic(in) != nil {
			t.Errorf("%s: allowed", name)
		}
	}
}

// A deny rule that reads the token in any of its conditions has no say on a
// public route without one.
func TestP1RulesThatReadATokenAnywhere(t *testing.T) {
	token, header := policy.Condition{Claim: claim("sub"), Equals: lit("x")}, policy.Condition{Header: "x-deny", Exists: true}
	for name, row := range map[string]struct {
		when []policy.Condition
		want policy.Outcome
	}{
		"first": {[]policy.Condition{token, header}, policy.Allowed}, "last": {[]policy.Condition{header, token}, policy.Allowed},
		"first within": {[]policy.Condition{{All: []policy.Condition{token, header}}}, policy.Allowed}, "none": {[]policy.Condition{header}, policy.DeniedByRule},
	} {
		p := compile(t, policy.Spec{Public: []policy.PublicSpec{{Name: "open", Paths: []string{"/**"}}}, Rules: []policy.RuleSpec{denyWhen("d", row.when...)}})
		in := request("/", nil)
		in.Claims, in.Headers = nil, headers{"x-deny": {"1"}}
		if got := p.EvaluatePublic(in); got.Outcome != row.want {
			t.Errorf("%s: %v, want %v", name, got.Outcome, row.want)
		}
	}
}
