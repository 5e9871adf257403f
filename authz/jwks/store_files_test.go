package jwks

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

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
		for range 2 * storeReaders {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, there, err := store.load(ctx, source); !there || err != nil {
				t.Fatalf("a reader that has ended bars others: %t, %v", there, err)
			}
			cancel()
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
		stopped, cancel := context.WithCancel(t.Context())
		cancel()
		if _, there, err := store.load(stopped, source); there || err != nil {
			t.Errorf("a source that was stopped reads: %t, %v", there, err)
		}
	})
}

// TestP3AConfirmationKeepsWhatIsStillToBeWritten: a 304 that comes before the
// disk did makes the set younger, and a new set takes its place.
func TestP3AConfirmationKeepsWhatIsStillToBeWritten(t *testing.T) {
	store, err := OpenStore(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	first, second := []byte("first"), []byte("second")
	for name, row := range map[string]struct {
		puts []record
		body []byte
	}{
		"a set":                         {[]record{{body: first}}, first},
		"a set, confirmed":              {[]record{{body: first}, {}}, first},
		"a confirmation alone":          {[]record{{}}, nil},
		"a set after another":           {[]record{{body: first}, {body: second}}, second},
		"a set after a confirmation":    {[]record{{}, {body: second}, {}}, second},
		"another source's confirmation": {[]record{{source: "other", body: second}, {}}, nil},
	} {
		at := epoch
		for _, next := range row.puts {
			at = at.Add(time.Second)
			next.fetched = at
			store.put(next)
		}
		if got := store.pending[""]; string(got.body) != string(row.body) || !got.fetched.Equal(at) {
			t.Errorf("%s: %q of %s, want %q", name, got.body, got.fetched, row.body)
		}
		clear(store.pending)
	}
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
		if text, err := os.ReadFile(s.file()); err != nil || !strings.Contains(string(text), `"issuer":"`+demoIssuer+`"`) {
			t.Errorf("whose keys they are is not in the file: %s, %v", text, err)
		}
	})
}

// someone is a file of a user, or of nobody knows whom.
type someone struct {
	os.FileInfo
	system any
}

func (s someone) Sys() any { return s.system }

func TestFilesOfOthersAreNotOurs(t *testing.T) {
	us := uint32(os.Geteuid())
	for name, row := range map[string]struct {
		system any
		want   bool
	}{"ours": {&syscall.Stat_t{Uid: us}, true}, "another user's": {&syscall.Stat_t{Uid: us + 1}, false}, "unknown": {nil, false}} {
		if got := ownedByUs(someone{system: row.system}); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// foreignDir returns a directory that is not this user's.
func foreignDir(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return "/"
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 1, -1); err != nil {
		t.Fatal(err)
	}
	return dir
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
		"a short key":             {at("good"), strings.Repeat("k", 15), "at least 16"},
		"another user's":          {foreignDir(t), "", "another user"},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := OpenStore(row.dir, []byte(row.key))
			if row.says == "" {
				if err != nil || store.Status() != (StoreStatus{Usable: true}) {
					t.Fatalf("%+v, %v", store.Status(), err)
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
			if got := b.registry.StoreStatus(); got.Failing || got.Failures != 0 {
				t.Errorf("before it fails: %+v", got)
			}
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
			failures := b.registry.StoreStatus().Failures
			b.sleep(10 * time.Minute)
			if got := b.registry.StoreStatus(); got.Failing || got.Failures != failures {
				t.Errorf("after it failed %d times: %+v", failures, got)
			}
			if said := s.all(); len(said) != 2 || !strings.Contains(said[1], "again") {
				t.Errorf("%q", said)
			}
		})
	})
}

// TestAFileThatCannotBePutInPlaceLeavesNothing half written.
func TestAFileThatCannotBePutInPlaceLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	store, err := OpenStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if err := os.Mkdir(filepath.Join(dir, storeDir, "a"+storeSuffix), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := store.save(record{source: "a", body: []byte("{}")}); err == nil {
		t.Error("a directory was overwritten")
	}
	if left, err := os.ReadDir(filepath.Join(dir, storeDir)); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestAStartPrunes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		s.saves("a")
		kept := s.file()
		old := filepath.Join(filepath.Dir(kept), "old"+storeSuffix)
		at := time.Now().Add(-forgotten - time.Hour)
		if err := errors.Join(os.WriteFile(old, nil, 0o600), os.Chtimes(old, at, at)); err != nil {
			t.Fatal(err)
		}
		s.saves("a")
		if got := s.file(); got != kept {
			t.Errorf("%s is left", got)
		}
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
		"old.json": forgotten + 1, "young.json": forgotten, "half.json.new": partialAge + 1, "now.json.new": partialAge,
		"foreign": 2 * forgotten, "directory.json": 2 * forgotten,
	} {
		path, create := filepath.Join(dir, storeDir, name), func(path string) error { return os.WriteFile(path, nil, 0o600) }
		if name == "directory.json" {
			create = func(path string) error { return os.Mkdir(path, 0o700) }
		}
		if err := errors.Join(create(path), os.Chtimes(path, now, now.Add(-age))); err != nil {
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
	if got := strings.Join(names, " "); got != "directory.json foreign now.json.new young.json" {
		t.Errorf("left: %s", got)
	}
}
