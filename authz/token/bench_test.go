package token

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"
)

func benchmarkVerify(b *testing.B, raw string, cache *Cache, good bool) {
	v := newTestVerifier(b, testSpec(staticSource{testPairs().set()}), cache)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(ctx, raw, start); (err == nil) != good {
			b.Fatal(err)
		}
	}
}

func typicalClaims() members {
	return goodClaims().with(members{
		"jti": "6f1d8d0e-6c6c-4c38-8a5e-0a3d8f2a7c11", "azp": "web", "scope": "openid orders:read orders:write",
		"realm_access": members{"roles": []string{"reader", "writer", "offline_access"}}, "email": "user@example.com",
	})
}

func BenchmarkFresh(b *testing.B) {
	p := testPairs()
	for _, row := range []struct {
		alg string
		by  pair
	}{{"RS256", p.rs}, {"PS256", p.ps}, {"ES256", p.es}, {"ES384", p.es384}, {"EdDSA", p.ed}} {
		b.Run(row.alg, func(b *testing.B) { benchmarkVerify(b, row.by.mint(row.alg, nil, typicalClaims()), nil, true) })
	}
}

func BenchmarkHit(b *testing.B) {
	benchmarkVerify(b, testPairs().rs.mint("RS256", nil, typicalClaims()), NewCache(1000), true)
}

func BenchmarkHitParallel(b *testing.B) {
	v := newTestVerifier(b, testSpec(staticSource{testPairs().set()}), NewCache(1000))
	raw := testPairs().rs.mint("RS256", nil, typicalClaims())
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Verify(ctx, raw, start); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkJunk is what an unauthenticated request costs before any key is
// touched, up to the dearest payloads that fit a token.
func BenchmarkJunk(b *testing.B) {
	p := testPairs()
	forged := func(payload string) string {
		return base64url([]byte(`{"alg":"RS256","kid":"rs"}`)) + "." + base64url([]byte(payload)) + ".AAAA"
	}
	for name, raw := range map[string]string{
		"opaque":          "2YotnFZFEjr1zCsicMWpAA",
		"16KiB":           strings.Repeat("a", MaxTokenBytes),
		"16KiB three":     strings.Repeat("a", 8000) + "." + strings.Repeat("a", 8000) + ".AAAA",
		"foreign issuer":  p.rs.mint("RS256", nil, typicalClaims().with(members{"iss": "https://other.example/"})),
		"16KiB members":   forged(manyMembers(1100, -1)),
		"16KiB elements":  forged(`{"a":[` + strings.Repeat("0,", maxNodes-3) + `0]}`),
		"16KiB of escape": forged(`{"a":"` + strings.Repeat(`\u0041`, 1990) + `"}`),
	} {
		b.Run(name, func(b *testing.B) { benchmarkVerify(b, raw, NewCache(1000), false) })
	}
}

func BenchmarkPutInFullCache(b *testing.B) {
	c := NewCache(100_000)
	for n := range uint64(100_000) {
		c.putNumber(byte(n%200), n)
	}
	b.ReportAllocs()
	n := uint64(1 << 20)
	for b.Loop() {
		c.putNumber(byte(n%200), n)
		n++
	}
}

// BenchmarkFirstSeen is a token that the cache does not have yet, looked up and
// put there, next to its bare signature. The ratio is that of the medians of one
// run, in which both take turns.
func BenchmarkFirstSeen(b *testing.B) {
	p := testPairs()
	cache := NewCache(1000)
	v := newTestVerifier(b, testSpec(staticSource{p.set()}), cache)
	raw := p.rs.mint("RS256", members{"kid": "rs"}, accessToken(1))
	cut := strings.LastIndexByte(raw, '.')
	sig, public := signatureOf(raw), p.rs.private.Public().(*rsa.PublicKey)
	key := cacheKey{token: sum(raw), scope: v.scope}
	var ours, bare []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		cache.shard(&key).remove(&key)
		begin := time.Now()
		if got, err := v.Verify(b.Context(), raw, start); err != nil || got.Cached {
			b.Fatal(got, err)
		}
		middle := time.Now()
		digest := sha256.Sum256([]byte(raw[:cut]))
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], sig); err != nil {
			b.Fatal(err)
		}
		ours, bare = append(ours, middle.Sub(begin)), append(bare, time.Since(middle))
	}
	slices.Sort(ours)
	slices.Sort(bare)
	b.ReportMetric(float64(ours[len(ours)/2]), "first-seen-ns")
	b.ReportMetric(float64(bare[len(bare)/2]), "bare-ns")
	b.ReportMetric(float64(ours[len(ours)/2])/float64(bare[len(bare)/2]), "ratio")
}
