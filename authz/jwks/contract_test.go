package jwks

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestP3KnownKIDNeverWaits(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		for range 100 {
			if got := s.ask(ctx, "a"); got != "known" {
				t.Fatalf("kid is %s", got)
			}
		}
		if n := s.source.Status().UnknownKIDs; time.Since(began) != 0 || n != 0 {
			t.Errorf("a known kid waited, or is one of %d that are counted as unknown", n)
		}
		s.wantFetches(1)
	})
}

func TestP3NoKIDNeverFetches(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		set, err := s.source.KeySet(t.Context(), "")
		if err != nil || set.Len() != 1 {
			t.Errorf("got %v, %v", set, err)
		}
		s.wantFetches(1)
	})
}

func TestP3RefreshFollowsTheSchedule(t *testing.T) {
	for name, row := range map[string]struct {
		cacheControl string
		want         time.Duration
	}{
		"plain":      {"", 5 * time.Minute},
		"shortened":  {"max-age=120", 2 * time.Minute},
		"least":      {"max-age=0, no-store", time.Minute},
		"lengthened": {"max-age=86400", 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP("a")
			p.header.Set("Cache-Control", row.cacheControl)
			play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
				s.sleep(row.want - time.Millisecond)
				s.wantFetches(1)
				s.sleep(time.Millisecond)
				s.wantFetches(2)
			})
		})
	}
}

func TestP3WithdrawnKeyStopsWorking(t *testing.T) {
	play(t, newIDP("a", "b"), SourceSpec{}, func(t *testing.T, s *scene) {
		s.want("a", "known")
		s.idp.publish("b")
		s.sleep(335 * time.Second)
		s.want("a", "unknown")
		s.want("b", "known")
	})
}

func TestP3NotModifiedIsAGoodFetch(t *testing.T) {
	p := newIDP("a")
	p.header.Set("ETag", `"v1"`)
	play(t, p, SourceSpec{MaxStale: 6 * time.Minute}, func(t *testing.T, s *scene) {
		set, err := s.source.KeySet(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		s.sleep(24 * time.Hour)
		if got := s.observed.last(); got != FetchNotModified {
			t.Errorf("the last fetch is %s", got)
		}
		again, err := s.source.KeySet(t.Context(), "a")
		if err != nil || again != set {
			t.Errorf("the set changed, or is gone: %v", err)
		}
	})
}

func TestP3KeysOutliveFailures(t *testing.T) {
	for name, fail := range map[string]func(*idp){
		"status":        func(p *idp) { p.status = 500 },
		"empty object":  func(p *idp) { p.body = "{}" },
		"empty list":    func(p *idp) { p.body = `{"keys":[]}` },
		"no usable key": func(p *idp) { p.body = `{"keys":[{"kty":"oct","k":"AA"}]}` },
		"HTML":          func(p *idp) { p.body = "<html>" },
		"stall":         func(p *idp) { p.delay = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, newIDP("a"), SourceSpec{MaxStale: time.Hour}, func(t *testing.T, s *scene) {
				s.idp.change(func() { fail(s.idp) })
				s.sleep(time.Hour - time.Millisecond)
				s.want("a", "known")
				if status := s.source.Status(); status.Keys != 1 || status.LastError != string(s.observed.last()) {
					t.Errorf("status %+v", status)
				}
				s.sleep(time.Millisecond)
				s.want("a", "unavailable")
				s.want("", "unavailable")
				s.want("b", "unavailable")
				if s.source.Status().Usable {
					t.Error("stale keys are called usable")
				}

				s.idp.publish("c")
				s.idp.change(func() { s.idp.delay = 0 })
				s.sleep(time.Minute + 5*time.Second)
				s.want("c", "known")
			})
		})
	}
}

func TestP3NoKeysBeforeTheFirstGoodFetch(t *testing.T) {
	p := newIDP("a")
	p.status = 503
	play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
		s.want("a", "unavailable")
		s.want("", "unavailable")
		if !s.registry.FirstFetchesEnded() {
			t.Error("a failed first fetch has not ended")
		}
		p.publish("a")
		s.sleep(time.Second)
		s.want("a", "known")
	})
}

func TestP3BackOffGrowsAndHonoursRetryAfter(t *testing.T) {
	p := newIDP("a")
	p.status = 503
	play(t, p, SourceSpec{MaxBackoff: 8 * time.Second}, func(t *testing.T, s *scene) {
		s.sleep(20 * time.Second) // 0.5, 1, 2, 4, 4, 4, 4 s at half jitter
		s.wantFetches(8)
		p.change(func() { p.header.Set("Retry-After", "300") })
		s.sleep(4 * time.Second)
		s.wantFetches(9)
		s.sleep(299 * time.Second)
		s.wantFetches(9)
		s.sleep(time.Second)
		s.wantFetches(10)
	})
}

func TestP3UnknownKIDFetchesOnce(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		s.idp.change(func() { s.idp.delay = 50 * time.Millisecond })
		s.sleep(time.Minute)
		s.idp.publish("a", "b")
		var all sync.WaitGroup
		for range maxWaiting {
			all.Go(func() { s.want("b", "known") })
		}
		synctest.Wait()
		if got := s.ask(t.Context(), "b"); got != "pending" {
			t.Errorf("request 65 is %s", got)
		}
		if n := s.source.Status().Waiting; n != maxWaiting {
			t.Errorf("%d are said to wait", n)
		}
		s.want("a", "known")
		all.Wait()
		s.wantFetches(2)
	})
}

// TestP8WaitingForKeysIsBoundedInAll lets unknown kids of many sources wait,
// whose servers hang.
func TestP8WaitingForKeysIsBoundedInAll(t *testing.T) {
	const sources = maxWaitingTotal/maxWaiting + 1
	idp := newIDP("a")
	play(t, idp, SourceSpec{UnknownKIDWait: time.Second}, func(t *testing.T, s *scene) {
		all := []*scene{s}
		for i := range sources {
			source, err := s.registry.Source(SourceSpec{Issuer: demoIssuer, URI: fmt.Sprintf("https://id%d.example.com/jwks", i), UnknownKIDWait: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, &scene{t: t, idp: idp, registry: s.registry, source: source})
		}
		synctest.Wait()
		s.sleep(time.Minute)
		idp.change(func() { idp.delay = time.Hour })
		var waiting sync.WaitGroup
		for i := range sources - 1 {
			for range maxWaiting {
				waiting.Go(func() { all[i].want("x", "pending") })
			}
			synctest.Wait()
		}
		began := time.Now()
		waiting.Go(func() { all[sources-1].want("x", "pending") }) // the first of its source waits
		synctest.Wait()
		all[sources-1].want("x", "pending")
		if took := time.Since(began); took != 0 {
			t.Errorf("one more waited for %v", took)
		}
		if n := s.registry.waiting.Load(); n != maxWaitingTotal+1 {
			t.Errorf("%d wait", n)
		}
		all[sources].want("a", "known")
		waiting.Wait()
		if n := s.registry.waiting.Load(); n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

func TestP3AbsentKIDIsFinalAfterAFetchOfTheLastCooldown(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		s.sleep(time.Minute)
		s.want("x", "unknown")
		s.wantFetches(2)
		s.idp.publish("a", "x")
		s.sleep(10*time.Second - 1)
		if n := s.source.Status().Absent; n != 1 {
			t.Errorf("%d kids are said to be remembered", n)
		}
		s.want("x", "unknown") // the hit does not prolong
		s.want("y", "unknown")
		s.wantFetches(2)
		s.sleep(1)
		s.want("x", "known")
		s.wantFetches(3)
	})
}

func TestP3ScheduledFetchesDoNotCloseTheGate(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		s.idp.publish("a", "b")
		s.want("b", "known")
		s.wantFetches(2)
		s.idp.publish("a", "b", "c")
		s.want("c", "unknown") // the gate is closed, and a fetch of just now lacks it
		s.wantFetches(2)
	})
}

func TestP3KeyPublishedOneCooldownBeforeUseLosesNoRequest(t *testing.T) {
	for _, before := range []time.Duration{0, 1, time.Second, 9 * time.Second, 10*time.Second - 1} {
		t.Run(before.String(), func(t *testing.T) {
			play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
				s.sleep(time.Minute)
				s.want("noise", "unknown") // closes the gate
				s.sleep(before)
				s.idp.publish("a", "b")
				for range 100 { // noise all along
					s.sleep(100 * time.Millisecond)
					_ = s.ask(t.Context(), "noise")
				}
				s.want("b", "known")
			})
		})
	}
}

func TestP3PendingWhileNoLateFetchSucceeded(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		s.sleep(time.Minute)
		s.idp.change(func() { s.idp.status = 500 })
		s.want("x", "pending")
		s.wantFetches(2)
		s.want("x", "pending") // in back-off: no fetch
		s.wantFetches(2)
		if closures := s.source.Status().GateClosures; closures != 1 {
			t.Errorf("%d gate closures", closures)
		}
		s.idp.publish("a")
		s.sleep(500 * time.Millisecond) // the scheduled retry
		s.wantFetches(3)
		s.want("x", "unknown") // cooling, and the retry lacks it
		s.want("a", "known")
		s.wantFetches(3)
	})
}

func TestP3WaitIsBounded(t *testing.T) {
	for name, row := range map[string]struct {
		timeout time.Duration // of the request
		cancel  time.Duration
		took    time.Duration
		want    string
	}{
		"configured":    {time.Hour, time.Hour, 100 * time.Millisecond, "pending"},
		"deadline":      {70 * time.Millisecond, time.Hour, 50 * time.Millisecond, "pending"},
		"deadline near": {20 * time.Millisecond, time.Hour, 0, "pending"},
		"canceled":      {time.Hour, 30 * time.Millisecond, 30 * time.Millisecond, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
				s.sleep(time.Minute)
				s.idp.publish("a", "b")
				s.idp.change(func() { s.idp.delay = 3 * time.Second })
				ctx, cancel := context.WithTimeout(t.Context(), row.timeout)
				defer cancel()
				time.AfterFunc(row.cancel, cancel)
				began := time.Now()
				if got := s.ask(ctx, "b"); got != row.want || time.Since(began) != row.took {
					t.Errorf("%s after %v, want %s after %v", got, time.Since(began), row.want, row.took)
				}
				if closures := s.source.Status().GateClosures; (closures == 1) != (row.took == 0) {
					t.Errorf("%d gate closures", closures)
				}
				s.sleep(3 * time.Second) // the fetch outlives the request
				s.want("b", "known")
				s.wantFetches(2)
			})
		})
	}
}

func TestP3JoinsTheScheduledFetch(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		s.idp.publish("a", "b")
		s.idp.change(func() { s.idp.delay = 80 * time.Millisecond })
		s.sleep(5 * time.Minute)
		s.wantFetches(2)
		s.want("b", "known")
		s.wantFetches(2)
	})
}

func TestP3NewSetClearsAbsentKIDs(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{RefreshInterval: 5 * time.Second}, func(t *testing.T, s *scene) {
		s.sleep(time.Second)
		s.want("x", "unknown")
		s.idp.publish("a", "x")
		s.sleep(5 * time.Second) // a scheduled fetch, within the cooldown
		s.want("x", "known")
		s.idp.publish("a")
		s.sleep(5 * time.Second)
		s.want("x", "unknown")
	})
}

func TestP3AsManyRealmsAsYouLikeAreNoAmplifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newIDP("a")
		registry := NewRegistry(Options{Transport: p})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { registry.Run(ctx) })
		sources := make([]*Source, 0, 200)
		for n := range 200 {
			source, err := registry.Source(SourceSpec{
				Issuer: fmt.Sprint("https://id.example.com/", n), URI: "https://id.example.com/jwks",
			})
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, source)
		}
		if err := registry.WaitFirstFetches(ctx); err != nil {
			t.Fatal(err)
		}
		before := p.count()
		for range 20 { // ten seconds of a flood over all realms
			flood, end := context.WithTimeout(ctx, replyMargin) // would not wait
			for _, source := range sources {
				_, _ = source.KeySet(flood, "noise")
			}
			end()
			elapse(500 * time.Millisecond)
		}
		synctest.Wait()
		if got := p.count() - before; got > 4+10*askedPerSecond+1 {
			t.Errorf("the flood caused %d fetches in 10 s", got)
		}
		elapse(15 * time.Second)
		synctest.Wait()
		for n, source := range sources { // each had its turn
			if status := source.Status(); status.LastSuccess.IsZero() || source.refresher.gate.lastAsked.IsZero() {
				t.Errorf("issuer %d never had its turn", n)
			}
		}
		cancel()
		running.Wait()
	})
}

func TestP3StatusCounts(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
		s.want("x", "unknown")
		s.want("y", "unknown")
		status := s.source.Status()
		if status.Kind != KindRemote || status.Keys != 1 || status.UnknownKIDs != 2 || status.GateClosures != 1 {
			t.Errorf("status %+v", status)
		}
		if status.LastSuccess.IsZero() || !status.LastFailure.IsZero() || status.NextRefresh.Before(time.Now()) || status.Restored || !status.Usable || !status.Fetched.Equal(time.Now()) || status.BackOff {
			t.Errorf("status %+v", status)
		}
	})
}
