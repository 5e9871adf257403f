package token

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"testing"
	"time"
	"unique"
)

// fill is what the cache tests put under numbered keys.
func fill(scope byte, n uint64) (cacheKey, entry) {
	key := cacheKey{token: sha256.Sum256(binary.BigEndian.AppendUint64([]byte{scope}, n)), scope: unique.Make(fingerprint{scope})}
	return key, entry{identity: identity{lifetime: lifetime{expiry: atSecond(start.Add(time.Hour).Unix())}}}
}

func (c *Cache) putNumber(scope byte, n uint64) {
	key, e := fill(scope, n)
	c.put(key, &e, start)
}

func (c *Cache) has(scope byte, n uint64) bool {
	key, _ := fill(scope, n)
	return c.shard(&key).get(&key) != nil
}

// held counts how many of a scope's first n entries are there, without asking
// for them.
func (c *Cache) held(scope byte) int {
	count := 0
	for i := range c.shards {
		if s := c.shards[i].scopes[fingerprint{scope}]; s != nil {
			count += s.held
		}
	}
	return count
}

// audit checks that a shard's books agree.
func (c *Cache) audit(t *testing.T) {
	t.Helper()
	for i := range c.shards {
		s := &c.shards[i]
		held, used, count := 0, 0, 0
		slots := s.table.Load().slots
		for at := range slots {
			c := slots[at].Load()
			if c == nil {
				continue
			}
			used, count = used+int(c.units), count+1
			if found, _ := s.table.Load().find(&c.key); found != uint32(at) {
				t.Errorf("shard %d: slot %d is found at %d", i, at, found)
			}
		}
		for f, sc := range s.scopes {
			held += sc.held
			if sc.held <= 0 {
				t.Errorf("scope %x kept with %d entries", f[:2], sc.held)
			}
		}
		if held != used || s.used != used || s.count != count || used > s.capacity || count*4 > len(slots)*3 {
			t.Errorf("shard %d: %d entries in %d slots, %d counted, %d units, %d held, %d used, capacity %d",
				i, count, len(slots), s.count, used, held, s.used, s.capacity)
		}
	}
}

func TestP8CacheIsBounded(t *testing.T) {
	for _, size := range []int{-1, 0, 1, 2, 63, 64, 100, 127, 128, 1000, 4096, 5000} {
		c := NewCache(size)
		for n := range uint64(2*max(size, 1) + 500) {
			c.putNumber(byte(n%3), n)
		}
		stats := c.Stats()
		if stats.Capacity != max(size, 1) || stats.Entries != stats.Capacity {
			t.Errorf("size %d: %+v", size, stats)
		}
		if want := uint64(2*max(size, 1)+500) - uint64(stats.Entries); stats.Evictions != want {
			t.Errorf("size %d: %d evictions, want %d", size, stats.Evictions, want)
		}
		c.audit(t)
	}
}

// TestP8CacheIsBoundedInBytes holds that an issuer that fills its tokens with
// thousands of values takes no more memory than one whose tokens are small.
func TestP8CacheIsBoundedInBytes(t *testing.T) {
	c := NewCache(128)
	heavy := typicalClaims()
	heavy["junk"] = make([]int, 1900)
	v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), c)
	for n := range 60 {
		heavy["jti"] = n
		expect(t, v, testPairs().es.mint("ES256", nil, heavy), nil)
	}
	total := 0
	for i := range c.shards {
		slots := c.shards[i].table.Load().slots
		for at := range slots {
			if e := slots[at].Load(); e != nil {
				total += documentBytes(int(e.claims.name.at), 0)
			}
		}
	}
	if greatest := 128 * unitBytes; total > greatest || total < greatest/4 {
		t.Errorf("the entries take %d bytes of %d", total, greatest)
	}
	c.audit(t)
}

// TestP8HeavyEntriesStayWithinTheirShare holds that one heavy entry costs
// nobody else more than a light one does.
func TestP8HeavyEntriesStayWithinTheirShare(t *testing.T) {
	c := NewCache(64)
	for n := range uint64(64) {
		c.putNumber(byte(n%4), n)
	}
	for n := range uint64(100) {
		key, e := fill(9, n)
		e.bytes = int(n) * unitBytes / 2
		c.put(key, &e, start)
		c.audit(t)
	}
	for scope := range byte(4) {
		if got := c.held(scope); got < 64/5 {
			t.Errorf("scope %d has %d left", scope, got)
		}
	}
	if got := c.held(9); got == 0 || got > 64/5+1 {
		t.Errorf("the heavy scope holds %d", got)
	}
}

// TestP8ShardsAreSmall holds that nobody who looks for an entry to give up
// keeps others waiting for long.
func TestP8ShardsAreSmall(t *testing.T) {
	for _, size := range []int{1, 63, 64, 127, 128, 50_000, 65_536, 100_000, 1_000_000, 10_000_000} {
		c, total := NewCache(size), 0
		for i := range c.shards {
			capacity := c.shards[i].capacity
			total += capacity
			if capacity > maxShard+1 || capacity < min(size, minShard) {
				t.Fatalf("size %d: shard %d of %d holds %d", size, i, len(c.shards), capacity)
			}
		}
		if total != size {
			t.Errorf("size %d: the shards hold %d", size, total)
		}
	}
}

// TestShardsOfACache: as many as a server may have cores, fewer where they would
// be too small to share, and more where they would be slow to search.
func TestShardsOfACache(t *testing.T) {
	for size, want := range map[int]int{1: 1, 127: 1, 128: 2, 4096: 64, 8192: 64, 65_536: 64, 65_600: 128, 1_000_000: 1024} {
		if got := len(NewCache(size).shards); got != want {
			t.Errorf("size %d: %d shards, want %d", size, got, want)
		}
	}
}

func TestCacheKeepsWhatIsAskedFor(t *testing.T) {
	c := NewCache(64)
	for n := range uint64(64) {
		c.putNumber(1, n)
	}
	for n := uint64(1000); n < 1500; n++ {
		if !c.has(1, 7) {
			t.Fatalf("an entry in use was lost after %d others", n-1000)
		}
		c.putNumber(1, n)
	}
	c.audit(t)
}

// TestWhatExpiredGoesFirst although it was asked for, wherever it lies.
func TestWhatExpiredGoesFirst(t *testing.T) {
	for expired := range uint64(8) {
		c := NewCache(8)
		for n := range uint64(8) {
			key, e := fill(1, n)
			if n == expired {
				e.lifetime.expiry = atSecond(start.Unix())
			}
			c.put(key, &e, start)
			c.has(1, n)
		}
		c.putNumber(1, 1000)
		for n := range uint64(8) {
			if c.has(1, n) == (n == expired) {
				t.Errorf("%d has expired: %d is there: %v", expired, n, n == expired)
			}
		}
	}
}

func TestCacheReplacesInPlace(t *testing.T) {
	c := NewCache(2)
	c.putNumber(1, 1)
	c.putNumber(1, 1)
	c.putNumber(1, 2)
	if s := c.Stats(); s.Entries != 2 || s.Evictions != 0 {
		t.Errorf("%+v", s)
	}
	key, _ := fill(1, 1)
	c.shard(&key).remove(&key)
	c.shard(&key).remove(&key)
	if c.has(1, 1) || !c.has(1, 2) {
		t.Error("remove took the wrong entry")
	}
	c.audit(t)
}

// TestP8FloodOfOneScope holds that a scope with more tokens than its share, however
// busy, evicts its own and never those of a scope within its share.
func TestP8FloodOfOneScope(t *testing.T) {
	c := NewCache(640)
	for n := range uint64(5000) { // alone, it may have everything
		c.putNumber(1, n)
	}
	if got := c.held(1); got != 640 {
		t.Fatalf("the flood alone holds %d", got)
	}
	for n := range uint64(200) { // a newcomer within its share is let in
		c.putNumber(2, n)
	}
	if got := c.held(2); got != 200 {
		t.Fatalf("the newcomer holds %d of 200", got)
	}
	for n := uint64(10_000); n < 15_000; n++ { // the flood goes on, and asks for what it puts
		c.putNumber(1, n)
		c.has(1, n)
	}
	if got := c.held(2); got != 200 {
		t.Errorf("the flood left %d of 200", got)
	}
	c.audit(t)
}

// TestP8TenantsWithSettingsInCommonHaveSharesOfTheirOwn: the flood of one, or of
// tokens that no tenant knows, leaves those of another.
func TestP8TenantsWithSettingsInCommonHaveSharesOfTheirOwn(t *testing.T) {
	p := testPairs()
	for _, flooding := range []string{"flood", ""} {
		plain := newTestVerifier(t, testSpec(staticSource{p.set()}), NewCache(64))
		v := plain.CountFor(func(i *Issuer, claims *Value) string {
			if i != plain.only {
				t.Error("the tenant is asked for with another issuer")
			}
			return claims.Get("org").Str()
		})
		mint := func(org string, n int) string {
			return p.ed.mint("EdDSA", nil, goodClaims().with(members{"org": org, "jti": n}))
		}
		for n := range 10 {
			expect(t, v, mint("calm", n), nil)
		}
		for n := range 200 {
			expect(t, v, mint(flooding, n), nil)
		}
		if stats := v.cache.Stats(); stats.Entries != 64 || stats.Evictions != 146 {
			t.Errorf("%+v", stats)
		}
		for n := range 10 {
			if got, err := v.Verify(t.Context(), mint("calm", n), start); err != nil || !got.Cached {
				t.Errorf("flood of %q: token %d of the other is cached: %v, %v", flooding, n, got.Cached, err)
			}
		}
	}
}

// TestP8TheSmallestShares hold too: a scope of one entry, and one that is above
// its share by one.
func TestP8TheSmallestShares(t *testing.T) {
	for name, row := range map[string]struct {
		size int
		held []int
	}{"of one": {4, []int{1, 1}}, "of two": {4, []int{2}}, "of three": {12, []int{3, 3, 3}}} {
		c, held := NewCache(row.size), row.held
		for scope, entries := range held {
			for n := range entries {
				c.putNumber(byte(scope+1), uint64(n))
			}
		}
		for n := range uint64(200) {
			c.putNumber(99, n)
			if n%3 == 0 {
				c.has(99, n)
			}
			c.audit(t)
		}
		for scope, entries := range held {
			if got := c.held(byte(scope + 1)); got != entries {
				t.Errorf("%s: scope %d has %d entries left", name, scope, got)
			}
		}
	}
}

// TestMoreScopesThanSlots holds that a cache too small for all scopes still
// serves, and forgets scopes that have no entries.
func TestMoreScopesThanSlots(t *testing.T) {
	c := NewCache(10)
	for n := range uint64(250) {
		c.putNumber(byte(n), n)
		if !c.has(byte(n), n) {
			t.Fatalf("entry %d did not get in", n)
		}
	}
	c.audit(t)
}

func TestCacheStatsOfVerifier(t *testing.T) {
	p := testPairs()
	cache := NewCache(10)
	v := newTestVerifier(t, testSpec(&source{set: p.set()}), cache)
	raw := p.es.mint("ES256", nil, goodClaims())
	for range 3 {
		expect(t, v, raw, nil)
	}
	expect(t, v, p.edOther.mint("EdDSA", nil, goodClaims()), ErrSignature)
	expect(t, v, "junk", ErrMalformed)
	if s := cache.Stats(); s != (CacheStats{Hits: 2, Misses: 2, Entries: 1, Capacity: 10}) {
		t.Errorf("%+v", s)
	}
}

func TestCacheConcurrently(t *testing.T) {
	c := NewCache(200)
	var all sync.WaitGroup
	for worker := range byte(4) {
		all.Go(func() {
			for n := range uint64(2000) {
				c.putNumber(worker, n%300)
				c.has(worker, n%17)
				if n%5 == 0 {
					key, _ := fill(worker, n%300)
					c.shard(&key).remove(&key)
				}
				if n%100 == 0 {
					_ = c.Stats()
				}
			}
		})
	}
	all.Wait()
	c.audit(t)
}
