package main

import (
	"errors"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"
)

// What the process asks of Go's runtime, all of it. What the operator says by
// GOGC or GOMEMLIMIT wins and is not touched. GOMAXPROCS is Go's own, which
// follows the processor limit of the cgroup.
//
// Memory limit: nine tenths of the cgroup's, so that the collector works harder
// before the kernel kills. Without a limit of the cgroup there is none.
//
// Garbage: a small heap may hold 64 MiB of it before it is collected, where
// GOGC=100 would collect at each 4 to 20 MiB, dozens of times a second under
// load. A heap beyond 64 MiB is collected as with GOGC=100, so that ten
// thousand tenants or a hundred thousand tokens take no multiple of themselves.
// cmd/authzbench/PERFORMANCE.md has the effect; `make authzbench
// ARGS='-variants claimgate,claimgate+gogc100'` measures it.
const (
	memoryShare  = 0.9
	garbageRoom  = 64 << 20
	leastPercent = 100 // Go's own
	mostPercent  = 800
	leastChange  = 10 // percent; a change stops all threads for a moment
)

// runtimeSettings are what is in force after the start, for the log.
type runtimeSettings struct {
	memoryLimit int64 // math.MaxInt64: none
	limitError  error // why the cgroup's limit could not be read
	fixedGC     bool  // the operator's percentage
	room        int64
}

// tuneRuntime sets the limit and has the collector follow the size of the heap
// until stop is called. cgroup tells the limit of memory.
func tuneRuntime(cgroup memlimit.Provider) (s runtimeSettings, stop func()) {
	s.memoryLimit, s.limitError = limitMemory(cgroup)
	s.room = min(garbageRoom, s.memoryLimit/4)
	if _, s.fixedGC = os.LookupEnv("GOGC"); s.fixedGC {
		return s, func() {}
	}
	c := &collector{room: s.room, percent: leastPercent, set: debug.SetGCPercent}
	c.adjust(liveHeap())
	c.arm()
	return s, c.stop
}

// limitMemory returns the limit that is in force.
func limitMemory(cgroup memlimit.Provider) (int64, error) {
	current := debug.SetMemoryLimit(-1)
	if _, given := os.LookupEnv("GOMEMLIMIT"); given {
		return current, nil
	}
	limit, err := cgroup()
	switch {
	case errors.Is(err, memlimit.ErrNoLimit), errors.Is(err, memlimit.ErrNoCgroup), errors.Is(err, memlimit.ErrCgroupsNotSupported):
		return current, nil
	case err != nil:
		return current, err
	}
	if share := memoryShare * float64(limit); share < math.MaxInt64 {
		debug.SetMemoryLimit(int64(share))
	}
	return debug.SetMemoryLimit(-1), nil
}

// percentFor returns the garbage that a heap may hold, in percent of what is
// alive in it.
func percentFor(live, room int64) int {
	if live <= 0 {
		return mostPercent
	}
	return int(min(max(100*room/live, leastPercent), mostPercent))
}

// collector sets the percentage anew after each collection.
type collector struct {
	room int64
	set  func(int) int

	mutex   sync.Mutex
	percent int
	stopped bool
}

// adjust sets the percentage where it moved enough.
func (c *collector) adjust(live int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	want := percentFor(live, c.room)
	near := want > c.percent-leastChange*c.percent/100 && want < c.percent+leastChange*c.percent/100
	if c.stopped || near && want != leastPercent && want != mostPercent || want == c.percent {
		return
	}
	c.percent = want
	c.set(want)
}

// arm has the next collection call us: it finds an object that nobody holds.
func (c *collector) arm() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.stopped {
		return
	}
	sentinel := new([16]byte)
	runtime.AddCleanup(sentinel, func(c *collector) {
		c.adjust(liveHeap())
		c.arm()
	}, c)
}

// stop leaves the percentage as Go has it.
func (c *collector) stop() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.stopped = true
	c.set(leastPercent)
}

// liveHeap returns how much the last collection found alive.
func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(min(sample[0].Value.Uint64(), math.MaxInt64))
}

// fields are what the log says at the start.
func (s *runtimeSettings) fields() []zap.Field {
	fields := []zap.Field{zap.Int("processors", runtime.GOMAXPROCS(0))}
	if s.memoryLimit != math.MaxInt64 {
		fields = append(fields, zap.Int64("memoryLimit", s.memoryLimit))
	}
	if s.fixedGC {
		return append(fields, zap.String("GOGC", os.Getenv("GOGC")))
	}
	return append(fields, zap.Int64("garbageRoom", s.room))
}
