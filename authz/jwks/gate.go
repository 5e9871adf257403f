package jwks

import (
	"crypto/sha256"
	"sync/atomic"
	"time"
)

const (
	maxWaiting = 64 // requests of one source
	// Of all sources, since requests that wait are checks in progress, of which
	// there must be enough left for cached tokens. Beyond it only the first
	// request of a source waits, so that a key that is new elsewhere is found.
	maxWaitingTotal = 1024
	maxWaitingFirst = 256 // more
	maxAbsent       = 1024
	replyMargin     = 20 * time.Millisecond // left before the deadline of a request
)

// gate keeps what decides about a kid that the set in force lacks. It is pure
// bookkeeping; the owner holds a lock.
type gate struct {
	cooldown  time.Duration
	lastAsked time.Time // when the last fetch for an unknown kid began
	lastGood  time.Time // when the last good fetch of any kind began
	waiting   int
	absent    absentKIDs
}

// cooling reports whether a fetch for an unknown kid began so lately that no
// other may follow. Scheduled fetches do not count.
func (g *gate) cooling(now time.Time) bool { return g.within(g.lastAsked, now) }

// final reports whether a kid that the set in force lacks is certainly unknown:
// a fetch succeeded that began within the last cooldown.
func (g *gate) final(now time.Time) bool { return g.within(g.lastGood, now) }

// wait counts a request that is about to wait, among those of all sources too,
// unless too many do. leave ends it.
func (g *gate) wait(total *atomic.Int64) bool {
	limit := int64(maxWaitingTotal)
	if g.waiting == 0 {
		limit += maxWaitingFirst
	}
	if g.waiting >= maxWaiting {
		return false
	}
	if total.Add(1) > limit {
		total.Add(-1)
		return false
	}
	g.waiting++
	return true
}

func (g *gate) leave(total *atomic.Int64) {
	g.waiting--
	total.Add(-1)
}

func (g *gate) within(began, now time.Time) bool {
	return !began.IsZero() && now.Sub(began) < g.cooldown
}

// remember keeps a kid that the last good fetch lacked, until one cooldown
// after that fetch began.
func (g *gate) remember(kid string, now time.Time) {
	g.absent.add(kid, now, g.lastGood.Add(g.cooldown))
}

// absentKIDs are kids known to be absent, by their hash, so that long ones
// take no more room. The zero value is empty.
type absentKIDs struct {
	until     map[[sha256.Size]byte]time.Time
	fullUntil time.Time // no entry ends before
}

func (a *absentKIDs) has(kid string, now time.Time) bool {
	if len(a.until) == 0 {
		return false
	}
	until, there := a.until[sha256.Sum256([]byte(kid))]
	return there && now.Before(until)
}

// add remembers a kid, unless there are as many as there may be.
func (a *absentKIDs) add(kid string, now, until time.Time) {
	if a.until == nil {
		a.until = make(map[[sha256.Size]byte]time.Time)
	}
	if len(a.until) >= maxAbsent && !now.Before(a.fullUntil) {
		a.purge(now)
	}
	if len(a.until) < maxAbsent {
		a.until[sha256.Sum256([]byte(kid))] = until
	}
}

// purge drops what has ended and notes when the next entry will end, so that a
// flood of kids does not walk the whole map each time.
func (a *absentKIDs) purge(now time.Time) {
	a.fullUntil = time.Time{}
	for kid, until := range a.until {
		switch {
		case !now.Before(until):
			delete(a.until, kid)
		case a.fullUntil.IsZero() || until.Before(a.fullUntil):
			a.fullUntil = until
		}
	}
}

func (a *absentKIDs) clear() { *a = absentKIDs{} }
