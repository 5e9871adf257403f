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
