package admin

import (
	"context"
	"sync"
	"time"
)

// Gates are what readiness waits for.
type Gates struct {
	// Configured reports whether a configuration is in force.
	Configured func() bool
	// FetchesEnded reports whether every key source ended its first fetch,
	// well or badly.
	FetchesEnded func() bool
	// RequiredKeys reports whether the issuers that must have keys have them.
	// It is waited for without end. Nil: there are no such issuers.
	RequiredKeys func() bool
	// Opened is called once, when the process becomes ready and before anybody
	// is told so. It must not call back. Nil: nobody wants to know.
	Opened func()
}

// How readiness is found out.
const (
	// fetchGrace is how long an issuer that does not answer keeps the process
	// from being ready, from the moment it listens.
	fetchGrace = 10 * time.Second
	// pollInterval is how often the gates are asked meanwhile.
	pollInterval = 20 * time.Millisecond
)

// Phase is where a process stands between start and end.
type Phase string

// The phases, in order. A process never goes back to an earlier one.
const (
	Starting Phase = "starting" // not listening, or without a configuration
	Fetching Phase = "fetching" // waiting for the first keys
	Ready    Phase = "ready"    // fit for requests
	Draining Phase = "draining" // about to end
)

// Readiness follows a process from start to end: ready once a configuration is
// in force, the listeners are up, the issuers that must have keys have them, and
// every other key source was asked for once, for which it waits 10 s at most.
// From then on it stays ready until it drains, so
// that an outage of an issuer never takes the whole process out of service.
// Safe for concurrent use.
type Readiness struct {
	gates Gates

	mu        sync.Mutex
	phase     Phase
	listening time.Time
}

// NewReadiness returns a readiness that waits.
func NewReadiness(gates Gates) *Readiness {
	return &Readiness{gates: gates, phase: Starting}
}

// ListenersUp says that every listener accepts connections.
func (r *Readiness) ListenersUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listening.IsZero() {
		r.listening = time.Now()
	}
}

// Drain makes the process not ready, for good.
func (r *Readiness) Drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = Draining
}

// Phase returns the phase, and moves on where its gates are open.
func (r *Readiness) Phase() Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == Starting && !r.listening.IsZero() && r.gates.Configured() {
		r.phase = Fetching
	}
	if r.phase == Fetching && r.haveKeys() {
		r.phase = Ready
		if r.gates.Opened != nil {
			r.gates.Opened()
		}
	}
	return r.phase
}

func (r *Readiness) haveKeys() bool {
	if r.gates.RequiredKeys != nil && !r.gates.RequiredKeys() {
		return false
	}
	return r.gates.FetchesEnded() || time.Since(r.listening) >= fetchGrace
}

// Ready reports whether the process is fit for requests.
func (r *Readiness) Ready() bool { return r.Phase() == Ready }

// Wait blocks until the process is ready and reports true, or false when ctx
// ends or draining begins first.
func (r *Readiness) Wait(ctx context.Context) bool {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		if phase := r.Phase(); phase == Ready || phase == Draining {
			return phase == Ready
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
}
