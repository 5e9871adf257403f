package admin

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestReadinessWaitsForRequiredKeys, longer than for others, and once they were
// there their loss changes nothing.
func TestReadinessWaitsForRequiredKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		have := false
		gates := (&open{configured: true, fetched: true}).gates()
		gates.RequiredKeys = func() bool { return have }
		r := NewReadiness(gates)
		r.ListenersUp()
		<-time.After(10 * fetchGrace) // fake time
		if r.Phase() != Fetching {
			t.Errorf("phase %s without required keys", r.Phase())
		}
		have = true
		if !r.Ready() {
			t.Error("not ready with them")
		}
		have = false
		if !r.Ready() {
			t.Error("not ready any more")
		}
	})
}
