package jwks

import (
	"context"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// restoreWait is how long a source waits for its first fetch before it uses a
// kept set that is older than its interval.
const restoreWait = 5 * time.Second

// restore reads the kept set of the source. One that is younger than the
// interval is in force at once, an older one once the first fetch failed or
// took too long.
func (r *refresher) restore(ctx context.Context) {
	if r.store == nil {
		return
	}
	kept, there, err := r.store.load(ctx, r.source.id)
	var found *state
	if there {
		found, err = r.revive(kept)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.store.count(func(s *StoreStatus) { s.Ignored++ })
		r.warn("the kept key set of " + r.source.issuer + " is not used (" + r.source.id + storeSuffix + "): " + err.Error())
	case found == nil:
	case r.source.now().Sub(kept.fetched) <= r.schedule.interval:
		r.held = found
		r.useHeld()
	default:
		r.held = found
	}
}

// revive makes a state of a kept set, whose age counts from its fetch. It is
// parsed as an answer of the network is.
func (r *refresher) revive(kept record) (*state, error) {
	age := r.source.now().Sub(kept.fetched)
	switch {
	case age < -futureSlack:
		return nil, errRecordFuture
	case age >= r.maxStale:
		return nil, errRecordOld
	}
	doc, err := parseKeySet(kept.body, r.fetcher.uses)
	if err != nil || len(doc.keys) == 0 {
		return nil, errRecordKeys
	}
	began := kept.fetched
	if age < 0 {
		began = r.source.now()
	}
	return &state{
		set: token.NewKeySet(doc.keys), skipped: doc.skips(), fetched: began,
		until: began.Add(r.maxStale), restored: true,
	}, nil
}

// endRestore ends the wait for the first fetch.
func (r *refresher) endRestore() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.useHeld()
}

// useHeld puts the kept set in force where no fetch brought one. The caller
// holds mu.
func (r *refresher) useHeld() {
	held := r.held
	r.held = nil
	if held == nil || r.source.state.Load() != nil {
		return
	}
	r.source.state.Store(held)
	r.store.count(func(s *StoreStatus) { s.Restored++ })
}

// keep has the outcome of a good fetch written.
func (r *refresher) keep(began time.Time, got outcome) {
	if r.store == nil || !got.result.good() {
		return
	}
	r.store.put(record{source: r.source.id, issuer: r.source.issuer, fetched: began, body: got.body, lost: r.forgetTag})
}

// forgetTag makes the next fetch a full one.
func (r *refresher) forgetTag() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tag = validator{}
}
