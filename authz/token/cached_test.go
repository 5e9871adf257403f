package token

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// cachedCase is one token that was verified, and so cached, at start.
type cachedCase struct {
	keys  *source
	spec  IssuerSpec
	cache *Cache
	v     *Verifier
	raw   string
}

func newCachedCase(t *testing.T) *cachedCase {
	t.Helper()
	p := testPairs()
	c := &cachedCase{keys: &source{set: p.set()}, cache: NewCache(100)}
	c.spec = testSpec(c.keys)
	c.v = newTestVerifier(t, c.spec, c.cache)
	c.raw = p.rs.mint("RS256", nil, goodClaims())
	c.want(t, c.v, start, false, nil)
	c.want(t, c.v, start, true, nil)
	return c
}

// want verifies the token once.
func (c *cachedCase) want(t *testing.T, v *Verifier, now time.Time, cached bool, want error) {
	t.Helper()
	got, err := v.Verify(t.Context(), c.raw, now)
	if !errors.Is(err, want) || got.Cached != cached {
		t.Errorf("got cached %v, error %v; want %v, %v", got.Cached, err, cached, want)
	}
}

func TestP4ExpiryWhileCached(t *testing.T) {
	c := newCachedCase(t)
	end := start.Add(time.Hour + c.spec.ClockSkew)
	c.want(t, c.v, end.Add(-time.Nanosecond), true, nil)
	c.want(t, c.v, end, false, ErrExpired)
	if n := c.cache.Stats().Entries; n != 0 {
		t.Errorf("%d entries left of an expired token", n)
	}
	c.want(t, c.v, end, false, ErrExpired)
}

func TestP4AgeLimitWhileCached(t *testing.T) {
	c := newCachedCase(t)
	c.spec.MaxTokenAge = 10 * time.Minute
	v := newTestVerifier(t, c.spec, c.cache)
	end := start.Add(10*time.Minute + c.spec.ClockSkew)
	c.want(t, v, end.Add(-time.Second), false, nil)
	c.want(t, v, end.Add(-time.Nanosecond), true, nil)
	c.want(t, v, end, false, ErrTooOld)
	c.want(t, c.v, end, true, nil) // the other settings know no such limit
}

func TestP4ClockGoesBackWhileCached(t *testing.T) {
	c := newCachedCase(t)
	begin := start.Add(-c.spec.ClockSkew)
	c.want(t, c.v, begin, true, nil)
	c.want(t, c.v, begin.Add(-time.Nanosecond), false, ErrNotYetValid)
	c.want(t, c.v, begin, false, nil)
	c.want(t, c.v, begin, true, nil)
}

func TestP4KeysChangeWhileCached(t *testing.T) {
	p := testPairs()
	rsKey := p.rs.private.Public()
	renamed := must(NewKey(KeySpec{KID: "renamed", Public: rsKey}))
	rebound := must(NewKey(KeySpec{KID: "rs", Alg: "PS256", Public: rsKey}))
	again := must(NewKey(KeySpec{KID: "rs", Alg: "RS256", Public: rsKey}))
	wider := must(NewKey(KeySpec{KID: "rs", Public: rsKey}))
	rows := map[string]struct {
		keys   []*Key
		cached bool
		want   error
	}{
		"withdrawn":                          {[]*Key{p.ps.key, p.es.key}, false, ErrKeyUnknown},
		"none left":                          {nil, false, ErrKeyUnknown},
		"another key under its kid":          {[]*Key{p.rsOther.key}, false, ErrSignature},
		"another key beside it":              {[]*Key{p.rs.key, p.rsOther.key}, false, ErrKeyUnknown},
		"same key under another kid":         {[]*Key{renamed}, false, ErrKeyUnknown},
		"same key bound to another alg":      {[]*Key{rebound}, false, ErrAlgorithm},
		"same key in a new set":              {[]*Key{again, p.ed.key}, true, nil},
		"same key bound to more algorithms":  {[]*Key{wider}, true, nil},
		"another key under an unrelated kid": {[]*Key{p.rs.key, p.ps.key}, true, nil},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			c := newCachedCase(t)
			c.keys.answer(NewKeySet(row.keys), nil)
			c.want(t, c.v, start, row.cached, row.want)
			c.keys.answer(p.set(), nil)
			c.want(t, c.v, start, row.cached, nil) // nothing bad was remembered
		})
	}
}

func TestP4SecondKeyWhileTokenWithoutKIDIsCached(t *testing.T) {
	p := testPairs()
	keys := &source{set: NewKeySet([]*Key{p.rs.key})}
	v := newTestVerifier(t, testSpec(keys), NewCache(4))
	raw := p.rs.mint("RS256", members{"kid": absent}, goodClaims())
	expect(t, v, raw, nil)
	expect(t, v, raw, nil)
	keys.answer(NewKeySet([]*Key{p.rs.key, p.es.key}), nil)
	expect(t, v, raw, ErrKeyUnknown)
}

func TestP4KeysUnavailableWhileCached(t *testing.T) {
	for _, row := range []struct{ err, want error }{
		{ErrKeysUnavailable, ErrKeysUnavailable}, {errors.New("x"), ErrKeysUnavailable}, {ErrKeysPending, ErrKeysPending}, {nil, ErrKeysUnavailable},
	} {
		c := newCachedCase(t)
		c.keys.answer(nil, row.err)
		c.want(t, c.v, start, false, row.want)
		if c.keys.asked() {
			t.Error("a cached token made the source look for a key")
		}
		c.keys.answer(testPairs().set(), nil)
		c.want(t, c.v, start, true, nil) // the outage cost no entry
	}
}

// TestP4OtherSettings holds that settings which differ in anything that
// verification reads never answer for each other.
func TestP4OtherSettings(t *testing.T) {
	rows := map[string]struct {
		change func(*IssuerSpec)
		want   error
	}{
		"audiences":     {func(s *IssuerSpec) { s.Audiences = []string{"other"} }, ErrAudience},
		"algorithms":    {func(s *IssuerSpec) { s.Algorithms = []string{"PS256"} }, ErrAlgorithm},
		"types":         {func(s *IssuerSpec) { s.Types = []string{"JWT"} }, ErrType},
		"URL":           {func(s *IssuerSpec) { s.URL += "x" }, ErrIssuerUnknown},
		"age":           {func(s *IssuerSpec) { s.MaxTokenAge = time.Nanosecond; s.ClockSkew = 0 }, ErrTooOld},
		"name":          {func(s *IssuerSpec) { s.Name = "other" }, nil},
		"skew":          {func(s *IssuerSpec) { s.ClockSkew = 0 }, nil},
		"key source":    {func(s *IssuerSpec) { s.KeysID = "keys-2" }, nil},
		"fewer aliases": {func(s *IssuerSpec) { s.Audiences = []string{testAudience} }, nil},
		"run together":  {func(s *IssuerSpec) { s.Audiences = []string{testAudience + "second"} }, ErrAudience},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			c := newCachedCase(t)
			spec := c.spec
			row.change(&spec)
			now := start.Add(time.Second)
			c.want(t, newTestVerifier(t, spec, c.cache), now, false, row.want)
			c.want(t, c.v, now, true, nil)
		})
	}
	t.Run("moved between lists", func(t *testing.T) {
		c := newCachedCase(t)
		c.spec.Types, c.spec.AudienceClaim = []string{"at+jwt", "aud"}, []string{"aud"}
		c.want(t, newTestVerifier(t, c.spec, c.cache), start, false, nil)
		c.spec.Types, c.spec.AudienceClaim = []string{"at+jwt"}, []string{"aud", "aud"}
		c.want(t, newTestVerifier(t, c.spec, c.cache), start, false, ErrAudience)
	})
	t.Run("moved between texts", func(t *testing.T) {
		c := newCachedCase(t)
		c.spec.Audiences = []string{testAudience, "xz"}
		c.want(t, newTestVerifier(t, c.spec, c.cache), start, false, nil)
		c.spec.Audiences = []string{testAudience + "x", "z"}
		c.want(t, newTestVerifier(t, c.spec, c.cache), start, false, ErrAudience)
	})
	t.Run("issuers in another order", func(t *testing.T) {
		c := newCachedCase(t)
		c.spec.Name, c.spec.URL = "second", "https://two.example/"
		one, two := c.v.issuers[testIssuer], must(NewIssuer(c.spec))
		c.want(t, must(NewVerifier([]*Issuer{one, two}, c.cache)), start, false, nil)
		c.want(t, must(NewVerifier([]*Issuer{two, one}, c.cache)), start, true, nil)
	})
	t.Run("equal settings of a later generation", func(t *testing.T) {
		c := newCachedCase(t)
		spec := c.spec
		spec.Audiences = []string{"second", testAudience, "second"} // another order is the same set
		later := newTestVerifier(t, spec, c.cache)
		got, err := later.Verify(t.Context(), c.raw, start)
		if err != nil || !got.Cached || got.Issuer != later.issuers[testIssuer] {
			t.Errorf("got %+v, %v; want the cached token with the later issuer", got, err)
		}
	})
	t.Run("another issuer beside it", func(t *testing.T) {
		c := newCachedCase(t)
		spec := c.spec
		spec.URL = "https://two.example/"
		both := must(NewVerifier([]*Issuer{c.v.issuers[testIssuer], must(NewIssuer(spec))}, c.cache))
		c.want(t, both, start, false, nil)
	})
}

func TestP4BadTokensAreNeverCached(t *testing.T) {
	p := testPairs()
	c := newCachedCase(t)
	for _, raw := range []string{
		p.rsOther.mint("RS256", nil, goodClaims()),
		p.rs.mint("RS256", nil, goodClaims().with(members{"exp": 1})),
		p.rs.mint("RS256", nil, goodClaims().with(members{"aud": "x"})),
		p.rs.mint("RS256", nil, goodClaims().with(members{"cnf": 1})),
		c.raw + "x", c.raw[:len(c.raw)-1], "junk",
	} {
		for range 2 {
			if got, err := c.v.Verify(t.Context(), raw, start); err == nil || got.Cached {
				t.Errorf("%s: %+v, %v", clip(raw), got, err)
			}
		}
	}
	if n := c.cache.Stats().Entries; n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

// TestP4SignatureIsPartOfTheKey holds that a cached token does not vouch for
// the same header and payload under another signature.
func TestP4SignatureIsPartOfTheKey(t *testing.T) {
	c := newCachedCase(t)
	sig := signatureOf(c.raw)
	sig[10] ^= 1
	expect(t, c.v, replaceSignature(c.raw, sig), ErrSignature)
}

// TestP4Concurrently withdraws the key under readers: no reader that starts
// after the withdrawal may be let in.
func TestP4Concurrently(t *testing.T) {
	p := testPairs()
	c := newCachedCase(t)
	without := NewKeySet([]*Key{p.es.key})
	var readers sync.WaitGroup
	var withdrawn sync.RWMutex
	gone := false
	for range 4 {
		readers.Go(func() {
			for range 200 {
				withdrawn.RLock()
				_, err := c.v.Verify(context.Background(), c.raw, start)
				if (err == nil) == gone {
					t.Errorf("gone %v: error %v", gone, err)
				}
				withdrawn.RUnlock()
			}
		})
	}
	for i := range 20 {
		withdrawn.Lock()
		gone = i%2 == 0
		if gone {
			c.keys.answer(without, nil)
		} else {
			c.keys.answer(p.set(), nil)
		}
		withdrawn.Unlock()
	}
	readers.Wait()
}

func TestHitAllocatesNothing(t *testing.T) {
	p := testPairs()
	v := newTestVerifier(t, testSpec(staticSource{p.set()}), NewCache(16))
	for name, raw := range map[string]string{
		"small": p.rs.mint("RS256", nil, goodClaims()),
		"large": p.rs.mint("RS256", nil, goodClaims().with(members{"pad": string(make([]byte, 1500))})),
	} {
		ctx := t.Context()
		if _, err := v.Verify(ctx, raw, start); err != nil {
			t.Fatal(err)
		}
		allocs := testing.AllocsPerRun(100, func() {
			if got, err := v.Verify(ctx, raw, start); err != nil || !got.Cached {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations on a hit", name, allocs)
		}
	}
}

// staticSource always has the same keys.
type staticSource struct{ set *KeySet }

func (s staticSource) KeySet(context.Context, string) (*KeySet, error) { return s.set, nil }
