package policy_test

import (
	"fmt"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

// realistic is a policy of n rules: one in 16 holds for the request, one in 16
// denies by the token, and the rest speaks about other paths.
func realistic(tb testing.TB, n int) *policy.Policy {
	roles := policy.Condition{Claim: claim("realm_access", "roles"), ContainsAny: lit([]any{"reader", "admin"})}
	own := policy.Condition{Claim: claim("sub"), Equals: &policy.Operand{Path: "id"}}
	banned := policy.Condition{Claim: claim("sub"), In: lit(names("banned", 20))}
	spec := policy.Spec{Require: []policy.Condition{{Claim: claim("email_verified"), Equals: lit(true)}}}
	for i := range n {
		r := policy.RuleSpec{Name: fmt.Sprint("r", i), Action: policy.Allow, Methods: []string{"GET", "HEAD"}}
		switch i % 16 {
		case 5:
			r = denyWhen(r.Name, banned)
		case 0:
			r.Paths, r.NotPaths = []string{"/users/{id}/**"}, []string{"/users/*/export/**"}
			r.When = []policy.Condition{own, roles, scope("orders:read"), {Claim: claim("email"), Matches: lit(`[a-z]+@example\.com`)}}
		default:
			r.Paths = []string{fmt.Sprintf("/service-%d/**", i), fmt.Sprintf("/other-%d/*", i)}
			r.When = []policy.Condition{scope("other:read")}
		}
		spec.Rules = append(spec.Rules, r)
	}
	return compile(tb, spec)
}

func names(prefix string, n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, "-", i)
	}
	return out
}

func realisticRequest() *policy.Input {
	in := request("/users/u-1%3A7/orders/2026/7", object{
		"sub": "u-1:7", "email": "someone@example.com", "email_verified": true, "scope": "openid profile orders:read orders:write",
		"realm_access": object{"roles": []any{"offline_access", "uma_authorization", "reader"}},
	})
	in.LenientPath = "/users/u-1:7/orders/2026/7"
	return in
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	p, in := realistic(t, 40), realisticRequest()
	short := realisticRequest()
	short.Claims = claimsOf(object{"sub": "u-1:7", "email": "someone@example.com", "email_verified": true, "scope": "openid", "realm_access": object{"roles": []any{"reader"}}})
	named := compile(t, policy.Spec{
		Named: []policy.NamedCondition{name("gold", policy.Condition{Tenant: "labels.plan", Equals: lit("gold")})},
		Rules: []policy.RuleSpec{
			allowWhen("r", use("gold"), policy.Condition{Mapped: "roles", Contains: lit("reader")}, policy.Condition{Principal: "peer", Prefix: lit("spiffe://")}),
			shadow(denyWhen("d", policy.Condition{Claim: claim("sub"), Equals: tenantRef("name")}, not(use("gold")))),
		},
	})
	tenants := tenantRequest(object{"sub": "acme", "realm_access": object{"roles": []any{"reader"}}})
	for name, f := range map[string]func(){
		"allowed":       func() { mustBe(t, p.Evaluate(in).Outcome, policy.Allowed) },
		"scope missing": func() { mustBe(t, p.Evaluate(short).Outcome, policy.ScopeMissing) },
		"public":        func() { mustBe(t, p.EvaluatePublic(in).Outcome, policy.Allowed) },
		"named":         func() { mustBe(t, named.Evaluate(tenants).Outcome, policy.Allowed) },
		"match public":  func() { p.MatchPublic(in) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func mustBe(t *testing.T, got, want policy.Outcome) {
	if got != want {
		t.Fatalf("%v, want %v", got, want)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{1, 20, 256} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			p, in := realistic(b, n), realisticRequest()
			b.ReportAllocs()
			for b.Loop() {
				if p.Evaluate(in).Outcome != policy.Allowed {
					b.Fatal("not allowed")
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		realistic(b, 20)
	}
}
