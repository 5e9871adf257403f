package authz_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// TestP2PathBelowAPlace holds which place is found, and which path the rules see
// there: where the proxy names the tenant and the host has a prefix, the one
// below it for tenants of that place, the whole for others.
func TestP2PathBelowAPlace(t *testing.T) {
	provider, cache := newIDP(t, "https://id.example.com/", 1), token.NewCache(64)
	shared := newIssuer(t, provider.issuer(t, "shared"), "org")
	byClaim := func(name, host, prefix string, yields ...string) authz.EntrySpec {
		return authz.EntrySpec{
			Name: name, Hosts: []string{host}, PathPrefix: prefix, TenantFromClaim: []*authz.Issuer{shared}, Cache: cache, Relaxations: authz.Relaxable, YieldsTo: yields,
		}
	}
	tenant := func(name string, hosts []string, yields []string, entries ...string) *authz.Tenant {
		return newTenant(t, authz.TenantSpec{
			Name: name, Hosts: hosts, Entries: entries, YieldsTo: yields, Policy: ordersPolicy(t), Cache: cache, Grants: []authz.IssuerGrant{{Issuer: shared}},
		})
	}
	engine := newEngine(newClock().Now, nil, newSnapshot(t, authz.SnapshotSpec{
		Entries: []authz.EntrySpec{
			{Name: "mesh", ContextExtension: "tenant"}, {Name: "also", ContextExtension: "too"},
			{Name: "first", Hosts: []string{"first.example.com"}, PathPrefix: "/{tenant}"},
			byClaim("below", "below.example.com", "/api"), byClaim("outer", "odd.example.com", "/a", "inner"), byClaim("inner", "odd.example.com", "/a/any"),
		},
		Tenants: []*authz.Tenant{
			tenant("acme", nil, nil, "mesh", "also", "first", "below", "outer", "inner"), tenant("globex", nil, nil, "mesh"),
			tenant("rest", []string{"*"}, []string{"first", "below", "outer", "inner"}),
		},
	}))
	by := func(keys ...string) map[string]string {
		context := map[string]string{}
		for _, key := range keys {
			context[key] = "acme"
		}
		return context
	}
	for name, row := range map[string]struct {
		host, path, org string
		context         map[string]string
		want            authz.Reason
		tenant, entry   string
	}{
		"named, below the prefix":       {"below.example.com", "/api/orders/7", "acme", by("tenant"), authz.Allowed, "acme", "mesh"},
		"named, beside the prefix":      {"below.example.com", "/orders/7", "acme", by("tenant"), authz.Allowed, "acme", "mesh"},
		"named, twice below":            {"below.example.com", "/api/api/orders/7", "acme", by("tenant"), authz.PolicyDenied, "acme", "mesh"},
		"named by two keys":             {"below.example.com", "/api/orders/7", "acme", by("tenant", "too"), authz.Allowed, "acme", "mesh"},
		"not of that place":             {"below.example.com", "/api/orders/7", "globex", map[string]string{"tenant": "globex"}, authz.PolicyDenied, "globex", "mesh"},
		"first segment":                 {"first.example.com", "/acme/orders/7", "acme", nil, authz.Allowed, "acme", "first"},
		"first segment of nobody":       {"first.example.com", "/nobody/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},
		"outer":                         {"odd.example.com", "/a/orders/7", "acme", nil, authz.Allowed, "acme", "outer"},
		"inner":                         {"odd.example.com", "/a/any/any/7", "acme", nil, authz.Allowed, "acme", "inner"},
		"outer, or inner for a decoder": {"odd.example.com", "/a//any/any/7", "acme", nil, authz.PlaceUnknown, "", ""},
		"any host":                      {"any.example.net", "/orders/7", "rest", nil, authz.Allowed, "rest", ""},
		"any host beside others":        {"any.example.com", "/orders/7", "rest", nil, authz.Allowed, "rest", ""},
		"no host":                       {"", "/orders/7", "rest", nil, authz.PlaceUnknown, "", ""},
	} {
		req := get(row.path, provider.sign(t, jwt.MapClaims{"org": row.org, "scope": "orders:read"}))
		req.Host, req.Context = row.host, row.context
		if d := engine.Decide(t.Context(), req); d.Reason != row.want || d.Tenant != row.tenant || d.Entry != row.entry {
			t.Errorf("%s: %v at %q by %q, want %v", name, d.Reason, d.Tenant, d.Entry, row.want)
		}
	}
}
