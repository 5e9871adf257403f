package jwks

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
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
		s.saves("a")
		elapse(5 * time.Minute)
		s.boot(slow(), func(b *scene) {
			b.want("a", "known")
			b.want("x", "pending")
			b.wantFetches(1)
			if status := b.source.Status(); !status.Restored || !status.Usable || !status.LastSuccess.IsZero() || time.Since(status.Fetched) < 5*time.Minute {
				t.Errorf("%+v", status)
			}
		})
		s.wantWarnings(0, "")
	})
}

func TestP3AnOlderKeptSetWaitsForTheFirstFetch(t *testing.T) {
	for name, row := range map[string]struct {
		idp    *idp
		before time.Duration // it does not serve
		after  time.Duration // it does
	}{
		"that failed":     {down(), -1, 0},
		"that takes long": {slow(), restoreWait - time.Millisecond, restoreWait},
		"that stands in line, or hangs beyond its time": {slow(), restoreWait - 1, 24*time.Hour - 6*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t)
				s.saves("a")
				elapse(5*time.Minute + time.Second)
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
		s.boot(p, func(b *scene) { b.sleep(20 * time.Hour) })
		elapse(10 * time.Hour)
		s.boot(down(), func(b *scene) { b.want("a", "known") })
		s.wantWarnings(0, "")
	})
}

// TestP3ALostFileIsWrittenAgain although the issuer only says that nothing
// changed: the next fetch is a full one.
func TestP3ALostFileIsWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		p := newIDP("a")
		p.header.Set("ETag", `"v1"`)
		s.boot(p, func(b *scene) {
			if err := os.Remove(s.file()); err != nil {
				t.Fatal(err)
			}
			b.sleep(11 * time.Minute)
			_ = s.file()
		})
		s.boot(down(), func(b *scene) { b.want("a", "known") })
	})
}

// TestP3OddFilesAreNeverTrusted damages the file in every way there is.
func TestP3OddFilesAreNeverTrusted(t *testing.T) {
	edit := func(change func(*recordFile)) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var file recordFile
			if err := json.Unmarshal(text, &file); err != nil {
				t.Fatal(err)
			}
			change(&file)
			if text, err = json.Marshal(file); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(text string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	sealed := func(change func(*record)) func(*testing.T, string) { // with a checksum that fits
		return func(t *testing.T, path string) {
			t.Helper()
			source := strings.TrimSuffix(filepath.Base(path), storeSuffix)
			r := record{source: source, issuer: demoIssuer, fetched: time.Now(), body: []byte(keySetOf(edKey("a")))}
			change(&r)
			text, err := r.encode(nil)
			if err != nil {
				t.Fatal(err)
			}
			write(string(text))(t, path)
		}
	}
	for name, row := range map[string]struct {
		damage func(*testing.T, string)
		says   string // "" for the control
	}{
		"whole":                          {sealed(func(*record) {}), ""},
		"empty":                          {write(""), "damaged"},
		"no JSON":                        {write("keys"), "damaged"},
		"cut":                            {write(`{"format":1,"issuer":"`), "damaged"},
		"another format":                 {edit(func(f *recordFile) { f.Format = 2 }), "damaged"},
		"unknown field":                  {write(`{"format":1,"keys":[]}`), "damaged"},
		"two documents":                  {write(`{"format":1}{"format":1}`), "damaged"},
		"huge":                           {write(strings.Repeat(" ", maxRecord+1)), "damaged"},
		"another body":                   {edit(func(f *recordFile) { f.Body = []byte(keySetOf(edKey("a"))) }), "checksum"},
		"a bit of the body":              {edit(func(f *recordFile) { f.Body[20] ^= 1 }), "checksum"},
		"younger":                        {edit(func(f *recordFile) { f.Fetched = f.Fetched.Add(time.Hour) }), "checksum"},
		"another issuer":                 {edit(func(f *recordFile) { f.Issuer = "https://evil.example.com/" }), "checksum"},
		"another source":                 {edit(func(f *recordFile) { f.Source = strings.Repeat("0", 64) }), "checksum"},
		"no checksum":                    {edit(func(f *recordFile) { f.SHA256 = "" }), "checksum"},
		"with a key":                     {edit(func(f *recordFile) { f.SHA256, f.HMAC = "", f.SHA256 }), "stateKey"},
		"a whole file of another source": {sealed(func(r *record) { r.source = strings.Repeat("0", 64) }), "another key source"},
		"from the future":                {sealed(func(r *record) { r.fetched = r.fetched.Add(time.Hour) }), "lies ahead"},
		"no usable key":                  {sealed(func(r *record) { r.body = []byte(keySetOf(member{"kty": "oct", "k": "AA"})) }), "no key"},
		"no key set":                     {sealed(func(r *record) { r.body = []byte("{}") }), "no key"},
		"empty body":                     {sealed(func(r *record) { r.body = nil }), "damaged"},
		"others can write": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Chmod(path, 0o622); err != nil {
				t.Fatal(err)
			}
		}, "only the user"},
		"a link": {func(t *testing.T, path string) {
			t.Helper()
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			if err := errors.Join(os.Rename(path, elsewhere), os.Symlink(elsewhere, path)); err != nil {
				t.Fatal(err)
			}
		}, "only the user"},
		"a directory": {func(t *testing.T, path string) {
			t.Helper()
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, "only the user"}, // and it cannot be written either
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t)
				s.saves("a")
				row.damage(t, s.file())
				s.boot(down(), func(b *scene) {
					if row.says == "" {
						b.want("a", "known")
						return
					}
					b.want("a", "unavailable")
					b.sleep(time.Minute)
					b.want("a", "unavailable")
					if got := b.registry.StoreStatus(); got.Ignored != 1 || got.Restored != 0 {
						t.Errorf("%+v", got)
					}
					b.idp.publish("b") // and it heals
					b.sleep(2 * time.Minute)
					b.want("b", "known")
				})
				if row.says != "" && name != "a directory" {
					s.wantWarnings(1, row.says)
				}
			})
		})
	}
}

func TestP3AStateKeySealsTheFiles(t *testing.T) {
	first, second := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
	for name, row := range map[string]struct {
		write, read []byte
		says        string
	}{
		"the same":       {first, first, ""},
		"another":        {first, second, "stateKey"},
		"none, then one": {nil, first, "stateKey"},
		"one, then none": {first, nil, "stateKey"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t)
				s.key = row.write
				s.saves("a")
				s.key = row.read
				s.boot(down(), func(b *scene) {
					want := "known"
					if row.says != "" {
						want = "unavailable"
					}
					b.want("a", want)
				})
				if row.says != "" {
					s.wantWarnings(1, row.says)
				}
			})
		})
	}
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

func TestFetchedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		began := time.Now()
		s.saves("a")
		elapse(time.Hour)
		source := strings.TrimSuffix(filepath.Base(s.file()), storeSuffix)
		store, err := OpenStore(s.dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = store.Close() }()
		if at, err := store.FetchedAt(source); err != nil || !at.Equal(began) {
			t.Errorf("%v, %v", at, err)
		}
		if at, err := store.FetchedAt("another"); err != nil || !at.IsZero() {
			t.Errorf("%v, %v", at, err)
		}
		if err := os.WriteFile(s.file(), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.FetchedAt(source); err == nil {
			t.Error("a damaged file has a time")
		}
	})
}

func TestStoreFilesAreOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		s.saves("a")
		info, err := os.Stat(s.file())
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("file %v, %v", info, err)
		}
		if info, err = os.Stat(filepath.Dir(s.file())); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("directory %v, %v", info, err)
		}
	})
}

func TestOpenStoreRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("file"), nil, 0o600))
	must(os.Mkdir(at("open"), 0o700))
	must(os.Chmod(at("open"), 0o777))
	must(os.MkdirAll(at("inner/keys"), 0o700))
	must(os.Chmod(at("inner/keys"), 0o770))
	must(os.Mkdir(at("linked"), 0o700))
	must(os.Symlink(dir, at("linked/keys")))
	must(os.Mkdir(at("good"), 0o700))
	for name, row := range map[string]struct {
		dir  string
		key  string
		says string
	}{
		"good":                    {at("good"), "", ""},
		"again":                   {at("good"), strings.Repeat("k", 16), ""},
		"not there":               {at("nowhere"), "", "no such file"},
		"a file":                  {at("file"), "", "not a directory"},
		"others can write":        {at("open"), "", "chmod go-w"},
		"others can write inside": {at("inner"), "", "chmod go-w"},
		"a link inside":           {at("linked"), "", "no directory"},
		"a short key":             {at("good"), "k", "at least 16"},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := OpenStore(row.dir, []byte(row.key))
			if row.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				must(store.Close())
				return
			}
			if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v, want %q", err, row.says)
			}
		})
	}
	var none *Store
	if none.Status().Usable {
		t.Error("no store is usable")
	}
}

// TestP3ADiskThatFailsStopsNothing, and is told once.
func TestP3ADiskThatFailsStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		s.boot(newIDP("a"), func(b *scene) {
			blocked := strings.TrimSuffix(s.file(), storeSuffix) + partialMark
			if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o700); err != nil {
				t.Fatal(err)
			}
			b.sleep(time.Hour)
			b.want("a", "known")
			if got := b.registry.StoreStatus(); !got.Failing || got.Failures < 10 {
				t.Errorf("%+v", got)
			}
			s.wantWarnings(1, "cannot be written")
			if err := os.RemoveAll(blocked); err != nil {
				t.Fatal(err)
			}
			b.sleep(10 * time.Minute)
			if got := b.registry.StoreStatus(); got.Failing {
				t.Errorf("%+v", got)
			}
			if said := s.all(); len(said) != 2 || !strings.Contains(said[1], "again") {
				t.Errorf("%q", said)
			}
		})
	})
}

func TestStorePrunesWhatNobodyCanUse(t *testing.T) {
	dir := t.TempDir()
	store, err := OpenStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	now := time.Now()
	for name, age := range map[string]time.Duration{
		"old.json": forgotten + time.Hour, "young.json": forgotten - time.Hour, "half.json.new": 2 * time.Hour, "now.json.new": time.Minute,
		"foreign": 2 * forgotten,
	} {
		path := filepath.Join(dir, storeDir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, now, now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	store.prune(now)
	left, err := os.ReadDir(filepath.Join(dir, storeDir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range left {
		names = append(names, entry.Name())
	}
	if got := strings.Join(names, " "); got != "foreign now.json.new young.json" {
		t.Errorf("left: %s", got)
	}
}

// FuzzRecord holds that no bytes but those that were written are a record.
func FuzzRecord(f *testing.F) {
	key := []byte(strings.Repeat("k", 32))
	good, err := record{source: "s", issuer: "i", fetched: time.Unix(1_800_000_000, 0), body: []byte("{}")}.encode(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		kept, err := decodeRecord(text, "s", key)
		if err == nil && (string(kept.body) != "{}" || kept.issuer != "i" || kept.fetched.Unix() != 1_800_000_000) {
			t.Errorf("%q is taken for %+v", text, kept)
		}
	})
}
