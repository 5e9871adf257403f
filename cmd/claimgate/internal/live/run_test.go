package live

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// hand is a watcher that the test moves.
type hand struct {
	changes chan struct{}
	mu      sync.Mutex
	watched []string
	closed  bool
}

func (h *hand) Changes() <-chan struct{} { return h.changes }
func (h *hand) Close() error             { h.closed = true; return nil }

func (h *hand) Watch(main string, dirs []string) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watched = append([]string{main}, dirs...)
	return false, errors.New("nothing can be watched") // which is no reason to stop
}

// touch tells of a change.
func (h *hand) touch() { h.changes <- struct{}{}; synctest.Wait() }

// inBubble runs a scene on a clock of its own, on which the files of the test
// lie in the future and so are not in the making, unless made says otherwise.
func inBubble(t *testing.T, main string, tenants map[string]string, test func(*scene, *hand)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, main, tenants)
		h := &hand{changes: make(chan struct{})}
		s.boot()
		s.live.opts.Watch = func() (Watcher, error) { return h, nil }
		s.live.opts.Now, s.live.disk.now = time.Now, time.Now
		if err := s.live.Start(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.live.Run(ctx) })
		defer func() { cancel(); running.Wait() }()
		elapse(time.Second) // the look after the start is over
		test(s, h)
		cancel()
		running.Wait()
		if !h.closed {
			t.Error("the watcher is left open")
		}
	})
}

// elapse moves the bubble's clock.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// made says that a file was written now.
func (s *scene) made(name string) {
	s.t.Helper()
	now := time.Now()
	if err := os.Chtimes(s.path(name), now, now); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) reloads() (n uint64) {
	for _, count := range s.live.Status().Results {
		n += count
	}
	return n
}

var two = map[string]string{"a": "host a\nkey k1\nallow x\n", "b": "host b\nallow x\n"}

// TestP6EventsAreGathered: a burst is one reload, and one that does not end is
// looked at all the same.
func TestP6EventsAreGathered(t *testing.T) {
	inBubble(t, toyMain, two, func(s *scene, h *hand) {
		before := s.reloads()
		for range 10 {
			s.tenant("a", "host a\nkey k1\nallow y\n")
			h.touch()
			elapse(quiet / 2)
		}
		if s.answer("a") != "a: allow x" || s.reloads() != before {
			t.Error("reloaded in the middle of a burst")
		}
		elapse(quiet)
		if s.answer("a") != "a: allow y" || s.reloads() != before+1 {
			t.Errorf("after a burst: %q, %d reloads", s.answer("a"), s.reloads()-before)
		}
		before = s.reloads()
		for range 100 {
			h.touch()
			elapse(quiet / 2)
		}
		if got := s.reloads() - before; got < 4 || got > 6 {
			t.Errorf("%d reloads in ten seconds of events", got)
		}
		if want := []string{s.path("main"), s.path("tenants")}; !slices.Equal(h.watched, want) {
			t.Errorf("watched %v, want %v", h.watched, want)
		}
	})
}

// TestP6WhatNobodyTellsIsFound: the poll is the net.
func TestP6WhatNobodyTellsIsFound(t *testing.T) {
	inBubble(t, toyMain, two, func(s *scene, _ *hand) {
		s.tenant("a", "host a\nkey k1\nallow y\n")
		elapse(pollEvery)
		if s.answer("a") != "a: allow y" {
			t.Errorf("after %s: %q", pollEvery, s.answer("a"))
		}
	})
}

// TestP6AFileInTheMakingIsReadAgain: what was written a moment ago may not be
// whole.
func TestP6AFileInTheMakingIsReadAgain(t *testing.T) {
	inBubble(t, toyMain, two, func(s *scene, h *hand) {
		s.inPlace("tenants/a.yaml", "host a\nkey k1\nallow everything\n") // its deny rules are still to come
		h.touch()
		elapse(quiet - time.Millisecond)
		s.made("tenants/a.yaml")
		s.write("tenants/new.yaml", "host n\nallow everything\n")
		s.made("tenants/new.yaml")
		elapse(time.Millisecond)
		s.want("in the making", "a=active b=active", map[string]string{"a": "a: allow x", "n": "401"})
		s.inPlace("tenants/a.yaml", "host a\nkey k1\nallow everything\ndeny secrets\n")
		s.inPlace("tenants/new.yaml", "host n\nallow everything\ndeny secrets\n")
		elapse(time.Second)
		s.want("whole", "a=active b=active new=active", map[string]string{
			"a": "a: allow everything, deny secrets", "n": "new: allow everything, deny secrets"})

		// One that is written for ever is taken as it is in the end.
		s.tenant("b", "host b\nallow y\n")
		for range 100 {
			s.made("tenants/b.yaml")
			h.touch()
			elapse(quiet / 2)
		}
		if s.answer("b") != "b: allow y" {
			t.Errorf("after %s: %q", settleMost, s.answer("b"))
		}

		// The main file as well.
		s.inPlace("main", toyMain+"nonsense")
		s.made("main")
		s.live.reload(ask{})
		if s.live.Status().Main != nil {
			t.Error("a main file in the making is bad")
		}
		s.inPlace("main", toyMain+"provide w\n")
		if result := s.live.Reload(s.t.Context()); result != Applied {
			t.Errorf("whole: %s\n%s", result, s.problems())
		}
	})
}

// TestP6KeysOfALiveTenantAreFetchedFirst: its new version waits for the keys of
// the issuers that changed, up to 5 s; nobody else waits.
func TestP6KeysOfALiveTenantAreFetchedFirst(t *testing.T) {
	inBubble(t, toyMain, two, func(s *scene, h *hand) {
		s.tenant("a", "host a\nkey k2\nallow y\n")
		s.tenant("b", "host b\nallow y\n")
		s.tenant("c", "host c\nkey k3\n") // new: nobody depends on it
		h.touch()
		elapse(quiet)
		s.want("waiting", "a=active b=active c=active", map[string]string{"a": "a: allow x", "b": "b: allow y", "c": "c: "})
		if want := []string{"k1", "k2", "k3"}; !slices.Equal(s.keys.retained, want) {
			t.Errorf("retained %v, want %v", s.keys.retained, want)
		}
		s.tenant("b", "host b\nallow z\n")
		h.touch()
		elapse(quiet)
		s.want("somebody else changes meanwhile", "a=active b=active c=active", map[string]string{"a": "a: allow x", "b": "b: allow z"})
		close(s.keys.ended)
		elapse(quiet)
		s.want("fetched", "a=active b=active c=active", map[string]string{"a": "a: allow y"})
		if want := []string{"k2", "k3"}; !slices.Equal(s.keys.retained, want) {
			t.Errorf("retained %v, want %v", s.keys.retained, want)
		}

		s.keys.ended = make(chan struct{}) // an issuer that does not answer
		s.tenant("a", "host a\nkey k4\nallow z\n")
		h.touch()
		elapse(keysWait)
		s.want("not for ever", "a=active b=active c=active", map[string]string{"a": "a: allow y"})
		elapse(2 * quiet)
		s.want("not for ever", "a=active b=active c=active", map[string]string{"a": "a: allow z"})

		s.tenant("a", "host a\nkey k5\nsuspended\n")
		h.touch()
		elapse(quiet)
		s.want("suspended at once", "a=suspended b=active c=active", map[string]string{"a": "403"})

		s.tenant("b", "host b\nkey k6\nallow w\n")
		h.touch()
		elapse(quiet)
		s.tenant("b", "host b\nallow v\n") // it was a mistake
		h.touch()
		elapse(quiet)
		s.want("taken back", "a=suspended b=active c=active", map[string]string{"b": "b: allow v"})
		elapse(keysWait + quiet)
		s.want("taken back", "a=suspended b=active c=active", map[string]string{"b": "b: allow v"})
	})
}

// TestP6SettingsThatNeedARestart are told.
func TestP6SettingsThatNeedARestart(t *testing.T) {
	s := newStage(t, toyMain, two)
	s.boot()
	changed := false
	s.live.opts.Fixed = func(config.Settings, config.Settings) []string {
		if changed {
			return []string{"listen.address"}
		}
		return nil
	}
	if err := s.live.Start(); err != nil {
		t.Fatal(err)
	}
	changed = true
	s.write("main", toyMain+"provide w\n")
	s.reload()
	s.reload()
	if got := s.live.Status().Restart; !slices.Equal(got, []string{"listen.address"}) {
		t.Errorf("need a restart: %v", got)
	}
	if got := s.logs.FilterMessageSnippet("next start").Len(); got != 1 {
		t.Errorf("said %d times", got)
	}
}

// TestP6TheLogTellsChangesOnce: a line for each tenant whose state or problem
// changed, and none for what stays.
func TestP6TheLogTellsChangesOnce(t *testing.T) {
	s := newScene(t, toyMain, two)
	lines := func(what string, want ...string) {
		t.Helper()
		s.logs.TakeAll()
		s.reload()
		var got []string
		for _, entry := range s.logs.TakeAll() {
			fields := entry.ContextMap()
			if tenant, ok := fields["tenant"].(string); ok {
				got = append(got, entry.Message+": "+tenant+" "+fields["state"].(string))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	lines("nothing")
	s.tenant("a", "host a\nnonsense\n")
	lines("broken", "tenant file is bad: a stale")
	lines("still broken")
	s.tenant("b", "host b\nallow y\n")
	lines("another one changes", "tenant changed: b active")
	s.tenant("a", "host a\nallow y\n")
	lines("mended", "tenant mended: a active")
	s.tenant("c", "garbage")
	lines("a bad newcomer", "tenant file is bad: c quarantined")
	s.tenant("c", "host c\n")
	lines("it is mended", "tenant mended: c active")
	s.inPlace("tenants/b.yaml", "host b\n")
	lines("cut", "tenant waits for confirmation: b stale")
	for _, entry := range s.logs.All() {
		if _, ok := entry.ContextMap()["problem"]; !ok {
			t.Error("no problem")
		}
	}
}
