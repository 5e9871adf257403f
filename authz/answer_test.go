package authz_test

import (
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
		if d := a.decide(req); d.Reason != authz.Internal || d.Verdict == authz.Allow || d.ResponseHeaders != nil {
			t.Errorf("%s: %v, %v", req.Path.Canonical, d.Reason, d.ResponseHeaders)
		}
	}
	random.how = ""
	if d := a.decide(get("/health/1", "")); d.Reason != authz.PublicRoute || len(d.ResponseHeaders) != 1 {
		t.Errorf("control: %v, %v", d.Reason, d.ResponseHeaders)
	}
}
