package authz_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// fickle is randomness that may fail or panic.
type fickle struct{ how string }

func (f *fickle) Read(p []byte) (int, error) {
	switch f.how {
	case "error":
		return 0, errors.New("no randomness")
	case "panic":
		panic("no randomness")
	}
	clear(p)
	return len(p), nil
}

// sameDecision compares what callers see. A list that is empty is like none.
func sameDecision(a, b *authz.Decision) bool {
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		if !x.Type().Field(i).IsExported() || x.Field(i).Kind() == reflect.Slice && x.Field(i).Len()+y.Field(i).Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			return false
		}
	}
	return true
}

// newReuseWorld has a tenant whose tokens may stand in many places, public
// routes, metadata, a shadow rule and an encoded list, and a second tenant
// without anything.
func newReuseWorld(tb testing.TB, random *fickle) *acme {
	a := newACME(tb, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		spec := ordersSpec()
		spec.Require = []policy.Condition{{Claim: []string{"blocked"}, Absent: true}}
		spec.Public = []policy.PublicSpec{
			{Name: "health", Methods: []string{"GET"}, Paths: []string{"/health/**"}},
			{Name: "catalogue", Methods: []string{"GET"}, Paths: []string{"/catalogue/**"}, Token: policy.TokenOptional},
		}
		tenant.Policy = compilePolicy(tb, spec)
		tenant.Preflight = true
		issuer, problems := authz.NewIssuer(authz.IssuerSpec{Issuer: tenant.Issuers[0], Credentials: []authz.CredentialSpec{
			{Header: "authorization", Prefix: "Bearer"}, {Header: "x-token"}, {Cookie: "sid"}, {Param: "token"},
		}})
		if len(problems) > 0 {
			tb.Fatal(problems)
		}
		tenant.Issuers, tenant.Grants = nil, []authz.IssuerGrant{{Issuer: issuer}}
		tenant.Headers = append(tenant.Headers, authz.HeaderSpec{Name: "x-all", Source: authz.SourceSpec{Claims: true}, OmitOversize: true})
		tenant.Metadata = []authz.MetadataSpec{{Name: "sub", Source: authz.SourceSpec{Claim: []string{"sub"}}}, {Name: "roles", Source: authz.SourceSpec{Claim: []string{"roles"}}}}
		tenant.Owned = ownedHeaders(tb, "x-user-id", "x-tenant", "x-roles", "x-all")
		snapshot.Owned = tenant.Owned
		snapshot.Tenants = []*authz.Tenant{newTenant(tb, authz.TenantSpec{
			Name: "bare", Hosts: []string{"bare.example.com"}, Issuers: []*token.Issuer{newIDP(tb, "https://bare.example/", 7).issuer(tb, "bare")},
			Policy: tenant.Policy, Owned: tenant.Owned, Shadow: authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: start.AddDate(0, 1, 0)},
		})}
	})
	a.engine = newEngine(a.clock.Now, random, a.engine.Snapshot())
	return a
}

func TestReusedDecisionEqualsFreshOne(t *testing.T) {
	random := &fickle{}
	a := newReuseWorld(t, random)
	tokens := []string{
		a.idp.sign(t, scope), "", "garbage", a.idp.sign(t, jwt.MapClaims{"exp": start.Unix() - 500}),
		a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "roles": []string{"a,b", "ü"}, "sub": "ä%"}),
		a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "roles": [][]string{{"nested"}}}),
		a.idp.sign(t, jwt.MapClaims{"blocked": true}), a.idp.sign(t, jwt.MapClaims{"sub": nil, "scope": "orders:read"}),
	}
	var reused authz.Decision
	seen := map[authz.Reason]int{}
	step := func(rt *rapid.T) {
		req := drawRequest(rt, tokens)
		random.how = rapid.SampledFrom([]string{"", "", "", "", "", "error", "panic"}).Draw(rt, "randomness")
		panicked := func() (panicked bool) {
			defer func() { panicked = recover() != nil }()
			a.engine.DecideInto(context.Background(), req, &reused)
			return false
		}()
		if panicked != (random.how == "panic") {
			rt.Fatalf("panicked: %v", panicked)
		}
		var want authz.Decision
		if !panicked {
			want = a.engine.Decide(context.Background(), req)
			want.Cached = reused.Cached // the second is
		}
		seen[reused.Reason]++
		if !sameDecision(&reused, &want) {
			rt.Fatalf("reused\n%+v\nfresh\n%+v", reused, want)
		}
		if rapid.Bool().Draw(rt, "refuse") {
			reused.Refuse(rapid.SampledFrom(authz.Reasons()).Draw(rt, "reason"))
			if reused.Verdict == authz.Allow || len(reused.Set)+len(reused.Remove)+len(reused.Metadata) > 0 {
				rt.Fatalf("refused, and yet %+v", reused)
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(20, 60).Draw(rt, "requests") {
			step(rt)
		}
	})
	for _, reason := range []authz.Reason{authz.Allowed, authz.PublicRoute, authz.NoToken, authz.PolicyDenied, authz.HeaderValueRefused, authz.ShadowPassed, authz.SeveralTokens} {
		if seen[reason] == 0 {
			t.Errorf("never %v", reason)
		}
	}
}

func drawRequest(rt *rapid.T, tokens []string) *authz.Request {
	if rapid.IntRange(0, 9).Draw(rt, "plain") == 9 { // what chance seldom puts together
		return get(rapid.SampledFrom([]string{"/orders/7", "/orders/secret"}).Draw(rt, "path"), tokens[0])
	}
	raw := rapid.SampledFrom(tokens).Draw(rt, "token")
	req := get(rapid.SampledFrom([]string{"/orders/7", "/orders/7", "/any/x", "/orders/secret", "/health/x", "/catalogue/1", "/%2e", "/other"}).Draw(rt, "path"), "")
	req.Host = rapid.SampledFrom([]string{"api.example.com", "api.example.com", "bare.example.com", "unknown.example"}).Draw(rt, "host")
	for _, place := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"authorization", "x-token", "cookie", "param"}), 0, 2, rapid.ID).Draw(rt, "places") {
		switch place {
		case "param":
			req.Query = "a=b&token=" + raw
		case "cookie":
			req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: "cookie", Value: "a=1; sid=" + raw + "; b=2"})
		case "authorization":
			req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: place, Value: "Bearer " + raw})
		default:
			req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: place, Value: raw})
		}
	}
	for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"x_user_id", "x-user_id", "x_token", "accept"}), 0, 3).Draw(rt, "variants") {
		req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: name, Value: "x"})
	}
	req.Filtered = rapid.Bool().Draw(rt, "filtered")
	req.Headers.Lines = slices.Clip(req.Headers.Lines)
	return req
}

func TestP1ZeroAndHalfMadeDecisionsDeny(t *testing.T) {
	var d authz.Decision
	if d.Verdict == authz.Allow {
		t.Error("the zero decision allows")
	}
	random := &fickle{}
	a := newReuseWorld(t, random)
	raw := a.idp.sign(t, scope)
	a.engine.DecideInto(context.Background(), get("/orders/7", raw), &d)
	if d.Verdict != authz.Allow || len(d.Set) == 0 {
		t.Fatalf("control: %+v", d)
	}
	for name, engine := range map[string]*authz.Engine{
		"randomness": newEngine(a.clock.Now, &fickle{how: "panic"}, a.engine.Snapshot()),
		"clock":      newEngine(func() time.Time { panic("no clock") }, random, a.engine.Snapshot()),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			engine.DecideInto(context.Background(), get("/orders/7", raw), &d)
		}()
		if d.Verdict == authz.Allow || len(d.Set)+len(d.Remove)+len(d.Metadata)+len(d.ResponseHeaders) > 0 || d.Subject != "" {
			t.Errorf("%s: after a panic: %+v", name, d)
		}
	}
}
