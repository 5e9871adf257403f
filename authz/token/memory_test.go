package token

import (
	"fmt"
	"runtime"
	"testing"
	"unique"
)

// accessToken are the claims of an access token of about 970 bytes.
func accessToken(n int) members {
	return members{
		"iss": testIssuer, "aud": []string{testAudience}, "sub": fmt.Sprintf("auth0|65f0c2a9d1%08d", n), "azp": "web-frontend-production",
		"iat": start.Unix() - 60, "exp": start.Unix() + 3600, "jti": fmt.Sprintf("6f1d8d0e-6c6c-4c38-8a5e-%012d", n),
		"scope": "openid profile orders:read orders:write", "roles": []string{"reader", "writer", "billing"},
		"email": fmt.Sprintf("user%d@example.com", n), "email_verified": true, "tid": "tenant-00000",
	}
}

// heapPerToken fills a cache and returns how much the heap grew for each token.
func heapPerToken(tb testing.TB, count int) float64 {
	tb.Helper()
	i := must(NewIssuer(testSpec(staticSource{testPairs().set()})))
	scope := unique.Make(i.settings)
	from := unique.Make(origin{issuer: i.url, kid: "rs", alg: RS256, thumbprint: testPairs().rs.key.thumbprint})
	before := liveHeap()
	c := NewCache(count + count/2) // so that no shard is full
	var w workspace
	for n := range count {
		id, err := i.identify(header{}, accessToken(n).json(), &w)
		if err != nil {
			tb.Fatal(err)
		}
		c.put(cacheKey{token: sum(fmt.Sprint(n)), scope: scope}, &entry{identity: id, origin: from}, start)
	}
	w = workspace{}
	grown := liveHeap() - before
	if n := c.Stats().Entries; n != count {
		tb.Fatalf("%d entries of %d", n, count)
	}
	return float64(grown) / float64(count)
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestBytesOfACachedToken(t *testing.T) {
	if got := heapPerToken(t, 20_000); got > 900 {
		t.Errorf("a cached token takes %.0f bytes, want at most 900", got)
	}
}

// BenchmarkCacheMemory prints what one cached token takes, everything counted.
func BenchmarkCacheMemory(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(heapPerToken(b, 100_000), "B/token")
	}
}
