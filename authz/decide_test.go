package authz_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// FuzzDecide throws requests at a policy without public routes. An allow must
// be explained by the one good token on the one good host, method and path.
func FuzzDecide(f *testing.F) {
	a := newACME(f, nil)
	good := a.idp.sign(f, scope)
	f.Add("GET", "/orders/7", "api.example.com", "Bearer "+good, "x_user_id", "root", "", true)
	f.Add("GET", "/orders/secret", "API.example.com:443", "bearer  "+good, "authorization", "Bearer x", "", false)
	f.Add("OPTIONS", "/orders/%2e%2e/x", "api.example.com", "", "origin", "https://a", "", false)
	f.Add("GET", "/any/%41", "api.example.com.", "Basic x", "cookie", good, "websocket", false)
	f.Fuzz(func(t *testing.T, method, path, host, authorization, name, value, upgrade string, joined bool) {
		canonical, ok := authz.CanonicalHost(host)
		req := &authz.Request{
			Method: method, Path: authz.CanonicalPath(path), Host: canonical, Upgrade: upgrade,
			Headers: authz.Headers{Joined: joined, Lines: []authz.Header{{Name: strings.ToLower(name), Value: value}}},
		}
		if !ok {
			req.Fault = authz.HostInvalid
		}
		if authorization != "" {
			req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: "authorization", Value: authorization})
		}
		d := a.decide(req)
		if d.Verdict != d.Reason.Verdict() {
			t.Fatalf("%v with verdict %v", d.Reason, d.Verdict)
		}
		if d.Verdict != authz.Allow {
			if d.Set != nil || d.Remove != nil {
				t.Fatalf("a denial has header operations: %+v", d)
			}
			return
		}
		values := req.Headers.Lines[:0:0]
		for _, line := range req.Headers.Lines {
			if line.Name == "authorization" {
				values = append(values, line)
			}
		}
		if len(values) != 1 || !strings.HasPrefix(strings.ToLower(values[0].Value), "bearer ") || strings.TrimLeft(values[0].Value[len("bearer"):], " ") != good {
			t.Fatalf("allowed with %q", values)
		}
		if method != "GET" || upgrade != "" || canonical != "api.example.com" || !allowedPath(req.Path) {
			t.Fatalf("allowed: %s %s%s (upgrade %q)", method, host, path, upgrade)
		}
	})
}

// allowedPath is the policy of acme in other words.
func allowedPath(p authz.Path) bool {
	for _, form := range []string{p.Canonical, p.Lenient} {
		under := func(prefix string) bool { return form == prefix || strings.HasPrefix(form, prefix+"/") }
		if !under("/orders") && !under("/any") || under("/orders/secret") {
			return false
		}
	}
	return p.Oddities == 0
}

// A request sees one snapshot, whatever is put in force meanwhile.
func TestSwapUnderLoad(t *testing.T) {
	a := newACME(t, nil)
	raw := a.idp.sign(t, scope)
	snapshots := make([]*authz.Snapshot, 2)
	for i := range snapshots {
		name := fmt.Sprintf("tenant-%d", i)
		spec := a.tenant
		spec.Name = name
		spec.Metadata = []authz.MetadataSpec{{Name: "tenant", Source: authz.SourceSpec{Tenant: "name"}}}
		snapshots[i] = newSnapshot(t, authz.SnapshotSpec{Owned: spec.Owned, Tenants: []*authz.Tenant{newTenant(t, spec)}, Realm: name})
	}
	a.engine.Swap(snapshots[0])
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				d := a.decide(get("/orders/7", raw))
				if value, _ := header(&d, "x-tenant"); d.Verdict != authz.Allow || value != d.Tenant || d.Metadata[1].Text != d.Tenant {
					t.Errorf("%v mixes generations: %+v", d.Reason, d)
				}
			}
		})
	}
	for i := range 400 {
		a.engine.Swap(snapshots[i%2])
	}
	group.Wait()
}

func BenchmarkDecide(b *testing.B) {
	a := newACME(b, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
		spec := ordersSpec()
		spec.Public = []policy.PublicSpec{{Name: "health", Paths: []string{"/healthz"}}}
		tenant.Policy = compilePolicy(b, spec)
	})
	lines := []authz.Header{
		{Name: "user-agent", Value: "curl/8"}, {Name: "accept", Value: "*/*"}, {Name: "x-request-id", Value: "5f0c"},
		{Name: "x-forwarded-proto", Value: "https"}, {Name: "x-trace_id", Value: "1"},
	}
	raw := a.idp.sign(b, scope)
	for name, req := range map[string]*authz.Request{
		"cached":   get("/orders/7", raw, lines...),
		"no-token": get("/orders/7", "", lines...),
		"public":   get("/healthz", "", lines...),
		"variant":  get("/orders/7", raw, append(lines, authz.Header{Name: "x_user_id", Value: "root"})...),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			a.decide(req)
			for b.Loop() {
				a.decide(req)
			}
		})
	}
}

func BenchmarkCanonicalPath(b *testing.B) {
	for _, path := range []string{"/orders/7/items", "/caf%c3%a9/%61", "/a/../b"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				authz.CanonicalPath(path)
			}
		})
	}
}

// Decisions on a cached token are made at the rate of requests, so what they
// allocate is bounded.
func TestCachedDecisionAllocatesLittle(t *testing.T) {
	const most = 6
	a := newACME(t, nil)
	req := get("/orders/7", a.idp.sign(t, scope))
	a.decide(req)
	if got := testing.AllocsPerRun(200, func() { a.decide(req) }); got > most {
		t.Errorf("a cached decision allocates %v times, more than %d", got, most)
	}
}

func ExampleEngine() {
	now := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	keys := staticKeys{token.NewKeySet(nil)} // package jwks has sources that fetch
	issuer, err := token.NewIssuer(token.IssuerSpec{
		Name: "idp", URL: "https://id.example.com/", Audiences: []string{"https://api.example.com"},
		Algorithms: []string{"RS256"}, Types: []string{"at+jwt", "JWT"}, Keys: keys, KeysID: "static",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, _ := policy.Compile(policy.Spec{
		Rules:  []policy.RuleSpec{{Name: "read", Action: policy.Allow, Methods: []string{"GET"}, Paths: []string{"/orders/**"}, AnyToken: true}},
		Public: []policy.PublicSpec{{Name: "health", Paths: []string{"/healthz"}}},
	})
	owned, _ := authz.NewOwnedHeaders([]string{"x-user-id"})
	tenant, problems := authz.NewTenant(authz.TenantSpec{
		Name: "acme", Hosts: []string{"api.example.com"}, Issuers: []*token.Issuer{issuer}, Policy: rules, Owned: owned,
		Headers: []authz.HeaderSpec{{Name: "x-user-id", Source: authz.SourceSpec{Claim: []string{"sub"}}, Required: true}},
	})
	if len(problems) > 0 {
		fmt.Println(problems)
		return
	}
	snapshot, _ := authz.NewSnapshot(authz.SnapshotSpec{Tenants: []*authz.Tenant{tenant}, Owned: owned})
	engine := authz.NewEngine(authz.Options{Now: now})
	engine.Swap(snapshot)

	for _, path := range []string{"/healthz", "/orders/7", "/healthz/../orders/7"} {
		decision := engine.Decide(context.Background(), &authz.Request{Method: "GET", Path: authz.CanonicalPath(path), Host: "api.example.com"})
		fmt.Println(path, decision.Verdict, decision.Reason, decision.Rule, decision.Remove)
	}
	// Output:
	// /healthz allow public_route health [x-user-id x-envoy-auth-failure-mode-allowed x-envoy-auth-partial-body authorization]
	// /orders/7 challenge no_token  []
	// /healthz/../orders/7 deny path_not_canonical  []
}

// staticKeys is a token.KeySource that never changes.
type staticKeys struct{ set *token.KeySet }

func (s staticKeys) KeySet(context.Context, string) (*token.KeySet, error) { return s.set, nil }

// Whatever a verifier would say about the rest of it, a credential with another
// alphabet is none, and nothing is guessed about what it may be instead.
func TestP1CredentialInAnotherAlphabet(t *testing.T) {
	a := newACME(t, nil)
	raw := a.idp.sign(t, scope)
	if d := a.decide(get("/orders/7", raw)); d.Verdict != authz.Allow {
		t.Fatalf("control: %v", d.Reason)
	}
	long := strings.Repeat("a", 5000)
	for _, bad := range []string{
		raw + " ", raw + "\t", `"` + raw + `"`, raw + "\x00", "é", "opaque\"", "a.b.c.d.e!", long + "!.a.b", strings.Replace(raw, ".", "%2e", 1),
	} {
		d := a.decide(get("/orders/7", bad))
		if d.Reason != authz.TokenMalformed || d.Hint != "" || d.Verdict != authz.Challenge {
			t.Errorf("%.20q: %v, hint %q", bad, d.Reason, d.Hint)
		}
	}
}
