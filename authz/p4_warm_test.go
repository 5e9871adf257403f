package authz_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// warmCase is a tenant whose token is cached, and a decision that was filled
// with an allow before.
type warmCase struct {
	*acme
	issuer token.IssuerSpec
	until  time.Time
	d      authz.Decision
}

// swap puts the tenant in force as its documents are now. Cache and keys stay.
func (w *warmCase) swap(tb testing.TB) {
	tb.Helper()
	compiled, err := token.NewIssuer(w.issuer)
	if err != nil {
		tb.Fatal(err)
	}
	issuer, problems := authz.NewIssuer(authz.IssuerSpec{Issuer: compiled})
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	w.tenant.Issuers, w.tenant.Grants = nil, []authz.IssuerGrant{{Issuer: issuer, Until: w.until}}
	w.engine.Swap(newSnapshot(tb, authz.SnapshotSpec{Owned: w.tenant.Owned, Realm: "api", Tenants: []*authz.Tenant{newTenant(tb, w.tenant)}}))
}

func (w *warmCase) ask(req *authz.Request) { w.engine.DecideInto(context.Background(), req, &w.d) }

// TestP4WarmStateRefusesAtOnce holds that whatever stops a token stops it on the
// next request, however warm all that is kept of it.
func TestP4WarmStateRefusesAtOnce(t *testing.T) {
	successor := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))
	for name, tt := range map[string]struct {
		change func(*testing.T, *warmCase)
		want   authz.Reason
	}{
		"key withdrawn": {func(_ *testing.T, w *warmCase) { w.idp.keys.Store(token.NewKeySet(nil)) }, authz.KeyUnknown},
		"key replaced":  {func(t *testing.T, w *warmCase) { w.idp.rotate(t, successor) }, authz.SignatureInvalid},
		"key denied": {func(t *testing.T, w *warmCase) {
			without, err := token.Without(w.idp, []string{w.idp.kid})
			if err != nil {
				t.Fatal(err)
			}
			w.issuer.Keys = without
			w.swap(t)
		}, authz.KeyUnknown},
		"keys unavailable": {func(_ *testing.T, w *warmCase) {
			fault := token.ErrKeysUnavailable
			w.idp.fault.Store(&fault)
		}, authz.KeysUnavailable},
		"audience of the issuer": {func(t *testing.T, w *warmCase) { w.issuer.Audiences = []string{"other"}; w.swap(t) }, authz.AudienceRefused},
		"age of the issuer":      {func(t *testing.T, w *warmCase) { w.issuer.MaxTokenAge = time.Second; w.issuer.ClockSkew = 0; w.swap(t) }, authz.TooOld},
		"policy of the tenant": {func(t *testing.T, w *warmCase) {
			spec := ordersSpec()
			spec.Rules = spec.Rules[1:]
			w.tenant.Policy = compilePolicy(t, spec)
			w.swap(t)
		}, authz.PolicyDenied},
		"header of the tenant": {func(t *testing.T, w *warmCase) {
			w.tenant.Headers = append(w.tenant.Headers[:2:2], authz.HeaderSpec{Name: "x-roles", Source: authz.SourceSpec{Claim: []string{"missing"}}, Required: true})
			w.swap(t)
		}, authz.HeaderValueRefused},
		"tenant suspended": {func(t *testing.T, w *warmCase) { w.tenant.Suspended = true; w.swap(t) }, authz.TenantSuspended},
		"host moved":       {func(t *testing.T, w *warmCase) { w.tenant.Hosts = []string{"new.example.com"}; w.swap(t) }, authz.PlaceUnknown},
		"until passed": {func(t *testing.T, w *warmCase) {
			w.until = start.Add(time.Minute)
			w.swap(t)
			w.ask(get("/orders/7", w.idp.sign(t, scope)))
			w.clock.advance(time.Minute)
		}, authz.IssuerRetired},
		"expired":    {func(_ *testing.T, w *warmCase) { w.clock.advance(11 * time.Minute) }, authz.Expired},
		"clock back": {func(_ *testing.T, w *warmCase) { w.clock.advance(-time.Hour) }, authz.NotYetValid},
	} {
		t.Run(name, func(t *testing.T) {
			w := &warmCase{acme: newACME(t, nil)}
			w.issuer = token.IssuerSpec{
				Name: "idp", URL: w.idp.url, Audiences: []string{audience}, Algorithms: []string{"EdDSA"}, Types: []string{"JWT", "at+jwt"},
				ClockSkew: 30 * time.Second, Keys: w.idp, KeysID: w.idp.url,
			}
			w.swap(t)
			req := get("/orders/7", w.idp.sign(t, scope))
			for i := range 3 {
				if w.ask(req); w.d.Verdict != authz.Allow || w.d.Cached != (i > 0) || len(w.d.Set) == 0 {
					t.Fatalf("control %d: %+v", i, w.d)
				}
			}
			tt.change(t, w)
			for range 2 {
				w.ask(req)
				if w.d.Reason != tt.want || w.d.Verdict == authz.Allow || len(w.d.Set)+len(w.d.Remove)+len(w.d.RemoveParams) > 0 {
					t.Errorf("%+v, want %v", w.d, tt.want)
				}
			}
		})
	}
}

// What is cached serves another version of the tenant with that version's
// headers and metadata, in the same request.
func TestP4WarmStateFollowsTheTenant(t *testing.T) {
	w := &warmCase{acme: newACME(t, nil)}
	w.issuer = token.IssuerSpec{
		Name: "idp", URL: w.idp.url, Audiences: []string{audience}, Algorithms: []string{"EdDSA"}, Types: []string{"JWT", "at+jwt"},
		ClockSkew: 30 * time.Second, Keys: w.idp, KeysID: w.idp.url,
	}
	w.swap(t)
	req := get("/orders/7", w.idp.sign(t, scope))
	w.ask(req)
	for _, plan := range []string{"gold", "silver", "gold"} {
		w.tenant.Labels = map[string]string{"plan": plan}
		w.tenant.Headers = []authz.HeaderSpec{{Name: "x-tenant", Source: authz.SourceSpec{Tenant: "labels.plan"}}}
		w.tenant.Metadata = []authz.MetadataSpec{{Name: "plan", Source: authz.SourceSpec{Tenant: "labels.plan"}}}
		w.swap(t)
		w.ask(req)
		if got, _ := header(&w.d, "x-tenant"); got != plan || len(w.d.Set) != 1 || !w.d.Cached || w.d.Metadata[1].Text != plan {
			t.Errorf("%+v, want %s", w.d, plan)
		}
	}
}
