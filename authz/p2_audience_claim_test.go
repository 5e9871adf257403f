package authz_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// TestP2PartsOfAnIssuerGoByItsAudienceClaim: tenants that part the audiences of
// an issuer are told apart by the claim that the issuer's tokens have them in,
// and aud has no say, neither for a token nor against it.
func TestP2PartsOfAnIssuerGoByItsAudienceClaim(t *testing.T) {
	provider, clock := newIDP(t, "https://cognito.example.com/pool", 5), newClock()
	verified, err := token.NewIssuer(token.IssuerSpec{
		Name: "pool", URL: provider.url, Audiences: []string{"app-a", "app-b"}, AudienceClaim: []string{"client_id"},
		Algorithms: []string{"EdDSA"}, Keys: provider, KeysID: "pool",
	})
	if err != nil {
		t.Fatal(err)
	}
	shared, cache := newIssuer(t, verified, ""), token.NewCache(100)
	tenant := func(name string) *authz.Tenant {
		return newTenant(t, authz.TenantSpec{
			Name: name, Hosts: []string{name + ".example.com"}, Cache: cache, Policy: ordersPolicy(t),
			Grants: []authz.IssuerGrant{{Issuer: shared, Audiences: []string{"app-" + name}}},
		})
	}
	engine := newEngine(clock.Now, zeros{}, newSnapshot(t, authz.SnapshotSpec{Tenants: []*authz.Tenant{tenant("a"), tenant("b")}}))
	for name, row := range map[string]struct {
		claims jwt.MapClaims
		a, b   authz.Reason
	}{
		"of a":                {jwt.MapClaims{"aud": nil, "client_id": "app-a"}, authz.Allowed, authz.AudienceRefused},
		"of b":                {jwt.MapClaims{"aud": nil, "client_id": "app-b"}, authz.AudienceRefused, authz.Allowed},
		"of a, aud says b":    {jwt.MapClaims{"aud": "app-b", "client_id": "app-a"}, authz.Allowed, authz.AudienceRefused},
		"of both":             {jwt.MapClaims{"aud": nil, "client_id": []string{"app-a", "app-b"}}, authz.AudienceAmbiguous, authz.AudienceAmbiguous},
		"of neither, aud a":   {jwt.MapClaims{"aud": "app-a", "client_id": "app-c"}, authz.AudienceRefused, authz.AudienceRefused},
		"without, aud says a": {jwt.MapClaims{"aud": "app-a"}, authz.AudienceRefused, authz.AudienceRefused},
	} {
		t.Run(name, func(t *testing.T) {
			raw := provider.sign(t, row.claims)
			for range 2 { // fresh and cached
				for host, want := range map[string]authz.Reason{"a.example.com": row.a, "b.example.com": row.b} {
					req := get("/any/1", raw)
					req.Host = host
					if got := engine.Decide(t.Context(), req).Reason; got != want {
						t.Errorf("%s: %v, want %v", host, got, want)
					}
				}
			}
		})
	}
}

// TestHintsReachTheDecision: and only those of a token that was refused.
func TestHintsReachTheDecision(t *testing.T) {
	a := newACME(t, nil)
	for raw, want := range map[string]bool{
		"2YotnFZFEjr1zCsicMWpAA":                     true,
		a.idp.sign(t, jwt.MapClaims{"at_hash": "x"}): true,
		a.idp.sign(t, jwt.MapClaims{"aud": "x"}):     false,
		a.idp.sign(t, scope):                         false,
	} {
		if got := a.decide(get("/orders/7", raw)); (got.Hint != "") != want {
			t.Errorf("%v with the hint %q", got.Reason, got.Hint)
		}
	}
}
