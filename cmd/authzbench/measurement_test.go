package main

import (
	"errors"
	"testing"
	"time"
)

// TestPooled: what is counted adds up over the slices, percentiles are those of
// all latencies, and the heap is that of the checks that were measured.
func TestPooled(t *testing.T) {
	fast, slow := make([]time.Duration, 0, 990), make([]time.Duration, 0, 10)
	for i := range cap(fast) {
		fast = append(fast, time.Duration(cap(fast)-i)*time.Microsecond) // the last first
	}
	for range cap(slow) {
		slow = append(slow, time.Second)
	}
	first, second := errors.New("first"), errors.New("second")
	all := []reading{
		{sample{latencies: slow, missed: 3, elapsed: time.Second}, cost{2 * time.Second, 5 * time.Second, 70}},
		{sample{latencies: fast, errors: 4, err: first, elapsed: 2 * time.Second}, cost{time.Second, time.Second, 60}},
		{sample{untimed: 6, missed: 1, errors: 90, err: second, elapsed: time.Second}, cost{server: time.Second, resident: 65}},
	}
	got := pooled(tally{"claimgate", "lean", true, heap{2200, 22000, 220, 22}, 2200}, all)
	want := measurement{
		Variant: "claimgate", Workload: "lean", Lean: true,
		Checks: 1100, Errors: 94, Error: "first", Missed: 4, Seconds: 4, CPUSeconds: 4, EnvoyCPU: 6, Resident: 65,
		Objects: 1100, HeapBytes: 11000, Hits: 110, Misses: 11, P50: 501, P99: 1e6, P999: 1e6,
	}
	if got != want {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	if got := pooled(tally{}, nil); got != (measurement{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

// TestMerge: what workers saw is taken once, in whatever order, and what was
// taken stays as it is while they go on.
func TestMerge(t *testing.T) {
	all := []*worker{
		{sample: sample{latencies: []time.Duration{3, 1}, missed: 1}},
		{sample: sample{latencies: []time.Duration{2}, errors: 2, err: errNotAllowed}},
	}
	got := merge(all, time.Second)
	all[0].sample.latencies = append(all[0].sample.latencies, 9)
	if got.checks() != 5 || got.latencies[0] != 3 || got.latencies[2] != 2 || got.missed != 1 || !errors.Is(got.err, errNotAllowed) || got.elapsed != time.Second {
		t.Errorf("got %+v", got)
	}
	if again := merge(all, time.Minute); again.checks() != 1 || again.missed != 0 || again.err != nil || again.latencies[0] != 9 {
		t.Errorf("the next time: %+v", again)
	}
}
