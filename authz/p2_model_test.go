package authz_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// The model is a configuration in plain words, small enough to try every request
// of its little world.
type (
	modelTenant struct {
		name                  string
		hosts, entries, yield []string
		grants                []modelGrant
	}
	modelGrant struct {
		def    int // index of modelDefs
		id     string
		parts  []string // narrowed audiences, nil for none
		shared bool
	}
	modelEntry struct {
		name, key, prefix string
		hosts             []string
		defs              []int
		yield             []string
	}
	model struct {
		entries []modelEntry
		tenants []modelTenant
	}
)

// modelDef is one definition of an issuer. Two of them match one string more
// often than not.
type modelDef struct {
	name, url, claim string
	parts            []string
	idp              int
}

var modelDefs = []modelDef{ //nolint:gochecknoglobals // a table
	{"plain", "https://id0.example.com", "", []string{"A", "B", "C"}, 0},
	{"plain-too", "https://id0.example.com", "", []string{"A", "D"}, 0},
	{"org", "https://id1.example.com", "org", []string{"A", "B", "C"}, 1},
	{"org-too", "https://id1.example.com", "org", []string{"A", "B"}, 1},
	{"tid", "https://id1.example.com", "tid", []string{"A", "B"}, 1},
	{"directory", "https://id2.example.com/{tid}", "tid", []string{"A", "B"}, 2},
	{"one-directory", "https://id2.example.com/t1", "tid", []string{"A", "B"}, 2},
	{"open-directory", "https://id2.example.com/{tid}", "", []string{"A", "B"}, 2},
	{"open-one", "https://id2.example.com/t2", "", []string{"A", "B"}, 2},
}

// urlsMeet repeats what strings two definitions have in common.
func urlsMeet(a, b string) bool {
	within := func(exact, open string) bool {
		return strings.HasSuffix(open, "{tid}") && strings.HasPrefix(exact, strings.TrimSuffix(open, "{tid}"))
	}
	return a == b || within(a, b) || within(b, a)
}

// kit is what all models are compiled with.
type kit struct {
	idps   []*idp
	defs   []*authz.Issuer
	policy *policy.Policy
	owned  *authz.OwnedHeaders
	cache  *token.Cache
}

func newKit(tb testing.TB) *kit {
	tb.Helper()
	k := &kit{policy: ordersPolicy(tb), owned: ownedHeaders(tb, "x-tenant", "x-user-id"), cache: token.NewCache(10_000)}
	for i := range 3 {
		k.idps = append(k.idps, newIDP(tb, fmt.Sprintf("https://id%d.example.com", i), byte(i+1)))
	}
	for _, def := range modelDefs {
		p := k.idps[def.idp]
		verified, err := token.NewIssuer(token.IssuerSpec{
			Name: def.name, URL: def.url, Audiences: def.parts, Algorithms: []string{"EdDSA"}, Keys: p, KeysID: p.url,
		})
		if err != nil {
			tb.Fatal(err)
		}
		k.defs = append(k.defs, newIssuer(tb, verified, def.claim))
	}
	return k
}

// newIssuer compiles an issuer; the claim is "" for none.
func newIssuer(tb testing.TB, verified *token.Issuer, claim string) *authz.Issuer {
	tb.Helper()
	spec := authz.IssuerSpec{Issuer: verified}
	if claim != "" {
		spec.TenantClaim = []string{claim}
	}
	issuer, problems := authz.NewIssuer(spec)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return issuer
}

// tenant compiles a tenant of the model, or returns nil for one that is bad in
// itself.
func (k *kit) tenant(m *modelTenant) *authz.Tenant {
	spec := authz.TenantSpec{
		Name: m.name, Hosts: m.hosts, Entries: m.entries, YieldsTo: m.yield, Policy: k.policy, Owned: k.owned, Cache: k.cache, IDs: map[string]string{},
		Headers: []authz.HeaderSpec{
			{Name: "x-tenant", Source: authz.SourceSpec{Tenant: "name"}}, {Name: "x-user-id", Source: authz.SourceSpec{Claim: []string{"sub"}}},
		},
	}
	for _, g := range m.grants {
		spec.Grants = append(spec.Grants, authz.IssuerGrant{Issuer: k.defs[g.def], Audiences: g.parts, SharedTokens: g.shared})
		if modelDefs[g.def].claim != "" {
			spec.IDs[modelDefs[g.def].name] = g.id
		}
	}
	tenant, _ := authz.NewTenant(spec)
	return tenant
}

func (k *kit) spec(m *model) authz.SnapshotSpec {
	spec := authz.SnapshotSpec{Owned: k.owned, Realm: "api"}
	for _, e := range m.entries {
		entry := authz.EntrySpec{Name: e.name, ContextExtension: e.key, Hosts: e.hosts, PathPrefix: e.prefix, YieldsTo: e.yield, Cache: k.cache}
		for _, def := range e.defs {
			entry.TenantFromClaim = append(entry.TenantFromClaim, k.defs[def])
		}
		spec.Entries = append(spec.Entries, entry)
	}
	for i := range m.tenants {
		if t := k.tenant(&m.tenants[i]); t != nil {
			spec.Tenants = append(spec.Tenants, t)
		}
	}
	return spec
}

// mint returns a token as an issuer makes one for a tenant that was granted it.
// A broad one names all audiences of the issuer.
func (k *kit) mint(tb testing.TB, m *modelTenant, g *modelGrant, broad bool) string {
	tb.Helper()
	def := &modelDefs[g.def]
	claims := jwt.MapClaims{"iss": def.url, "aud": def.parts[0], "scope": "orders:read", "sub": m.name}
	if g.parts != nil {
		claims["aud"] = g.parts[0]
	}
	if broad {
		claims["aud"] = def.parts
	}
	if def.claim != "" {
		claims[def.claim] = g.id
	}
	if strings.HasSuffix(def.url, "{tid}") {
		claims["iss"], claims["tid"] = strings.Replace(def.url, "{tid}", g.id, 1), g.id
	}
	return k.idps[def.idp].sign(tb, claims)
}

// drawModel draws a configuration that is often sound and often not.
func drawModel(t *rapid.T) *model {
	some := func(from []string, most int, what string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, most, rapid.ID[string]).Draw(t, what)
	}
	m := &model{}
	names := []string{"t1", "t2", "t3", "t4"}
	entryNames := []string{}
	for i, form := range some([]string{"context", "label", "prefix", "claim", "claim-prefix", "label-prefix"}, 3, "entries") {
		e := modelEntry{name: fmt.Sprintf("e%d", i)}
		hosts := []string{"api.x", "b.x", "*.x", "*"}
		switch form {
		case "context":
			e.key = "tenant"
		case "label":
			e.hosts = []string{"{tenant}.x"}
		case "label-prefix":
			e.hosts, e.prefix = []string{"{tenant}.x"}, "/p"
		case "prefix":
			e.hosts, e.prefix = append(some(hosts, 2, "hosts"), "c.y"), rapid.SampledFrom([]string{"/t/{tenant}", "/{tenant}", "/{tenant}/p"}).Draw(t, "prefix")
		case "claim":
			e.hosts, e.defs = append(some(hosts, 2, "hosts"), "d.y"), []int{2, 5}
		case "claim-prefix":
			e.hosts, e.defs, e.prefix = append(some(hosts, 1, "hosts"), "c.y"), []int{2}, "/p"
		}
		e.yield = some(append(names, "e0", "e1", "e2"), 5, "entry yields")
		m.entries = append(m.entries, e)
		entryNames = append(entryNames, e.name)
	}
	common := rapid.SampledFrom([]int{0, 2, 2, 2, 5, 5}).Draw(t, "common definition")
	for _, name := range names[:rapid.IntRange(1, 4).Draw(t, "tenants")] {
		m.tenants = append(m.tenants, modelTenant{
			name: name, hosts: append(some([]string{"api.x", "b.x", "t2.x", "*.x", "*", "c.y"}, 1, "hosts"), name+".own"),
			yield: some(append(names, "e0", "e1", "e2"), 4, "yields"), grants: drawGrants(t, name, common),
		})
		if len(entryNames) > 0 {
			m.tenants[len(m.tenants)-1].entries = some(entryNames, len(entryNames), "listed")
		}
	}
	return m
}

func drawGrants(t *rapid.T, name string, common int) []modelGrant {
	var grants []modelGrant
	defs := []int{common, common, common, common, common, common, 0, 1, 2, 3, 4, 5, 6, 7, 8}
	for _, def := range rapid.SliceOfNDistinct(rapid.SampledFrom(defs), 1, 2, rapid.ID[int]).Draw(t, "defs") {
		g := modelGrant{def: def, id: name, shared: rapid.IntRange(0, 3).Draw(t, "shared") == 0}
		if rapid.IntRange(0, 5).Draw(t, "foreign id") == 0 {
			g.id = rapid.SampledFrom([]string{"t1", "t2", "org9"}).Draw(t, "id")
		}
		if rapid.Bool().Draw(t, "narrow") {
			g.parts = rapid.SliceOfNDistinct(rapid.SampledFrom(modelDefs[def].parts), 1, 2, rapid.ID[string]).Draw(t, "parts")
		}
		if !slices.ContainsFunc(grants, func(o modelGrant) bool { return urlsMeet(modelDefs[o.def].url, modelDefs[def].url) }) {
			grants = append(grants, g)
		}
	}
	return grants
}

// requests returns every request of the little world, without token.
func requests() []*authz.Request {
	var all []*authz.Request
	for _, host := range []string{"api.x", "b.x", "t1.x", "t2.x", "t9.x", "c.y", "d.y", "t1.own", "t2.own", "a.b.x", "nowhere"} {
		for _, path := range []string{"/any/1", "/p/any/1", "/t/t1/any/1", "/t/t2/any/1", "/t2/any/1", "/t2/p/any/1", "/t/%741/any/1", "/t%2Ft1/any/1"} {
			for _, context := range []string{"", "t1", "t2", "t9"} {
				req := get(path, "")
				req.Host = host
				if context != "" {
					req.Context = map[string]string{"tenant": context}
				}
				all = append(all, req)
			}
		}
	}
	return all
}

// withToken returns a copy of the request that bears the token.
func withToken(req *authz.Request, raw string) *authz.Request {
	bearing := *req
	bearing.Context = maps.Clone(req.Context)
	bearing.Headers.Lines = []authz.Header{{Name: "authorization", Value: "Bearer " + raw}}
	return &bearing
}
