//go:build unix

package authz_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// rsaIDP signs RS256 tokens; the key is made once, since that is dear.
type rsaIDP struct {
	secret *rsa.PrivateKey
	ed     ed25519.PrivateKey
	set    *token.KeySet
}

var benchIDP = sync.OnceValue(func() *rsaIDP {
	secret, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	key, err := token.NewKey(token.KeySpec{KID: "2026-03-rs256-1", Alg: "RS256", Public: secret.Public()})
	if err != nil {
		panic(err)
	}
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	other, err := token.NewKey(token.KeySpec{KID: "ed", Alg: "EdDSA", Public: ed.Public()})
	if err != nil {
		panic(err)
	}
	return &rsaIDP{secret: secret, ed: ed, set: token.NewKeySet([]*token.Key{key, other})}
})

// KeySet implements token.KeySource.
func (p *rsaIDP) KeySet(context.Context, string) (*token.KeySet, error) { return p.set, nil }

// benchClaims are those of an access token of about 970 bytes.
func benchClaims(n int, tenant string) jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "https://id.example.com/", "aud": []string{audience}, "sub": fmt.Sprintf("auth0|65f0c2a9d1%08d", n),
		"iat": start.Add(-time.Minute).Unix(), "exp": start.Add(time.Hour).Unix(), "azp": "web-frontend-production",
		"jti": fmt.Sprintf("6f1d8d0e-6c6c-4c38-8a5e-%012d", n), "scope": "openid profile orders:read orders:write",
		"roles": []string{"reader", "writer", "billing"}, "email": fmt.Sprintf("user%d@example.com", n), "tid": tenant,
		"email_verified": true,
	}
}

func (p *rsaIDP) mint(tb testing.TB, claims jwt.MapClaims) string {
	tb.Helper()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	unsigned.Header["kid"], unsigned.Header["typ"] = "2026-03-rs256-1", "at+jwt"
	signed, err := unsigned.SignedString(p.secret)
	if err != nil {
		tb.Fatal(err)
	}
	return signed
}

// benchWorld is what a cached check runs in.
type benchWorld struct {
	engine  *authz.Engine
	request authz.Request
	line    int // of the token
}

type benchCase struct {
	tenants int
	byClaim bool
	cel     bool
	cache   *token.Cache
}

func benchPolicy(tb testing.TB, cel bool) *policy.Policy {
	roles := policy.Condition{Claim: []string{"roles"}, ContainsAny: &policy.Operand{Literal: &policy.Literal{Kind: policy.List, List: []policy.Literal{
		{Kind: policy.String, String: "reader"}, {Kind: policy.String, String: "admin"}}}}}
	spec := policy.Spec{
		Require: []policy.Condition{{Claim: []string{"email_verified"}, Equals: &policy.Operand{Literal: &policy.Literal{Kind: policy.Bool, Bool: true}}}},
		Rules: []policy.RuleSpec{
			{Name: "admin-only", Action: policy.Deny, Paths: []string{"/admin/**"}},
			{Name: "read", Action: policy.Allow, Methods: []string{"GET"}, Paths: []string{"/orders/**"},
				When: []policy.Condition{{Claim: []string{"scope"}, HasScope: text("orders:read")}, roles}},
			{Name: "write", Action: policy.Allow, Methods: []string{"POST", "PUT"}, Paths: []string{"/orders/**"},
				When: []policy.Condition{{Claim: []string{"scope"}, HasScope: text("orders:write")}}},
			{Name: "blocked", Action: policy.Deny, When: []policy.Condition{{Claim: []string{"sub"}, In: &policy.Operand{Literal: &policy.Literal{
				Kind: policy.List, List: []policy.Literal{{Kind: policy.String, String: "u-17"}, {Kind: policy.String, String: "u-93"}}}}}}},
		},
	}
	if cel {
		spec.Rules = append(spec.Rules, policy.RuleSpec{Name: "region", Action: policy.Deny,
			When: []policy.Condition{{CEL: `has(claims.region) && request.headers["x-region"] != claims.region`}}})
	}
	return compilePolicy(tb, spec)
}

func newBenchWorld(tb testing.TB, c benchCase) *benchWorld {
	owned := ownedHeaders(tb, "x-tenant", "x-plan", "x-user-id", "x-roles", "x-email", "x-scopes", "x-internal", "x-debug")
	compiled, err := token.NewIssuer(token.IssuerSpec{
		Name: "idp", URL: "https://id.example.com/", Audiences: []string{audience}, Algorithms: []string{"RS256", "EdDSA"},
		ClockSkew: 30 * time.Second, Keys: benchIDP(), KeysID: "bench",
	})
	if err != nil {
		tb.Fatal(err)
	}
	var claim []string
	if c.byClaim || c.tenants > 1 {
		claim = []string{"tid"}
	}
	issuer, problems := authz.NewIssuer(authz.IssuerSpec{Issuer: compiled, TenantClaim: claim, Mappings: map[string][]string{"roles": {"roles"}}})
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	rules, plans := benchPolicy(tb, c.cel), authz.NewPlans()
	snapshot := authz.SnapshotSpec{Owned: owned, Realm: "api", DecisionIDHeader: "x-decision-id"}
	if c.byClaim {
		snapshot.Entries = []authz.EntrySpec{{Name: "shared", Hosts: []string{"api.example.com"}, TenantFromClaim: []*authz.Issuer{issuer}, Cache: c.cache}}
	}
	for i := range c.tenants {
		tenant := authz.TenantSpec{
			Name: fmt.Sprintf("tenant-%05d", i), Grants: []authz.IssuerGrant{{Issuer: issuer}}, Labels: map[string]string{"plan": "gold"},
			Cache: c.cache, Policy: rules, Owned: owned, Plans: plans,
			Headers: []authz.HeaderSpec{
				{Name: "x-tenant", Source: authz.SourceSpec{Tenant: "name"}},
				{Name: "x-plan", Source: authz.SourceSpec{Tenant: "labels.plan"}},
				{Name: "x-user-id", Source: authz.SourceSpec{Claim: []string{"sub"}}, Required: true},
				{Name: "x-roles", Source: authz.SourceSpec{Mapped: "roles"}, Join: ","},
				{Name: "x-email", Source: authz.SourceSpec{Claim: []string{"email"}}},
				{Name: "x-scopes", Source: authz.SourceSpec{Claim: []string{"scope"}}},
			},
			Metadata: []authz.MetadataSpec{{Name: "plan", Source: authz.SourceSpec{Tenant: "labels.plan"}}, {Name: "sub", Source: authz.SourceSpec{Claim: []string{"sub"}}}},
		}
		if c.byClaim {
			tenant.Entries = []string{"shared"}
		} else {
			tenant.Hosts = []string{fmt.Sprintf("t%05d.example.com", i)}
		}
		snapshot.Tenants = append(snapshot.Tenants, newTenant(tb, tenant))
	}
	w := &benchWorld{engine: newEngine(func() time.Time { return start }, nil, newSnapshot(tb, snapshot))}
	w.request = authz.Request{Method: "GET", Path: authz.CanonicalPath("/orders/2026/7"), Host: "t00000.example.com", Scheme: "https"}
	if c.byClaim {
		w.request.Host = "api.example.com"
	}
	w.request.Headers.Lines = benchHeaders()
	w.line = len(w.request.Headers.Lines) - 1
	return w
}

// benchHeaders are 20 lines as a browser and a mesh send them, the token last.
func benchHeaders() []authz.Header {
	return []authz.Header{
		{Name: "accept", Value: "application/json, text/plain, */*"}, {Name: "accept-encoding", Value: "gzip, deflate, br"},
		{Name: "accept-language", Value: "en-GB,en;q=0.9"}, {Name: "cache-control", Value: "no-cache"},
		{Name: "content-type", Value: "application/json"}, {Name: "cookie", Value: "a=1; b=2; session=0123456789abcdef"},
		{Name: "origin", Value: "https://app.example.com"}, {Name: "referer", Value: "https://app.example.com/orders"},
		{Name: "sec-fetch-dest", Value: "empty"}, {Name: "sec-fetch-mode", Value: "cors"}, {Name: "sec-fetch-site", Value: "same-site"},
		{Name: "traceparent", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{Name: "user-agent", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"},
		{Name: "x-forwarded-for", Value: "203.0.113.7"}, {Name: "x-forwarded-proto", Value: "https"},
		{Name: "x-request-id", Value: "5b1f8f6e-7a0c-4d2b-9d7c-2d7b3a1f6c11"}, {Name: "x-envoy-external-address", Value: "203.0.113.7"},
		{Name: "x-region", Value: "eu-west-1"}, {Name: "content-length", Value: "17"},
		{Name: "authorization"},
	}
}

func (w *benchWorld) decide(tb testing.TB, d *authz.Decision, raw string) {
	w.request.Headers.Lines[w.line].Value = raw
	w.engine.DecideInto(tb.Context(), &w.request, d)
	if d.Verdict != authz.Allow {
		tb.Fatal(d.Reason)
	}
}

func (w *benchWorld) run(b *testing.B, n int, each func(i int) (host, raw string)) {
	hosts, raws := make([]string, n), make([]string, n)
	var d authz.Decision
	for i := range n {
		hosts[i], raws[i] = each(i)
		if hosts[i] != "" {
			w.request.Host = hosts[i]
		}
		w.decide(b, &d, raws[i])
	}
	if len(d.Set) != 6 || len(d.Remove) == 0 || len(d.Metadata) != 3 || len(d.ResponseHeaders) != 1 {
		b.Fatalf("%+v", d)
	}
	b.ReportMetric(float64(len(raws[0])), "token-bytes")
	b.ReportAllocs()
	i, before := 0, cpuTime()
	for b.Loop() {
		// A stride that meets all of them, far apart.
		if i += 7919; i >= n {
			i %= n
		}
		if hosts[i] != "" {
			w.request.Host = hosts[i]
		}
		w.decide(b, &d, raws[i])
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
	if !d.Cached {
		b.Fatal("not cached")
	}
}

// cpuTime is the time that the process had a processor, which other processes
// falsify less than they do the clock.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkDecideCached is what a check with a cached token costs, all in.
func BenchmarkDecideCached(b *testing.B) {
	one := func(w *benchWorld, b *testing.B) {
		raw := "Bearer " + benchIDP().mint(b, benchClaims(1, "tenant-00000"))
		w.run(b, 1, func(int) (string, string) { return "", raw })
	}
	b.Run("1 token", func(b *testing.B) { one(newBenchWorld(b, benchCase{tenants: 1, cache: token.NewCache(1000)}), b) })
	b.Run("by claim", func(b *testing.B) {
		one(newBenchWorld(b, benchCase{tenants: 100, byClaim: true, cache: token.NewCache(1000)}), b)
	})
	b.Run("CEL", func(b *testing.B) {
		one(newBenchWorld(b, benchCase{tenants: 1, cel: true, cache: token.NewCache(1000)}), b)
	})
	b.Run("10000 tenants", func(b *testing.B) {
		w := newBenchWorld(b, benchCase{tenants: 10_000, cache: token.NewCache(1 << 18)})
		mint := manyTokens(b)
		w.run(b, 10_000, func(i int) (string, string) {
			return fmt.Sprintf("t%05d.example.com", i), mint(i, fmt.Sprintf("tenant-%05d", i))
		})
	})
	b.Run("100000 tokens", func(b *testing.B) {
		w := newBenchWorld(b, benchCase{tenants: 1, cache: token.NewCache(1 << 18)})
		mint := manyTokens(b)
		w.run(b, 100_000, func(i int) (string, string) { return "", mint(i, "tenant-00000") })
	})
}

// manyTokens returns how to make many tokens in little time: an Ed25519
// signature is cheap, and padding of the header makes up for its length.
func manyTokens(tb testing.TB) func(n int, tenant string) string {
	pad := strings.Repeat("p", 175)
	return func(n int, tenant string) string {
		unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, benchClaims(n, tenant))
		unsigned.Header["kid"], unsigned.Header["typ"], unsigned.Header["pad"] = "ed", "at+jwt", pad
		signed, err := unsigned.SignedString(benchIDP().ed)
		if err != nil {
			tb.Fatal(err)
		}
		return "Bearer " + signed
	}
}
