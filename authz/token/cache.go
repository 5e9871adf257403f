package token

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
	"unique"
)

// Cache is a bounded cache of verified tokens. It never holds a verdict nor
// token text: an entry is found by hashes (SHA-256) of the token and of
// the settings that verified it. Bad tokens never enter it.
//
// It is bounded in entries and in bytes: one whose claims take more than 4 KiB
// of memory counts as several.
//
// It is cut into shards. Where a shard is full, a scope (all
// verifiers of equal settings; see Verifier.CountFor) that holds more than its share of it loses
// entries first, so that no tenant's flood pushes out another's tokens. Within
// a share, entries that were not asked for lately go first.
type Cache struct {
	shards     []shard // a power of two
	workspaces sync.Pool
	joined     atomic.Int64 // see flights
}

// workspace returns a workspace to read a token in.
func (c *Cache) workspace() *workspace {
	if w, ok := c.workspaces.Get().(*workspace); ok {
		return w
	}
	return &workspace{}
}

// Shards: as many as there are likely to be cores, and more where a shard would
// hold more than maxShard entries, since whoever looks for one to give up holds
// the lock; yet none of fewer than minShard, whose shares would be coarse.
const (
	fewShards = 64
	minShard  = 64
	maxShard  = 1024
)

// unitBytes is the memory of the claims of one entry, up to which it counts as
// one.
const unitBytes = 4 << 10

// cacheKey finds an entry. The scope is part of it, so that a change of
// settings leaves the entries of the old ones behind.
type cacheKey struct {
	token [sha256.Size]byte
	scope unique.Handle[fingerprint]
}

// entry is a verified token and what is needed to judge it again.
type entry struct {
	identity
	origin unique.Handle[origin]
	holder fingerprint // of the tenant that it counts for; zero: of the scope
}

// origin is what tokens that one key signed have in common.
type origin struct {
	issuer     string // URL
	kid        string // as the token's header has it
	alg        Algorithm
	thumbprint Thumbprint // of the key that verified it
}

// units returns as how many entries this one counts.
func (e *entry) units() int { return max(1, (e.bytes+unitBytes-1)/unitBytes) }

// NewCache returns a cache of at most entries tokens, at least one. Memory is
// taken as it fills.
func NewCache(entries int) *Cache {
	entries = max(entries, 1)
	count := 1
	for entries/(2*count) >= minShard && (count < fewShards || entries/count > maxShard) {
		count *= 2
	}
	c := &Cache{shards: make([]shard, count)}
	for i := range c.shards {
		capacity := entries / count
		if i < entries%count {
			capacity++
		}
		c.shards[i].init(capacity)
		c.shards[i].flights.joined = &c.joined
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
	random := uint(key.token[0])<<16 | uint(key.token[1])<<8 | uint(key.token[2])
	return &c.shards[random&uint(len(c.shards)-1)]
}

func (c *Cache) put(key cacheKey, e *entry, now time.Time) { c.shard(&key).put(key, e, now) }
