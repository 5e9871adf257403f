package jwks

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

func TestOneOriginHoldsAnEighth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare(32, 0, rate.Inf)
		ctx, cancel := context.WithCancel(t.Context())
		entered := make(chan func(), 100)
		for range 100 {
			go func() {
				if release, err := s.enter(ctx, "slow"); err == nil {
					entered <- release
				}
			}()
		}
		synctest.Wait()
		if len(entered) != 4 {
			t.Errorf("%d fetches of one origin, want 4", len(entered))
		}
		for n := range 28 {
			if _, err := s.enter(ctx, fmt.Sprint(n)); err != nil {
				t.Fatal(err)
			}
		}
		(<-entered)()
		synctest.Wait()
		if len(entered) != 4 {
			t.Errorf("%d fetches after one ended, want 4", len(entered))
		}
		cancel()
		synctest.Wait()
	})
}

// TestLateFetchesMakeRoom: those that take long leave their slots to others, as
// long as there is room for late ones, and give back what they hold then.
func TestLateFetchesMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare(8, 12, rate.Inf)
		entered := make(chan func(), 100)
		var all sync.WaitGroup
		for n := range 40 {
			all.Go(func() {
				if release, err := s.enter(t.Context(), fmt.Sprint(n)); err == nil {
					entered <- release
				}
			})
		}
		want := func(n int, when string) {
			t.Helper()
			synctest.Wait()
			if len(entered) != n {
				t.Errorf("%s: %d fetches, want %d", when, len(entered), n)
			}
		}
		want(8, "at first")
		elapse(lateAfter)
		want(16, "once these are late")
		elapse(lateAfter)
		want(20, "with the late room full")
		elapse(time.Hour)
		want(20, "much later")
		for range 40 {
			(<-entered)()
			synctest.Wait()
		}
		all.Wait()
		if !s.slots.TryAcquire(8) || !s.late.TryAcquire(12) {
			t.Error("those who left kept something")
		}
	})
}

func TestOriginsHaveARateOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare(32, 0, askedPerSecond)
		began := time.Now()
		for range 104 {
			release, err := s.enter(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			release()
		}
		if got := time.Since(began).Round(time.Millisecond); got != 10*time.Second {
			t.Errorf("104 fetches took %v, want 10 s: 4 at once and 10/s", got)
		}
		before := time.Now()
		release, err := s.enter(t.Context(), "b")
		if err != nil || time.Since(before) != 0 {
			t.Errorf("another origin waited %v, %v", time.Since(before), err)
		}
		release()
	})
}

func TestIssuersOfAnOriginTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare(8, 0, rate.Inf) // one at a time
		first, err := s.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		order := make(chan int, 3)
		for n := range 3 {
			go func() {
				release, err := s.enter(t.Context(), "a")
				if err != nil {
					return
				}
				order <- n
				release()
			}()
			synctest.Wait()
		}
		first()
		for want := range 3 {
			if got := <-order; got != want {
				t.Errorf("%d came before %d", got, want)
			}
		}
	})
}

func TestEnterGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare(8, 0, askedPerSecond)
		hold, err := s.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.enter(ctx, "a"); resultOf(err) != FetchTimeout {
			t.Errorf("behind another: %v", err)
		}
		hold()
		short, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		if _, err := s.enter(short, "a"); resultOf(err) != FetchTimeout {
			t.Errorf("behind the rate: %v", err)
		}
		elapse(time.Second)
		release, err := s.enter(t.Context(), "a")
		if err != nil {
			t.Fatalf("those who gave up kept something: %v", err)
		}
		release()
	})
}

func TestSweepForgetsIdleOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare(8, 0, askedPerSecond)
		held, err := s.enter(t.Context(), "held")
		if err != nil {
			t.Fatal(err)
		}
		defer held()
		for n := range 4 * sweepFrom {
			release, err := s.enter(t.Context(), fmt.Sprint(n))
			if err != nil {
				t.Fatal(err)
			}
			release()
			elapse(time.Second)
		}
		if len(s.lines) > sweepFrom {
			t.Errorf("%d origins are remembered", len(s.lines))
		}
		if s.lines["held"] == nil {
			t.Error("an origin in use was forgotten")
		}
	})
}
