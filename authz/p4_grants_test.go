package authz_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// granted is a tenant on a host and behind a claim whose grant tests change.
type granted struct {
	tb     testing.TB
	idp    *idp
	shared *authz.Issuer
	cache  *token.Cache
	clock  *clock
	engine *authz.Engine
}

func newGranted(tb testing.TB) *granted {
	tb.Helper()
	g := &granted{tb: tb, idp: newIDP(tb, "https://id.example.com/", 1), cache: token.NewCache(100), clock: newClock()}
	verified, err := token.NewIssuer(token.IssuerSpec{
		Name: "shared", URL: g.idp.url, Audiences: []string{"one", "two", "three"}, Algorithms: []string{"EdDSA"}, Keys: g.idp, KeysID: "k",
	})
	if err != nil {
		tb.Fatal(err)
	}
	g.shared = newIssuer(tb, verified, "org")
	g.engine = newEngine(g.clock.Now, zeros{}, nil)
	g.reload(authz.IssuerGrant{}, "org-1")
	return g
}

// reload puts the tenant with this grant and id in force.
func (g *granted) reload(grant authz.IssuerGrant, id string) {
	grant.Issuer = g.shared
	g.engine.Swap(newSnapshot(g.tb, authz.SnapshotSpec{
		Entries: []authz.EntrySpec{{Name: "claim", Hosts: []string{"claim.example"}, TenantFromClaim: []*authz.Issuer{g.shared}, Cache: g.cache}},
		Tenants: []*authz.Tenant{newTenant(g.tb, authz.TenantSpec{
			Name: "acme", Hosts: []string{"host.example"}, Entries: []string{"claim"}, Policy: ordersPolicy(g.tb), Cache: g.cache,
			Grants: []authz.IssuerGrant{grant}, IDs: map[string]string{"shared": id},
		})},
	}))
}

// expect asks at the host and by the claim, each twice so that the second time
// the token is cached.
func (g *granted) expect(what, raw string, host, claim authz.Reason) {
	g.tb.Helper()
	for at, want := range map[string]authz.Reason{"host.example": host, "claim.example": claim} {
		for round := range 2 {
			req := get("/orders/7", raw)
			req.Host = at
			if d := g.engine.Decide(g.tb.Context(), req); d.Reason != want || d.Verdict == authz.Allow && round == 1 && !d.Cached {
				g.tb.Errorf("%s at %s, round %d: %v (cached %v), want %v", what, at, round, d.Reason, d.Cached, want)
			}
		}
	}
}

func (g *granted) sign(audiences ...string) string {
	return g.idp.sign(g.tb, jwt.MapClaims{"aud": audiences, "org": "org-1", "scope": "orders:read", "exp": start.Add(time.Hour).Unix()})
}

func TestP4GrantEndsForCachedTokens(t *testing.T) {
	g := newGranted(t)
	until := start.Add(time.Minute)
	g.reload(authz.IssuerGrant{Until: until}, "org-1")
	raw := g.sign("one")
	g.expect("before", raw, authz.Allowed, authz.Allowed)
	g.clock.advance(time.Minute - time.Nanosecond)
	g.expect("the last moment", raw, authz.Allowed, authz.Allowed)
	g.clock.advance(time.Nanosecond)
	g.expect("the end", raw, authz.IssuerRetired, authz.IssuerRetired)
	g.expect("a new token after the end", g.sign("two"), authz.IssuerRetired, authz.IssuerRetired)
	g.reload(authz.IssuerGrant{Until: until.Add(time.Second)}, "org-1")
	g.expect("prolonged", raw, authz.Allowed, authz.Allowed)
}

func TestP4NarrowedAudiencesCountForCachedTokens(t *testing.T) {
	g := newGranted(t)
	one, both, foreign := g.sign("one"), g.sign("one", "two"), g.sign("one", "https://elsewhere.example")
	for _, raw := range []string{one, both, foreign} {
		g.expect("all audiences", raw, authz.Allowed, authz.Allowed)
	}
	g.reload(authz.IssuerGrant{Audiences: []string{"one"}}, "org-1")
	g.expect("its part", one, authz.Allowed, authz.Allowed)
	g.expect("its part and another", both, authz.AudienceAmbiguous, authz.AudienceAmbiguous)
	g.expect("its part and somebody's", foreign, authz.Allowed, authz.Allowed)
	g.reload(authz.IssuerGrant{Audiences: []string{"three", "two"}}, "org-1")
	g.expect("another's part", one, authz.AudienceRefused, authz.AudienceRefused)
	g.expect("another's part and its own", both, authz.AudienceAmbiguous, authz.AudienceAmbiguous)
	g.expect("two of its own", g.sign("two", "three"), authz.Allowed, authz.Allowed)
	single := g.idp.sign(t, jwt.MapClaims{"aud": "three", "org": "org-1", "scope": "orders:read"})
	g.expect("one string", single, authz.Allowed, authz.Allowed)
}

func TestP4AnotherIDCountsForCachedTokens(t *testing.T) {
	g := newGranted(t)
	raw := g.sign("one")
	g.expect("its id", raw, authz.Allowed, authz.Allowed)
	g.reload(authz.IssuerGrant{}, "org-2")
	g.expect("another id", raw, authz.TenantMismatch, authz.TenantUnknown)
	g.reload(authz.IssuerGrant{}, "org-1")
	g.expect("its id again", raw, authz.Allowed, authz.Allowed)
}

// A token that was cached at the entry is judged by the tenant that owns its id
// now.
func TestP4IDThatChangesHands(t *testing.T) {
	g := newGranted(t)
	raw := g.sign("one")
	g.expect("the first owner", raw, authz.Allowed, authz.Allowed)
	tenant := func(name, id string) *authz.Tenant {
		return newTenant(t, authz.TenantSpec{
			Name: name, Entries: []string{"claim"}, Policy: ordersPolicy(t), Cache: g.cache, Grants: []authz.IssuerGrant{{Issuer: g.shared}}, IDs: map[string]string{"shared": id},
		})
	}
	g.engine.Swap(newSnapshot(t, authz.SnapshotSpec{
		Entries: []authz.EntrySpec{{Name: "claim", Hosts: []string{"claim.example"}, TenantFromClaim: []*authz.Issuer{g.shared}, Cache: g.cache}},
		Tenants: []*authz.Tenant{tenant("acme", "org-7"), tenant("globex", "org-1")},
	}))
	req := get("/orders/7", raw)
	req.Host = "claim.example"
	if d := g.engine.Decide(t.Context(), req); d.Tenant != "globex" || !d.Cached {
		t.Errorf("%v of %q, cached %v", d.Reason, d.Tenant, d.Cached)
	}
}

// TestP4CachedPlacesEqualFreshOnes compares every kind of place with and without
// a cache while the clock runs over an end.
func TestP4CachedPlacesEqualFreshOnes(t *testing.T) {
	k := newKit(t)
	all := requests()
	rapid.Check(t, func(rt *rapid.T) {
		m := drawModel(rt)
		cached, ok := k.compile(rt, m)
		if !ok {
			return
		}
		bare := *k
		bare.cache = nil
		fresh, _ := bare.compile(rt, m)
		owner := &m.tenants[0]
		raw := k.mint(t, owner, &owner.grants[0], rapid.Bool().Draw(rt, "broad"))
		for range 40 {
			req := withToken(rapid.SampledFrom(all).Draw(rt, "request"), raw)
			got, want := decide(cached, req), fresh.Decide(rt.Context(), req)
			if want.Cached || !reflect.DeepEqual(got, want) {
				rt.Fatalf("%s %s: cached\n%+v\nfresh\n%+v", req.Host, req.Path.Canonical, got, want)
			}
		}
	})
}
