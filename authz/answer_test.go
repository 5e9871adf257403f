package authz_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// Every answer names its decision to the client where the configuration says
// so, and only there.
func TestAnswersNameTheirDecision(t *testing.T) {
	for _, name := range []string{"x-decision-id", ""} {
		a := newACME(t, func(_ *authz.TenantSpec, snapshot *authz.SnapshotSpec) { snapshot.DecisionIDHeader = name })
		raw := a.idp.sign(t, scope)
		for way, req := range map[string]*authz.Request{
			"allowed": get("/orders/7", raw), "no token": get("/orders/7", ""), "bad token": get("/orders/7", raw+"x"), "denied": get("/orders/secret/7", raw), "unknown path": get("/x", raw),
		} {
			d := a.decide(req)
			if name == "" {
				if d.ResponseHeaders != nil {
					t.Errorf("%s: %v", way, d.ResponseHeaders)
				}
				continue
			}
			if len(d.ResponseHeaders) != 1 || d.ResponseHeaders[0] != (authz.Header{Name: name, Value: d.ID.String()}) {
				t.Errorf("%s: %v of %v", way, d.ResponseHeaders, d.ID)
			}
		}
	}
}

// TestP1NoNameNoAnswerNamesIt holds that a request which no decision id can be
// made for is refused, and that the answer names none.
func TestP1NoNameNoAnswerNamesIt(t *testing.T) {
	random := &fickle{how: "error"}
	a := newReuseWorld(t, random)
	for _, req := range []*authz.Request{get("/orders/7", a.idp.sign(t, scope)), get("/health/1", ""), get("/orders/7", "")} {
		if d := a.decide(req); d.Reason != authz.Internal || d.Verdict == authz.Allow || d.ResponseHeaders != nil ||
			len(d.Metadata) != 2 || d.Metadata[1].Text != "internal" {
			t.Errorf("%s: %v, %v, %v", req.Path.Canonical, d.Reason, d.ResponseHeaders, d.Metadata)
		}
	}
	random.how = ""
	if d := a.decide(get("/health/1", "")); d.Reason != authz.PublicRoute || len(d.ResponseHeaders) != 1 {
		t.Errorf("control: %v, %v", d.Reason, d.ResponseHeaders)
	}
}

// TestP1ARefusalForgetsWhatWasToBeDone holds that a decision which is turned
// into a refusal keeps who was found, and nothing that an allow would do.
func TestP1ARefusalForgetsWhatWasToBeDone(t *testing.T) {
	p := newPlatform(t, nil)
	allowed := p.ask("api.example.com/orders/7", p.token(t, "acme"))
	if allowed.Verdict != authz.Allow || allowed.Tenant == "" || allowed.Entry == "" || allowed.Issuer == "" || allowed.Subject == "" {
		t.Fatalf("control: %+v", allowed)
	}
	allowed.ID = authz.DecisionID{1, 2, 3}
	for i := range 256 {
		for _, cached := range []bool{false, true} {
			d := allowed
			d.Cached = cached
			want := authz.Decision{
				Reason: authz.Reason(i), ID: d.ID, Tenant: d.Tenant, Entry: d.Entry, Issuer: d.Issuer, Subject: d.Subject, Cached: cached,
			}
			if !slices.Contains(authz.Reasons(), want.Reason) || want.Reason.Verdict() == authz.Allow {
				want.Reason = authz.Internal
			}
			want.Verdict = want.Reason.Verdict()
			if d.Refuse(authz.Reason(i)); d.Verdict == authz.Allow || !reflect.DeepEqual(d, want) {
				t.Errorf("reason %d: %+v, want %+v", i, d, want)
			}
		}
	}
	if allowed.Reset(); !reflect.DeepEqual(allowed, authz.Decision{}) {
		t.Errorf("after a reset: %+v", allowed)
	}
}
