package token

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// busy takes all turns of a verifier, so that whoever leads waits.
func busy(t *testing.T, v *Verifier) (free func()) {
	t.Helper()
	var turns []turn
	for range v.scheduler.Stats().Slots {
		turn, err := v.scheduler.enter(t.Context(), job{key: testPairs().rs.key, alg: RS256})
		if err != nil {
			t.Fatal(err)
		}
		turns = append(turns, turn)
	}
	return func() {
		for i := range turns {
			v.scheduler.leave(&turns[i])
		}
	}
}

// TestOneVerificationForManyRequests holds that requests with one new token wait
// for one verification, and that all of them get what it came to.
func TestOneVerificationForManyRequests(t *testing.T) {
	p := testPairs()
	for name, row := range map[string]struct {
		raw  string
		want error
	}{
		"good":      {p.rs.mint("RS256", nil, goodClaims()), nil},
		"forged":    {p.rsOther.mint("RS256", nil, goodClaims()), ErrSignature},
		"audience":  {p.rs.mint("RS256", nil, goodClaims().with(members{"aud": "x"})), ErrAudience},
		"expired":   {p.rs.mint("RS256", nil, goodClaims().with(members{"exp": 5e8, "iat": absent, "nbf": absent})), ErrExpired},
		"graph key": {p.rsOther.mint("RS256", members{"nonce": "n"}, goodClaims()), ErrGraphToken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := NewCache(64)
				v := newTestVerifier(t, testSpec(staticSource{p.set()}), cache)
				free := busy(t, v)
				var all sync.WaitGroup
				for range 20 {
					all.Go(func() { expect(t, v, row.raw, row.want) })
				}
				synctest.Wait()
				if n := v.scheduler.Stats().Waiting; n != 1 {
					t.Errorf("%d verifications wait", n)
				}
				free()
				all.Wait()
				for i := range cache.shards {
					if n := len(cache.shards[i].flights.live); n > 0 {
						t.Errorf("%d verifications are still under way", n)
					}
				}
			})
		})
	}
}

// TestP4LeaderThatGivesUpFailsNobodyElse lets the request that verifies for
// others run into its own deadline, and others into theirs.
func TestP4LeaderThatGivesUpFailsNobodyElse(t *testing.T) {
	p := testPairs()
	synctest.Test(t, func(t *testing.T) {
		v := newTestVerifier(t, testSpec(staticSource{p.set()}), NewCache(64))
		free := busy(t, v)
		raw := p.rs.mint("RS256", nil, goodClaims())
		var all sync.WaitGroup
		ask := func(patience time.Duration, want error) {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				begin := time.Now()
				if _, err := v.Verify(ctx, raw, start); !errors.Is(err, want) {
					t.Errorf("with %v: %v, want %v", patience, err, want)
				}
				if waited := time.Since(begin); waited > patience {
					t.Errorf("with %v: waited %v", patience, waited)
				}
			})
			synctest.Wait()
		}
		ask(10*time.Millisecond, ErrDeadline) // leads
		ask(5*time.Millisecond, ErrDeadline)  // gives up before the leader does
		ask(time.Second, nil)
		ask(time.Second, nil)
		<-time.After(100 * time.Millisecond)
		free()
		all.Wait()
	})
}

func TestP4LeaderThatIsRefusedFailsNobodyElse(t *testing.T) {
	f := flights{joined: new(atomic.Int64)}
	synctest.Test(t, func(t *testing.T) {
		for name, fail := range map[string]func() (identity, error){
			"overloaded": func() (identity, error) { return identity{}, ErrOverloaded },
			"deadline":   func() (identity, error) { return identity{}, ErrDeadline },
			"panic":      func() (identity, error) { panic("no luck") },
		} {
			var all sync.WaitGroup
			all.Go(func() {
				defer func() { _ = recover() }()
				_, _, _ = f.join(t.Context(), flightKey{}, func() (identity, error) { <-time.After(time.Second); return fail() })
			})
			synctest.Wait()
			var worked atomic.Int64
			for range 5 {
				all.Go(func() {
					id, _, err := f.join(t.Context(), flightKey{}, func() (identity, error) {
						worked.Add(1)
						<-time.After(time.Second)
						return identity{bytes: 7}, nil
					})
					if id.bytes != 7 || err != nil {
						t.Errorf("%s: %v, %v", name, id, err)
					}
				})
			}
			all.Wait()
			if worked.Load() != 1 || len(f.live) > 0 {
				t.Errorf("%s: the work was done %d times, %d left", name, worked.Load(), len(f.live))
			}
		}
	})
}

// TestP4WaitersJudgeForThemselves holds that one verification serves only
// requests that ask by the same key, and that each judges the time itself.
func TestP4WaitersJudgeForThemselves(t *testing.T) {
	p := testPairs()
	synctest.Test(t, func(t *testing.T) {
		keys := &source{set: p.set()}
		v := newTestVerifier(t, testSpec(keys), NewCache(64))
		free := busy(t, v)
		raw := p.rs.mint("RS256", nil, goodClaims())
		var all sync.WaitGroup
		ask := func(now time.Time, want error) {
			all.Go(func() {
				if _, err := v.Verify(t.Context(), raw, now); !errors.Is(err, want) {
					t.Errorf("at %v: %v, want %v", now, err, want)
				}
			})
			synctest.Wait()
		}
		ask(start, nil) // leads
		ask(start.Add(2*time.Hour), ErrExpired)
		ask(start.Add(-time.Hour), ErrNotYetValid)
		keys.answer(NewKeySet([]*Key{p.rsOther.key}), nil)
		ask(start, ErrSignature) // by the key that is in force now
		keys.answer(NewKeySet(nil), nil)
		ask(start, ErrKeyUnknown)
		keys.answer(nil, ErrKeysUnavailable)
		ask(start, ErrKeysUnavailable)
		free()
		all.Wait()
		keys.answer(NewKeySet([]*Key{p.rsOther.key}), nil)
		expect(t, v, raw, ErrSignature)
	})
}

// TestP8WaitingForAVerificationIsBounded lets more requests send one new token,
// and more of them several, than may wait for another one's verification: the
// others take a turn of their own.
func TestP8WaitingForAVerificationIsBounded(t *testing.T) {
	p := testPairs()
	mint := func(n int) string {
		return p.rs.mint("RS256", nil, goodClaims().with(members{"jti": n}))
	}
	synctest.Test(t, func(t *testing.T) {
		v := newTestVerifier(t, testSpec(staticSource{p.set()}), NewCache(64))
		free := busy(t, v)
		var all sync.WaitGroup
		send := func(token, requests, wantWaiting int) {
			t.Helper()
			raw := mint(token)
			for range requests {
				all.Go(func() { expect(t, v, raw, nil) })
			}
			synctest.Wait()
			if n := v.scheduler.Stats().Waiting; n != wantWaiting {
				t.Errorf("token %d: %d wait for a turn, want %d", token, n, wantWaiting)
			}
		}
		const tokens = maxJoinedTotal / maxJoined
		for i := range tokens {
			send(i, 1+maxJoined, i+1) // one leads
		}
		send(0, 2, tokens+2)
		send(tokens, 3, tokens+5)
		free()
		all.Wait()
		if n := v.cache.joined.Load(); n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

// TestVerificationsOfDifferentTokensAreApart holds that several verifications
// may be under way in one shard: whoever asks for the same joins its own, and
// the end of one is not the end of another.
func TestVerificationsOfDifferentTokensAreApart(t *testing.T) {
	f := flights{joined: new(atomic.Int64)}
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		var led [3]atomic.Int64
		ask := func(i int) {
			all.Go(func() {
				id, _, err := f.join(t.Context(), flightKey{alg: Algorithm(i)}, func() (identity, error) {
					led[i].Add(1)
					<-time.After(time.Duration(i+1) * time.Second)
					return identity{bytes: i}, nil
				})
				if id.bytes != i || err != nil {
					t.Errorf("%d: %v, %v", i, id.bytes, err)
				}
			})
			synctest.Wait()
		}
		for _, i := range []int{0, 1, 2, 0, 1, 2, 1, 0} {
			ask(i)
		}
		<-time.After(1500 * time.Millisecond) // the first has ended
		ask(1)
		ask(2)
		f.mu.Lock()
		if n := f.joined.Load(); n != 5 || len(f.live) != 2 {
			t.Errorf("%d wait for %d", n, len(f.live))
		}
		f.mu.Unlock()
		all.Wait()
		for i := range led {
			if n := led[i].Load(); n != 1 {
				t.Errorf("%d is verified %d times", i, n)
			}
		}
		if n := f.joined.Load(); n != 0 || len(f.live) != 0 {
			t.Errorf("%d wait for %d in the end", n, len(f.live))
		}
	})
}

// TestP8WaitingForOneTokenIsBounded: whoever comes when too many wait for one
// verification takes a turn of its own, and those who give up leave room.
func TestP8WaitingForOneTokenIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), NewCache(64))
		free := busy(t, v)
		raw := testPairs().rs.mint("RS256", nil, goodClaims())
		var all sync.WaitGroup
		send := func(ctx context.Context, requests int, wantErr error, wantWaiting int) {
			t.Helper()
			for range requests {
				all.Go(func() {
					if _, err := v.Verify(ctx, raw, start); !errors.Is(err, wantErr) {
						t.Errorf("got %v, want %v", err, wantErr)
					}
				})
			}
			synctest.Wait()
			if n := v.scheduler.Stats().Waiting; n != wantWaiting {
				t.Errorf("%d wait for a turn, want %d", n, wantWaiting)
			}
		}
		leaving, leave := context.WithCancel(t.Context())
		send(t.Context(), 1, nil, 1) // leads
		send(leaving, maxJoined, ErrDeadline, 1)
		send(t.Context(), 2, nil, 3)
		leave()
		synctest.Wait()
		send(t.Context(), maxJoined, nil, 3)
		send(t.Context(), 1, nil, 4)
		free()
		all.Wait()
	})
}
