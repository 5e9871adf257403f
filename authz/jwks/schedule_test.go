package jwks

import (
	"testing"
	"time"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestScheduleAfterSuccess(t *testing.T) {
	for name, row := range map[string]struct {
		interval time.Duration
		rand     float64
		maxAge   time.Duration
		want     time.Duration
	}{
		"middle":            {5 * time.Minute, 0.5, -1, 5 * time.Minute},
		"earliest":          {5 * time.Minute, 0, -1, 270 * time.Second},
		"latest":            {5 * time.Minute, 1, -1, 330 * time.Second},
		"max-age shortens":  {5 * time.Minute, 0.5, 2 * time.Minute, 2 * time.Minute},
		"max-age jitters":   {5 * time.Minute, 1, 100 * time.Second, 110 * time.Second},
		"not below 1 min":   {5 * time.Minute, 0.5, 0, time.Minute},
		"never lengthens":   {5 * time.Minute, 0.5, time.Hour, 5 * time.Minute},
		"short interval":    {10 * time.Second, 0.5, 0, 10 * time.Second},
		"short, no max-age": {10 * time.Second, 0.5, -1, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := schedule{interval: row.interval, rand: func() float64 { return row.rand }, failures: 3}
			s.succeeded(epoch, row.maxAge)
			if got := s.due.Sub(epoch).Round(time.Millisecond); got != row.want || s.failures != 0 {
				t.Errorf("due after %v, want %v; %d failures", got, row.want, s.failures)
			}
			if s.inBackoff(epoch) {
				t.Error("in back-off after success")
			}
		})
	}
}

func TestScheduleBacksOff(t *testing.T) {
	chance := 1.0
	s := schedule{maxBackoff: time.Minute, rand: func() float64 { return chance }}
	now := epoch
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		s.failed(now, 0)
		if got := s.due.Sub(now); got != want*time.Second {
			t.Errorf("failure %d: %v, want %v s", n+1, got, int(want))
		}
		if !s.inBackoff(now) || s.inBackoff(s.due) {
			t.Error("back-off does not end with the next fetch")
		}
		now = s.due
	}
	for range 100 {
		s.failed(now, 0)
	}
	if got := s.due.Sub(now); got != time.Minute {
		t.Errorf("after many failures: %v", got)
	}
	chance = 0
	s.failed(now, 0)
	if got := s.due.Sub(now); got != leastBackoff {
		t.Errorf("with no luck: %v", got)
	}
	s.failed(now, 5*time.Minute)
	if got := s.due.Sub(now); got != 5*time.Minute {
		t.Errorf("with Retry-After: %v", got)
	}
	s.failed(now, time.Hour)
	if got := s.due.Sub(now); got != maxRetryAfter {
		t.Errorf("with a long Retry-After: %v", got)
	}
}
