package authz_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// neighbour is a tenant that shares all it can with the others: the kid, the
// audience, subjects, policy, cache and owned headers.
type neighbour struct {
	name   string
	idp    *idp
	tenant *authz.Tenant
}

func newNeighbour(tb testing.TB, name string, seed byte, cache *token.Cache, owned *authz.OwnedHeaders) *neighbour {
	tb.Helper()
	n := &neighbour{name: name, idp: newIDP(tb, "https://id.example.com/"+name, seed)}
	n.tenant = newTenant(tb, authz.TenantSpec{
		Name: name, Hosts: []string{name + ".example.com"}, Entries: []string{"mesh"},
		Issuers: []*token.Issuer{n.idp.issuer(tb, "idp")}, Cache: cache, Policy: ordersPolicy(tb), Owned: owned,
		Headers: []authz.HeaderSpec{
			{Name: "x-tenant", Source: authz.SourceSpec{Tenant: "name"}},
			{Name: "x-user-id", Source: authz.SourceSpec{Claim: []string{"sub"}}},
		},
		Metadata: []authz.MetadataSpec{{Name: "tenant", Source: authz.SourceSpec{Tenant: "name"}}, {Name: "sub", Source: authz.SourceSpec{Claim: []string{"sub"}}}},
	})
	return n
}

// at is a request that reaches the tenant by its host, or by the mesh entry.
func (n *neighbour) at(mesh bool, raw string) *authz.Request {
	req := get("/orders/7", raw)
	req.Host = n.name + ".example.com"
	if mesh {
		req.Host = "anything.internal"
		req.Context = map[string]string{"tenant": n.name}
	}
	return req
}

func neighbourhood(tb testing.TB, owned *authz.OwnedHeaders, tenants ...*neighbour) *authz.Snapshot {
	tb.Helper()
	spec := authz.SnapshotSpec{Owned: owned, Realm: "api", Entries: []authz.EntrySpec{{Name: "mesh", ContextExtension: "tenant"}}}
	for _, n := range tenants {
		spec.Tenants = append(spec.Tenants, n.tenant)
	}
	return newSnapshot(tb, spec)
}

func TestP2TokenOfOneTenantIsGoodNowhereElse(t *testing.T) {
	cache, owned := token.NewCache(1000), ownedHeaders(t, "x-tenant", "x-user-id")
	a, b := newNeighbour(t, "a", 1, cache, owned), newNeighbour(t, "b", 2, cache, owned)
	engine := newEngine(newClock().Now, nil, neighbourhood(t, owned, a, b))
	forged := &idp{url: b.idp.url, kid: a.idp.kid, secret: a.idp.secret}
	tokens := map[*neighbour]string{a: a.idp.sign(t, scope), b: b.idp.sign(t, scope)}
	for range 2 { // the second time every good token is cached
		for _, mesh := range []bool{false, true} {
			for _, home := range []*neighbour{a, b} {
				for _, owner := range []*neighbour{a, b} {
					d := engine.Decide(context.Background(), home.at(mesh, tokens[owner]))
					if allowed := d.Verdict == authz.Allow; allowed != (home == owner) {
						t.Errorf("mesh %v: token of %s at %s: %v", mesh, owner.name, home.name, d.Reason)
					}
					if home != owner && (d.Reason != authz.IssuerUnknown || d.Subject != "" || d.Issuer != "") {
						t.Errorf("mesh %v: token of %s at %s: %+v", mesh, owner.name, home.name, d)
					}
				}
				d := engine.Decide(context.Background(), home.at(mesh, forged.sign(t, scope)))
				if d.Verdict == authz.Allow {
					t.Errorf("mesh %v: token with the issuer of b and the key of a is good at %s", mesh, home.name)
				}
			}
		}
	}
}

func TestP2Places(t *testing.T) {
	cache, owned := token.NewCache(1000), ownedHeaders(t, "x-tenant", "x-user-id")
	a, b := newNeighbour(t, "a", 1, cache, owned), newNeighbour(t, "b", 2, cache, owned)
	hostsOnly := newTenant(t, authz.TenantSpec{
		Name: "c", Hosts: []string{"c.example.com"}, Policy: ordersPolicy(t), Owned: owned,
		Issuers: []*token.Issuer{newIDP(t, "https://id.example.com/c", 3).issuer(t, "idp")},
	})
	snapshot := newSnapshot(t, authz.SnapshotSpec{
		Owned: owned, Tenants: []*authz.Tenant{a.tenant, b.tenant, hostsOnly},
		Entries: []authz.EntrySpec{{Name: "mesh", ContextExtension: "tenant"}, {Name: "edge", ContextExtension: "edge-tenant"}},
	})
	engine := newEngine(newClock().Now, nil, snapshot)
	tests := []struct {
		name    string
		host    string
		context map[string]string
		tenant  string
		want    authz.Reason
	}{
		{"host", "a.example.com", nil, "a", authz.NoToken},
		{"context", "x", map[string]string{"tenant": "b"}, "b", authz.NoToken},
		{"context without host", "", map[string]string{"tenant": "b"}, "b", authz.NoToken},
		{"context and its host", "a.example.com", map[string]string{"tenant": "a"}, "a", authz.NoToken},
		{"other keys", "a.example.com", map[string]string{"route": "b"}, "a", authz.NoToken},
		{"unknown host", "d.example.com", nil, "", authz.PlaceUnknown},
		{"sub-domain", "x.a.example.com", nil, "", authz.PlaceUnknown},
		{"unknown value", "a.example.com", map[string]string{"tenant": "d"}, "", authz.PlaceUnknown},
		{"empty value", "a.example.com", map[string]string{"tenant": ""}, "", authz.PlaceUnknown},
		{"other case", "x", map[string]string{"tenant": "A"}, "", authz.PlaceUnknown},
		{"tenant without this entry", "x", map[string]string{"tenant": "c"}, "", authz.PlaceUnknown},
		{"tenant of another entry", "x", map[string]string{"edge-tenant": "a"}, "", authz.PlaceUnknown},
		{"one key known, one not", "x", map[string]string{"tenant": "a", "edge-tenant": "a"}, "", authz.PlaceUnknown},
		{"context against host", "b.example.com", map[string]string{"tenant": "a"}, "", authz.TenantConflict},
		{"context against a host without entry", "c.example.com", map[string]string{"tenant": "a"}, "", authz.TenantConflict},
	}
	for _, tt := range tests {
		req := get("/orders/7", "")
		req.Host, req.Context = tt.host, tt.context
		d := engine.Decide(context.Background(), req)
		if d.Reason != tt.want || d.Tenant != tt.tenant {
			t.Errorf("%s: %v at %q, want %v at %q", tt.name, d.Reason, d.Tenant, tt.want, tt.tenant)
		}
	}
}

func TestP2TwoContextKeys(t *testing.T) {
	owned := ownedHeaders(t)
	build := func(name string, seed byte) *authz.Tenant {
		return newTenant(t, authz.TenantSpec{
			Name: name, Entries: []string{"one", "two"}, Policy: ordersPolicy(t), Owned: owned,
			Issuers: []*token.Issuer{newIDP(t, "https://id.example.com/"+name, seed).issuer(t, "idp")},
		})
	}
	engine := newEngine(newClock().Now, nil, newSnapshot(t, authz.SnapshotSpec{
		Owned: owned, Tenants: []*authz.Tenant{build("a", 1), build("b", 2)},
		Entries: []authz.EntrySpec{{Name: "one", ContextExtension: "k1"}, {Name: "two", ContextExtension: "k2"}},
	}))
	for _, tt := range []struct {
		one, two string
		want     authz.Reason
	}{{"a", "a", authz.NoToken}, {"a", "b", authz.TenantConflict}, {"b", "a", authz.TenantConflict}, {"a", "x", authz.PlaceUnknown}} {
		req := get("/orders/7", "")
		req.Context = map[string]string{"k1": tt.one, "k2": tt.two}
		if d := engine.Decide(context.Background(), req); d.Reason != tt.want {
			t.Errorf("k1 %s, k2 %s: %v, want %v", tt.one, tt.two, d.Reason, tt.want)
		}
	}
}

func TestP2ContestedPlacesAreProblems(t *testing.T) {
	owned := ownedHeaders(t, "x-tenant")
	build := func(name, host, url string) *authz.Tenant {
		return newTenant(t, authz.TenantSpec{
			Name: name, Hosts: []string{host}, Policy: ordersPolicy(t), Owned: owned,
			Issuers: []*token.Issuer{newIDP(t, url, 1).issuer(t, "idp")},
		})
	}
	first := build("first", "one.example.com", "https://one.example.com")
	unknownEntry := newTenant(t, authz.TenantSpec{
		Name: "lost", Entries: []string{"nowhere"}, Policy: ordersPolicy(t), Owned: owned,
		Issuers: []*token.Issuer{newIDP(t, "https://lost.example.com", 1).issuer(t, "idp")},
	})
	tests := []struct {
		name string
		spec authz.SnapshotSpec
		path string
		says []string
	}{
		{"host", authz.SnapshotSpec{Tenants: []*authz.Tenant{first, build("second", "one.example.com", "https://two.example.com")}},
			"tenants[1].hosts[0]", []string{`"first"`, `"second"`, "one.example.com"}},
		{"issuer", authz.SnapshotSpec{Tenants: []*authz.Tenant{first, build("second", "two.example.com", "https://one.example.com")}},
			"tenants[1].issuers[0]", []string{`"first"`, `"second"`, "https://one.example.com"}},
		{"name", authz.SnapshotSpec{Tenants: []*authz.Tenant{first, build("first", "two.example.com", "https://two.example.com")}},
			"tenants[1].name", []string{`"first"`}},
		{"entry", authz.SnapshotSpec{Tenants: []*authz.Tenant{unknownEntry}}, "tenants[0].entries[0]", []string{`"lost"`, `"nowhere"`}},
		{"missing", authz.SnapshotSpec{Tenants: []*authz.Tenant{nil}}, "tenants[0]", []string{"missing"}},
		{"other owned headers", authz.SnapshotSpec{Tenants: []*authz.Tenant{first}, Owned: ownedHeaders(t, "x-tenant", "x-more")}, "tenants[0]", []string{"ownedHeaders"}},
		{"entry names", authz.SnapshotSpec{Entries: []authz.EntrySpec{{Name: "e", ContextExtension: "a"}, {Name: "e", ContextExtension: "b"}}},
			"entries[1].name", []string{`"e"`}},
		{"entry keys", authz.SnapshotSpec{Entries: []authz.EntrySpec{{Name: "e", ContextExtension: "a"}, {Name: "f", ContextExtension: "a"}}},
			"entries[1].contextExtension", []string{`"e"`, `"f"`}},
		{"entry without key", authz.SnapshotSpec{Entries: []authz.EntrySpec{{Name: "e"}}}, "entries[0].contextExtension", []string{"context extension"}},
		{"realm", authz.SnapshotSpec{Realm: `a"b`}, "realm", []string{"ASCII"}},
		{"name of a held one", authz.SnapshotSpec{Held: []authz.HeldSpec{{Name: "first", Hosts: []string{"held.example"}, Accepted: true}}, Tenants: []*authz.Tenant{first}},
			"tenants[0].name", []string{`"first"`}},
		{"decision header", authz.SnapshotSpec{DecisionIDHeader: "content-length"}, "decisionIdHeader", []string{"content-length"}},
		{"decision header of answers", authz.SnapshotSpec{DecisionIDHeader: "www-authenticate"}, "decisionIdHeader", []string{"www-authenticate"}},
		{"decision header of bodies", authz.SnapshotSpec{DecisionIDHeader: "content-type"}, "decisionIdHeader", []string{"content-type"}},
		{"decision header of calls", authz.SnapshotSpec{DecisionIDHeader: "grpc-status"}, "decisionIdHeader", []string{"grpc-status"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.spec.Owned == nil {
				tt.spec.Owned = owned
			}
			snapshot, problems := authz.NewSnapshot(tt.spec)
			if snapshot != nil || len(problems) != 1 || problems[0].Path != tt.path {
				t.Fatalf("problems are %v, want one at %s", problems, tt.path)
			}
			for _, word := range tt.says {
				if !strings.Contains(problems[0].Error(), word) {
					t.Errorf("%q does not say %s", problems[0].Error(), word)
				}
			}
		})
	}
}

// Whatever another tenant is like, once it is added the decisions of those who
// were there before stay what they were, to the last header.
func TestP2ANewcomerChangesNothing(t *testing.T) {
	owned := ownedHeaders(t, "x-tenant", "x-user-id")
	cache := token.NewCache(1000)
	a, b, c := newNeighbour(t, "a", 1, cache, owned), newNeighbour(t, "b", 2, cache, owned), newNeighbour(t, "c", 3, cache, owned)
	clock := newClock()
	before := newEngine(clock.Now, zeros{}, neighbourhood(t, owned, a, b))
	after := newEngine(clock.Now, zeros{}, neighbourhood(t, owned, c, b, a))
	var tokens []string
	for _, n := range []*neighbour{a, b, c} {
		tokens = append(tokens, n.idp.sign(t, scope), n.idp.sign(t, jwt.MapClaims{"sub": "x\x00y"}), n.idp.sign(t, jwt.MapClaims{"exp": start.Unix() - 100}))
	}
	rapid.Check(t, func(t *rapid.T) {
		req := get(rapid.SampledFrom([]string{"/orders/7", "/any/x", "/orders/secret", "/a/../b", "/other"}).Draw(t, "path"),
			rapid.SampledFrom(append(tokens, "", "garbage")).Draw(t, "token"))
		req.Method = rapid.SampledFrom([]string{"GET", "POST", "OPTIONS"}).Draw(t, "method")
		req.Host = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "host") + ".example.com"
		if rapid.Bool().Draw(t, "mesh") {
			req.Context = map[string]string{"tenant": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "context")}
		}
		old, fresh := before.Decide(context.Background(), req), after.Decide(context.Background(), req)
		old.Cached, fresh.Cached = false, false
		if !reflect.DeepEqual(old, fresh) {
			t.Fatalf("the newcomer changes\n%+v to\n%+v", old, fresh)
		}
	})
}

// The name of an issuer belongs to the tenant's own configuration. A token
// that was cached while the issuer had another name must not bring that back.
func TestP2IssuerNameComesFromTheTenant(t *testing.T) {
	cache, owned := token.NewCache(1000), ownedHeaders(t, "x-issuer")
	provider := newIDP(t, "https://id.example.com/", 1)
	build := func(name string) *authz.Snapshot {
		return newSnapshot(t, authz.SnapshotSpec{Owned: owned, Tenants: []*authz.Tenant{newTenant(t, authz.TenantSpec{
			Name: "acme", Hosts: []string{"api.example.com"}, Issuers: []*token.Issuer{provider.issuer(t, name)}, Cache: cache,
			Policy: ordersPolicy(t), Owned: owned, Headers: []authz.HeaderSpec{{Name: "x-issuer", Source: authz.SourceSpec{Issuer: "name"}}},
		})}})
	}
	engine := newEngine(newClock().Now, nil, nil)
	raw := provider.sign(t, scope)
	for _, name := range []string{"old", "new"} {
		engine.Swap(build(name))
		d := engine.Decide(context.Background(), get("/orders/7", raw))
		if value, _ := header(&d, "x-issuer"); d.Issuer != name || value != name {
			t.Errorf("issuer %q, header %q, want %s (%s)", d.Issuer, value, name, fmt.Sprint(d.Reason))
		}
	}
}
