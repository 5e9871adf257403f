package authz_test

import (
	"fmt"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// TestP8FloodOfOneTenantOfASharedIssuer holds that tenants who have issuer, host
// and settings in common have shares of the cache of their own: with far more
// tokens than it holds, one pushes out none of another's, nor do tokens of
// nobody.
func TestP8FloodOfOneTenantOfASharedIssuer(t *testing.T) {
	provider, cache, p := newIDP(t, "https://id.example.com/", 1), token.NewCache(64), newPlot(t)
	shared := newIssuer(t, provider.issuer(t, "shared"), "org")
	tenant := func(name string) *authz.Tenant {
		return newTenant(t, authz.TenantSpec{
			Name: name, Hosts: []string{name + ".example"}, Entries: []string{"claim"}, Policy: p.policy, Cache: cache, Grants: []authz.IssuerGrant{{Issuer: shared}},
		})
	}
	engine := newEngine(newClock().Now, zeros{}, newSnapshot(t, authz.SnapshotSpec{
		Entries: []authz.EntrySpec{{Name: "claim", Hosts: []string{"api.example"}, TenantFromClaim: []*authz.Issuer{shared}, Cache: cache}},
		Tenants: []*authz.Tenant{tenant("calm"), tenant("busy")},
	}))
	ask := func(host, org string, n int) authz.Decision {
		req := get("/any/1", provider.sign(t, jwt.MapClaims{"org": org, "jti": fmt.Sprint(host, n)}))
		req.Host = host
		return engine.Decide(t.Context(), req)
	}
	for _, host := range []string{"calm.example", "api.example"} {
		for n := range 8 {
			ask(host, "calm", n)
		}
	}
	for n := range 300 {
		for _, org := range []string{"busy", "nobody", fmt.Sprint("nobody-", n)} {
			ask("busy.example", org, n)
			ask("api.example", org, n)
		}
	}
	for _, host := range []string{"calm.example", "api.example"} {
		for n := range 8 {
			if d := ask(host, "calm", n); d.Tenant != "calm" || !d.Cached {
				t.Errorf("token %d at %s: %v, cached %v", n, host, d.Reason, d.Cached)
			}
		}
	}
	if d := ask("busy.example", "busy", 299); d.Verdict != authz.Allow {
		t.Errorf("control: %v", d.Reason)
	}
}
