package jwks

import "time"

const (
	minRefresh    = time.Minute // below which Cache-Control does not shorten
	firstBackoff  = time.Second
	leastBackoff  = 100 * time.Millisecond
	maxRetryAfter = 10 * time.Minute
	jitterShare   = 0.1
)

// schedule decides when the next fetch is due. The owner holds a lock.
type schedule struct {
	interval   time.Duration
	maxBackoff time.Duration
	rand       func() float64

	failures int       // since the last good fetch
	due      time.Time // of the next scheduled fetch; zero means at once
}

// succeeded notes a good fetch. The interval counts from its beginning, so
// that a withdrawn key is gone 1.1 intervals and one fetch later. A max-age
// that is not negative may shorten the interval and never lengthens it.
func (s *schedule) succeeded(began time.Time, maxAge time.Duration) {
	interval := s.interval
	if maxAge >= 0 {
		interval = min(interval, max(maxAge, minRefresh))
	}
	factor := 1 - jitterShare + 2*jitterShare*s.rand()
	s.failures = 0
	s.due = began.Add(time.Duration(factor * float64(interval)))
}

// failed notes a failed fetch: exponential back-off with full jitter, or what
// the server asked for where that is longer.
func (s *schedule) failed(now time.Time, retryAfter time.Duration) {
	ceiling := s.maxBackoff
	if shift := s.failures; shift < 16 {
		ceiling = min(ceiling, firstBackoff<<shift)
	}
	s.failures++
	wait := max(time.Duration(s.rand()*float64(ceiling)), leastBackoff, min(retryAfter, maxRetryAfter))
	s.due = now.Add(wait)
}

// inBackoff reports whether nothing may be fetched now for past failures.
func (s *schedule) inBackoff(now time.Time) bool {
	return s.failures > 0 && now.Before(s.due)
}
