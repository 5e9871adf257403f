package authz_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"reflect"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
)

func TestP4CachedDecisionEqualsFreshOne(t *testing.T) {
	cached := newACME(t, nil)
	uncached := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) { tenant.Cache = nil })
	cached.engine = newEngine(cached.clock.Now, zeros{}, cached.engine.Snapshot())
	uncached.engine = newEngine(cached.clock.Now, zeros{}, uncached.engine.Snapshot())
	tokens := []string{
		cached.idp.sign(t, scope),
		cached.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "roles": []string{"a,b", "c"}}),
		cached.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "sub": nil}),
		cached.idp.sign(t, jwt.MapClaims{"scope": "other"}),
		cached.idp.sign(t, jwt.MapClaims{"exp": start.Unix() + 5}),
		"garbage", "",
	}
	hits := 0
	rapid.Check(t, func(rt *rapid.T) {
		req := get(rapid.SampledFrom([]string{"/orders/7", "/orders/secret", "/any/x", "/other", "/orders/%2e"}).Draw(rt, "path"),
			rapid.SampledFrom(tokens).Draw(rt, "token"))
		req.Method = rapid.SampledFrom([]string{"GET", "GET", "POST"}).Draw(rt, "method")
		if rapid.Bool().Draw(rt, "variant") {
			req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: "x_user_id", Value: "root"})
		}
		got, want := cached.decide(req), uncached.decide(req)
		if got.Cached {
			hits++
		}
		if want.Cached {
			rt.Fatal("a decision without cache says it is cached")
		}
		got.Cached = false
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("cached\n%+v\nfresh\n%+v", got, want)
		}
	})
	if hits == 0 {
		t.Error("no decision was cached")
	}
}

func TestP4EachRequestIsJudgedAnew(t *testing.T) {
	a := newACME(t, nil)
	raw := a.idp.sign(t, scope)
	for i := range 4 {
		for _, tt := range []struct {
			method, path string
			want         authz.Reason
		}{
			{"GET", "/orders/7", authz.Allowed}, {"POST", "/orders/7", authz.PolicyDenied},
			{"GET", "/orders/secret", authz.PolicyDenied}, {"GET", "/other", authz.PolicyDenied},
		} {
			req := get(tt.path, raw)
			req.Method = tt.method
			d := a.decide(req)
			if d.Reason != tt.want {
				t.Errorf("round %d: %s %s: %v, want %v", i, tt.method, tt.path, d.Reason, tt.want)
			}
			if i > 0 && !d.Cached {
				t.Errorf("round %d: %s %s: not from the cache", i, tt.method, tt.path)
			}
		}
	}
}

func TestP4DecisionIDsDiffer(t *testing.T) {
	a := newACME(t, nil)
	raw := a.idp.sign(t, scope)
	seen := map[authz.DecisionID]bool{}
	for range 50 {
		d := a.decide(get("/orders/7", raw))
		if seen[d.ID] || len(d.ResponseHeaders) != 1 || d.ResponseHeaders[0].Value != d.ID.String() {
			t.Fatalf("decision %v repeats, or its header is %v", d.ID, d.ResponseHeaders)
		}
		seen[d.ID] = true
	}
}

func TestP4CachedTokenExpires(t *testing.T) {
	a := newACME(t, nil)
	raw := a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "exp": start.Add(time.Minute).Unix()})
	for _, step := range []struct {
		advance time.Duration
		want    authz.Reason
	}{
		{0, authz.Allowed}, {time.Minute, authz.Allowed}, // within the skew of 30 s
		{29 * time.Second, authz.Allowed}, {time.Second, authz.Expired}, {time.Hour, authz.Expired},
	} {
		a.clock.advance(step.advance)
		if d := a.decide(get("/orders/7", raw)); d.Reason != step.want {
			t.Errorf("after %v more: %v, want %v", step.advance, d.Reason, step.want)
		}
	}
}

func TestP4WithdrawnKeyStopsACachedToken(t *testing.T) {
	a := newACME(t, nil)
	raw := a.idp.sign(t, scope)
	for range 2 {
		if d := a.decide(get("/orders/7", raw)); d.Verdict != authz.Allow {
			t.Fatalf("control: %v", d.Reason)
		}
	}
	old := a.idp.secret
	// The successor has the same kid: the key counts, not its name.
	a.idp.rotate(t, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize)))
	if d := a.decide(get("/orders/7", raw)); d.Verdict != authz.Challenge {
		t.Errorf("with another key of that kid: %v", d.Reason)
	}
	a.idp.rotate(t, old)
	if d := a.decide(get("/orders/7", raw)); d.Verdict != authz.Allow {
		t.Errorf("with the key back: %v", d.Reason)
	}
}

func TestP4NewPolicyCountsAtOnce(t *testing.T) {
	a := newACME(t, nil)
	raw := a.idp.sign(t, scope)
	if d := a.decide(get("/orders/7", raw)); d.Verdict != authz.Allow {
		t.Fatalf("control: %v", d.Reason)
	}
	stricter := a.tenant
	spec := ordersSpec()
	spec.Rules = spec.Rules[1:]
	stricter.Policy = compilePolicy(t, spec)
	a.engine.Swap(newSnapshot(t, authz.SnapshotSpec{Owned: a.tenant.Owned, Tenants: []*authz.Tenant{newTenant(t, stricter)}}))
	d := a.engine.Decide(context.Background(), get("/orders/7", raw))
	if d.Reason != authz.PolicyDenied || !d.Cached {
		t.Errorf("%v, cached %v", d.Reason, d.Cached)
	}
}
