package token

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Bounds on the requests that wait for another one's verification. They are
// checks in progress, of which there must be enough left for cached tokens.
const (
	maxJoined      = 128 // of one flight
	maxJoinedTotal = 512 // of one cache
)

// flights are the verifications of one shard that are under way, so that many
// requests with one new token cost one of them.
type flights struct {
	joined *atomic.Int64 // requests of all shards that wait

	mu   sync.Mutex
	live map[flightKey]*flight
}

// flightKey is all that the outcome of a verification depends on, but for the
// time: the token, the settings, and the key and algorithm. Besides it says in
// whose queue the verification waits.
type flightKey struct {
	cacheKey
	key    Thumbprint
	alg    Algorithm
	payer  Payer
	client netip.Addr
}

// flight is one verification. What it came to is there once done is closed.
type flight struct {
	done   chan struct{}
	id     identity
	err    error
	proper bool // it came to something, and the leader did not just give up

	waiting int // guarded by flights.mu
}

// join makes the outcome of work known to all that ask for the same at the same
// time; led says that this caller did the work. Each waits as long as its own
// context lasts. A leader that gave up, since nobody waited for it any more or
// too many were before it, or that panicked, came to nothing: another one takes
// its place. Where too many wait the caller does the work for itself, in the queue
// of its payer, so that nobody's flood takes the room of others here.
func (f *flights) join(ctx context.Context, key flightKey, work func() (identity, error)) (id identity, led bool, err error) {
	for {
		flying, leader := f.board(key)
		if flying == nil {
			id, err = work()
			return id, true, err
		}
		if leader {
			id, err = f.lead(key, flying, work)
			return id, true, err
		}
		if err := f.await(ctx, flying); err != nil {
			return identity{}, false, err
		}
		if flying.proper {
			return flying.id, false, flying.err
		}
	}
}

// board returns the flight for a key, and whether the caller has to lead it.
// Who has not is counted until await ends. Where too many wait it is nil.
func (f *flights) board(key flightKey) (flying *flight, leader bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flying := f.live[key]; flying != nil {
		if flying.waiting >= maxJoined || f.joined.Load() >= maxJoinedTotal {
			return nil, false
		}
		flying.waiting++
		f.joined.Add(1)
		return flying, false
	}
	if f.live == nil {
		f.live = map[flightKey]*flight{}
	}
	flying = &flight{done: make(chan struct{})}
	f.live[key] = flying
	return flying, true
}

// await waits for the end of a flight.
func (f *flights) await(ctx context.Context, flying *flight) error {
	defer func() {
		f.joined.Add(-1)
		f.mu.Lock()
		defer f.mu.Unlock()
		flying.waiting--
	}()
	select {
	case <-flying.done:
		return nil
	case <-ctx.Done():
		return ErrDeadline
	}
}

func (f *flights) lead(key flightKey, flying *flight, work func() (identity, error)) (identity, error) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.live, key)
		close(flying.done)
	}()
	flying.id, flying.err = work()
	flying.proper = !errors.Is(flying.err, ErrDeadline) && !errors.Is(flying.err, ErrOverloaded)
	return flying.id, flying.err
}
