//go:build !race

package envoy

import (
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// Under the race detector a sync.Pool forgets at random, so nothing is measured
// there.

// TestExchangeAllocatesNothing: to decode a request and to encode its answer
// costs no memory of ours, in either encoding, be it allowed or refused.
func TestExchangeAllocatesNothing(t *testing.T) {
	denied := authz.Decision{
		Verdict: authz.Challenge, Reason: authz.Expired, Realm: "shop", ResourceMetadata: "https://a.example/m",
		ResponseHeaders: benchDecision().ResponseHeaders, Metadata: benchDecision().Metadata,
	}
	for name, d := range map[string]authz.Decision{"allow": benchDecision(), "deny": denied} {
		for encoding, msg := range benchRequest().encodings() {
			dress(msg)
			if n := allocations(t, newWireServer(NewServer(ServerOptions{Decider: fill(d)}), false), encoded(t, msg)); n != 0 {
				t.Errorf("%s, %s: %v allocations", name, encoding, n)
			}
		}
	}
}

// allocations measures exchanges of one request.
func allocations(t testing.TB, w *wireServer, wire []byte) float64 {
	c := newCodec(w.responder.internal)
	data := pooled(wire)
	decode := func(v any) error { return c.Unmarshal(data, v) }
	return testing.AllocsPerRun(500, func() { exchangeOnce(t, w, c, decode) })
}
