package main

import (
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func noLimit() (uint64, error) { return 0, memlimit.ErrNoLimit }

// keepRuntime puts back what a test changes, and takes away what the
// environment says.
func keepRuntime(t *testing.T) {
	t.Helper()
	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(leastPercent)
	t.Cleanup(func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	})
	debug.SetMemoryLimit(math.MaxInt64)
}

// TestMemoryLimit: nine tenths of the cgroup's, unless the operator named one.
func TestMemoryLimit(t *testing.T) {
	errUnreadable := errors.New("unreadable")
	for name, c := range map[string]struct {
		given  bool
		cgroup memlimit.Provider
		want   int64
		err    error
	}{
		"a limit":           {false, memlimit.Limit(1000 << 20), 900 << 20, nil},
		"none":              {false, noLimit, math.MaxInt64, nil},
		"no cgroup":         {false, func() (uint64, error) { return 0, memlimit.ErrNoCgroup }, math.MaxInt64, nil},
		"beyond all bounds": {false, memlimit.Limit(math.MaxUint64), math.MaxInt64, nil},
		"unreadable":        {false, func() (uint64, error) { return 0, errUnreadable }, math.MaxInt64, errUnreadable},
		"the operator's":    {true, memlimit.Limit(1000 << 20), math.MaxInt64, nil},
	} {
		t.Run(name, func(t *testing.T) {
			keepRuntime(t)
			if c.given {
				t.Setenv("GOMEMLIMIT", "off")
			}
			got, err := limitMemory(c.cgroup)
			if got != c.want || !errors.Is(err, c.err) || debug.SetMemoryLimit(-1) != c.want {
				t.Errorf("%d, %v; in force: %d; want %d, %v", got, err, debug.SetMemoryLimit(-1), c.want, c.err)
			}
		})
	}
}

// TestGarbageRoom: a small heap has room for garbage, a great one no more than
// Go gives it, and one in a narrow cgroup a part of what there is.
func TestGarbageRoom(t *testing.T) {
	for _, c := range []struct {
		live, room int64
		want       int
	}{
		{0, garbageRoom, mostPercent},
		{1 << 20, garbageRoom, mostPercent},
		{16 << 20, garbageRoom, 400},
		{64 << 20, garbageRoom, leastPercent},
		{10 << 30, garbageRoom, leastPercent},
		{16 << 20, 16 << 20, leastPercent},
		{math.MaxInt64, garbageRoom, leastPercent},
	} {
		if got := percentFor(c.live, c.room); got != c.want {
			t.Errorf("%d alive, room for %d: %d %%, want %d", c.live, c.room, got, c.want)
		}
	}
}

// TestCollectorFollowsTheHeap: what a collection finds alive decides, each time.
func TestCollectorFollowsTheHeap(t *testing.T) {
	set := make(chan int, 8)
	c := &collector{room: garbageRoom, percent: mostPercent, set: func(p int) int { set <- p; return p }}
	c.arm()
	defer c.stop()
	await := func(great bool, alive []byte) {
		t.Helper()
		for {
			runtime.GC()
			select {
			case got := <-set:
				if great != (got == leastPercent) {
					t.Errorf("%d %%; the heap is great: %v", got, great)
				}
				runtime.KeepAlive(alive)
				return
			default: // the cleanup has not run yet
			}
		}
	}
	await(true, make([]byte, 2*garbageRoom))
	await(false, nil)
}

// TestCollectorLeavesTheOperators: GOGC wins.
func TestCollectorLeavesTheOperators(t *testing.T) {
	keepRuntime(t)
	t.Setenv("GOGC", "150")
	debug.SetGCPercent(150)
	s, stop := tuneRuntime(noLimit)
	defer stop()
	if got := debug.SetGCPercent(150); got != 150 || !s.fixedGC {
		t.Errorf("%d %%, want 150; %+v", got, s)
	}
}

// TestCollectorSettles: small changes are let be, since each one stops all
// threads; the ends are always reached.
func TestCollectorSettles(t *testing.T) {
	var set []int
	c := &collector{room: garbageRoom, percent: leastPercent, set: func(p int) int { set = append(set, p); return p }}
	for _, live := range []int64{16 << 20, 16<<20 + 100_000, 15 << 20, 32 << 20, 62 << 20, 64 << 20, 80 << 20, 1 << 20} {
		c.adjust(live)
	}
	want := []int{400, 200, 103, 100, 800}
	if len(set) != len(want) {
		t.Fatalf("set %v, want %v", set, want)
	}
	for i := range want {
		if set[i] != want[i] {
			t.Errorf("set %v, want %v", set, want)
		}
	}
	c.stop()
	c.adjust(16 << 20)
	if last := set[len(set)-1]; last != leastPercent {
		t.Errorf("after the end: %v", set)
	}
}
