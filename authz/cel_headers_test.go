package authz_test

import (
	"slices"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/policy"
)

// TestP1ExpressionsOnAmbiguousHeaders holds that an expression concludes nothing
// from a header that may be several, or that the proxy may have hidden or masked.
func TestP1ExpressionsOnAmbiguousHeaders(t *testing.T) {
	expressions := map[string]string{
		"equal": `request.headers["x-region"] == "eu"`, "unequal": `request.headers["x-region"] != "eu"`,
		"present": `has(request.headers.region)`, "absent": `!("region" in request.headers)`,
	}
	line := func(name, value string) authz.Header { return authz.Header{Name: name, Value: value} }
	for name, tt := range map[string]struct {
		lines            []authz.Header
		joined, filtered bool
		true             []string // expressions that hold; nil where nothing is known
	}{
		"one":               {lines: []authz.Header{line("x-region", "eu"), line("region", "a")}, true: []string{"equal", "present"}},
		"one, joined":       {lines: []authz.Header{line("x-region", "us")}, joined: true, true: []string{"unequal", "absent"}},
		"two":               {lines: []authz.Header{line("x-region", "eu"), line("x-region", "eu"), line("region", "a"), line("region", "b")}},
		"two, joined":       {lines: []authz.Header{line("x-region", "eu,us"), line("region", "a,b")}, joined: true},
		"a mask":            {lines: []authz.Header{line("x-region", "eu!"), line("region", "!")}, joined: true},
		"perhaps filtered":  {filtered: true},
		"seen all the same": {lines: []authz.Header{line("x-region", "us"), line("region", "a")}, filtered: true, true: []string{"unequal", "present"}},
	} {
		t.Run(name, func(t *testing.T) {
			for id, source := range expressions {
				holds := slices.Contains(tt.true, id)
				a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
					tenant.Policy = compilePolicy(t, policy.Spec{Rules: []policy.RuleSpec{
						{Name: "if", Action: policy.Allow, Paths: []string{"/if"}, When: []policy.Condition{{CEL: source}}},
						{Name: "unless", Action: policy.Allow, Paths: []string{"/unless"}, AnyToken: true},
						{Name: "deny", Action: policy.Deny, Paths: []string{"/unless"}, When: []policy.Condition{{CEL: source}}},
					}})
				})
				raw := a.idp.sign(t, scope)
				for path, want := range map[string]bool{"/if": holds, "/unless": tt.true != nil && !holds} {
					req := get(path, raw, tt.lines...)
					req.Headers.Joined, req.Filtered = tt.joined, tt.filtered
					if d := a.decide(req); (d.Verdict == authz.Allow) != want {
						t.Errorf("%s at %s: %v, want allow: %v", id, path, d.Reason, want)
					}
				}
			}
		})
	}
}
