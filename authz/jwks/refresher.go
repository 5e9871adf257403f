package jwks

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// refresher keeps the key set of one remote source in force. Its loop owns the
// goroutines; requests only ask it to fetch.
type refresher struct {
	source   *Source
	fetcher  *fetcher
	maxStale time.Duration
	wait     time.Duration // of a request, for an unknown kid
	observer Observer
	periodic *share // of the fetch pool, for scheduled fetches
	retries  *share // for those after a failure, which delay nobody but each other
	onDemand *share // and for those that an unknown kid caused
	store    *Store // nil: nothing is kept
	warn     func(string)
	waiting  *atomic.Int64 // requests of all sources that wait for a fetch

	demand  chan struct{} // an unknown kid asks for a fetch
	changed chan struct{} // the schedule changed
	first   chan struct{} // closed once the first fetch ended, or none will

	mu       sync.Mutex
	gate     gate
	schedule schedule
	flight   *flight // the fetch that has begun, nil for none
	asked    *flight // the fetch that an unknown kid asked for, perhaps not begun
	stopped  bool
	ended    bool   // first is closed
	held     *state // a kept set, until a fetch brought one, failed or took too long
	tag      validator
	status   Status // its counters and times
}

// flight is a fetch that can be waited for.
type flight struct {
	since time.Time
	done  chan struct{}
}

func newFlight(since time.Time) *flight { return &flight{since: since, done: make(chan struct{})} }

// run fetches at once and on schedule until ctx ends; then it returns once
// every fetch has ended.
func (r *refresher) run(ctx context.Context) {
	var fetches sync.WaitGroup
	defer r.stop()
	defer fetches.Wait()
	r.restore(ctx)
	timer := time.NewTimer(r.untilDue())
	defer timer.Stop()
	late := time.NewTimer(restoreWait)
	defer late.Stop()
	var busy chan struct{} // closed once the scheduled fetch ended
	for {
		select {
		case <-ctx.Done():
			return
		case <-late.C:
			r.endRestore()
		case <-r.demand:
			fetches.Go(func() { r.fetchAsked(ctx) })
		case <-timer.C:
			done := make(chan struct{})
			busy = done
			fetches.Go(func() { defer close(done); r.fetchDue(ctx) })
		case <-busy:
			busy = nil
			timer.Reset(r.untilDue())
		case <-r.changed:
			if busy == nil {
				timer.Reset(r.untilDue())
			}
		}
	}
}

func (r *refresher) untilDue() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.schedule.due.Sub(r.source.now()), 0)
}

// fetchDue makes the scheduled fetch, unless another one made it needless
// while it stood in line.
func (r *refresher) fetchDue(ctx context.Context) {
	leave := &lease{share: r.dueShare()}
	defer leave.end()
	if leave.move(ctx, originOf(r.fetcher.start)) == nil && r.untilDue() <= 0 {
		r.exchange(ctx, leave, false)
	}
}

func (r *refresher) dueShare() *share {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.schedule.failures > 0 {
		return r.retries
	}
	return r.periodic
}

// fetchAsked makes the fetch that an unknown kid asked for, unless meanwhile
// one succeeded or the source went into back-off.
func (r *refresher) fetchAsked(ctx context.Context) {
	defer r.endAsked()
	leave := &lease{share: r.onDemand}
	defer leave.end()
	if leave.move(ctx, originOf(r.fetcher.start)) == nil && r.stillAsked() {
		r.exchange(ctx, leave, true)
	}
}

func (r *refresher) stillAsked() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.gate.lastGood.After(r.asked.since) && !r.schedule.inBackoff(r.source.now())
}

func (r *refresher) endAsked() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.asked.done)
	r.asked = nil
}

// exchange makes one fetch, or waits for the one that has begun already.
func (r *refresher) exchange(ctx context.Context, leave *lease, asked bool) {
	own, other, known := r.begin(asked)
	if other != nil {
		select {
		case <-other.done:
		case <-ctx.Done():
		}
		return
	}
	got := r.fetcher.fetch(ctx, known, leave.move)
	if got.result == FetchCanceled && ctx.Err() == nil {
		got.result = FetchDial // the connection was given up, the source was not
	}
	elapsed := r.source.now().Sub(own.since)
	r.settle(own, got)
	r.keep(own.since, got)
	if r.observer != nil {
		r.observer.Fetched(r.source.issuer, got.result, elapsed)
	}
}

func (r *refresher) begin(asked bool) (own, other *flight, known validator) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight != nil {
		return nil, r.flight, validator{}
	}
	r.flight = newFlight(r.source.now())
	if asked {
		r.gate.lastAsked = r.flight.since
	}
	return r.flight, nil, r.tag
}

// settle takes over what a fetch brought.
func (r *refresher) settle(own *flight, got outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.source.now()
	switch {
	case got.result.good():
		r.install(own.since, got)
		r.status.LastSuccess = now
		r.held = nil
	case got.result != FetchCanceled:
		r.schedule.failed(now, got.retryAfter)
		r.status.LastFailure, r.status.LastError = now, string(got.result)
		r.useHeld()
	}
	r.flight = nil
	close(own.done)
	r.endFirst()
	select {
	case r.changed <- struct{}{}:
	default: // the loop is told already
	}
}

// install puts the outcome of a good fetch in force. The caller holds mu.
func (r *refresher) install(began time.Time, got outcome) {
	next := &state{set: got.set, skipped: got.skipped, fetched: began, until: began.Add(r.maxStale)}
	if got.result == FetchNotModified {
		current := r.source.state.Load() // there is one, for it had the entity tag
		next.set, next.skipped = current.set, current.skipped
	} else {
		r.tag = got.tag
		r.gate.absent.clear()
	}
	r.gate.lastGood = began
	r.schedule.succeeded(began, got.maxAge)
	r.source.state.Store(next)
}

// endFirst notes that the first fetch ended. The caller holds mu.
func (r *refresher) endFirst() {
	if !r.ended {
		r.ended = true
		close(r.first)
	}
}

// stop ends all waiting. The keys in force stay until they are too stale.
func (r *refresher) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.endFirst()
	if r.asked != nil { // asked for, and never taken by the loop
		close(r.asked.done)
		r.asked = nil
	}
}

func (r *refresher) firstEnded() bool {
	select {
	case <-r.first:
		return true
	default:
		return false
	}
}

func (r *refresher) describe(status *Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	status.LastSuccess, status.LastFailure = r.status.LastSuccess, r.status.LastFailure
	status.LastError = r.status.LastError
	status.UnknownKIDs, status.GateClosures = r.status.UnknownKIDs, r.status.GateClosures
	status.NextRefresh = r.schedule.due
	status.Failures, status.BackOff = r.schedule.failures, r.schedule.inBackoff(r.source.now())
	status.Waiting, status.Absent = r.gate.waiting, len(r.gate.absent.until)
}
