package token

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// TestP8FloodOfOneScopeIsBounded holds that a scope in which all verifications
// are taken lets a bounded number wait and refuses the rest at once, and that
// neither its own cached tokens nor other scopes notice.
func TestP8FloodOfOneScopeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := NewCache(64)
		keys := staticSource{testPairs().set()}
		flooded := newTestVerifier(t, testSpec(keys), cache)
		cached := testPairs().rs.mint("RS256", nil, goodClaims())
		expect(t, flooded, cached, nil)
		for range cap(flooded.budget.slots) {
			if err := flooded.budget.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		outcomes := map[error]int{}
		bad := testPairs().rsOther.mint("RS256", members{"kid": "rs"}, goodClaims())
		for range maxQueue + 10 {
			go func() {
				_, err := flooded.Verify(ctx, bad, start)
				mu.Lock()
				defer mu.Unlock()
				outcomes[err]++
			}()
		}
		synctest.Wait()
		if outcomes[ErrOverloaded] != 10 || len(outcomes) != 1 {
			t.Errorf("while all is taken: %v", outcomes)
		}
		expect(t, flooded, cached, nil)
		other := testSpec(keys)
		other.Name = "other"
		expect(t, newTestVerifier(t, other, cache), cached, nil)
		flooded.budget.leave()
		synctest.Wait()
		if outcomes[ErrSignature] != maxQueue || len(outcomes) != 2 {
			t.Errorf("once one is free: %v", outcomes)
		}
		if err := flooded.budget.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		go func() { synctest.Wait(); cancel() }()
		if _, err := flooded.Verify(ctx, bad, start); !errors.Is(err, ErrDeadline) {
			t.Errorf("a request that gave up: %v", err)
		}
	})
}
