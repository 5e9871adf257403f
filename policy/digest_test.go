package policy_test

import (
	"testing"

	"github.com/claimgate/claimgate/policy"
)

func TestDigest(t *testing.T) {
	full := func() policy.Spec {
		return policy.Spec{
			Named: []policy.NamedCondition{name("n", has("a", "x"))},
			Rules: []policy.RuleSpec{{
				Name: "r", Action: policy.Allow, Methods: []string{"GET"}, Paths: []string{"/x", "/y"}, Issuers: []string{"idp"},
				When: []policy.Condition{use("n"), {Claim: claim("b"), In: lit([]any{"x", number("-1.5"), true})}},
			}},
			Require: []policy.Condition{not(use("n"))},
			Public:  []policy.PublicSpec{{Name: "p", Paths: []string{"/"}}},
		}
	}
	one, same := full(), full()
	if one.Digest() != same.Digest() {
		t.Error("equal specs have different digests")
	}
	seen := map[[32]byte]string{one.Digest(): "unchanged", new(policy.Spec).Digest(): "empty"}
	for change, f := range map[string]func(*policy.Spec){
		"name":                   func(s *policy.Spec) { s.Rules[0].Name = "q" },
		"action":                 func(s *policy.Spec) { s.Rules[0].Action = policy.Deny },
		"shadow":                 func(s *policy.Spec) { s.Rules[0].Shadow = true },
		"paths in one":           func(s *policy.Spec) { s.Rules[0].Paths = []string{"/x/y"} },
		"paths reordered":        func(s *policy.Spec) { s.Rules[0].Paths = []string{"/y", "/x"} },
		"moved to another":       func(s *policy.Spec) { s.Rules[0].Paths, s.Rules[0].NotPaths = []string{"/x"}, []string{"/y"} },
		"empty methods":          func(s *policy.Spec) { s.Rules[0].Methods = []string{} },
		"no methods":             func(s *policy.Spec) { s.Rules[0].Methods = nil },
		"number":                 func(s *policy.Spec) { s.Rules[0].When[1].In.Literal.List[1].Num.Neg = false },
		"exponent":               func(s *policy.Spec) { s.Rules[0].When[1].In.Literal.List[1].Num.Exp = -2 },
		"kind":                   func(s *policy.Spec) { s.Rules[0].When[1].In.Literal.List[0].Kind = policy.Bool },
		"operator":               func(s *policy.Spec) { c := &s.Rules[0].When[1]; c.In, c.ContainsAny = nil, c.In },
		"claim path":             func(s *policy.Spec) { s.Rules[0].When[1].Claim = claim("", "b") },
		"claim to mapped":        func(s *policy.Spec) { c := &s.Rules[0].When[1]; c.Claim, c.Mapped = nil, "b" },
		"not taken off":          func(s *policy.Spec) { s.Require[0] = use("n") },
		"token":                  func(s *policy.Spec) { s.Public[0].Token = policy.TokenOptional },
		"condition":              func(s *policy.Spec) { s.Named[0].Condition = has("a", "y") },
		"bytes that are no text": func(s *policy.Spec) { s.Rules[0].Name = "\xff" },
		"others of that kind":    func(s *policy.Spec) { s.Rules[0].Name = "\xfe" },
	} {
		s := full()
		f(&s)
		if before, taken := seen[s.Digest()]; taken {
			t.Errorf("%s has the digest of %s", change, before)
		}
		seen[s.Digest()] = change
	}
}

func BenchmarkDigest(b *testing.B) {
	spec := ordersPolicy()
	b.ReportAllocs()
	for b.Loop() {
		spec.Digest()
	}
}
