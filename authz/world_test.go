package authz_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// start is where the clock of every test begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const audience = "https://api.example.com"

// idp signs tokens and is the key source of one issuer.
type idp struct {
	url    string
	kid    string
	secret ed25519.PrivateKey
	keys   atomic.Pointer[token.KeySet]
	fault  atomic.Pointer[error]
}

// newIDP returns an issuer whose key is derived from seed. All of them use the
// same kid on purpose.
func newIDP(tb testing.TB, url string, seed byte) *idp {
	tb.Helper()
	secret := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	p := &idp{url: url, kid: "k1", secret: secret}
	p.rotate(tb, secret)
	return p
}

// rotate puts a set of one key, the public half of secret, in force.
func (p *idp) rotate(tb testing.TB, secret ed25519.PrivateKey) {
	tb.Helper()
	key, err := token.NewKey(token.KeySpec{KID: p.kid, Alg: "EdDSA", Public: secret.Public()})
	if err != nil {
		tb.Fatal(err)
	}
	p.keys.Store(token.NewKeySet([]*token.Key{key}))
}

// KeySet implements token.KeySource.
func (p *idp) KeySet(context.Context, string) (*token.KeySet, error) {
	if fault := p.fault.Load(); fault != nil {
		return nil, *fault
	}
	return p.keys.Load(), nil
}

// issuer returns the issuer as a tenant would configure it.
func (p *idp) issuer(tb testing.TB, name string) *token.Issuer {
	tb.Helper()
	issuer, err := token.NewIssuer(token.IssuerSpec{
		Name: name, URL: p.url, Audiences: []string{audience}, Algorithms: []string{"EdDSA"},
		Types: []string{"JWT", "at+jwt"}, ClockSkew: 30 * time.Second, Keys: p, KeysID: p.url,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return issuer
}

// sign returns a token with sensible claims, of which claims replaces some; a
// nil value leaves the claim out.
func (p *idp) sign(tb testing.TB, claims jwt.MapClaims) string {
	tb.Helper()
	all := jwt.MapClaims{
		"iss": p.url, "aud": audience, "sub": "user-1",
		"iat": start.Add(-time.Minute).Unix(), "exp": start.Add(10 * time.Minute).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, all)
	unsigned.Header["kid"] = p.kid
	signed, err := unsigned.SignedString(p.secret)
	if err != nil {
		tb.Fatal(err)
	}
	return signed
}

// clock is a clock that tests move.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(start.UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

// zeros is randomness that makes decisions comparable.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func compilePolicy(tb testing.TB, spec policy.Spec) *policy.Policy {
	tb.Helper()
	compiled, problems := policy.Compile(spec)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return compiled
}

// ordersPolicy allows GET on orders to tokens with the scope orders:read,
// refuses /orders/secret, and has no public route.
func ordersPolicy(tb testing.TB) *policy.Policy {
	tb.Helper()
	return compilePolicy(tb, ordersSpec())
}

func ordersSpec() policy.Spec {
	return policy.Spec{Rules: []policy.RuleSpec{
		{Name: "read", Action: policy.Allow, Methods: []string{"GET"}, Paths: []string{"/orders/**"},
			When: []policy.Condition{{Claim: []string{"scope"}, HasScope: text("orders:read")}}},
		{Name: "any", Action: policy.Allow, Methods: []string{"GET"}, Paths: []string{"/any/**"}, AnyToken: true},
		{Name: "secret", Action: policy.Deny, Paths: []string{"/orders/secret/**"}},
	}}
}

func text(s string) *policy.Operand {
	return &policy.Operand{Literal: &policy.Literal{Kind: policy.String, String: s}}
}

func ownedHeaders(tb testing.TB, names ...string) *authz.OwnedHeaders {
	tb.Helper()
	owned, problems := authz.NewOwnedHeaders(names)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return owned
}

func newTenant(tb testing.TB, spec authz.TenantSpec) *authz.Tenant {
	tb.Helper()
	tenant, problems := authz.NewTenant(spec)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return tenant
}

func newSnapshot(tb testing.TB, spec authz.SnapshotSpec) *authz.Snapshot {
	tb.Helper()
	snapshot, problems := authz.NewSnapshot(spec)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return snapshot
}

func newEngine(now func() time.Time, random io.Reader, snapshot *authz.Snapshot) *authz.Engine {
	engine := authz.NewEngine(authz.Options{Now: now, Rand: random})
	engine.Swap(snapshot)
	return engine
}

// acme is a world of one tenant.
type acme struct {
	idp    *idp
	clock  *clock
	tenant authz.TenantSpec
	engine *authz.Engine
}

// newACME builds the tenant acme on api.example.com; change alters its
// documents first.
func newACME(tb testing.TB, change func(*authz.TenantSpec, *authz.SnapshotSpec)) *acme {
	tb.Helper()
	a := &acme{idp: newIDP(tb, "https://id.example.com/", 1), clock: newClock()}
	owned := ownedHeaders(tb, "x-user-id", "x-tenant", "x-roles")
	a.tenant = authz.TenantSpec{
		Name: "acme", Hosts: []string{"api.example.com"}, Issuers: []*token.Issuer{a.idp.issuer(tb, "idp")},
		Cache: token.NewCache(1000), Policy: ordersPolicy(tb), Owned: owned,
		Headers: []authz.HeaderSpec{
			{Name: "x-user-id", Source: authz.SourceSpec{Claim: []string{"sub"}}, Required: true},
			{Name: "x-tenant", Source: authz.SourceSpec{Tenant: "name"}},
			{Name: "x-roles", Source: authz.SourceSpec{Claim: []string{"roles"}}, Join: ","},
		},
	}
	snapshot := authz.SnapshotSpec{Generation: 1, Owned: owned, Realm: "api", DecisionIDHeader: "x-decision-id"}
	if change != nil {
		change(&a.tenant, &snapshot)
	}
	snapshot.Tenants = append(snapshot.Tenants, newTenant(tb, a.tenant))
	a.engine = newEngine(a.clock.Now, nil, newSnapshot(tb, snapshot))
	return a
}

func (a *acme) decide(req *authz.Request) authz.Decision {
	return a.engine.Decide(context.Background(), req)
}

// get is a request for acme with a token, or without one for "".
func get(path, raw string, lines ...authz.Header) *authz.Request {
	req := &authz.Request{
		Method: "GET", Path: authz.CanonicalPath(path), Host: "api.example.com", Scheme: "https",
		Headers: authz.Headers{Lines: slices.Clone(lines)},
	}
	if raw != "" {
		req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: "authorization", Value: "Bearer " + raw})
	}
	return req
}

// header returns the value that a decision sets.
func header(d *authz.Decision, name string) (string, bool) {
	for _, h := range d.Set {
		if h.Name == name {
			return h.Value, true
		}
	}
	return "", false
}
