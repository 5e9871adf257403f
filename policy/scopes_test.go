package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

// TestP1ScopesAreReadByTheirGrammar holds every short text of scopes to the
// grammar of RFC 6749 section 3.3: one that breaks it, wherever, grants nothing
// and stops no deny rule.
func TestP1ScopesAreReadByTheirGrammar(t *testing.T) {
	wanted := policy.Condition{Claim: claim("scope"), HasScope: lit("a")}
	allows := compile(t, policy.Spec{Rules: []policy.RuleSpec{{Name: "a", Action: policy.Allow, When: []policy.Condition{wanted}}}})
	denies := compile(t, policy.Spec{Rules: []policy.RuleSpec{{Name: "all", Action: policy.Allow, AnyToken: true},
		{Name: "a", Action: policy.Deny, When: []policy.Condition{wanted}}}})
	for _, scopes := range texts("ab \"\x7f", 5) {
		words := strings.Split(scopes, " ")
		broken := scopes != "" && slices.ContainsFunc(words, func(w string) bool { return w == "" || strings.ContainsAny(w, "\"\x7f") })
		has := !broken && slices.Contains(words, "a")
		in := request("/", object{"scope": scopes})
		if got := allows.Evaluate(in).Outcome == policy.Allowed; got != has {
			t.Fatalf("scopes %q: allowed is %v", scopes, got)
		}
		if got := denies.Evaluate(in).Outcome == policy.DeniedByRule; got != (has || broken) {
			t.Fatalf("scopes %q: denied is %v", scopes, got)
		}
	}
}

// texts returns all texts of these bytes up to a length.
func texts(alphabet string, most int) []string {
	all := []string{""}
	for from := 0; most > 0; most-- {
		to := len(all)
		for _, text := range all[from:to] {
			for i := range len(alphabet) {
				all = append(all, text+alphabet[i:i+1])
			}
		}
		from = to
	}
	return all
}
