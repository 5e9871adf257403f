package jwks

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestP3BackOffClosesTheGate(t *testing.T) {
	p := newIDP("a")
	p.header.Set("Retry-After", "300")
	play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
		p.change(func() { p.status = 503 })
		s.sleep(5 * time.Minute) // the scheduled fetch fails
		p.publish("a", "b")
		s.sleep(time.Minute) // many cooldowns later
		s.want("b", "pending")
		s.wantFetches(2)
		if status := s.source.Status(); !status.BackOff || status.Failures != 1 || status.GateClosures != 1 {
			t.Errorf("%+v", status)
		}
		s.sleep(4 * time.Minute)
		if status := s.source.Status(); status.BackOff || status.Failures != 0 {
			t.Errorf("%+v", status)
		}
		s.want("b", "known")
		s.wantFetches(3)
	})
}

func TestP3AbsentKIDIsRememberedBeyondTheScheduledFetchThatLackedIt(t *testing.T) {
	p := newIDP("a")
	play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
		p.change(func() { p.delay = 80 * time.Millisecond })
		s.sleep(5 * time.Minute)
		s.want("x", "unknown") // joined the scheduled fetch
		s.want("x", "unknown") // remembered, though the gate is open
		s.wantFetches(2)
		s.want("y", "unknown") // not remembered: fetches
		s.wantFetches(3)
	})
}

func TestP3NewSetForgetsWhatAnOlderOneLacked(t *testing.T) {
	p := newIDP("a")
	p.delay = 80 * time.Millisecond
	play(t, p, SourceSpec{RefreshInterval: 5 * time.Second}, func(t *testing.T, s *scene) {
		s.sleep(5 * time.Second)
		s.want("x", "unknown") // joined the scheduled fetch
		s.wantFetches(2)
		s.sleep(5 * time.Second) // a new set, in which it is absent too
		s.wantFetches(3)
		s.want("x", "unknown")
		s.wantFetches(4)
	})
}

func TestP3AClosedGateStillJoinsTheFetchInFlight(t *testing.T) {
	p := newIDP("a")
	play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
		p.change(func() { p.status = 503 })
		s.sleep(time.Minute)
		s.want("noise", "pending") // closes the gate, fails, and backs off for half a second
		p.publish("a", "b")
		p.change(func() { p.delay = 80 * time.Millisecond })
		s.sleep(500 * time.Millisecond)
		s.want("b", "known") // joined the retry
		s.wantFetches(3)
	})
}

// crowd takes every slot that the origin of a scene has in a share.
func crowd(t *testing.T, s *share) (leave func()) {
	t.Helper()
	releases := make([]func(), 0, s.perOrigin)
	for range s.perOrigin {
		release, err := s.enter(t.Context(), "https://id.example.com:443")
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	return func() {
		for _, release := range releases {
			release()
		}
		synctest.Wait()
	}
}

func TestP3AskedFetchThatBecameNeedlessIsLeftOut(t *testing.T) {
	for name, status := range map[string]int{"succeeded meanwhile": 200, "failed meanwhile": 503} {
		t.Run(name, func(t *testing.T) {
			play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
				leave := crowd(t, s.registry.onDemand)
				s.sleep(time.Minute)
				s.want("x", "pending") // the budget is spent
				s.wantFetches(1)
				s.idp.change(func() { s.idp.status = status })
				s.sleep(4 * time.Minute)
				s.wantFetches(2)
				leave()
				s.wantFetches(2)
			})
		})
	}
}

func TestP3ScheduledFetchThatBecameNeedlessIsLeftOut(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		leave := crowd(t, s.registry.periodic)
		s.sleep(6 * time.Minute)
		s.wantFetches(1)
		s.want("x", "unknown") // has a share of its own
		s.wantFetches(2)
		s.sleep(6 * time.Minute)
		if l := s.registry.periodic.lines["https://id.example.com:443"]; int64(l.users) != s.registry.periodic.perOrigin+1 {
			t.Errorf("%d stand in line with it", l.users)
		}
		s.want("y", "unknown")
		s.wantFetches(3)
		leave()
		s.wantFetches(3)
		s.sleep(5 * time.Minute)
		s.wantFetches(4)
	})
}

func TestP3OneFetchAtATime(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		leave := crowd(t, s.registry.onDemand)
		s.sleep(time.Minute)
		s.idp.publish("a", "b")
		s.want("b", "pending")
		s.idp.change(func() { s.idp.delay = 3 * time.Second })
		s.sleep(4 * time.Minute)
		s.wantFetches(2) // the scheduled one is in flight
		leave()
		s.wantFetches(2) // the one asked for joins it
		s.sleep(3 * time.Second)
		s.want("b", "known")
		s.wantFetches(2)
	})
}

func TestP3ABrokenTransportIsNoBusyLoop(t *testing.T) {
	p := newIDP("a")
	play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
		p.change(func() { p.err = context.Canceled }) // though nobody cancelled
		s.sleep(10 * time.Minute)
		if n := p.count(); n > 20 {
			t.Errorf("%d fetches in ten minutes", n)
		}
		if got := s.source.Status().LastError; got != string(FetchDial) {
			t.Errorf("the failure is called %q", got)
		}
		s.want("a", "known")
	})
}

// TestP3ScheduledFetchEndsAWaitInLine holds that a request whose own fetch
// stands in line behind others of its origin is answered from the set that a
// scheduled fetch brought meanwhile.
func TestP3ScheduledFetchEndsAWaitInLine(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		leave := crowd(t, s.registry.onDemand)
		defer leave()
		s.sleep(5*time.Minute - 50*time.Millisecond)
		s.idp.publish("a", "b")
		s.want("b", "known")
		s.wantFetches(2)
	})
}
