package authz_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// TestP8FloodOfOneTenantOfASharedIssuer holds that tenants who have issuer, host
// and settings in common have shares of the cache of their own: with far more
// tokens than it holds, one pushes out none of another's, nor do tokens of
// nobody, nor those of another that somebody sends to the tenant itself.
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
			ask("calm.example", org, n)
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

// TestP8TokensOfOthersTakeNoShare holds that only a token that is the tenant's
// counts against its share of the cache, where one issuer serves it alone and
// another serves many.
func TestP8TokensOfOthersTakeNoShare(t *testing.T) {
	own, many, cache := newIDP(t, "https://own.example.com/", 1), newIDP(t, "https://id.example.com/", 2), token.NewCache(64)
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
		tenant.Issuers, tenant.Cache = nil, cache
		tenant.Grants = []authz.IssuerGrant{{Issuer: newIssuer(t, own.issuer(t, "own"), "")}, {Issuer: newIssuer(t, many.issuer(t, "many"), "org")}}
	})
	mine := make([]string, 8)
	for n := range mine {
		mine[n] = own.sign(t, jwt.MapClaims{"jti": fmt.Sprint(n)})
		a.decide(get("/any/1", mine[n]))
	}
	for n := range 300 {
		if d := a.decide(get("/any/1", many.sign(t, jwt.MapClaims{"org": "globex", "jti": fmt.Sprint(n)}))); d.Reason != authz.TenantMismatch {
			t.Fatalf("another's token: %v", d.Reason)
		}
	}
	for n, raw := range mine {
		if d := a.decide(get("/any/1", raw)); d.Reason != authz.Allowed || !d.Cached {
			t.Errorf("token %d: %v, cached %v", n, d.Reason, d.Cached)
		}
	}
}

// payers is whom signatures were checked for.
type payers map[token.Payer]int

func (p payers) Verified(payer token.Payer, _, _ time.Duration) { p[payer]++ }
func (payers) Shed(token.Payer, token.ShedCause)                {}

// TestP8VerificationsAreChargedToThePlace holds that a signature is checked at
// the expense of the tenant that the place names, or of the entry while none is
// known, whatever the token claims, and that tenants with equal settings pay for
// themselves.
func TestP8VerificationsAreChargedToThePlace(t *testing.T) {
	provider, seen, p := newIDP(t, "https://id.example.com/", 1), payers{}, newPlot(t)
	shared := newIssuer(t, provider.issuer(t, "shared"), "org")
	scheduler := token.NewScheduler(token.SchedulerOptions{Observer: seen})
	tenant := func(name string) *authz.Tenant {
		return newTenant(t, authz.TenantSpec{
			Name: name, Hosts: []string{name + ".example"}, Entries: []string{"claim"}, Policy: p.policy, Scheduler: scheduler, Grants: []authz.IssuerGrant{{Issuer: shared}},
		})
	}
	engine := newEngine(newClock().Now, zeros{}, newSnapshot(t, authz.SnapshotSpec{
		Entries: []authz.EntrySpec{{Name: "claim", Hosts: []string{"api.example"}, TenantFromClaim: []*authz.Issuer{shared}, Scheduler: scheduler}},
		Tenants: []*authz.Tenant{tenant("one"), tenant("two")},
	}))
	for i, host := range []string{"one.example", "two.example", "two.example", "api.example", "api.example", "api.example"} {
		req := get("/any/1", provider.sign(t, jwt.MapClaims{"org": []string{"one", "nobody"}[i%2]}))
		req.Host = host
		engine.Decide(t.Context(), req)
	}
	if want := (payers{{Tenant: "one"}: 1, {Tenant: "two"}: 2, {Entry: "claim"}: 3}); !maps.Equal(seen, want) {
		t.Errorf("charged to %v, want %v", seen, want)
	}
}
