package token

import (
	"crypto/sha256"
	"sync/atomic"
	"time"
)

// Cache is a bounded cache of verified tokens. It never holds a verdict nor
// token text: entries are found by the SHA-256 of the token and the
// fingerprint of the settings that verified it. Bad tokens never enter it.
//
// It is cut into shards with a lock each. Where a shard is full, a scope (all
// verifiers of equal settings) that holds more than its share of it loses
// entries first, so that no tenant's flood pushes out another's tokens. Within
// a share, entries that were not asked for lately go first.
type Cache struct {
	shards []shard
}

// Shards: at most maxShards, and none that would hold fewer than minShard
// entries, since shares of small shards are coarse.
const (
	maxShards = 64
	minShard  = 64
)

// cacheKey finds an entry. The scope is part of it, so that a change of
// settings leaves the entries of the old ones behind.
type cacheKey struct {
	token [sha256.Size]byte
	scope fingerprint
}

// entry is a verified token and what is needed to judge it again.
type entry struct {
	identity
	issuer     string // URL
	kid        string // as the token's header has it
	alg        Algorithm
	thumbprint Thumbprint // of the key that verified it
}

// NewCache returns a cache of at most entries tokens, at least one. Memory is
// taken as it fills.
func NewCache(entries int) *Cache {
	entries = max(entries, 1)
	count := 1
	for count < maxShards && entries/(2*count) >= minShard {
		count *= 2
	}
	c := &Cache{shards: make([]shard, count)}
	for i := range c.shards {
		capacity := entries / count
		if i < entries%count {
			capacity++
		}
		c.shards[i].init(capacity)
	}
	return c
}

// CacheStats counts since the start.
type CacheStats struct {
	Hits, Misses, Evictions uint64
	Entries, Capacity       int
}

// Stats returns the counts. They are not of one moment.
func (c *Cache) Stats() CacheStats {
	var s CacheStats
	for i := range c.shards {
		sh := &c.shards[i]
		s.Hits += sh.hits.Load()
		s.Misses += sh.misses.Load()
		s.Evictions += sh.evictions.Load()
		s.Entries += sh.len()
		s.Capacity += sh.capacity
	}
	return s
}

// shard returns the shard of a key. The hash of a token is as good as random.
func (c *Cache) shard(key *cacheKey) *shard {
	return &c.shards[int(key.token[0])%len(c.shards)]
}

func (c *Cache) get(key cacheKey) (entry, bool)           { return c.shard(&key).get(key) }
func (c *Cache) put(key cacheKey, e entry, now time.Time) { c.shard(&key).put(key, e, now) }
func (c *Cache) remove(key cacheKey)                      { c.shard(&key).remove(key) }
func (c *Cache) hit(key cacheKey)                         { add(&c.shard(&key).hits) }
func (c *Cache) miss(key cacheKey)                        { add(&c.shard(&key).misses) }
func add(counter *atomic.Uint64)                          { counter.Add(1) }
