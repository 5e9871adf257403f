package policy_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/policy"
)

// vocabulary bounds what is generated to few names and values, so that rules
// and requests meet often.
type vocabulary struct {
	presence bool // exists, absent and ifPresent too
}

var (
	anyClaim = rapid.SampledFrom([]string{"a", "b", "c", "scope"})
	anyText  = rapid.SampledFrom([]string{"x", "y", "x y", "xy", "u1"})
	anyPath  = rapid.SampledFrom([]string{"/", "/p", "/p/", "/p/u1", "/p/x", "/q", "/q%3Ax", "/q:x", "/p/..", "/p/u1/x"})
)

func anyPattern(t *rapid.T) string {
	return rapid.SampledFrom([]string{"/**", "/p", "/p/**", "/p/*", "/q", "/q:x", "/q%3Ax", "/p/", "/*", "/q*"}).Draw(t, "pattern")
}

func anyLiteral(t *rapid.T) any {
	return rapid.SampledFrom([]any{"x", "y", "u1", number("1"), number("2"), true}).Draw(t, "literal")
}

func anyLiterals(t *rapid.T) []any {
	out := make([]any, rapid.IntRange(1, 12).Draw(t, "size"))
	for i := range out {
		out[i] = anyLiteral(t)
	}
	return out
}

func (v vocabulary) operand(t *rapid.T, literal any) *policy.Operand {
	if _, isList := literal.([]any); isList || rapid.Bool().Draw(t, "literal") {
		if rapid.IntRange(0, 3).Draw(t, "reference") > 0 {
			return lit(literal)
		}
	}
	return claimRef(anyClaim.Draw(t, "reference"))
}

func (v vocabulary) comparison(t *rapid.T) policy.Condition {
	c := policy.Condition{Claim: claim(anyClaim.Draw(t, "claim"))}
	most := 10
	if v.presence {
		most = 12
		c.IfPresent = rapid.Bool().Draw(t, "ifPresent")
	}
	switch rapid.IntRange(0, most).Draw(t, "operator") {
	case 0:
		c.Equals = v.operand(t, anyLiteral(t))
	case 1:
		c.In = v.operand(t, anyLiterals(t))
	case 2:
		c.Contains = v.operand(t, anyLiteral(t))
	case 3:
		c.ContainsAny = v.operand(t, anyLiterals(t))
	case 4:
		c.ContainsAll = v.operand(t, anyLiterals(t))
	case 5, 6:
		c.HasScope = v.operand(t, "x")
	case 7:
		c.Prefix = v.operand(t, anyText.Draw(t, "prefix"))
	case 8:
		c.Matches = lit(rapid.SampledFrom([]string{"x.*", "x|y"}).Draw(t, "expression"))
	case 9:
		c.LessOrEqual = v.operand(t, number("1"))
	case 10:
		c.Claim, c.Header, c.IfPresent = nil, "h", false
		c.Equals = v.operand(t, "x")
	case 11:
		c.IfPresent, c.Exists = false, true
	case 12:
		c.IfPresent, c.Absent = false, true
	}
	return c
}

func (v vocabulary) condition(t *rapid.T, depth int) policy.Condition {
	if depth == 0 {
		return v.comparison(t)
	}
	parts := func() []policy.Condition {
		out := make([]policy.Condition, rapid.IntRange(1, 3).Draw(t, "parts"))
		for i := range out {
			out[i] = v.condition(t, depth-1)
		}
		return out
	}
	switch rapid.IntRange(0, 4).Draw(t, "combinator") {
	case 0:
		return policy.Condition{All: parts()}
	case 1:
		return policy.Condition{Any: parts()}
	case 2:
		return not(v.condition(t, depth-1))
	}
	return v.comparison(t)
}

func (v vocabulary) conditions(t *rapid.T, least, most int) []policy.Condition {
	var out []policy.Condition
	for range rapid.IntRange(least, most).Draw(t, "conditions") {
		out = append(out, v.condition(t, 3))
	}
	return out
}

func (v vocabulary) rule(t *rapid.T, name string, actions ...policy.Action) policy.RuleSpec {
	r := policy.RuleSpec{Name: name, Action: rapid.SampledFrom(actions).Draw(t, "action")}
	if rapid.Bool().Draw(t, "paths") {
		r.Paths = []string{anyPattern(t), anyPattern(t)}
	}
	if rapid.IntRange(0, 3).Draw(t, "notPaths") == 0 {
		r.NotPaths = []string{anyPattern(t)}
	}
	if rapid.IntRange(0, 3).Draw(t, "methods") == 0 {
		r.Methods = []string{"GET"}
	}
	if rapid.IntRange(0, 5).Draw(t, "issuers") == 0 {
		r.Issuers = []string{"idp"}
	}
	r.When = v.conditions(t, 0, 2)
	r.AnyToken = r.Action == policy.Allow && len(r.When) == 0
	if r.Paths != nil && rapid.IntRange(0, 3).Draw(t, "capture") == 0 {
		r.Paths = []string{"/p/{id}", "/p/{id}/**"}
		r.AnyToken = false
		r.When = append(r.When, policy.Condition{Claim: claim("a"), Equals: &policy.Operand{Path: "id"}})
	}
	return r
}

func (v vocabulary) spec(t *rapid.T) policy.Spec {
	var spec policy.Spec
	for i := range rapid.IntRange(1, 5).Draw(t, "rules") {
		spec.Rules = append(spec.Rules, v.rule(t, fmt.Sprint("r", i), policy.Allow, policy.Allow, policy.Deny))
	}
	if rapid.IntRange(0, 3).Draw(t, "require") == 0 {
		spec.Require = v.conditions(t, 1, 2)
	}
	return spec
}

func anyToken(t *rapid.T) object {
	o := object{}
	for _, name := range []string{"a", "b", "c", "scope"} {
		switch rapid.IntRange(0, 8).Draw(t, "kind of "+name) {
		case 0, 1, 2:
			o[name] = anyText.Draw(t, name)
		case 3:
			o[name] = anyLiteral(t)
		case 4, 5:
			o[name] = anyLiterals(t)
		case 6:
			o[name] = rapid.SampledFrom([]any{nil, withheld, object{}, []any{}, []any{nil, "x"}, ""}).Draw(t, name)
		}
	}
	return o
}

func anyRequest(t *rapid.T, o object) *policy.Input {
	in := request(anyPath.Draw(t, "path"), o)
	in.Method = rapid.SampledFrom([]string{"GET", "GET", "GET", "HEAD", "get"}).Draw(t, "method")
	in.Headers = headers{"h": rapid.SampledFrom([][]string{nil, {"x"}, {"y"}, {""}, {"x", "x"}}).Draw(t, "header")}
	in.IssuerName = rapid.SampledFrom([]string{"idp", "idp", "other", ""}).Draw(t, "issuer")
	return in
}

func mustCompile(t *rapid.T, spec policy.Spec) *policy.Policy {
	p, problems := policy.Compile(spec)
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	return p
}

func TestExplainAgreesWithEvaluate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustCompile(t, vocabulary{presence: true}.spec(t))
		in := anyRequest(t, anyToken(t))
		public := rapid.Bool().Draw(t, "public")
		want := p.Evaluate(in)
		if public {
			want = p.EvaluatePublic(in)
		}
		trace := p.Explain(in, public)
		if !sameResult(trace.Result, want) {
			t.Fatalf("explained %+v, evaluated %+v", trace.Result, want)
		}
		told := retell(trace, public)
		if want.Outcome == policy.ScopeMissing {
			want.Outcome, want.Scopes = policy.NoRule, nil
		}
		if public && !slices.Contains([]policy.Outcome{policy.DeniedByRule, policy.RequireFailed}, want.Outcome) {
			told.Outcome, told.Rule = want.Outcome, want.Rule // decided by the path alone
		}
		if !sameResult(told, want) {
			t.Fatalf("the trace tells %+v, evaluated %+v", told, want)
		}
	})
}

func sameResult(a, b policy.Result) bool {
	return a.Outcome == b.Outcome && a.Rule == b.Rule && a.Matched == b.Matched && a.Erred == b.Erred && slices.Equal(a.Scopes, b.Scopes)
}

// retell draws the conclusion from a trace alone: a second, independent
// statement of how rules and conditions combine.
func retell(trace policy.Trace, public bool) policy.Result {
	out := policy.Result{Rule: -1}
	allowing, denying, failed := -1, -1, -1
	for i, r := range trace.Rules {
		if !r.Applies {
			continue
		}
		truth := policy.True
		for _, c := range r.When {
			truth = conjunction(truth, recombine(c))
		}
		switch truth {
		case policy.True:
			out.Matched[i/64] |= 1 << (i % 64)
		case policy.Unknown:
			out.Erred[i/64] |= 1 << (i % 64)
		}
		if r.Action == policy.Deny && truth != policy.False && denying < 0 {
			denying = i
		}
		if r.Action == policy.Allow && truth == policy.True && allowing < 0 {
			allowing = i
		}
	}
	for i, c := range trace.Require {
		if recombine(c) != policy.True && failed < 0 {
			failed = i
		}
	}
	switch {
	case denying >= 0:
		out.Outcome, out.Rule = policy.DeniedByRule, denying
	case failed >= 0:
		out.Outcome, out.Rule = policy.RequireFailed, failed
	case allowing >= 0 && !public:
		out.Outcome, out.Rule = policy.Allowed, allowing
	}
	return out
}

// recombine computes the truth of a combinator from its parts.
func recombine(c policy.ConditionTrace) policy.Truth {
	if len(c.Parts) == 0 {
		return c.Truth
	}
	all, none := policy.True, policy.True
	for _, part := range c.Parts {
		all = conjunction(all, recombine(part))
		none = conjunction(none, negation(recombine(part)))
	}
	switch c.Text[:4] {
	case "{all":
		return all
	case "{any":
		return negation(none)
	}
	return negation(all)
}

func TestADenyRuleNeverTurnsADenialIntoAnAllow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := vocabulary{presence: true}
		spec := v.spec(t)
		in := anyRequest(t, anyToken(t))
		before := mustCompile(t, spec).Evaluate(in).Outcome
		spec.Rules = append(spec.Rules, v.rule(t, "added", policy.Deny))
		after := mustCompile(t, spec).Evaluate(in).Outcome
		if before != policy.Allowed && after == policy.Allowed {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

func TestAnAllowRuleNeverOverridesADeny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := vocabulary{presence: true}
		spec := v.spec(t)
		in := anyRequest(t, anyToken(t))
		before := mustCompile(t, spec).Evaluate(in).Outcome
		spec.Rules = append(spec.Rules, v.rule(t, "added", policy.Allow))
		after := mustCompile(t, spec).Evaluate(in).Outcome
		if (before == policy.DeniedByRule || before == policy.RequireFailed) && after != before {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

func TestOrderOfRulesNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := vocabulary{presence: true}.spec(t)
		in := anyRequest(t, anyToken(t))
		before := mustCompile(t, spec).Evaluate(in).Outcome
		spec.Rules = rapid.Permutation(spec.Rules).Draw(t, "order")
		if after := mustCompile(t, spec).Evaluate(in).Outcome; after != before {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

// Without exists, absent and ifPresent nothing can be gained by leaving a
// claim or header out of a request.
func TestP1RemovingAClaimNeverTurnsADenialIntoAnAllow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustCompile(t, vocabulary{}.spec(t))
		o := anyToken(t)
		in := anyRequest(t, o)
		before := p.Evaluate(in).Outcome
		less := maps.Clone(o)
		delete(less, anyClaim.Draw(t, "removed"))
		in.Claims = claimsOf(less)
		if rapid.Bool().Draw(t, "remove the header") {
			in.Headers = headers{}
		}
		if after := p.Evaluate(in).Outcome; before != policy.Allowed && after == policy.Allowed {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

// With any operator nothing can be gained by hiding what is there: a claim
// that is withheld, a header that is repeated, an address that is not known.
func TestP1HidingAValueNeverTurnsADenialIntoAnAllow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustCompile(t, vocabulary{presence: true}.spec(t))
		o := anyToken(t)
		in := anyRequest(t, o)
		before := p.Evaluate(in).Outcome
		hidden := maps.Clone(o)
		hidden[anyClaim.Draw(t, "hidden")] = withheld
		in.Claims = claimsOf(hidden)
		if rapid.Bool().Draw(t, "repeat the header") {
			in.Headers = headers{"h": {"x", "x"}}
		}
		in.RemoteIP = netip.Addr{}
		if after := p.Evaluate(in).Outcome; before != policy.Allowed && after == policy.Allowed {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

// Another spelling of a path never reaches what the plain spelling may not,
// where no pattern names that other spelling itself.
func TestP1EncodingAPathNeverTurnsADenialIntoAnAllow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := vocabulary{presence: true}.spec(t)
		for i := range spec.Rules {
			if spec.Rules[i].Action == policy.Allow {
				spec.Rules[i].Paths = nil // the widest allow rules
				spec.Rules[i].When, spec.Rules[i].AnyToken = nil, true
			}
			for _, patterns := range [][]string{spec.Rules[i].Paths, spec.Rules[i].NotPaths} {
				if at := slices.Index(patterns, "/q%3Ax"); at >= 0 {
					patterns[at] = "/q:x"
				}
			}
		}
		p := mustCompile(t, spec)
		in := anyRequest(t, anyToken(t))
		in.Path = "/q:x"
		before := p.Evaluate(in).Outcome
		in.Path = rapid.SampledFrom([]string{"/q%3Ax", "/q%3ax", "/%71:x", "/%71%3A%78"}).Draw(t, "spelling")
		if after := p.Evaluate(in).Outcome; before != policy.Allowed && after == policy.Allowed {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

func TestNotTurnsTruthsAround(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := vocabulary{presence: true}.condition(t, 3)
		in := anyRequest(t, anyToken(t))
		in.Path, in.Method = "/", "GET"
		spec := rules(allowWhen("c", c), allowWhen("not", not(c)), allowWhen("twice", not(not(c))))
		traces := mustCompile(t, spec).Explain(in, false).Rules
		if traces[1].Truth != negation(traces[0].Truth) || traces[2].Truth != traces[0].Truth {
			t.Fatalf("%v, its not %v, its not not %v", traces[0].Truth, traces[1].Truth, traces[2].Truth)
		}
	})
}
