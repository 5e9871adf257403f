package jwks

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// warnings collects what is said about the store.
type warnings struct {
	mu   sync.Mutex
	said []string
}

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said
}

// shelf is a state directory and the process that uses it.
type shelf struct {
	t    *testing.T
	dir  string
	key  []byte
	spec SourceSpec
	warnings
}

func newShelf(t *testing.T) *shelf {
	return &shelf{t: t, dir: t.TempDir(), spec: SourceSpec{Issuer: demoIssuer, URI: "https://id.example.com/jwks"}}
}

// boot runs one process until test returns; p stands in for the network.
func (s *shelf) boot(p *idp, test func(*scene)) {
	s.t.Helper()
	store, err := OpenStore(s.dir, s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	b := &scene{t: s.t, idp: p, observed: &observed{}}
	b.registry = NewRegistry(Options{
		Transport: p, Observer: b.observed, Rand: func() float64 { return 0.5 }, Store: store, Warn: s.add,
	})
	b.source = mustSource(s.t, b.registry, s.spec)
	b.stop = start(s.t, b.registry)
	synctest.Wait()
	test(b)
	b.stop()
}

func (s *shelf) file() string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, storeDir, "*"))
	if err != nil || len(files) != 1 {
		s.t.Fatalf("files %q, %v", files, err)
	}
	return files[0]
}

func (s *shelf) saves(kids ...string) {
	s.t.Helper()
	s.boot(newIDP(kids...), func(b *scene) { b.want(kids[0], "known") })
}

func down() *idp {
	p := newIDP("never")
	p.status = 503
	return p
}

func slow(kids ...string) *idp {
	p := newIDP(kids...)
	p.delay = time.Hour
	return p
}

func (s *shelf) wantWarnings(want int, says string) {
	s.t.Helper()
	said := s.all()
	if len(said) != want || want > 0 && !strings.Contains(said[0], says) {
		s.t.Errorf("warnings %q, want %d that say %q", said, want, says)
	}
}

func TestP3AYoungKeptSetServesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		p, began := newIDP(), time.Now()
		p.body = keySetOf(edKey("a"), edKey("odd").with(member{"use": "enc"}))
		s.boot(p, func(b *scene) { b.want("a", "known") })
		elapse(5 * time.Minute)
		s.boot(slow(), func(b *scene) {
			b.want("a", "known")
			b.want("x", "pending")
			b.wantFetches(1)
			if status := b.source.Status(); !status.Restored || !status.Usable || !status.LastSuccess.IsZero() || !status.Fetched.Equal(began) || status.Skipped != 1 {
				t.Errorf("%+v", status)
			}
			if got := b.registry.StoreStatus(); got.Restored != 1 || got.Ignored != 0 {
				t.Errorf("%+v", got)
			}
		})
		s.wantWarnings(0, "")
	})
}

func TestP3AnOlderKeptSetWaitsForTheFirstFetch(t *testing.T) {
	for name, row := range map[string]struct {
		idp     *idp
		timeout time.Duration // of the fetch
		before  time.Duration // it does not serve
		after   time.Duration // it does
	}{
		"that failed":                {down(), 0, -1, 0},
		"that takes long":            {slow(), time.Minute, restoreWait - time.Millisecond, restoreWait},
		"that times out":             {slow(), time.Second, time.Second - time.Millisecond, time.Second},
		"that hangs beyond its time": {slow(), 0, restoreWait - 1, 24*time.Hour - 6*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t)
				s.spec.Timeout = row.timeout
				s.saves("a")
				elapse(5*time.Minute + 1)
				s.boot(row.idp, func(b *scene) {
					if row.before >= 0 {
						b.sleep(row.before)
						b.want("a", "unavailable")
					}
					b.sleep(row.after - max(row.before, 0))
					b.want("a", "known")
				})
			})
		})
	}
}

func TestP3AFetchedSetWinsOverAKeptOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		s.saves("old")
		elapse(time.Hour)
		p := newIDP("new")
		p.delay = time.Second
		s.boot(p, func(b *scene) {
			b.want("old", "unavailable")
			b.sleep(time.Second)
			b.want("new", "known")
			p.change(func() { p.delay = 0 })
			b.want("old", "unknown")
			b.sleep(restoreWait)
			b.want("old", "unknown")
			b.want("new", "known")
		})
	})
}

// TestP3AKeptSetAgesFromItsFetch: a restart does not make keys younger.
func TestP3AKeptSetAgesFromItsFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		s.saves("a")
		elapse(23 * time.Hour)
		for range 3 {
			s.boot(down(), func(b *scene) {
				b.want("a", "known")
				b.sleep(10 * time.Minute)
			})
		}
		s.boot(down(), func(b *scene) {
			b.want("a", "known")
			b.sleep(30*time.Minute - time.Second)
			b.want("a", "known")
			b.sleep(time.Second)
			b.want("a", "unavailable")
		})
		s.wantWarnings(0, "")
		s.boot(down(), func(b *scene) { b.want("a", "unavailable") })
		s.wantWarnings(1, "older than maxStale")
	})
}

func TestP3NotModifiedKeepsTheKeptSetYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		p := newIDP("a")
		p.header.Set("ETag", `"v1"`)
		s.boot(p, func(b *scene) {
			b.sleep(20 * time.Hour)
			if full := slices.Index(b.observed.results[1:], FetchOK); full >= 0 {
				t.Errorf("fetch %d was a full one", full)
			}
		})
		elapse(10 * time.Hour)
		s.boot(down(), func(b *scene) { b.want("a", "known") })
		s.wantWarnings(0, "")
	})
}

// TestP3AChangedSourceStartsWithoutTheKeptSet: the file is that of a
// fingerprint, never of a name.
func TestP3AChangedSourceStartsWithoutTheKeptSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		s.saves("a")
		s.spec.URI = "https://id.example.com/other"
		s.boot(down(), func(b *scene) {
			b.sleep(time.Minute)
			b.want("a", "unavailable")
		})
		s.wantWarnings(0, "")
	})
}
