package e2e

import (
	"net/http"
	"testing"
	"time"
)

// TestP3OverlapRotationsThroughEnvoy rotates the keys of an issuer several
// times while requests go on: each new key is published one cool-down before it
// signs, as the contract asks. No request is ever answered as if its key were
// unknown, and one that a slow machine makes wait too long is good on its retry.
func TestP3OverlapRotationsThroughEnvoy(t *testing.T) {
	const rotations, cooldown = 4, time.Second
	w := the(t).alone()
	idp := w.issuers[failingIssuer]
	sent, retried := 0, 0
	good := func(token string) {
		t.Helper()
		got := w.get(t, viaRaw, "failing.test", "/any", authorization(token))
		sent++
		if got.reason == "keys_pending" {
			retried++
			eventually(t, "a request that was asked to try again is good", func() bool {
				got = w.get(t, viaRaw, "failing.test", "/any", authorization(token))
				return got.reason != "keys_pending"
			})
		}
		if got.status != http.StatusOK {
			t.Fatalf("request %d: %d %s", sent, got.status, got.reason)
		}
	}
	old := w.mint(t, failingIssuer, nil)
	eventually(t, "the key in force is known", func() bool {
		return w.get(t, viaRaw, "failing.test", "/any", authorization(old)).status == http.StatusOK
	})
	before := idp.JWKSFetches()
	for range rotations {
		if err := idp.Rotate(); err != nil {
			t.Fatal(err)
		}
		next := w.mint(t, failingIssuer, nil)
		for published := time.Now(); time.Since(published) <= cooldown; {
			good(old)
		}
		for range 20 {
			good(next)
			good(old)
		}
		idp.Withdraw() // which claimgate learns with the next refresh
		good(next)
		old = next
	}
	if fetches := idp.JWKSFetches() - before; fetches < rotations || fetches > 2*rotations+1+retried {
		t.Errorf("%d fetches for %d rotations", fetches, rotations)
	}
	t.Logf("%d requests over %d rotations, %d of them on the second try", sent, rotations, retried)
}
