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
		canceled, end := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, end)
		if _, err := s.enter(canceled, "a"); resultOf(err) != FetchCanceled {
			t.Errorf("behind the rate, and stopped: %v", err)
		}
		elapse(time.Second)
		release, err := s.enter(t.Context(), "a")
		if err != nil {
			t.Fatalf("those who gave up kept something: %v", err)
		}
		release()
		if n := s.lines["a"].users; n != 0 {
			t.Errorf("%d are still in line", n)
		}
	})
}

// TestALeaseHoldsOneOrigin at a time, and nothing once it ended or was refused.
func TestALeaseHoldsOneOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare(8, 0, rate.Inf) // one of an origin at a time
		first, second := &lease{share: s}, &lease{share: s}
		move := func(l *lease, origin string, want FetchResult) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := l.move(ctx, origin); err != nil && resultOf(err) != want || (err == nil) != (want == FetchOK) {
				t.Errorf("to %s: %v, want %s", origin, err, want)
			}
		}
		move(first, "a", FetchOK)
		move(second, "a", FetchTimeout)
		move(first, "b", FetchOK)
		move(second, "a", FetchOK)
		move(first, "a", FetchTimeout)
		move(second, "b", FetchOK) // since the first gave it up before it was refused
		for _, l := range []*lease{first, second} {
			l.end()
			l.end()
		}
		if !s.slots.TryAcquire(8) || s.lines["a"].users != 0 || s.lines["b"].users != 0 {
			t.Errorf("something is held: %d and %d in line", s.lines["a"].users, s.lines["b"].users)
		}
	})
}

// TestP8OriginsAreForgottenWhereThatGivesThemNothing: not before there are many,
// and never while their rate is spent.
func TestP8OriginsAreForgottenWhereThatGivesThemNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, row := range map[string]struct {
			limit  rate.Limit
			before string // what each origin did
			left   int    // once there is one too many
			next   int    // number at which it is looked again
		}{
			"idle, without a rate": {rate.Inf, "left", 1, sweepFrom},
			"idle":                 {askedPerSecond, "rested", 1, sweepFrom},
			"their rate is spent":  {askedPerSecond, "left", sweepFrom + 1, 2 * sweepFrom},
			"in use":               {rate.Inf, "stays", sweepFrom + 1, 2 * sweepFrom},
		} {
			s := newShare(2*sweepFrom, 0, row.limit)
			for n := range sweepFrom {
				release, err := s.enter(t.Context(), fmt.Sprint(n))
				if err != nil {
					t.Fatal(err)
				}
				if row.before == "stays" {
					defer release()
				} else {
					release()
				}
			}
			if row.before == "rested" {
				elapse(time.Second)
			}
			if len(s.lines) != sweepFrom || s.sweepAt != sweepFrom {
				t.Errorf("%s: %d of %d origins are remembered", name, len(s.lines), sweepFrom)
			}
			release, err := s.enter(t.Context(), "another")
			if err != nil {
				t.Fatal(err)
			}
			release()
			if len(s.lines) != row.left || s.sweepAt != row.next {
				t.Errorf("%s: %d are remembered, and looked through again at %d, want %d and %d", name, len(s.lines), s.sweepAt, row.left, row.next)
			}
		}
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
