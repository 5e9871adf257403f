package token

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stopwatch is a SchedulerObserver that keeps what it hears.
type stopwatch struct {
	mu           sync.Mutex
	waited, took []time.Duration
}

func (w *stopwatch) Verified(_ Payer, waited, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waited, w.took = append(w.waited, waited), append(w.took, took)
}

func (*stopwatch) Shed(Payer, ShedCause) {}

// TestSchedulerCounts holds what is counted and told against a clock that stands
// still, and that goes back.
func TestSchedulerCounts(t *testing.T) {
	now, seen := start, &stopwatch{}
	s := NewScheduler(SchedulerOptions{Slots: 1, Now: func() time.Time { return now }, Observer: seen})
	what := job{payer: Payer{Tenant: "acme"}, key: testPairs().rs.key, alg: RS256}
	first := must(s.enter(t.Context(), what))
	second := turn{job: what, asked: now}
	if cause := s.join(t.Context(), &second); cause != "" {
		t.Fatal(cause)
	}
	if stats := s.Stats(); stats.Slots != 1 || stats.Running != 1 || stats.Waiting != 1 || stats.Payers != 1 || stats.Queued != 1 || stats.Verified != 0 {
		t.Errorf("while one waits: %+v", stats)
	}
	now = now.Add(3 * time.Millisecond)
	s.leave(&first)
	second.started = now
	now = now.Add(5 * time.Millisecond)
	s.leave(&second)
	third := must(s.enter(t.Context(), what))
	now = now.Add(-time.Hour)
	s.leave(&third)
	stats := s.Stats()
	if stats.Running+stats.Waiting+stats.Payers != 0 || stats.Queued != 1 || stats.Verified != 3 || stats.Took != 8*time.Millisecond {
		t.Errorf("in the end: %+v", stats)
	}
	for _, cause := range ShedCauses() {
		if n, told := stats.Shed[cause]; n != 0 || !told {
			t.Errorf("%s: %d, told %v", cause, n, told)
		}
	}
	stats.Shed[ShedFull] = 7 // of the caller's own
	if n := s.Stats().Shed[ShedFull]; n != 0 {
		t.Errorf("%d tokens were shed by whoever asked", n)
	}
	if want := fmt.Sprint([]string{"0s", "3ms", "0s"}, []string{"3ms", "5ms", "0s"}); fmt.Sprint(seen.waited, seen.took) != want {
		t.Errorf("told %v and %v, want %s", seen.waited, seen.took, want)
	}
}

// TestSchedulerTellsTheWait of a token that queued, from its asking to its turn.
func TestSchedulerTellsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &stopwatch{}
		s := NewScheduler(SchedulerOptions{Slots: 1, Observer: seen})
		what := job{payer: Payer{Tenant: "acme"}, key: testPairs().rs.key, alg: RS256}
		first := must(s.enter(t.Context(), what))
		var queued sync.WaitGroup
		queued.Go(func() {
			second := must(s.enter(t.Context(), what))
			<-time.After(5 * time.Millisecond)
			s.leave(&second)
		})
		<-time.After(3 * time.Millisecond)
		s.leave(&first)
		queued.Wait()
		if got := fmt.Sprint(seen.waited, seen.took); got != "[0s 3ms] [3ms 5ms]" {
			t.Errorf("told %s", got)
		}
	})
}

// TestP8SlotsLeaveProcessorsToCachedTokens: half of them, unless it is said
// otherwise.
func TestP8SlotsLeaveProcessorsToCachedTokens(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(9))
	for slots, want := range map[int]int{0: 5, -1: 5, 1: 1, 2: 2, 9: 9} {
		if got := NewScheduler(SchedulerOptions{Slots: slots}).Stats().Slots; got != want {
			t.Errorf("%d: %d slots, want %d", slots, got, want)
		}
	}
}

// TestP8WhoIsRefusedIsNotRemembered: what was looked up for a token that is given
// up at once is let go.
func TestP8WhoIsRefusedIsNotRemembered(t *testing.T) {
	s := NewScheduler(SchedulerOptions{Slots: 1})
	held(t, s, Payer{Tenant: "busy"})
	payer := Payer{Entry: "shared"}
	join := func(ctx context.Context, payer Payer, client int) ShedCause {
		address := netip.AddrFrom4([4]byte{192, 0, byte(client >> 8), byte(client)})
		return s.join(ctx, &turn{job: job{payer: payer, client: address, key: testPairs().rs.key, alg: RS256}, asked: time.Now()})
	}
	for client := range maxQueue {
		if cause := join(t.Context(), payer, client); cause != "" {
			t.Fatalf("client %d: %s", client, cause)
		}
	}
	for client := range 20 {
		if cause := join(t.Context(), payer, maxQueue+client); cause != ShedFull {
			t.Fatalf("one more client: %q", cause)
		}
	}
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for n := range 20 {
		if cause := join(late, Payer{Tenant: fmt.Sprint(n)}, 0); cause != ShedLate {
			t.Fatalf("without time: %q", cause)
		}
	}
	clients := len(s.queue.root.below[nodeKey{payer: payer}].below)
	if payers := s.Stats().Payers; payers != 2 || clients != maxQueue {
		t.Errorf("%d payers and %d clients are remembered, want 2 and %d", payers, clients, maxQueue)
	}
}

// TestP8WhoLeavesTheQueueGivesNobodyATurn: only one who has a turn has one to give
// back.
func TestP8WhoLeavesTheQueueGivesNobodyATurn(t *testing.T) {
	s := NewScheduler(SchedulerOptions{Slots: 1})
	release := held(t, s, Payer{Tenant: "first"})
	var turns [3]turn
	for n := range turns {
		turns[n].job = job{payer: Payer{Tenant: "second"}, key: testPairs().rs.key, alg: RS256}
		if cause := s.join(t.Context(), &turns[n]); cause != "" {
			t.Fatal(cause)
		}
	}
	s.abandon(&turns[1])
	if stats := s.Stats(); stats.Running != 1 || stats.Waiting != 2 || turns[0].granted || turns[1].granted || turns[2].granted {
		t.Errorf("%+v", stats)
	}
	release()
	s.leave(&turns[0])
	if turns[1].granted || !turns[2].granted {
		t.Error("the turn is not that of the one behind who left")
	}
	s.leave(&turns[2])
	if stats := s.Stats(); stats.Running+stats.Waiting+stats.Payers != 0 {
		t.Errorf("left over: %+v", stats)
	}
}
