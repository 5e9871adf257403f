package token

import (
	"sync"
	"sync/atomic"
	"time"
)

// shard is one part of a Cache: slots on which a clock hand turns. All slots
// below len(slots) are taken.
type shard struct {
	hits, misses, evictions atomic.Uint64

	mu       sync.Mutex
	capacity int // units
	used     int // units
	slots    []slot
	index    map[cacheKey]int
	scopes   map[fingerprint]*scope
	hand     int
}

// scope counts the units of one holder: a fingerprint, or one of the tenants that
// have it in common.
type scope struct{ held int }

type slot struct {
	key    cacheKey
	holder fingerprint // whose share it counts against
	scope  *scope
	entry  entry
	units  int
	recent bool // asked for since the hand last came by
}

func (s *shard) init(capacity int) {
	s.capacity = capacity
	s.index = map[cacheKey]int{}
	s.scopes = map[fingerprint]*scope{}
}

func (s *shard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.slots)
}

func (s *shard) get(key cacheKey) (entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.index[key]
	if !ok {
		return entry{}, false
	}
	s.slots[at].recent = true
	return s.slots[at].entry, true
}

// put adds or replaces an entry, at the cost of others where the shard is full.
// One that is greater than the share of its scope is not kept.
func (s *shard) put(key cacheKey, e entry, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.index[key]; ok {
		s.slots[at].entry = e
		return
	}
	holder := key.scope
	if e.holder != (fingerprint{}) {
		holder = e.holder
	}
	own, units := s.scopes[holder], e.units()
	if own == nil {
		own = &scope{}
		s.scopes[holder] = own
	}
	if units > max(1, s.share()) {
		if own.held == 0 {
			delete(s.scopes, holder)
		}
		return
	}
	own.held += units
	s.used += units
	for s.used > s.capacity {
		s.drop(s.victim(now))
		s.evictions.Add(1)
	}
	s.index[key] = len(s.slots)
	s.slots = append(s.slots, slot{key: key, holder: holder, scope: own, entry: e, units: units})
}

// share returns how many units each scope may hold, 0 where the scopes
// outnumber them.
func (s *shard) share() int { return s.capacity / len(s.scopes) }

func (s *shard) remove(key cacheKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.index[key]; ok {
		s.drop(at)
	}
}

// drop removes the entry of a slot and moves the last one into its place.
func (s *shard) drop(at int) {
	gone := s.slots[at]
	delete(s.index, gone.key)
	s.used -= gone.units
	if gone.scope.held -= gone.units; gone.scope.held == 0 {
		delete(s.scopes, gone.holder)
	}
	last := len(s.slots) - 1
	if at != last {
		s.slots[at] = s.slots[last]
		s.index[s.slots[at].key] = at
	}
	s.slots[last] = slot{}
	s.slots = s.slots[:last]
}

// victim returns the slot to give up in a full shard for a new entry, which
// its scope counts already. The hand goes round for an entry of a scope above
// its share: one that expired or was not asked for since the last round. There
// is always such a scope unless the scopes outnumber the units, and then all
// entries are alike. Two rounds suffice: the first one clears the marks that
// hold up the second.
func (s *shard) victim(now time.Time) int {
	share := s.share()
	for range 2 * len(s.slots) {
		at := s.hand
		s.hand = (s.hand + 1) % len(s.slots)
		c := &s.slots[at]
		if share > 0 && c.scope.held <= share {
			continue
		}
		if !c.recent || c.entry.lifetime.check(now) != nil {
			return at
		}
		c.recent = false
	}
	return s.hand
}
