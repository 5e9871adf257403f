package policy_test

import (
	"testing"

	"github.com/claimgate/claimgate/policy"
)

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		policy.Allow.String(): "allow", policy.Deny.String(): "deny",
		policy.NoRule.String(): "no_rule", policy.DeniedByRule.String(): "denied_by_rule", policy.RequireFailed.String(): "require_failed",
		policy.ScopeMissing.String(): "scope_missing", policy.Allowed.String(): "allowed", policy.Outcome(99).String(): "undefined",
		policy.True.String(): "true", policy.False.String(): "false", policy.Unknown.String(): "unknown",
		policy.Missing.String(): "missing", policy.Withheld.String(): "withheld", policy.Num.String(): "number", policy.Bool.String(): "boolean",
		policy.Object.String(): "object", policy.Kind(99).String(): "undefined",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
