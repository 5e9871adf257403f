package live

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// keeping is a memory of which every state is known that it was asked to keep.
type keeping struct {
	*memory
	t     testing.TB
	world *world
	kept  []map[string]remembered // after each change since the whole was written
}

func newKeeping(t testing.TB) *keeping {
	t.Helper()
	m, err := openMemory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k := &keeping{memory: m, t: t, world: &world{tenants: map[string]*tenant{}}}
	k.put("a", "b", "c")
	return k
}

// put makes a world of which these tenants are others than before.
func (k *keeping) put(names ...string) {
	k.t.Helper()
	next := &world{tenants: maps.Clone(k.world.tenants), lastRank: k.world.lastRank, changed: names}
	for _, name := range names {
		t := &tenant{name: name, path: fmt.Sprint("tenants/", next.lastRank), kept: authz.HeldSpec{Hosts: []string{name + ".example"}}}
		if known := next.tenants[name]; known != nil {
			t.rank = known.rank
		} else {
			next.lastRank++
			t.rank = next.lastRank
		}
		next.tenants[name] = t
	}
	k.step(next)
}

func (k *keeping) drop(name string) {
	k.t.Helper()
	next := &world{tenants: maps.Clone(k.world.tenants), lastRank: k.world.lastRank, changed: []string{name}}
	delete(next.tenants, name)
	k.step(next)
}

func (k *keeping) step(next *world) {
	k.t.Helper()
	if err := k.save(k.world, next, false); err != nil {
		k.t.Fatal(err)
	}
	k.world = next
	tenants := map[string]remembered{}
	for _, r := range recall(next) {
		tenants[r.Name] = r
	}
	if k.journal.lines == 0 {
		k.kept = nil
	}
	k.kept = append(k.kept, tenants)
}

func (k *keeping) want(what string, want map[string]remembered) {
	k.t.Helper()
	got, err := k.load()
	if err != nil {
		k.t.Fatalf("%s: %v", what, err)
	}
	for name := range got {
		if len(got[name].Issuers) == 0 { // nil or empty
			r := got[name]
			r.Issuers = want[name].Issuers
			got[name] = r
		}
	}
	if !reflect.DeepEqual(got, want) {
		k.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestP6WhatIsRememberedSurvivesACrash: wherever the writing of a change ends,
// what was kept before is remembered, and nothing else.
func TestP6WhatIsRememberedSurvivesACrash(t *testing.T) {
	k := newKeeping(t)
	k.put("d")
	k.put("a", "e")
	k.drop("b")
	k.put("b")
	k.want("whole", k.kept[4])
	text, err := os.ReadFile(k.journal.path)
	if err != nil || k.journal.lines != 5 {
		t.Fatalf("%d lines, %v", k.journal.lines, err)
	}
	after := []int{0, 1, 1, 2, 3, 4} // changes that are whole with so many lines; two lines are one change
	for end := range len(text) {
		if err := os.WriteFile(k.journal.path, text[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(text[:end], []byte("\n"))
		want := k.kept[after[lines]]
		if lines == 2 { // the first half of it
			want = maps.Clone(want)
			want["a"] = k.kept[2]["a"]
		}
		k.want(fmt.Sprint("cut at ", end), want)
	}
}

// TestP6AJournalThatNobodyCanTrust: what is odd about it is told and not used, and
// with the next change everything is there again.
func TestP6AJournalThatNobodyCanTrust(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(path, whole string) error
		told  bool
	}{
		"a flipped letter": {func(path, _ string) error {
			return edit(path, func(s string) string { return strings.Replace(s, "d.example", "x.example", 1) })
		}, true},
		"a line is gone": {func(path, _ string) error {
			return edit(path, func(s string) string { _, rest, _ := strings.Cut(s, "\n"); return rest })
		}, true},
		"the first line again": {func(path, _ string) error {
			return edit(path, func(s string) string { first, _, _ := strings.Cut(s, "\n"); return s + first + "\n" })
		}, true},
		"others can write": {func(path, _ string) error { return os.Chmod(path, 0o666) }, true},
		"a directory":      {func(path, _ string) error { _ = os.Remove(path); return os.Mkdir(path, 0o700) }, true},
		"a link": {func(path, _ string) error {
			_ = os.Rename(path, path+".kept")
			return os.Symlink(path+".kept", path)
		}, true},
		"it is gone":             {func(path, _ string) error { return os.Remove(path) }, false},
		"the whole is gone":      {func(_, whole string) error { return os.Remove(whole) }, false},
		"another whole is there": {func(_, whole string) error { return edit(whole, func(s string) string { return s + " " }) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeping(t)
			k.put("d")
			k.put("a")
			if err := tt.spoil(k.journal.path, k.path()); err != nil {
				t.Fatal(err)
			}
			list, err := k.load()
			if (err != nil) != tt.told || err != nil && list != nil {
				t.Errorf("%v, %v", list, err)
			}
			if name != "a flipped letter" && name != "others can write" && name != "a directory" && name != "a link" {
				k.put("e") // notices
				k.want("after the next change", k.kept[len(k.kept)-1])
			}
		})
	}
}

func edit(path string, do func(string) string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(do(string(text))), 0o600)
}

// TestP8TheJournalIsBounded: it is written anew before it is longer than what it
// continues, and a journal of another whole is removed.
func TestP8TheJournalIsBounded(t *testing.T) {
	k := newKeeping(t)
	for n := range journalLeast + 10 {
		k.put([]string{"a", "b", "c", "d"}[n%4])
		if k.journal.lines > journalLeast+1 {
			t.Fatalf("%d lines of four tenants", k.journal.lines)
		}
	}
	k.want("in the end", k.kept[len(k.kept)-1])
	files, err := filepath.Glob(filepath.Join(k.dir, "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
}

// TestP8TheJournalIsBoundedInBytes: few changes that hold much are not read again in
// part, as if the others had never been.
func TestP8TheJournalIsBoundedInBytes(t *testing.T) {
	k := newKeeping(t)
	large := strings.Repeat("x", 1<<20)
	for range 20 {
		next := &world{tenants: maps.Clone(k.world.tenants), lastRank: k.world.lastRank + 1, changed: []string{"a"}}
		next.tenants["a"] = &tenant{name: "a", path: fmt.Sprint(next.lastRank), rank: 1, kept: authz.HeldSpec{Hosts: []string{large}}}
		k.step(next)
		if info, err := os.Stat(k.journal.path); err == nil && info.Size() > maxJournalBytes {
			t.Fatalf("%d bytes", info.Size())
		}
	}
	k.want("in the end", k.kept[len(k.kept)-1])
	whole, err := os.ReadFile(k.path())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{k.journal.path, k.path()} {
		if err := errors.Join(os.WriteFile(k.path(), whole, 0o600), os.WriteFile(path, nil, 0o600), os.Truncate(path, maxMemoryBytes+1)); err != nil { // a hole
			t.Fatal(err)
		}
		if list, err := k.load(); !errors.Is(err, errTooLarge) || list != nil {
			t.Errorf("%s: %v, %v", path, list, err)
		}
	}
}

// FuzzJournal: whatever stands in a journal, it is used as it was written or not
// at all.
func FuzzJournal(f *testing.F) {
	k := newKeeping(f)
	k.put("d")
	k.drop("a")
	text, err := os.ReadFile(k.journal.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(append(text, text...))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"sha256":"","change":{"name":""}}` + "\n"))
	f.Fuzz(func(t *testing.T, got []byte) {
		tenants := maps.Clone(k.kept[0])
		err := replay(tenants, k.last, got)
		lines := bytes.Count(got, []byte("\n"))
		if written := bytes.HasPrefix(text, got[:bytes.LastIndexByte(got, '\n')+1]); written && err != nil {
			t.Fatalf("of %q: %v", got, err)
		}
		if err == nil && (lines >= len(k.kept) || !slices.Equal(slices.Sorted(maps.Keys(tenants)), slices.Sorted(maps.Keys(k.kept[lines])))) {
			t.Fatalf("%q is used as %v", got, tenants)
		}
	})
}
