package authz_test

import (
	"context"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// platform is a world with every kind of place: tenants on hosts of their own,
// by a label, a segment, a context value and a claim.
type platform struct {
	idp    *idp // one for all, names the tenant in org_id
	clock  *clock
	spec   authz.SnapshotSpec
	engine *authz.Engine
}

func newPlatform(tb testing.TB, change func(*platform)) *platform {
	tb.Helper()
	p := &platform{idp: newIDP(tb, "https://id.example.com/", 1), clock: newClock()}
	shared := newIssuer(tb, p.idp.issuer(tb, "shared"), "org_id")
	owned, cache := ownedHeaders(tb, "x-tenant", "x-user-id"), token.NewCache(1000)
	public := compilePolicy(tb, policy.Spec{Public: []policy.PublicSpec{
		{Name: "health", Methods: []string{"GET"}, Paths: []string{"/healthz"}},
		{Name: "maybe", Methods: []string{"GET"}, Paths: []string{"/maybe/**"}, Token: policy.TokenOptional},
	}})
	orders := ordersSpec()
	orders.Rules = append(orders.Rules, policy.RuleSpec{Name: "own", Action: policy.Allow, Paths: []string{"/users/{id}/**"},
		When: []policy.Condition{{Claim: []string{"sub"}, Equals: &policy.Operand{Path: "id"}}}})
	orders.Public = []policy.PublicSpec{{Name: "tenant-health", Paths: []string{"/status"}}}
	tenant := func(name string, hosts []string, entries ...string) *authz.Tenant {
		return newTenant(tb, authz.TenantSpec{
			Name: name, Hosts: hosts, Entries: entries, Policy: compilePolicy(tb, orders), Owned: owned, Cache: cache, Preflight: true,
			Grants: []authz.IssuerGrant{{Issuer: shared}}, IDs: map[string]string{"shared": "org-" + name}, Suspended: name == "asleep",
			Headers: []authz.HeaderSpec{{Name: "x-tenant", Source: authz.SourceSpec{Tenant: "name"}}, {Name: "x-user-id", Source: authz.SourceSpec{Claim: []string{"sub"}}}},
		})
	}
	p.spec = authz.SnapshotSpec{
		Owned: owned, Realm: "api",
		Entries: []authz.EntrySpec{
			{Name: "label", Hosts: []string{"{tenant}.api.example.com"}},
			{Name: "claim", Hosts: []string{"api.example.com", "*.claim.example.com"}, TenantFromClaim: []*authz.Issuer{shared}, Cache: cache, Preflight: true, Public: public},
			{Name: "path", Hosts: []string{"partners.example.com"}, PathPrefix: "/t/{tenant}"},
			{Name: "mesh", ContextExtension: "tenant"},
		},
		Tenants: []*authz.Tenant{
			tenant("acme", []string{"acme.example", "*.wild.example"}, "label", "claim", "path", "mesh"),
			tenant("globex", []string{"globex.example"}, "label", "claim", "path", "mesh"),
			tenant("hidden", []string{"hidden.example"}),
			tenant("asleep", []string{"asleep.example"}, "label", "claim", "path", "mesh"),
		},
		Held: []authz.HeldSpec{{
			Name: "broken", Hosts: []string{"broken.example", "b.wild.example"}, Entries: []string{"label", "claim", "path", "mesh"}, IDs: map[string]string{"shared": "org-broken"},
		}},
	}
	if change != nil {
		change(p)
	}
	p.engine = newEngine(p.clock.Now, zeros{}, newSnapshot(tb, p.spec))
	return p
}

// token is a good token of a tenant.
func (p *platform) token(tb testing.TB, tenant string) string {
	return p.idp.sign(tb, jwt.MapClaims{"org_id": "org-" + tenant, "scope": "orders:read"})
}

// ask decides a GET; the address is host and path.
func (p *platform) ask(address, raw string, change ...func(*authz.Request)) authz.Decision {
	host, path, _ := strings.Cut(address, "/")
	req := get("/"+path, raw)
	req.Host = host
	for _, f := range change {
		f(req)
	}
	return p.engine.Decide(context.Background(), req)
}

func TestP2EveryKindOfPlace(t *testing.T) {
	p := newPlatform(t, nil)
	in := func(tenant string) func(*authz.Request) {
		return func(r *authz.Request) { r.Context = map[string]string{"tenant": tenant} }
	}
	tests := []struct {
		address string
		token   string // of which tenant, "" for none
		change  func(*authz.Request)
		want    authz.Reason
		tenant  string
		entry   string
	}{
		{"acme.example/orders/7", "acme", nil, authz.Allowed, "acme", ""},
		{"acme.example/orders/7", "globex", nil, authz.TenantMismatch, "acme", ""},
		{"acme.example/orders/7", "nobody", nil, authz.TenantMismatch, "acme", ""},
		{"x.wild.example/orders/7", "acme", nil, authz.Allowed, "acme", ""},
		{"x.y.wild.example/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},
		{"wild.example/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},

		{"acme.api.example.com/orders/7", "acme", nil, authz.Allowed, "acme", "label"},
		{"acme.api.example.com/orders/7", "globex", nil, authz.TenantMismatch, "acme", "label"},
		{"globex.api.example.com/orders/7", "globex", nil, authz.Allowed, "globex", "label"},
		{"hidden.api.example.com/orders/7", "hidden", nil, authz.PlaceUnknown, "", ""},
		{"nobody.api.example.com/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},
		{"x.acme.api.example.com/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},

		{"api.example.com/orders/7", "acme", nil, authz.Allowed, "acme", "claim"},
		{"api.example.com/orders/7", "globex", nil, authz.Allowed, "globex", "claim"},
		{"api.example.com/other", "globex", nil, authz.PolicyDenied, "globex", "claim"},
		{"a.claim.example.com/orders/7", "acme", nil, authz.Allowed, "acme", "claim"},
		{"api.example.com/orders/7", "nobody", nil, authz.TenantUnknown, "", "claim"},
		{"api.example.com/orders/7", "hidden", nil, authz.TenantUnknown, "", "claim"},
		{"api.example.com/orders/7", "", nil, authz.NoToken, "", "claim"},
		{"api.example.com/status", "", nil, authz.NoToken, "", "claim"}, // a route of the tenant, who is not known

		{"partners.example.com/t/acme/orders/7", "acme", nil, authz.Allowed, "acme", "path"},
		{"partners.example.com/t/acme/orders/7", "globex", nil, authz.TenantMismatch, "acme", "path"},
		{"partners.example.com/t/%61cme/orders/7", "acme", nil, authz.Allowed, "acme", "path"},
		{"partners.example.com/t/acme/users/user-1/x", "acme", nil, authz.Allowed, "acme", "path"},
		{"partners.example.com/t/acme/users/user-2/x", "acme", nil, authz.PolicyDenied, "acme", "path"},
		{"partners.example.com/t/acme/status", "", nil, authz.PublicRoute, "acme", "path"},
		{"partners.example.com/t/acme", "acme", nil, authz.PolicyDenied, "acme", "path"}, // the root
		{"partners.example.com/t/acme/t/acme/orders/7", "acme", nil, authz.PolicyDenied, "acme", "path"},
		{"partners.example.com/t/acme/orders/secret/7", "acme", nil, authz.PolicyDenied, "acme", "path"},
		{"partners.example.com/t/ACME/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},
		{"partners.example.com/t/acm/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},
		{"partners.example.com/t/acme%2Forders/7", "acme", nil, authz.PlaceUnknown, "", ""},
		{"partners.example.com/t//acme/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},
		{"partners.example.com/t/acme;x/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},
		{"partners.example.com/t/hidden/orders/7", "hidden", nil, authz.PlaceUnknown, "", ""},
		{"partners.example.com/t/", "acme", nil, authz.PlaceUnknown, "", ""},
		{"partners.example.com/tt/acme/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},
		{"partners.example.com/orders/7", "acme", nil, authz.PlaceUnknown, "", ""},

		{"sidecar/orders/7", "acme", in("acme"), authz.Allowed, "acme", "mesh"},
		{"sidecar/orders/7", "globex", in("acme"), authz.TenantMismatch, "acme", "mesh"},
		{"api.example.com/orders/7", "acme", in("acme"), authz.Allowed, "acme", "mesh"},
		{"api.example.com/orders/7", "globex", in("acme"), authz.TenantMismatch, "acme", "mesh"},
		{"partners.example.com/t/acme/orders/7", "acme", in("acme"), authz.Allowed, "acme", "mesh"},
		{"partners.example.com/t/acme/orders/secret/7", "acme", in("acme"), authz.PolicyDenied, "acme", "mesh"},
		{"partners.example.com/t/acme/orders/7", "globex", in("globex"), authz.TenantConflict, "", ""},
		{"acme.api.example.com/orders/7", "globex", in("globex"), authz.TenantConflict, "", ""},
		{"broken.example/orders/7", "acme", in("acme"), authz.TenantConflict, "", ""},
		{"partners.example.com/t/acme%2Forders/7", "acme", in("acme"), authz.PlaceUnknown, "", ""},

		{"broken.example/orders/7", "broken", nil, authz.TenantUnavailable, "", ""},
		{"broken.example/status", "", nil, authz.TenantUnavailable, "", ""},
		{"broken.api.example.com/orders/7", "", nil, authz.TenantUnavailable, "", ""},
		{"partners.example.com/t/broken/orders/7", "", nil, authz.TenantUnavailable, "", ""},
		{"sidecar/orders/7", "", in("broken"), authz.TenantUnavailable, "", ""},
		{"api.example.com/orders/7", "broken", nil, authz.TenantUnavailable, "", "claim"},
		{"b.wild.example/orders/7", "acme", nil, authz.Allowed, "acme", ""}, // never broken's: acme's wildcard does not yield to it

		{"asleep.example/orders/7", "asleep", nil, authz.TenantSuspended, "asleep", ""},
		{"asleep.example/status", "", nil, authz.TenantSuspended, "asleep", ""},
		{"asleep.api.example.com/orders/7", "", nil, authz.TenantSuspended, "asleep", "label"},
		{"partners.example.com/t/asleep/status", "", nil, authz.TenantSuspended, "asleep", "path"},
		{"api.example.com/orders/7", "asleep", nil, authz.TenantSuspended, "", "claim"},
	}
	for _, tt := range tests {
		for round := range 2 {
			raw, change := "", func(*authz.Request) {}
			if tt.token != "" {
				raw = p.token(t, tt.token)
			}
			if tt.change != nil {
				change = tt.change
			}
			d := p.ask(tt.address, raw, change)
			if d.Reason != tt.want || d.Tenant != tt.tenant || d.Entry != tt.entry {
				t.Errorf("%s with a token of %q, round %d: %v at %q by %q, want %v at %q by %q",
					tt.address, tt.token, round, d.Reason, d.Tenant, d.Entry, tt.want, tt.tenant, tt.entry)
			}
			if value, _ := header(&d, "x-tenant"); d.Verdict == authz.Allow && value != tt.tenant {
				t.Errorf("%s: x-tenant is %q", tt.address, value)
			}
		}
	}
}

// A claim is one non-empty string; nothing else names a tenant.
func TestP2OddTenantClaims(t *testing.T) {
	p := newPlatform(t, nil)
	for _, claim := range []any{nil, "", []string{"org-acme"}, map[string]any{"id": "org-acme"}, 7, true, "ORG-ACME", "org-acme ", "acme"} {
		raw := p.idp.sign(t, jwt.MapClaims{"org_id": claim, "scope": "orders:read"})
		if d := p.ask("api.example.com/orders/7", raw); d.Reason != authz.TenantUnknown {
			t.Errorf("org_id %v by claim: %v", claim, d.Reason)
		}
		if d := p.ask("acme.example/orders/7", raw); d.Reason != authz.TenantMismatch {
			t.Errorf("org_id %v by host: %v", claim, d.Reason)
		}
	}
}

// TestP1EntryBeforeATenant holds what an entry passes before it knows a tenant:
// its own public routes and preflights, without any identity.
func TestP1EntryBeforeATenant(t *testing.T) {
	p := newPlatform(t, nil)
	forged := authz.Header{Name: "x-tenant", Value: "globex"}
	with := func(lines ...authz.Header) func(*authz.Request) {
		return func(r *authz.Request) { r.Headers.Lines = append(r.Headers.Lines, lines...) }
	}
	preflight := func(r *authz.Request) {
		r.Method = "OPTIONS"
		with(authz.Header{Name: "origin", Value: "https://app.example"}, authz.Header{Name: "access-control-request-method", Value: "GET"})(r)
	}
	tests := []struct {
		name, address, raw string
		change             func(*authz.Request)
		want               authz.Reason
		tenant             string
	}{
		{"public", "api.example.com/healthz", "", with(forged), authz.PublicRoute, ""},
		{"public with garbage", "api.example.com/healthz", "garbage", with(forged), authz.PublicRoute, ""},
		{"public, other method", "api.example.com/healthz", "", func(r *authz.Request) { r.Method = "POST" }, authz.NoToken, ""},
		{"public, upgrade", "api.example.com/healthz", "", func(r *authz.Request) { r.Upgrade = "websocket" }, authz.NoToken, ""},
		{"preflight", "api.example.com/orders/7", "", preflight, authz.PreflightPassed, ""},
		{"preflight at a tenant", "acme.api.example.com/orders/7", "", preflight, authz.PreflightPassed, "acme"},
		{"preflight nowhere", "nobody.api.example.com/orders/7", "", preflight, authz.PlaceUnknown, ""},
		{"preflight with a token", "api.example.com/orders/7", "garbage", preflight, authz.TokenMalformed, ""},
		{"optional without", "api.example.com/maybe/1", "", with(forged), authz.PublicRoute, ""},
		{"optional with", "api.example.com/maybe/1", p.token(t, "acme"), with(forged), authz.PublicRoute, "acme"},
		{"optional with garbage", "api.example.com/maybe/1", "garbage", with(), authz.TokenMalformed, ""},
		{"optional of nobody", "api.example.com/maybe/1", p.token(t, "nobody"), with(), authz.TenantUnknown, ""},
		{"optional of one asleep", "api.example.com/maybe/1", p.token(t, "asleep"), with(), authz.TenantSuspended, ""},
	}
	for _, tt := range tests {
		d := p.ask(tt.address, tt.raw, tt.change)
		if d.Reason != tt.want || d.Tenant != tt.tenant || d.Verdict != tt.want.Verdict() {
			t.Errorf("%s: %v at %q, want %v at %q", tt.name, d.Reason, d.Tenant, tt.want, tt.tenant)
		}
		if d.Verdict != authz.Allow {
			continue
		}
		for _, name := range []string{"x-tenant", "x-user-id"} {
			value, set := header(&d, name)
			removed := strings.Contains(" "+strings.Join(d.Remove, " ")+" ", " "+name+" ")
			if set == removed || tt.tenant == "" && set || value == "globex" {
				t.Errorf("%s: %s is %q, removed %v", tt.name, name, value, removed)
			}
		}
	}
}

// What a client sees of an unknown place is what it sees of any known one
// without a token.
func TestP1UnknownPlacesOfEntriesLookLikeNoToken(t *testing.T) {
	p := newPlatform(t, nil)
	known := p.ask("acme.example/orders/7", "")
	for _, address := range []string{
		"api.example.com/orders/7", "acme.api.example.com/orders/7", "nobody.api.example.com/orders/7", "partners.example.com/t/acme/orders/7",
		"partners.example.com/t/nobody/orders/7", "partners.example.com/elsewhere", "partners.example.com/t/acme%2Fx", "nowhere/", "x.claim.example.com/any",
	} {
		d := p.ask(address, "")
		if d.Verdict != known.Verdict || d.Realm != known.Realm || len(d.Scopes)+len(d.ResponseHeaders)+len(d.Document) > 0 || d.ResourceMetadata != "" {
			t.Errorf("%s: %+v differs from %+v", address, d, known)
		}
		if d.Reason != authz.NoToken && d.Reason != authz.PlaceUnknown {
			t.Errorf("%s: %v", address, d.Reason)
		}
	}
}

// TestP2IDsAreThoseOfTheirIssuer holds that an id is looked for among those of
// the issuer that says it, where an entry has several.
func TestP2IDsAreThoseOfTheirIssuer(t *testing.T) {
	one, two := newIDP(t, "https://one.example.com/", 1), newIDP(t, "https://two.example.com/", 2)
	issuers := []*authz.Issuer{newIssuer(t, one.issuer(t, "one"), "org"), newIssuer(t, two.issuer(t, "two"), "org")}
	tenant := func(name string, ids ...string) *authz.Tenant {
		spec := authz.TenantSpec{Name: name, Entries: []string{"claim"}, Policy: ordersPolicy(t), IDs: map[string]string{}}
		for i, id := range ids {
			if id != "" {
				spec.Grants, spec.IDs[issuers[i].Name()] = append(spec.Grants, authz.IssuerGrant{Issuer: issuers[i]}), id
			}
		}
		return newTenant(t, spec)
	}
	engine := newEngine(newClock().Now, zeros{}, newSnapshot(t, authz.SnapshotSpec{
		Entries: []authz.EntrySpec{{Name: "claim", Hosts: []string{"api.example"}, TenantFromClaim: issuers, Cache: token.NewCache(100)}},
		Tenants: []*authz.Tenant{tenant("first", "x", ""), tenant("second", "", "x"), tenant("both", "y", "z")},
	}))
	for range 2 { // fresh and cached
		for _, row := range []struct {
			idp  *idp
			id   string
			want string
		}{{one, "x", "first"}, {two, "x", "second"}, {one, "y", "both"}, {two, "y", ""}, {one, "z", ""}, {two, "z", "both"}} {
			req := get("/any/1", row.idp.sign(t, jwt.MapClaims{"org": row.id}))
			req.Host = "api.example"
			d := engine.Decide(t.Context(), req)
			if d.Tenant != row.want || (d.Reason == authz.Allowed) != (row.want != "") || row.want == "" && d.Reason != authz.TenantUnknown {
				t.Errorf("%s of %s: %v of %q, want %q", row.id, row.idp.url, d.Reason, d.Tenant, row.want)
			}
		}
	}
}
