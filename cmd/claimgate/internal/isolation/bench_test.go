package isolation

import (
	"slices"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// Rates of the benchmark: that of the good tenant is calm, that of the flood more
// than can be verified, or with RS256, of which a processor verifies some ten
// thousands a second, a heavy one.
const (
	goodRate   = 500
	roundFor   = 2 * time.Second
	roundCount = 3
)

// benchFlood is a flood at a fixed rate.
type benchFlood struct {
	name   string
	rate   int
	host   string
	tokens func(b *testing.B, a *arena) []string
}

func benchFloods() []benchFlood {
	many := func(next func() string) []string {
		list := make([]string, 500)
		for n := range list {
			list[n] = next()
		}
		return list
	}
	dear := func(which int) func(*testing.B, *arena) []string {
		return func(_ *testing.B, a *arena) []string { return many(a.dear[which].token) }
	}
	return []benchFlood{
		{"forged-RS256", 2000, floodHost, func(b *testing.B, a *arena) []string {
			good := mint(b, a.bad, 1, nil, nil)[0]
			return many(func() string { return forge(good) })
		}},
		{"first-seen-RS256", 2000, floodHost, func(b *testing.B, a *arena) []string { return mint(b, a.bad, 500, nil, nil) }}, // the cache holds fewer
		{"unknown-kid", 2000, floodHost, func(b *testing.B, a *arena) []string {
			good := mint(b, a.bad, 1, nil, nil)[0]
			return many(func() string { return unknownKey(good) })
		}},
		{"forged-ES384", 2000, floodHost, dear(0)},
		{"forged-ES512", 1000, floodHost, dear(1)},
		{"forged-RSA-4096", 2000, floodHost, dear(2)},
		{"forged-before-tenant", 2000, sharedHost, func(b *testing.B, a *arena) []string {
			good := mint(b, a.shared, 1, nil, map[string]any{"org": "good"})[0]
			return many(func() string { return forge(good) })
		}},
	}
}

// BenchmarkGoodTenantUnderFlood sends cached tokens of one tenant at a fixed rate,
// in turns without and with a flood of another at a fixed rate, from a process of
// its own. It reports, as medians of the rounds, the latency in the server (from
// the decoded request to the answer, as its observer is told) and the round trip
// that the client sees, and the ratios to those without a flood. The client has
// the same processors, so that its work counts there too: a machine of its own
// would show less.
func BenchmarkGoodTenantUnderFlood(b *testing.B) {
	for _, flood := range benchFloods() {
		b.Run(flood.name, func(b *testing.B) {
			a := newArena(b)
			ours := loadStream{Host: goodHost, Client: goodAddress, Tokens: mint(b, a.good, 24, nil, nil), PerSecond: goodRate}
			theirs := loadStream{Host: flood.host, Client: floodAddress, Tokens: flood.tokens(b, a), PerSecond: flood.rate}
			a.round(b, 200*time.Millisecond, ours)
			for b.Loop() {
				var quiet, flooded [roundCount]roundResult
				for n := range roundCount {
					quiet[n] = a.round(b, roundFor, ours)
					flooded[n] = a.round(b, roundFor, ours, theirs)
				}
				report(b, quiet[:], flooded[:])
			}
		})
	}
}

// roundResult are the times of the good tenant, the flood's throughput beside.
type roundResult struct {
	p50, p99, trip50, trip99 time.Duration
	late                     int // that had no answer in time: the machine was busy with something else
	verified                 int
	took                     time.Duration
}

// round runs one round and wants each good token allowed from the cache.
func (a *arena) round(b *testing.B, span time.Duration, streams ...loadStream) roundResult {
	b.Helper()
	a.seen.reset()
	before := a.scheduler.Stats()
	results, err := generate(b.Context(), loadPlan{Address: a.address, For: span, Streams: streams})
	if err != nil {
		b.Fatal(err)
	}
	after := a.scheduler.Stats()
	good := results[0]
	if good.Codes[0]+good.Codes[noAnswer] != good.Sent {
		b.Errorf("good tokens were refused: %v", good.Codes)
	}
	r := roundResult{trip50: good.P50, trip99: good.P99, late: good.Codes[noAnswer] + good.Skipped, verified: int(after.Verified - before.Verified), took: after.Took - before.Took}
	r.p50, r.p99 = percentiles(a.seen.reset())
	if len(results) > 1 {
		b.Logf("flood: %d sent, %d held back by the client, answers %v, %v verified in %v, waited %d",
			results[1].Sent, results[1].Skipped, results[1].Codes, r.verified, r.took, a.seen.of(token.Payer{Tenant: "flood"}).waited)
	}
	return r
}

// reset returns the times so far and forgets them.
func (r *recorder) reset() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	times := r.elapsed
	r.elapsed = nil
	return times
}

func report(b *testing.B, quiet, flooded []roundResult) {
	b.Helper()
	middle := func(rounds []roundResult, of func(*roundResult) time.Duration) float64 {
		times := make([]time.Duration, len(rounds))
		for n := range rounds {
			times[n] = of(&rounds[n])
		}
		slices.Sort(times)
		return float64(times[len(times)/2].Microseconds())
	}
	for _, figure := range []struct {
		name string
		of   func(*roundResult) time.Duration
	}{
		{"p50", func(r *roundResult) time.Duration { return r.p50 }},
		{"p99", func(r *roundResult) time.Duration { return r.p99 }},
		{"trip-p50", func(r *roundResult) time.Duration { return r.trip50 }},
		{"trip-p99", func(r *roundResult) time.Duration { return r.trip99 }},
	} {
		without, with := middle(quiet, figure.of), middle(flooded, figure.of)
		b.ReportMetric(without, figure.name+"-quiet-us")
		b.ReportMetric(with, figure.name+"-flood-us")
		b.ReportMetric(with/max(without, 1), figure.name+"-ratio")
	}
	late := 0
	for n := range quiet {
		late += quiet[n].late + flooded[n].late
	}
	b.ReportMetric(float64(late), "late")
	b.ReportMetric(0, "ns/op")
}
