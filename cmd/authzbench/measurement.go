package main

import (
	"slices"
	"time"
)

// measurement is one contender at one level in one round: its slices together.
type measurement struct {
	Round      int     `json:"round"`
	Level      string  `json:"level"`
	Variant    string  `json:"variant"`
	Workload   string  `json:"workload,omitempty"` // how it differs from the usual one
	Lean       bool    `json:"lean,omitempty"`
	Checks     int     `json:"checks"`
	Errors     int     `json:"errors"`
	Error      string  `json:"error,omitempty"`
	Missed     int     `json:"missed"`
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpuSeconds"`                // of the server
	EnvoyCPU   float64 `json:"envoyCPUSeconds,omitempty"` // of Envoy before it
	Objects    float64 `json:"objects"`
	HeapBytes  float64 `json:"heapBytes"`
	Hits       float64 `json:"cacheHits"`
	Misses     float64 `json:"cacheMisses"`
	Resident   int64   `json:"residentBytes"`
	P50        float64 `json:"p50Micros"`
	P99        float64 `json:"p99Micros"`
	P999       float64 `json:"p999Micros"`
}

// perCheck is the server's processor time of one check in microseconds.
func (m *measurement) perCheck() float64 { return m.CPUSeconds * 1e6 / float64(max(m.Checks, 1)) }

// inAll is that of the server and of Envoy.
func (m *measurement) inAll() float64 {
	return (m.CPUSeconds + m.EnvoyCPU) * 1e6 / float64(max(m.Checks, 1))
}

// reading is what one slice showed, as it came.
type reading struct {
	seen sample
	cost cost
}

// tally is what the slices of a round have in common: whose they are, and what
// is read only before the first and after the last, since reading it costs the
// server.
type tally struct {
	variant  string
	workload string
	lean     bool
	heap     heap // of all that was asked, measured or not
	asked    int  // checks
}

// pooled makes one measurement of the slices of a round: sums, percentiles of all
// latencies, resident memory after the last, and of the heap the share of the
// checks that were measured.
func pooled(t tally, all []reading) measurement {
	var seen sample
	var spent cost
	for i := range all {
		seen.add(&all[i].seen)
		spent.add(all[i].cost)
	}
	slices.Sort(seen.latencies)
	h := t.heap.times(float64(seen.checks()) / float64(max(t.asked, 1)))
	m := measurement{
		Variant: t.variant, Workload: t.workload, Lean: t.lean,
		Checks: seen.checks(), Errors: seen.errors, Missed: seen.missed, Seconds: seen.elapsed.Seconds(),
		CPUSeconds: spent.server.Seconds(), EnvoyCPU: spent.envoy.Seconds(), Resident: spent.resident,
		Objects: h.objects, HeapBytes: h.bytes, Hits: h.hits, Misses: h.misses,
		P50: percentile(seen.latencies, 0.5), P99: percentile(seen.latencies, 0.99), P999: percentile(seen.latencies, 0.999),
	}
	if seen.err != nil {
		m.Error = seen.err.Error()
	}
	return m
}

// percentile returns a quantile of sorted durations in microseconds: the
// smallest that so many are not longer than.
func percentile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := min(int(q*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[at]) / float64(time.Microsecond)
}
