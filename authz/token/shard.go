package token

import (
	"sync"
	"sync/atomic"
	"time"
	"unique"
)

// shard is one part of a Cache: a hash table with linear probing, on whose slots
// a clock hand turns. Who looks an entry up takes no lock. Entries never change
// once they are there, so that the worst that a look-up sees, while a writer
// moves entries, is that one is missing: then the token is verified again.
type shard struct {
	table atomic.Pointer[table]

	_                       [56]byte // what each look-up reads lies apart from what it writes
	hits, misses, evictions atomic.Uint64

	mu       sync.Mutex // of writers
	capacity int        // units
	used     int        // units
	count    int        // entries
	scopes   map[fingerprint]*scope
	hand     uint32

	flights flights
}

// table holds pointers to entries, at most three quarters of them taken.
type table struct{ slots []atomic.Pointer[cached] } // a power of two

// cached is an entry of the cache, which is this and its claims: two objects, of
// which the collector follows only this one.
type cached struct {
	key    cacheKey
	origin unique.Handle[origin]
	scope  *scope // whose share it counts against
	claims *Value
	lifetime
	units  uint32
	recent atomic.Bool // asked for since the hand last came by
}

// scope counts the units of one holder: a fingerprint, or one of the tenants that
// have it in common.
type scope struct {
	holder fingerprint
	held   int
}

const minTable = 8

func (s *shard) init(capacity int) {
	s.capacity = capacity
	s.table.Store(&table{slots: make([]atomic.Pointer[cached], minTable)})
	s.scopes = map[fingerprint]*scope{}
}

func (s *shard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// slot returns where a key is looked for first.
func (t *table) slot(key *cacheKey) uint32 {
	random := uint32(key.token[3]) | uint32(key.token[4])<<8 | uint32(key.token[5])<<16 | uint32(key.token[6])<<24
	return random & t.mask()
}

func (t *table) mask() uint32 { return uint32(len(t.slots) - 1) }

// find returns the slot of a key, or the free one at which it ends.
func (t *table) find(key *cacheKey) (uint32, *cached) {
	at := t.slot(key)
	for range t.slots {
		e := t.slots[at].Load()
		if e == nil || e.key == *key {
			return at, e
		}
		at = (at + 1) & t.mask()
	}
	return at, nil
}

func (s *shard) get(key *cacheKey) *cached {
	_, e := s.table.Load().find(key)
	if e != nil && !e.recent.Load() {
		e.recent.Store(true)
	}
	return e
}

// put adds or replaces an entry, at the cost of others where the shard is full.
// One that is greater than the share of its scope is not kept.
func (s *shard) put(key cacheKey, e *entry, now time.Time) {
	c := &cached{key: key, origin: e.origin, claims: e.claims, lifetime: e.lifetime, units: uint32(e.units())}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, old := s.table.Load().find(&key); old != nil {
		c.scope, c.units = old.scope, old.units
		c.recent.Store(old.recent.Load())
		s.table.Load().slots[at].Store(c)
		return
	}
	holder := key.scope.Value()
	if e.holder != (fingerprint{}) {
		holder = e.holder
	}
	if !s.charge(c, holder) {
		return
	}
	for s.used > s.capacity {
		s.drop(s.victim(now))
		s.evictions.Add(1)
	}
	s.insert(c)
}

// charge counts an entry against the share of its holder, unless it is greater
// than that.
func (s *shard) charge(c *cached, holder fingerprint) bool {
	own := s.scopes[holder]
	if own == nil {
		own = &scope{holder: holder}
		s.scopes[holder] = own
	}
	if int(c.units) > max(1, s.share()) {
		if own.held == 0 {
			delete(s.scopes, holder)
		}
		return false
	}
	own.held += int(c.units)
	s.used += int(c.units)
	c.scope = own
	return true
}

// insert puts an entry that is not there into the table, which grows as it
// fills.
func (s *shard) insert(c *cached) {
	t := s.table.Load()
	if s.count++; s.count*4 > len(t.slots)*3 {
		grown := &table{slots: make([]atomic.Pointer[cached], 2*len(t.slots))}
		for i := range t.slots {
			if e := t.slots[i].Load(); e != nil {
				at, _ := grown.find(&e.key)
				grown.slots[at].Store(e)
			}
		}
		s.table.Store(grown)
		t = grown
	}
	at, _ := t.find(&c.key)
	t.slots[at].Store(c)
}

// share returns how many units each scope may hold, 0 where the scopes
// outnumber them.
func (s *shard) share() int { return s.capacity / len(s.scopes) }

func (s *shard) remove(key *cacheKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, e := s.table.Load().find(key); e != nil {
		s.drop(at)
	}
}

// drop removes the entry of a slot and closes the gap, so that no look-up ends
// before what it looks for.
func (s *shard) drop(at uint32) {
	t := s.table.Load()
	gone := t.slots[at].Load()
	s.count--
	s.used -= int(gone.units)
	if gone.scope.held -= int(gone.units); gone.scope.held == 0 {
		delete(s.scopes, gone.scope.holder)
	}
	for next := (at + 1) & t.mask(); ; next = (next + 1) & t.mask() {
		e := t.slots[next].Load()
		if e == nil {
			break
		}
		// It may move to the gap unless it is looked for only behind it.
		if home := t.slot(&e.key); (next-home)&t.mask() >= (next-at)&t.mask() {
			t.slots[at].Store(e)
			at = next
		}
	}
	t.slots[at].Store(nil)
}

// victim returns the slot to give up in a full shard for a new entry, which
// its scope counts already. The hand goes round for an entry of a scope above
// its share: one that expired or was not asked for since the last round. There
// is always such a scope unless the scopes outnumber the units, and then all
// entries are alike. The first round clears the marks that hold up the second;
// where look-ups set them again meanwhile, the first entry that the hand met
// goes.
func (s *shard) victim(now time.Time) uint32 {
	t, share := s.table.Load(), s.share()
	first, met := s.hand&t.mask(), false
	for range 2 * len(t.slots) {
		at := s.hand & t.mask()
		s.hand = at + 1
		c := t.slots[at].Load()
		switch {
		case c == nil:
			continue
		case share > 0 && c.scope.held <= share:
			continue
		case !c.recent.Load() || !c.valid(now):
			s.hand = at // where the next one may move to
			return at
		}
		if !met {
			first, met = at, true
		}
		c.recent.Store(false)
	}
	return first
}
