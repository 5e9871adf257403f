package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// measurement is one contender at one level in one round.
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

// contender is what is measured next to others.
type contender interface {
	// levels are those that it is measured at.
	levels() []level
	// measure loads it for a while. Names and figures are its own; the round is
	// not.
	measure(ctx context.Context, l level, duration time.Duration) (measurement, error)
}

// plan is how much is measured.
type plan struct {
	rounds   int
	duration time.Duration
}

// run measures every contender at every level of its own in every round. The
// order of the contenders moves on by one each round.
func (p plan) run(ctx context.Context, all []contender, progress io.Writer) ([]measurement, error) {
	var done []measurement
	for round := range p.rounds {
		for _, l := range allLevels() {
			for i := range all {
				c := all[(i+round)%len(all)]
				if !slices.Contains(c.levels(), l) {
					continue
				}
				m, err := c.measure(ctx, l, p.duration)
				if err != nil {
					return nil, fmt.Errorf("%s, round %d: %w", l.name, round+1, err)
				}
				m.Round = round + 1
				done = append(done, m)
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d\n", round+1, p.rounds)
	}
	return done, nil
}

func (s *server) levels() []level { return s.at }

// measure asks for a while unmeasured, so that threads, stacks and windows are
// as the level has them, and then measured.
func (s *server) measure(ctx context.Context, l level, duration time.Duration) (measurement, error) {
	s.load(ctx, l, duration/10)
	end, err := s.meter(ctx)
	if err != nil {
		return measurement{}, fmt.Errorf("%s: %w", s.name, err)
	}
	seen := s.load(ctx, l, duration)
	spent, err := end()
	if err != nil {
		return measurement{}, fmt.Errorf("%s: %w", s.name, err)
	}
	m := measurement{Level: l.name, Variant: s.name, Workload: s.traffic.String(), Lean: s.traffic.Lean}
	m.take(&seen)
	m.spend(spent)
	return m, ctx.Err()
}

// take notes what the clients saw.
func (m *measurement) take(seen *sample) {
	m.Checks, m.Errors, m.Missed, m.Seconds = seen.checks(), seen.errors, seen.missed, seen.elapsed.Seconds()
	m.P50, m.P99, m.P999 = percentile(seen.latencies, 0.5), percentile(seen.latencies, 0.99), percentile(seen.latencies, 0.999)
	if seen.err != nil {
		m.Error = seen.err.Error()
	}
}

// spend notes what the server spent.
func (m *measurement) spend(c cost) {
	m.CPUSeconds, m.Resident = c.cpu.Seconds(), c.resident
	m.Objects, m.HeapBytes, m.Hits, m.Misses = c.heap.objects, c.heap.bytes, c.heap.hits, c.heap.misses
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
