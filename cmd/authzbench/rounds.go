package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// measurement is one variant at one level in one round.
type measurement struct {
	Round      int     `json:"round"`
	Level      string  `json:"level"`
	Variant    string  `json:"variant"`
	Checks     int     `json:"checks"`
	Errors     int     `json:"errors"`
	Error      string  `json:"error,omitempty"`
	Missed     int     `json:"missed"`
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpuSeconds"`
	Objects    float64 `json:"objects"`
	HeapBytes  float64 `json:"heapBytes"`
	Resident   int64   `json:"residentBytes"`
	P50        float64 `json:"p50Micros"`
	P99        float64 `json:"p99Micros"`
	P999       float64 `json:"p999Micros"`
}

// perCheck is the processor time of one check in microseconds.
func (m *measurement) perCheck() float64 { return m.CPUSeconds * 1e6 / float64(max(m.Checks, 1)) }

// plan is how much is measured.
type plan struct {
	rounds   int
	duration time.Duration
	levels   []level
}

// run measures every variant at every level in every round. The order of the
// variants moves on by one each round.
func (b *bench) run(ctx context.Context, p plan, progress io.Writer) ([]measurement, error) {
	for _, s := range b.servers {
		s.fill(ctx, b.world)
	}
	all := make([]measurement, 0, p.rounds*len(p.levels)*len(b.servers))
	for round := range p.rounds {
		for _, l := range p.levels {
			for i := range b.servers {
				s := b.servers[(i+round)%len(b.servers)]
				m, err := s.measure(ctx, b.world, l, p.duration)
				if err != nil {
					return nil, fmt.Errorf("%s, %s, round %d: %w", s.name, l.name, round+1, err)
				}
				m.Round = round + 1
				all = append(all, m)
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d\n", round+1, p.rounds)
	}
	return all, nil
}

// measure asks for a while unmeasured, so that threads, stacks and windows are
// as the level has them, and then measured.
func (s *server) measure(ctx context.Context, w *world, l level, duration time.Duration) (measurement, error) {
	s.load(ctx, w, l, duration/10)
	end, err := s.meter(ctx)
	if err != nil {
		return measurement{}, err
	}
	seen := s.load(ctx, w, l, duration)
	spent, err := end()
	if err != nil {
		return measurement{}, err
	}
	if err := ctx.Err(); err != nil {
		return measurement{}, err
	}
	m := measurement{
		Level: l.name, Variant: s.name, Checks: seen.checks(), Errors: seen.errors, Missed: seen.missed,
		Seconds: seen.elapsed.Seconds(), CPUSeconds: spent.cpu.Seconds(),
		Objects: spent.heap.objects, HeapBytes: spent.heap.bytes, Resident: spent.resident,
		P50: percentile(seen.latencies, 0.5), P99: percentile(seen.latencies, 0.99), P999: percentile(seen.latencies, 0.999),
	}
	if seen.err != nil {
		m.Error = seen.err.Error()
	}
	return m, nil
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
