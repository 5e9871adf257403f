package jwks

import (
	"crypto/sha256"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

func TestGateWindows(t *testing.T) {
	g := gate{cooldown: 10 * time.Second}
	if g.cooling(epoch) || g.final(epoch) {
		t.Error("a fresh gate is closed or final")
	}
	g.lastAsked, g.lastGood = epoch, epoch
	for after, want := range map[time.Duration]bool{0: true, 10*time.Second - 1: true, 10 * time.Second: false} {
		if g.cooling(epoch.Add(after)) != want || g.final(epoch.Add(after)) != want {
			t.Errorf("after %v: want %v", after, want)
		}
	}
}

// TestP8RequestsThatWaitAreCounted: so many of a source, so many of all, and of
// these the first of a source before the others.
func TestP8RequestsThatWaitAreCounted(t *testing.T) {
	for name, row := range map[string]struct {
		own, total int
		want       bool
	}{
		"alone":                    {0, 0, true},
		"the last of a source":     {maxWaiting - 1, maxWaiting - 1, true},
		"one more of it":           {maxWaiting, maxWaiting, false},
		"the last of all":          {1, maxWaitingTotal - 1, true},
		"one more of all":          {1, maxWaitingTotal, false},
		"the first of its source":  {0, maxWaitingTotal, true},
		"the last of these":        {0, maxWaitingTotal + maxWaitingFirst - 1, true},
		"one more first of source": {0, maxWaitingTotal + maxWaitingFirst, false},
	} {
		g, total := gate{waiting: row.own}, atomic.Int64{}
		total.Store(int64(row.total))
		got := g.wait(&total)
		if got {
			g.leave(&total)
		}
		if got != row.want || g.waiting != row.own || total.Load() != int64(row.total) {
			t.Errorf("%s: %t, then %d of %d wait", name, got, g.waiting, total.Load())
		}
	}
}

func TestAbsentKIDs(t *testing.T) {
	var a absentKIDs
	until := epoch.Add(10 * time.Second)
	for n := range 2 * maxAbsent {
		a.add(strconv.Itoa(n), epoch, until)
	}
	if len(a.until) != maxAbsent {
		t.Fatalf("%d kids", len(a.until))
	}
	if !a.has("0", epoch) || a.has("0", until) || a.has(strconv.Itoa(maxAbsent), epoch) {
		t.Error("kids end too late, too early, or the last ones pushed out others")
	}
	a.add("late", until, until.Add(time.Second))
	if len(a.until) != 1 || !a.has("late", until) {
		t.Errorf("%d kids after the others ended", len(a.until))
	}
	a.clear()
	if a.has("late", until) {
		t.Error("clear keeps kids")
	}
}

// TestP8AFullMemoryOfKIDsIsWalkedWhenOneEnds, and not for each kid of a flood.
func TestP8AFullMemoryOfKIDsIsWalkedWhenOneEnds(t *testing.T) {
	var a absentKIDs
	at := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }
	for n := range maxAbsent {
		a.add(strconv.Itoa(n), epoch, at(n+10))
		if !a.fullUntil.IsZero() {
			t.Fatalf("walked with %d kids", n)
		}
	}
	for n := range 3 {
		name, now := "new"+strconv.Itoa(n), at(n+10)
		if a.add(name, at(n+9), at(2*maxAbsent)); a.has(name, at(n+9)) || !a.fullUntil.Equal(now) {
			t.Errorf("a kid that is one too many is there, or the next place is free %s", a.fullUntil)
		}
		if a.add(name, now, at(2*maxAbsent)); !a.has(name, now) || !a.fullUntil.Equal(at(n+11)) {
			t.Errorf("the place of a kid that ended is not free, or the next one is free %s", a.fullUntil)
		}
	}
	clear(a.until)
	for n := range maxAbsent {
		a.until[sha256.Sum256([]byte{byte(n), byte(n >> 8)})] = epoch // a walk would find these
	}
	if a.add("flood", at(12), at(2*maxAbsent)); len(a.until) != maxAbsent {
		t.Error("all kids are walked, though none of those known had ended")
	}
}
