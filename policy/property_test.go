package policy_test

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/policy"
)

func TestExplainAgreesWithEvaluate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustCompile(t, vocabulary{presence: true, names: true}.spec(t))
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
	return a.Outcome == b.Outcome && a.Rule == b.Rule && a.Shadow == b.Shadow && a.Matched == b.Matched && a.Erred == b.Erred && slices.Equal(a.Scopes, b.Scopes)
}

// retell draws the conclusion from a trace alone: a second, independent
// statement of how rules and conditions combine.
func retell(trace policy.Trace, public bool) policy.Result {
	out := policy.Result{Rule: -1, Shadow: -1}
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
		if r.Shadow {
			if r.Action == policy.Deny && truth != policy.False && out.Shadow < 0 {
				out.Shadow = i
			}
			continue
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
	switch {
	case len(c.Parts) == 0:
		return c.Truth
	case strings.HasPrefix(c.Text, "{use: "):
		return recombine(c.Parts[0])
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
		v := vocabulary{presence: true, names: true}
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
		v := vocabulary{presence: true, names: true}
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
		spec := vocabulary{presence: true, names: true}.spec(t)
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
		p := mustCompile(t, vocabulary{names: true}.spec(t))
		o := anyToken(t)
		in := anyRequest(t, o)
		before := p.Evaluate(in).Outcome
		less := maps.Clone(o)
		delete(less, anyClaim.Draw(t, "removed"))
		wear(in, less)
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
		p := mustCompile(t, vocabulary{presence: true, names: true}.spec(t))
		o := anyToken(t)
		in := anyRequest(t, o)
		before := p.Evaluate(in).Outcome
		hidden := maps.Clone(o)
		hidden[anyClaim.Draw(t, "hidden")] = withheld
		wear(in, hidden)
		if rapid.Bool().Draw(t, "hide the tenant") {
			in.Tenant = nil
		}
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
		spec := vocabulary{presence: true, names: true}.spec(t)
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
