package certs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// run runs a store until the test ends.
func run(t *testing.T, store *Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		store.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// eventually polls until the condition holds. It ends well before the store's
// own poll, so that it was an event that made it hold.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(pollEvery / 2)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not in time: %s", what)
		}
	}
}

func serves(store *Store, i *issued) func() bool {
	return func() bool { serial, _ := served(store); return serial == i.serial() }
}

func TestReplacedByRename(t *testing.T) {
	ca := authority(t, "ours")
	f := newFolder(t, server(t, ca), ca)
	store := f.open(Options{})
	run(t, store)
	for range 3 {
		next := server(t, ca)
		f.pair(next)
		eventually(t, "the new certificate is served", serves(store, next))
	}
}

func TestWrittenInPlace(t *testing.T) {
	ca := authority(t, "ours")
	f := newFolder(t, server(t, ca), ca)
	counts := newCounts()
	store := f.open(Options{Observer: counts})
	run(t, store)
	next := server(t, ca)
	if err := errors.Join(os.WriteFile(f.path("tls.crt"), next.pem(), 0o600), os.WriteFile(f.path("tls.key"), next.keyPEM(t), 0o600)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new certificate is served", serves(store, next))
}

// secret is a directory as a mounted Secret is: files are links through
// `..data`, a link that is replaced as a whole.
type secret struct {
	t   *testing.T
	dir string
	n   int
}

func (s *secret) swap(i, ca *issued) {
	s.t.Helper()
	s.n++
	version := filepath.Join(s.dir, "..v"+string(rune('a'+s.n)))
	old, _ := os.Readlink(filepath.Join(s.dir, "..data"))
	err := errors.Join(os.Mkdir(version, 0o700),
		os.WriteFile(filepath.Join(version, "tls.crt"), i.pem(), 0o600),
		os.WriteFile(filepath.Join(version, "tls.key"), i.keyPEM(s.t), 0o600),
		os.WriteFile(filepath.Join(version, "ca.crt"), ca.pem(), 0o600),
		os.Symlink(filepath.Base(version), filepath.Join(s.dir, "..data_tmp")),
		os.Rename(filepath.Join(s.dir, "..data_tmp"), filepath.Join(s.dir, "..data")))
	if old != "" {
		err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, old)))
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestSecretVolume(t *testing.T) {
	s := &secret{t: t, dir: t.TempDir()}
	ca := authority(t, "ours")
	s.swap(server(t, ca), ca)
	for _, name := range []string{"tls.crt", "tls.key", "ca.crt"} {
		if err := os.Symlink("..data/"+name, filepath.Join(s.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	counts := newCounts()
	store, err := Open(Options{Observer: counts, Files: Files{
		Certificate: filepath.Join(s.dir, "tls.crt"), Key: filepath.Join(s.dir, "tls.key"), ClientCA: filepath.Join(s.dir, "ca.crt"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, store)
	for range 3 {
		nextCA := authority(t, "next")
		next := server(t, nextCA)
		s.swap(next, nextCA)
		eventually(t, "the new certificate is served", serves(store, next))
		eventually(t, "the new authority is in force", func() bool { return store.inForce.Load().authorities.pool.Equal(nextCA.pool()) })
	}
	if counts.of("certificate bad")+counts.of("client_ca bad") != 0 {
		t.Errorf("counted %v", counts.loads)
	}
}

// A link to files elsewhere, as certbot keeps them: the link stays, what it
// points to is replaced.
func TestLinkElsewhere(t *testing.T) {
	ca := authority(t, "ours")
	there := newFolder(t, server(t, ca), nil)
	here := t.TempDir()
	middle := t.TempDir()
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := errors.Join(os.Symlink(there.path(name), filepath.Join(middle, name)), os.Symlink(filepath.Join(middle, name), filepath.Join(here, name))); err != nil {
			t.Fatal(err)
		}
	}
	store, err := Open(Options{Files: Files{Certificate: filepath.Join(here, "tls.crt"), Key: filepath.Join(here, "tls.key")}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, store)
	next := server(t, ca)
	there.pair(next)
	eventually(t, "the new certificate is served", serves(store, next))
}

// After Use the new files are followed.
func TestOtherFilesAreFollowed(t *testing.T) {
	ca := authority(t, "ours")
	old, fresh := newFolder(t, server(t, ca), nil), newFolder(t, server(t, ca), nil)
	store := old.open(Options{})
	run(t, store)
	if err := store.Use(fresh.Files); err != nil {
		t.Fatal(err)
	}
	next := server(t, ca)
	fresh.pair(next)
	eventually(t, "the new certificate is served", serves(store, next))
}

// late is a watcher that sees nothing, since all that happens does so before it
// watches.
type late struct {
	dir    string
	before func()
}

func (*late) Changes() <-chan struct{} { return nil }
func (*late) Close() error             { return nil }

func (l *late) Watch(dirs []string) error {
	if before := l.before; before != nil && slices.Contains(dirs, l.dir) {
		l.before = nil
		before()
	}
	return nil
}

// What changes after other files were read and before they are watched is told
// by no event.
func TestOtherFilesAreLookedAtOnceTheyAreWatched(t *testing.T) {
	ca := authority(t, "ours")
	old, fresh, next := newFolder(t, server(t, ca), nil), newFolder(t, server(t, ca), nil), server(t, ca)
	dir, err := filepath.EvalSymlinks(filepath.Dir(fresh.Files.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	store := old.open(Options{Watch: func() (Watcher, error) {
		return &late{dir: dir, before: func() { fresh.pair(next) }}, nil
	}})
	first := server(t, ca)
	old.pair(first)
	run(t, store)
	eventually(t, "the first look is over", serves(store, first))
	if err := store.Use(fresh.Files); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new certificate is served", serves(store, next))
}

func TestDirsOf(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	err = errors.Join(os.MkdirAll(at("v1"), 0o700), os.WriteFile(at("v1/file"), nil, 0o600), os.Symlink("v1", at("data")),
		os.Symlink("data/file", at("file")), os.Symlink("circle", at("circle")))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]string{
		"v1/file": {at("v1")}, "file": {dir, at("v1")}, "data/file": {at("v1")}, "circle": {dir}, "none": {dir}, "none/none": nil,
	} {
		got := dirsOf(at(file))
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", file, got, want)
		}
	}
}
