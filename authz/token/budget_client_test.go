package token

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
)

// TestP8FloodOfOneClientLeavesRoomForOthers holds that one client, or one IPv6
// network, fills at most half of the queue of a scope that clients share.
func TestP8FloodOfOneClientLeavesRoomForOthers(t *testing.T) {
	for name, flood := range map[string]func(n int) string{
		"one address":        func(int) string { return "192.0.2.1" },
		"written as IPv6":    func(int) string { return "::ffff:192.0.2.1" },
		"addresses of a net": func(n int) string { return fmt.Sprintf("2001:db8::%x", n+1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), nil)
				for range cap(v.budget.slots) {
					if err := v.budget.enter(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				var mu sync.Mutex
				outcomes := map[string]map[error]int{"flood": {}, "other": {}}
				ask := func(who, raw, client string) {
					go func() {
						_, err := v.VerifyFrom(t.Context(), raw, start, netip.MustParseAddr(client))
						mu.Lock()
						defer mu.Unlock()
						outcomes[who][err]++
					}()
				}
				bad := testPairs().rsOther.mint("RS256", members{"kid": "rs"}, goodClaims())
				for n := range 10 * maxQueue {
					ask("flood", bad, flood(n))
				}
				synctest.Wait()
				for n := range maxQueue - maxClientQueue {
					ask("other", testPairs().rs.mint("RS256", nil, goodClaims()), fmt.Sprintf("198.51.100.%d", n%100))
				}
				synctest.Wait()
				if outcomes["flood"][ErrOverloaded] != 10*maxQueue-maxClientQueue || len(outcomes["other"]) > 0 {
					t.Errorf("while all is taken: %v", outcomes)
				}
				v.budget.leave()
				synctest.Wait()
				if outcomes["flood"][ErrSignature] != maxClientQueue || outcomes["other"][nil] != maxQueue-maxClientQueue {
					t.Errorf("once one is free: %v", outcomes)
				}
				if len(v.budget.clients) > 0 || v.budget.waiting.Load() != 0 {
					t.Errorf("%d clients and %d tokens are left over", len(v.budget.clients), v.budget.waiting.Load())
				}
			})
		})
	}
}
