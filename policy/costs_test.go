package policy_test

import (
	"testing"

	"github.com/claimgate/claimgate/policy"
)

// TestCosts: expressions are weighed by the most that they may cost, as often as
// they are used, and a policy of several parts costs what they cost together.
func TestCosts(t *testing.T) {
	if got := (*policy.Policy)(nil).Costs(); got != (policy.Costs{}) {
		t.Errorf("nil: %+v", got)
	}
	letters := policy.Literal{Kind: policy.String, String: "a{10}"}
	costOf := func(name string, when ...policy.Condition) *policy.Policy {
		t.Helper()
		compiled, problems := policy.Compile(policy.Spec{
			Named: []policy.NamedCondition{{Name: "costly", Condition: policy.Condition{CEL: "claims.a.exists(x, x == claims.b)"}}},
			Rules: []policy.RuleSpec{{Name: name, Action: policy.Deny, When: when}},
		})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return compiled
	}
	plain := costOf("plain", policy.Condition{Claim: []string{"sub"}, Exists: true})
	cheap := costOf("cheap", policy.Condition{CEL: "claims.admin == true"})
	twice := costOf("twice", policy.Condition{Use: "costly"}, policy.Condition{Not: &policy.Condition{Use: "costly"}})
	match := costOf("match", policy.Condition{Claim: []string{"sub"}, Matches: &policy.Operand{Literal: &letters}})
	if got := plain.Costs(); got != (policy.Costs{}) {
		t.Errorf("plain: %+v", got)
	}
	if got := cheap.Costs(); got.Expressions < 1 || got.Expressions > 100 || got.Program != 0 {
		t.Errorf("cheap: %+v", got)
	}
	if got := twice.Costs(); got.Expressions != 20_000 {
		t.Errorf("twice: %+v", got)
	}
	if got := match.Costs(); got.Expressions != 0 || got.Program < 10 || got.Program > 20 {
		t.Errorf("match: %+v", got)
	}
	joined, problems := policy.Join(plain, cheap, twice, match)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := joined.Costs(); got.Expressions != 20_000+cheap.Costs().Expressions || got.Program != match.Costs().Program {
		t.Errorf("joined: %+v", got)
	}
}
