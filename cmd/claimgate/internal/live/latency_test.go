package live

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz"
)

// What the benchmark of checks during reloads asks and changes.
const (
	askedTenants = 500
	checkers     = 2
	perBurst     = 10 // checks of one checker, at once
	everyBurst   = time.Millisecond
	changeEvery  = 50 * time.Millisecond
	phase        = 1500 * time.Millisecond
	phases       = 3
)

// BenchmarkChecksDuringReloads asks for cached tokens of some of ten thousand
// tenants at a fixed rate, in turns while no file changes and while files of
// others are changed, or added, at a fixed rate. Each is put in force at once, far
// more often than the watcher does it, which gathers what changes together. It
// reports the p99 of a decision in both and their ratio, as medians of the rounds (1
// is a reload that nobody notices), and beside them the greatest p99 without
// reloads to the least: what the machine alone makes of it.
func BenchmarkChecksDuringReloads(b *testing.B) {
	const tenants = 10_000
	for _, kind := range []struct {
		name  string
		which func(n int) int
	}{
		{"changed", func(n int) int { return askedTenants + n%(tenants-askedTenants) }},
		{"added", func(n int) int { return tenants + n }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			a := newArena(b, tenants)
			a.open()
			a.onLaterClock()
			r := &reloads{arena: a, which: kind.which}
			requests := a.requests()
			p99(a.checks(b, requests, phase/4)) // fills the cache
			var quiet, changing, ratios []float64
			var took time.Duration
			for b.Loop() {
				for range phases {
					before := p99(a.checks(b, requests, phase))
					began := time.Now()
					stop := r.begin(b)
					during := p99(a.checks(b, requests, phase))
					stop()
					took += time.Since(began)
					quiet, changing, ratios = append(quiet, before), append(changing, during), append(ratios, during/before)
				}
			}
			b.ReportMetric(median(quiet), "p99-quiet-us")
			b.ReportMetric(median(changing), "p99-reloads-us")
			b.ReportMetric(median(ratios), "p99-ratio")
			b.ReportMetric(slices.Max(quiet)/slices.Min(quiet), "p99-noise-ratio")
			b.ReportMetric(float64(r.count)/took.Seconds(), "reloads/s")
			b.ReportMetric(0, "ns/op") // says nothing: the rounds have a fixed time
		})
	}
}

// requests returns one request of a good token for each asked tenant.
func (a *arena) requests() []authz.Request {
	list := make([]authz.Request, askedTenants)
	for k := range list {
		name := fmt.Sprint("t", k)
		list[k] = authz.Request{Method: "GET", Host: name + ".api.example.com", Scheme: "https", Path: authz.CanonicalPath("/orders/1"),
			Headers: authz.Headers{Lines: []authz.Header{{Name: "authorization", Value: "Bearer " + a.token(name)}}}}
	}
	return list
}

// checks asks in bursts for so long and returns what each decision took.
func (a *arena) checks(b *testing.B, requests []authz.Request, span time.Duration) []time.Duration {
	b.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var running sync.WaitGroup
	for worker := range checkers {
		running.Go(func() {
			mine, own := make([]time.Duration, 0, int(span/everyBurst+1)*perBurst), slices.Clone(requests)
			next := time.NewTicker(everyBurst)
			defer next.Stop()
			for end, k := time.Now().Add(span), worker*len(own)/checkers; time.Now().Before(end); <-next.C {
				for range perBurst {
					began := time.Now()
					d := a.engine.Decide(context.Background(), &own[k%len(own)])
					mine = append(mine, time.Since(began))
					if d.Verdict != authz.Allow {
						b.Errorf("%s: %s", own[k%len(own)].Host, d.Reason)
						return
					}
					k++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	running.Wait()
	return all
}

// reloads puts tenant files in force at a fixed rate.
type reloads struct {
	*arena
	which func(n int) int
	count int
}

// begin reloads until the returned function is called.
func (r *reloads) begin(b *testing.B) (stop func()) {
	b.Helper()
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		next := time.NewTicker(changeEvery)
		defer next.Stop()
		for {
			name := fmt.Sprint("t", r.which(r.count))
			r.tenant(name, arenaTenant(fmt.Sprint("w", r.count)))
			if result, _ := r.live.reload(ask{only: []string{r.path("tenants", name+".yaml")}}); result != Applied {
				b.Errorf("%s: %s", name, result)
			}
			r.count++
			select {
			case <-done:
				return
			case <-next.C:
			}
		}
	})
	return func() { close(done); running.Wait() }
}

// p99 returns a quantile in microseconds.
func p99(took []time.Duration) float64 {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return float64(took[len(took)*99/100]) / float64(time.Microsecond)
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
