package jwks

import (
	"strconv"
	"testing"
	"time"
)

// fixed returns a source with keys in force that nothing refreshes.
func fixed(tb testing.TB, keys int) *Source {
	tb.Helper()
	list := make([]member, 0, keys)
	for n := range keys {
		list = append(list, edKey(strconv.Itoa(n)))
	}
	registry := NewRegistry(Options{})
	source, err := registry.Source(SourceSpec{Issuer: demoIssuer, URI: "https://id.example.com/jwks"})
	if err != nil {
		tb.Fatal(err)
	}
	got := answer{status: 200, body: []byte(keySetOf(list...))}.keys(source.refresher.fetcher.start, sigOnly)
	own, _, _ := source.refresher.begin(false)
	source.refresher.settle(own, got)
	return source
}

func TestHitAllocatesNothing(t *testing.T) {
	source := fixed(t, 10)
	ctx := t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		if set, err := source.KeySet(ctx, "7"); err != nil || set == nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkKeySetHit(b *testing.B) {
	source := fixed(b, 10)
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if set, err := source.KeySet(ctx, "7"); err != nil || set == nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkKeySetAbsent is what a flood of unknown kids costs in the cooldown.
func BenchmarkKeySetAbsent(b *testing.B) {
	source := fixed(b, 10)
	source.refresher.gate.cooldown = time.Hour
	source.refresher.gate.lastAsked = time.Now()
	ctx := b.Context()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if set, err := source.KeySet(ctx, "absent"+strconv.Itoa(n%4096)); err != nil || set == nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(keySetOf(rsaKey("a"), rsaKey("b"), ecKey("c"), edKey("d")))
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if doc, err := parseKeySet(text, sigOnly); err != nil || len(doc.keys) != 4 {
			b.Fatal(err)
		}
	}
}
