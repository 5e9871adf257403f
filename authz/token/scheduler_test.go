package token

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// held takes all slots of a scheduler at the expense of one payer and returns
// what gives one back.
func held(t *testing.T, s *Scheduler, payer Payer) (release func()) {
	t.Helper()
	var turns []turn
	for range s.queue.slots {
		taken, err := s.enter(t.Context(), job{payer: payer, key: testPairs().rs.key, alg: RS256})
		if err != nil {
			t.Fatal(err)
		}
		turns = append(turns, taken)
	}
	return func() {
		s.leave(&turns[0])
		turns = turns[1:]
	}
}

// outcomes counts errors of tokens that are verified at the same time.
type outcomes struct {
	mu    sync.Mutex
	count map[error]int
}

func (o *outcomes) verify(ctx context.Context, v *Verifier, raw string, client netip.Addr) {
	_, err := v.VerifyFrom(ctx, raw, start, client)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count == nil {
		o.count = map[error]int{}
	}
	o.count[err]++
}

// TestP8FloodOfOneScopeIsBounded holds that a tenant's tokens wait in a bounded
// number and are refused at once beyond it, and that neither its own cached
// tokens nor those of others that are fresh or cached notice.
func TestP8FloodOfOneScopeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scheduler := NewScheduler(SchedulerOptions{})
		cache, keys := NewCache(64), staticSource{testPairs().set()}
		flooded := newTestVerifier(t, testSpec(keys), cache).ChargeTo(scheduler, Payer{Tenant: "flooded"})
		calm := newTestVerifier(t, testSpec(keys), NewCache(64)).ChargeTo(scheduler, Payer{Tenant: "calm"})
		cached := testPairs().rs.mint("RS256", nil, goodClaims())
		expect(t, flooded, cached, nil)
		release := held(t, scheduler, Payer{Tenant: "flooded"})
		var flood, other outcomes
		bad := testPairs().rsOther.mint("RS256", members{"kid": "rs"}, goodClaims())
		sig := signatureOf(bad)
		for n := range maxClientQueue + 10 {
			sig[0], sig[1] = byte(n), byte(n>>8) // of one token alone one would wait
			go flood.verify(t.Context(), flooded, replaceSignature(bad, sig), netip.Addr{})
		}
		synctest.Wait()
		if flood.count[ErrOverloaded] != 10 || len(flood.count) != 1 {
			t.Errorf("while all is taken: %v", flood.count)
		}
		expect(t, flooded, cached, nil)
		go other.verify(t.Context(), calm, cached, netip.Addr{})
		synctest.Wait()
		release()
		synctest.Wait()
		if other.count[nil] != 1 || flood.count[ErrSignature] != maxClientQueue || len(flood.count) != 2 {
			t.Errorf("once one is free: %v, the other tenant %v", flood.count, other.count)
		}
	})
}

// TestP8ATokenLeavesTheQueueWithItsCaller holds that whoever gives up while
// waiting takes no turn.
func TestP8ATokenLeavesTheQueueWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), nil)
		release := held(t, v.scheduler, Payer{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		good := testPairs().rs.mint("RS256", nil, goodClaims())
		if _, err := v.Verify(ctx, good, start); !errors.Is(err, ErrDeadline) {
			t.Errorf("a request that gave up: %v", err)
		}
		if stats := v.scheduler.Stats(); stats.Waiting != 0 || stats.Shed[ShedGone] != 1 {
			t.Errorf("left over: %+v", stats)
		}
		release()
		expect(t, v, good, nil)
	})
}

// TestP8ATurnThatComesTooLateIsGivenBack holds that no slot is lost where a token's
// turn comes at the moment at which its caller gives up.
func TestP8ATurnThatComesTooLateIsGivenBack(t *testing.T) {
	s := NewScheduler(SchedulerOptions{Slots: 1})
	release := held(t, s, Payer{Tenant: "first"})
	var turns [2]turn
	for n := range turns {
		turns[n].job = job{payer: Payer{Tenant: "second"}, key: testPairs().rs.key, alg: RS256}
		if cause := s.join(t.Context(), &turns[n]); cause != "" {
			t.Fatal(cause)
		}
	}
	release()
	if !turns[0].granted || turns[1].granted {
		t.Fatal("control: the first one has its turn")
	}
	s.abandon(&turns[0])
	if !turns[1].granted {
		t.Error("the turn of one who is gone was lost")
	}
	s.leave(&turns[1])
	if stats := s.Stats(); stats.Running+stats.Waiting+stats.Payers != 0 {
		t.Errorf("left over: %+v", stats)
	}
}

// TestP8FloodOfOneClientLeavesRoomForOthers holds that one client, or one IPv6
// network, fills a part of the queue of an entry or tenant only.
func TestP8FloodOfOneClientLeavesRoomForOthers(t *testing.T) {
	entry, tenant := Payer{Entry: "shared"}, Payer{Tenant: "acme"}
	for name, test := range map[string]struct {
		payer Payer
		flood func(n int) string
	}{
		"one address":             {entry, func(int) string { return "192.0.2.1" }},
		"one address of a tenant": {tenant, func(int) string { return "192.0.2.1" }},
		"written as IPv6":         {entry, func(int) string { return "::ffff:192.0.2.1" }},
		"addresses of a net":      {entry, func(n int) string { return fmt.Sprintf("2001:db8::%x", n+1) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				scheduler := NewScheduler(SchedulerOptions{})
				v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), nil).ChargeTo(scheduler, test.payer)
				release := held(t, scheduler, Payer{Tenant: "somebody"})
				var flooding, others outcomes
				bad := testPairs().rsOther.mint("RS256", members{"kid": "rs"}, goodClaims())
				for n := range 2 * maxClientQueue {
					go flooding.verify(t.Context(), v, bad, netip.MustParseAddr(test.flood(n)))
				}
				synctest.Wait()
				good := testPairs().rs.mint("RS256", nil, goodClaims())
				for n := range 64 {
					go others.verify(t.Context(), v, good, netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}))
				}
				synctest.Wait()
				if flooding.count[ErrOverloaded] != maxClientQueue || len(others.count) > 0 {
					t.Errorf("while all is taken: %v, others %v", flooding.count, others.count)
				}
				release()
				synctest.Wait()
				if flooding.count[ErrSignature] != maxClientQueue || others.count[nil] != 64 {
					t.Errorf("once one is free: %v, others %v", flooding.count, others.count)
				}
				if stats := scheduler.Stats(); stats.Waiting != 0 || stats.Running != scheduler.queue.slots-1 {
					t.Errorf("left over: %+v", stats)
				}
			})
		})
	}
}

// TestP8AHopelessTokenDoesNotWait holds that a token is refused at once where the
// queue before it takes longer than its request may.
func TestP8AHopelessTokenDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), nil)
		release := held(t, v.scheduler, Payer{})
		slow := *v.scheduler.costs.of(testPairs().es512.key, ES512)
		var queued outcomes
		dear := testPairs().es512.mint("ES512", nil, goodClaims())
		for range 100 {
			go queued.verify(t.Context(), v, dear, netip.Addr{})
		}
		synctest.Wait()
		ahead := 100 * slow / time.Duration(v.scheduler.queue.slots)
		for _, test := range []struct {
			left time.Duration
			want error
		}{{ahead / 2, ErrOverloaded}, {2 * ahead, ErrDeadline}} {
			ctx, cancel := context.WithTimeout(t.Context(), test.left)
			began := time.Now()
			_, err := v.Verify(ctx, dear, start)
			if waited := time.Since(began); !errors.Is(err, test.want) || errors.Is(err, ErrOverloaded) && waited > 0 {
				t.Errorf("with %v left: %v after %v", test.left, err, waited)
			}
			cancel()
		}
		release()
		synctest.Wait()
		if queued.count[nil] != 100 {
			t.Errorf("the queue: %v", queued.count)
		}
	})
}

// TestP8ACachedTokenTakesNoTurn holds that a cached token passes without the
// scheduler, of which all is taken.
func TestP8ACachedTokenTakesNoTurn(t *testing.T) {
	v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), NewCache(8))
	raw := testPairs().rs.mint("RS256", nil, goodClaims())
	expect(t, v, raw, nil)
	held(t, v.scheduler, Payer{})
	before := v.scheduler.Stats()
	for range 100 {
		expect(t, v, raw, nil)
	}
	if after := v.scheduler.Stats(); after.Verified != before.Verified || after.Queued != 0 || after.Verified != 1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestWithoutASchedulerAVerifierKeepsItsOwn(t *testing.T) {
	v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), nil).ChargeTo(nil, Payer{Tenant: "acme"})
	expect(t, v, testPairs().rs.mint("RS256", nil, goodClaims()), nil)
}

// recorder is a SchedulerObserver.
type recorder struct {
	mu             sync.Mutex
	verified, shed map[Payer]int
}

func (r *recorder) Verified(payer Payer, _, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verified[payer]++
}

func (r *recorder) Shed(payer Payer, _ ShedCause) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shed[payer]++
}

// TestSchedulerObserver holds that each fresh token is told once with its payer,
// whatever it claims.
func TestSchedulerObserver(t *testing.T) {
	seen := &recorder{verified: map[Payer]int{}, shed: map[Payer]int{}}
	scheduler := NewScheduler(SchedulerOptions{Slots: 1, Observer: seen})
	payer := Payer{Tenant: "acme"}
	v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), nil).ChargeTo(scheduler, payer)
	expect(t, v, testPairs().rs.mint("RS256", nil, goodClaims().with(members{"tenant": "globex"})), nil)
	expect(t, v, testPairs().rsOther.mint("RS256", members{"kid": "rs"}, goodClaims()), ErrSignature)
	held(t, scheduler, Payer{Entry: "other"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := scheduler.enter(ctx, job{payer: payer, key: testPairs().rs.key, alg: RS256}); !errors.Is(err, ErrOverloaded) {
		t.Errorf("without time: %v", err)
	}
	if len(seen.verified) != 1 || seen.verified[payer] != 2 || len(seen.shed) != 1 || seen.shed[payer] != 1 {
		t.Errorf("verified %v, shed %v", seen.verified, seen.shed)
	}
}
