package main

import (
	"errors"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{9, 1}, spread{5, 1, 9}},
		{[]float64{5, 1, 2}, spread{2, 1, 5}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var sorted []time.Duration
	for i := range 1000 {
		sorted = append(sorted, time.Duration(i)*time.Microsecond)
	}
	for q, want := range map[float64]float64{0.5: 500, 0.99: 990, 0.999: 999, 1: 999} {
		if got := percentile(sorted, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if got := percentile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// TestRatio: a ratio compares within a round, not the medians of both.
func TestRatio(t *testing.T) {
	rounds := func(cpu ...float64) (all figures) {
		for _, c := range cpu {
			all = append(all, measurement{Checks: 100, CPUSeconds: c})
		}
		return all
	}
	got := ratio(rounds(1, 2, 30), rounds(10, 10, 100), (*measurement).perCheck)
	if got == nil || got.Min != 0.1 || got.Max != 0.3 || got.Median != 0.2 {
		t.Errorf("got %v, want 0.2 [0.1-0.3]", got)
	}
	if got := ratio(rounds(1, 2), nil, (*measurement).perCheck); got != nil {
		t.Errorf("without a yardstick: %v", got)
	}
	if got := ratio(rounds(1), rounds(0), (*measurement).perCheck); got != nil {
		t.Errorf("to nothing: %v", got)
	}
}

func TestCounter(t *testing.T) {
	page := []byte("# HELP a b\ngo_memstats_mallocs_total_more 7\ngo_memstats_mallocs_total 1.5e+06\n")
	if got, err := counter(page, metricObjects); err != nil || got != 1.5e6 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := counter(page, metricBytes); !errors.Is(err, errMetric) {
		t.Errorf("%v, want %v", err, errMetric)
	}
}
