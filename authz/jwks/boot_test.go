package jwks

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// internet stands in for servers of every kind, by the name of the host, and
// counts what is in flight.
type internet struct {
	well, dead *idp

	mu        sync.Mutex
	now, most int
	at        map[string]int // in flight, by host
	mostAt    int
	fetched   map[string]int // by URL
	seconds   map[int64]int  // fetches that began, by second
}

func newInternet() *internet {
	n := &internet{well: newIDP("a"), dead: newIDP("a"), at: map[string]int{}, fetched: map[string]int{}, seconds: map[int64]int{}}
	n.well.delay, n.dead.delay = 50*time.Millisecond, 24*time.Hour
	return n
}

func (n *internet) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Host
	n.mu.Lock()
	n.fetched[req.URL.String()]++
	n.seconds[time.Now().Unix()]++
	n.now++
	n.at[host]++
	n.most, n.mostAt = max(n.most, n.now), max(n.mostAt, n.at[host])
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.now--
		n.at[host]--
	}()
	if strings.HasPrefix(host, "dead") {
		return n.dead.RoundTrip(req)
	}
	return n.well.RoundTrip(req)
}

// fleet are issuers by what becomes of them.
type fleet struct {
	alone, realms, dead []*Source
}

func newFleet(t *testing.T, registry *Registry, issuers int) *fleet {
	t.Helper()
	f := &fleet{}
	for n := range issuers {
		host, path, group := fmt.Sprintf("id%d.example.com", n), "jwks", &f.alone
		switch n % 10 {
		case 0: // a server that takes the connection and never answers
			host, group = fmt.Sprintf("dead%d.example.com", n), &f.dead
		case 1, 2, 3:
			host, path, group = "realms.example.com", fmt.Sprint(n), &f.realms
		}
		*group = append(*group, mustSource(t, registry, SourceSpec{Issuer: fmt.Sprint("https://", host, "/", n), URI: fmt.Sprint("https://", host, "/", path)}))
	}
	return f
}

// until returns how long it takes until all of them have keys, to the second.
func until(sources []*Source) (took time.Duration) {
	for began := time.Now(); ; elapse(time.Second) {
		took = time.Since(began)
		bare := slices.ContainsFunc(sources, func(s *Source) bool { return s.state.Load() == nil })
		if !bare || took > 10*time.Minute {
			return took
		}
	}
}

// TestP3TenThousandIssuersAtBoot: of them three thousand share a server and a
// thousand never answer, each on a server of its own. The fetches in flight stay
// within the pool, none is made twice, and neither the dead nor the crowd delay
// the others. Later the schedules lie apart, and the dead heal.
func TestP3TenThousandIssuersAtBoot(t *testing.T) {
	issuers := 10_000
	if raceDetector { // as above, of Go 1.26
		issuers = 500
	}
	t.Logf("%d issuers", issuers)
	synctest.Test(t, func(t *testing.T) {
		net := newInternet()
		registry := NewRegistry(Options{Transport: net, Rand: spread()})
		f := newFleet(t, registry, issuers)
		stop := start(t, registry)
		slots := func(n int, each time.Duration, at int) time.Duration {
			return time.Duration(n) * each / time.Duration(at)
		}
		alone := until(f.alone)
		if most := slots(len(f.alone), net.well.delay, defaultMaxFetches) + slots(len(f.dead), lateAfter, defaultMaxFetches) + defaultTimeout; alone > most {
			t.Errorf("those that have a server of their own are done after %s, want %s at most", alone, most)
		}
		realms := until(f.realms)
		if most := slots(len(f.realms), net.well.delay, defaultMaxFetches/originPart) + defaultTimeout; realms > most {
			t.Errorf("those of the crowded server are done %s later, want %s at most", realms, most)
		}
		net.check(t, 1, 1)
		t.Logf("all with a server of their own have keys after %s, all of the crowded one %s later", alone, realms)

		_ = net.busiest()
		elapse(2*11*defaultRefreshInterval/10 + 2*time.Minute - alone - realms)
		net.check(t, 3, 4)
		busiest := net.busiest()
		if busiest > issuers/20 {
			t.Errorf("%d fetches began in one second of the schedules", busiest)
		}
		net.dead.change(func() { net.dead.delay = net.well.delay })
		healed := until(f.dead)
		if healed > defaultMaxBackoff+slots(len(f.dead), defaultTimeout, defaultMaxFetches) {
			t.Errorf("the dead are healed after %s", healed)
		}
		t.Logf("in the busiest second of the schedules %d fetches began; the dead had keys %s after their servers answered", busiest, healed)
		stop()
	})
}

// busiest returns how many fetches began in the busiest second since the last
// call.
func (n *internet) busiest() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	most := slices.Max(slices.Collect(maps.Values(n.seconds)))
	clear(n.seconds)
	return most
}

// check holds the bounds of the pool, and how often each well issuer was asked.
func (n *internet) check(t *testing.T, least, most int) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if pool := defaultMaxFetches * (1 + latePart + 1); n.most > pool || n.mostAt > defaultMaxFetches/originPart {
		t.Errorf("%d fetches at a time, want %d at most; %d at one server", n.most, pool, n.mostAt)
	}
	t.Logf("in flight at most %d fetches, at one server %d", n.most, n.mostAt)
	wrong := 0
	for url, times := range n.fetched {
		if !strings.Contains(url, "dead") && (times < least || times > most) {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d issuers were not asked %d to %d times", wrong, least, most)
	}
}

// spread returns numbers that fill the unit interval evenly.
func spread() func() float64 {
	var mu sync.Mutex
	at := 0.0
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		if at += 0.618033988749895; at >= 1 {
			at--
		}
		return at
	}
}
