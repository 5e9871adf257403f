package jwks

import (
	"context"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// missing answers for a kid that the set in force lacked a moment ago. It
// joins the fetch in flight or asks for one where the gate is open. The kid is
// finally unknown only if a fetch lacks it that began in the last cooldown.
func (r *refresher) missing(ctx context.Context, kid string) (*token.KeySet, error) {
	r.mu.Lock()
	r.status.UnknownKIDs++
	joined, set, err := r.decide(kid)
	if joined == nil {
		r.mu.Unlock()
		return set, err
	}
	patience := r.patience(ctx)
	if patience <= 0 || !r.gate.wait(r.waiting) {
		r.status.GateClosures++
		r.mu.Unlock()
		return nil, token.ErrKeysPending
	}
	r.mu.Unlock()

	ended := await(ctx, joined, patience)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate.leave(r.waiting)
	if ended == nil {
		return r.verdict(kid)
	}
	// Another fetch may have brought the key while this one stood in line.
	if current := r.source.state.Load(); current.usable(r.source.now()) && !current.lacks(kid) {
		return current.set, nil
	}
	return nil, ended
}

// decide returns the fetch to wait for or, without one, the answer. The caller
// holds mu.
func (r *refresher) decide(kid string) (*flight, *token.KeySet, error) {
	now := r.source.now()
	current := r.source.state.Load()
	switch {
	case !current.usable(now):
		return nil, nil, token.ErrKeysUnavailable
	case !current.lacks(kid), r.gate.absent.has(kid, now):
		return nil, current.set, nil
	case r.flight != nil:
		return r.flight, nil, nil
	case r.asked != nil:
		return r.asked, nil, nil
	case r.stopped, r.gate.cooling(now), r.schedule.inBackoff(now):
		r.status.GateClosures++
		set, err := r.verdict(kid)
		return nil, set, err
	}
	r.asked = newFlight(now)
	r.demand <- struct{}{} // has room: it is sent to once for each asked
	return r.asked, nil, nil
}

// verdict answers without waiting. The caller holds mu.
func (r *refresher) verdict(kid string) (*token.KeySet, error) {
	now := r.source.now()
	current := r.source.state.Load()
	switch {
	case !current.usable(now):
		return nil, token.ErrKeysUnavailable
	case !current.lacks(kid):
		return current.set, nil
	case r.gate.final(now):
		r.gate.remember(kid, now)
		return current.set, nil
	default:
		return nil, token.ErrKeysPending
	}
}

// patience returns how long a request may wait: the configured time, and never
// past its deadline less what the answer needs.
func (r *refresher) patience(ctx context.Context) time.Duration {
	patience := r.wait
	if deadline, there := ctx.Deadline(); there {
		patience = min(patience, time.Until(deadline)-replyMargin)
	}
	return patience
}

// await waits for the end of a fetch; it returns why it gave up, nil where it
// did not.
func await(ctx context.Context, joined *flight, patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-joined.done:
		return nil
	case <-timer.C:
		return token.ErrKeysPending
	case <-ctx.Done():
		return token.ErrDeadline
	}
}
