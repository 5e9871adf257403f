package live

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// twins are two configurations of the same files: one follows the file system's
// own events, as Run does, the other looks at everything, from nothing, each
// time. Events of one queue keep their order, which Linux promises.
type twins struct {
	*arena
	by, all *Configuration
	engines [2]*authz.Engine
	watcher Watcher
	listed  int // directories, by the one that follows events
	version int
	marker  int
}

// listings counts how often the directories are listed.
type listings struct {
	Documents
	count *int
}

func (l listings) CompileMain() (*Main, error) {
	m, err := l.Documents.CompileMain()
	if err == nil {
		list := m.List
		m.List = func() (Listing, error) { *l.count++; return list() }
	}
	return m, err
}

func newTwins(t *testing.T) *twins {
	t.Helper()
	w := &twins{arena: newArena(t, 3)}
	main := strings.Replace(delegatedMain, "tenantDirs:", "maxTenantLoss: {tenants: 2, percent: 1}\ntenantDirs:", 1)
	w.main(main + "stateDir: state1\n")
	if err := os.Rename(w.path("claimgate.yaml"), w.path("twin.yaml")); err != nil {
		t.Fatal(err)
	}
	w.main(main + "stateDir: state0\n")
	for _, dir := range []string{"state0", "state1", "customers", "tenants/sub", "elsewhere", "elsewhere/tenants"} {
		if err := os.MkdirAll(w.path(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.replace(w.path("elsewhere", "t5.yaml"), arenaTenant("v1"))
	w.replace(w.path("customers", "c0.yaml"), delegatedTenant)
	watcher, err := WatchDirectories()
	if err != nil {
		t.Fatal(err)
	}
	w.watcher = watcher
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	return w
}

// start begins two processes on the files as they are.
func (w *twins) start() error {
	by, all := w.open(0, "claimgate.yaml"), w.open(1, "twin.yaml")
	by.opts.Documents = listings{by.opts.Documents, &w.listed}
	if err := errors.Join(by.Start(), all.Start()); err != nil {
		return err
	}
	w.by, w.all = by, all
	w.follow()
	return nil
}

// open returns one of the two, on a clock on which no file is in the making.
func (w *twins) open(k int, main string) *Configuration {
	w.engines[k] = authz.NewEngine(authz.Options{})
	registry := jwks.NewRegistry(jwks.Options{})
	return New(Options{
		Documents: Files(w.path(main), config.Runtime{Keys: registry, Cache: token.NewCache(1000)}),
		Keys:      registry, Swap: w.engines[k].Swap, Now: later,
	})
}

// follow does as Run does: it watches the directories of now, and looks again
// where it began to.
func (w *twins) follow() {
	for w.by.follow(w.watcher); len(w.by.wake) > 0; w.by.follow(w.watcher) {
		<-w.by.wake
		w.by.reload(ask{})
	}
}

// named returns what the events named since it was called before.
func (w *twins) named() []string {
	w.t.Helper()
	w.marker++
	marker := w.path(fmt.Sprint("..marker", w.marker))
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for anything := false; ; <-w.watcher.Changes() {
		paths, more := w.watcher.(named).Changed()
		all, anything = append(all, paths...), anything || more
		if slices.Contains(all, marker) || anything {
			all = slices.DeleteFunc(all, func(path string) bool { return strings.Contains(path, "..marker") })
			if anything {
				return nil
			}
			return append([]string{}, all...)
		}
	}
}

// tell renders what is in force, what is wrong and what is not read.
func (c *Configuration) tell() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.world.tenants)) {
		t := c.world.tenants[name]
		fmt.Fprintf(&text, "%s rank %d %s path %s", name, t.rank, t.state(), filepath.Base(filepath.Dir(t.path)))
		if t.good != nil {
			fmt.Fprintf(&text, " good %s %s", shortHash(t.good.File.Hash), t.good.File.Path)
		} else {
			fmt.Fprintf(&text, " places %v", t.places)
		}
		if t.trouble != nil {
			fmt.Fprintf(&text, " %d %s", t.trouble.kind, t.trouble.text)
		}
		text.WriteByte('\n')
	}
	fmt.Fprintf(&text, "main %v dirs %v ignored %q\n", problemText(c.badMain), problemText(c.badDirs), slices.Sorted(slices.Values(c.ignored)))
	if c.badDirs != nil {
		return text.String() // nothing was read
	}
	for _, path := range slices.Sorted(maps.Keys(c.disk.files)) {
		s := c.disk.files[path]
		fmt.Fprintf(&text, "%s of %s, delegated %v, linked %v, read %v\n", path, s.name, s.theirs, s.linked, s.file != nil)
	}
	for _, name := range slices.Sorted(maps.Keys(c.disk.byName)) {
		fmt.Fprintf(&text, "%s: %d files\n", name, len(c.disk.byName[name]))
	}
	return text.String()
}

func problemText(t *trouble) string {
	if t == nil {
		return "good"
	}
	return t.text
}

// check reloads both and compares them.
func (w *twins) check(what string) (named []string, difference string) {
	w.t.Helper()
	named = w.named()
	w.by.reload(ask{only: named})
	w.follow()
	w.all.disk.files = map[string]*seen{}
	w.all.reload(ask{})
	by, all := w.by.tell(), strings.ReplaceAll(w.all.tell(), "twin.yaml", "claimgate.yaml")
	if by != all {
		return named, fmt.Sprintf("after %s, of which events named %q, by name:\n%s\nby a look at everything:\n%s", what, named, by, all)
	}
	for _, host := range []string{"t0", "t1", "t5", "t6", "c0", "c1", "inline", "shop"} {
		for _, org := range []string{"t0", "t5", "c0"} {
			var got [2]string
			for k := range got {
				w.engine = w.engines[k]
				got[k] = w.ask(host+".api.example.com", "/orders/1", w.token(org))
			}
			if got[0] != got[1] {
				return named, fmt.Sprintf("after %s: %s answers %q by name, %q by a look at everything", what, host, got[0], got[1])
			}
		}
	}
	return named, ""
}

// happening is one thing that happens to the files: a word and what does it.
type happening struct {
	name   string
	common bool
	do     func(t *rapid.T) string
}

var twinNames = []string{"t0.yaml", "t1.yaml", "t5.yaml", "t6.yaml", "c0.yaml", "C0.yaml", "inline.yaml", "Inline.yaml",
	"t0.yml", "notes.txt", ".hidden.yaml", "no name!.yaml", "sub", "\u212anown.yaml"}

// spot draws where something happens.
func (w *twins) spot(t *rapid.T, label string) string {
	dir := rapid.SampledFrom([]string{"tenants", "tenants", "customers", "tenants/sub", "customers/sub"}).Draw(t, label+" dir")
	return w.path(dir, rapid.SampledFrom(twinNames).Draw(t, label))
}

// text draws what a file says: sizes differ, since times of files are coarse.
func (w *twins) text(t *rapid.T) string {
	w.version++
	texts := []string{
		arenaTenant(fmt.Sprint("v", w.version)), delegatedTenant, arenaTenant("w") + "hosts: [shop.api.example.com]\n",
		arenaTenant("u") + "ids: {idp: t0}\n", "]", "nonsense: true\n", "suspended: true\n" + delegatedTenant, "",
	}
	return rapid.SampledFrom(texts).Draw(t, "text") + "\n#" + strings.Repeat("x", w.version)
}

func (w *twins) happenings() []happening {
	rename := func(from, to string) string { return fmt.Sprintf("rename %s %s: %v", from, to, os.Rename(from, to)) }
	return []happening{
		{"write", true, func(t *rapid.T) string {
			path := w.spot(t, "path")
			return fmt.Sprintf("write %s: %v", path, os.WriteFile(path, []byte(w.text(t)), 0o600))
		}},
		{"write over", true, func(t *rapid.T) string {
			path, draft := w.spot(t, "path"), w.path("tenants", ".draft")
			return fmt.Sprint(os.WriteFile(draft, []byte(w.text(t)), 0o600)) + rename(draft, path)
		}},
		{"write over", true, func(t *rapid.T) string {
			path, draft := w.spot(t, "path"), w.path("elsewhere", "draft")
			return fmt.Sprint(os.WriteFile(draft, []byte(w.text(t)), 0o600)) + rename(draft, path)
		}},
		{"cut", true, func(t *rapid.T) string {
			path := w.spot(t, "path")
			return fmt.Sprintf("cut %s: %v", path, os.Truncate(path, int64(rapid.IntRange(0, 300).Draw(t, "size"))))
		}},
		{"remove all", false, func(t *rapid.T) string {
			path := w.spot(t, "path")
			return fmt.Sprintf("remove %s: %v", path, os.RemoveAll(path))
		}},
		{"remove", true, func(t *rapid.T) string {
			path := w.spot(t, "path")
			return fmt.Sprintf("remove %s: %v", path, os.Remove(path))
		}},
		{"rename", true, func(t *rapid.T) string { return rename(w.spot(t, "from"), w.spot(t, "to")) }},
		{"rename out", true, func(t *rapid.T) string { return rename(w.spot(t, "from"), w.path("elsewhere", "kept")) }},
		{"rename in", true, func(t *rapid.T) string { return rename(w.path("elsewhere", "kept"), w.spot(t, "to")) }},
		{"link", true, func(t *rapid.T) string {
			targets := append([]string{"../elsewhere/t5.yaml", "../../elsewhere/t5.yaml", "nothing", ".hidden.yaml"}, twinNames...)
			path, target := w.spot(t, "path"), rapid.SampledFrom(targets).Draw(t, "target")
			return fmt.Sprintf("link %s -> %s: %v", path, target, os.Symlink(target, path))
		}},
		{"link to folder", false, func(t *rapid.T) string {
			path, target := w.spot(t, "path"), rapid.SampledFrom([]string{"../elsewhere", ".", "../tenants/sub", "../customers", "../../elsewhere/tenants"}).Draw(t, "target")
			return fmt.Sprintf("link %s -> %s: %v", path, target, os.Symlink(target, path))
		}},
		{"target", true, func(t *rapid.T) string {
			return fmt.Sprintf("elsewhere: %v", os.WriteFile(w.path("elsewhere", "t5.yaml"), []byte(w.text(t)), 0o600))
		}},
		{"folder", false, func(t *rapid.T) string {
			path := w.spot(t, "path")
			return fmt.Sprintf("mkdir %s: %v", path, os.Mkdir(path, 0o700))
		}},
		{"mode", false, func(t *rapid.T) string {
			path, mode := w.spot(t, "path"), rapid.SampledFrom([]os.FileMode{0, 0o600, 0o700}).Draw(t, "mode")
			return fmt.Sprintf("chmod %s %o: %v", path, mode, os.Chmod(path, mode))
		}},
		{"swap", false, func(t *rapid.T) string {
			dir := rapid.SampledFrom([]string{"tenants", "customers"}).Draw(t, "dir")
			return rename(w.path(dir), w.path("elsewhere", "old")) + rename(w.path("elsewhere", "tenants"), w.path(dir)) +
				rename(w.path("elsewhere", "old"), w.path("elsewhere", "tenants"))
		}},
		{"restart", false, func(*rapid.T) string { return fmt.Sprintf("restart: %v", w.start()) }},
		{"mend", false, func(t *rapid.T) string {
			dir := rapid.SampledFrom([]string{"tenants", "customers"}).Draw(t, "dir")
			return fmt.Sprintf("mend %s: %v %v", dir, os.RemoveAll(w.path(dir)), os.Mkdir(w.path(dir), 0o700))
		}},
		{"mount", false, func(t *rapid.T) string { return w.mount(t) }},
	}
}

// mount swaps a link to a directory of links, as a mounted ConfigMap does.
func (w *twins) mount(t *rapid.T) string {
	w.version++
	dir := w.path(rapid.SampledFrom([]string{"tenants", "customers"}).Draw(t, "dir"))
	name := rapid.SampledFrom(twinNames[:5]).Draw(t, "name")
	hidden := fmt.Sprintf("..%d", w.version)
	return fmt.Sprintf("mount %s/%s: %v %v %v %v %v", dir, name,
		os.Mkdir(filepath.Join(dir, hidden), 0o700),
		os.WriteFile(filepath.Join(dir, hidden, name), []byte(w.text(t)), 0o600),
		os.Symlink(hidden, filepath.Join(dir, "..next")),
		os.Rename(filepath.Join(dir, "..next"), filepath.Join(dir, "..data")),
		os.Symlink("..data/"+name, filepath.Join(dir, name)))
}

// TestP6NamedFilesAreJudgedAsByALookAtEverything applies random sequences of
// what may happen to files, and holds what follows from their events against a
// look at everything.
func TestP6NamedFilesAreJudgedAsByALookAtEverything(t *testing.T) {
	steps, named, whole := 0, 0, 0
	rapid.Check(t, func(r *rapid.T) {
		w := newTwins(t)
		defer func() { _ = w.watcher.Close() }()
		happenings := w.happenings()
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			var what []string
			common := rapid.IntRange(0, 3).Draw(r, "common") > 0 // what is rare is mostly of directories
			for range rapid.SampledFrom([]int{1, 1, 1, 2, 4}).Draw(r, "at once") {
				h := rapid.SampledFrom(happenings).Filter(func(h happening) bool { return !common || h.common }).Draw(r, "what")
				what = append(what, h.do(r))
			}
			listed := w.listed
			paths, difference := w.check(strings.Join(what, ", then "))
			if difference != "" {
				r.Fatal(difference)
			}
			if steps++; len(paths) > 0 && w.listed == listed {
				named++
			} else if w.listed > listed {
				whole++
			}
		}
	})
	t.Logf("%d steps, of which %d were judged by name alone and %d took a look at everything", steps, named, whole)
	if named < steps/10 {
		t.Errorf("of %d steps only %d were judged by name: the test proves little", steps, named)
	}
}

// TestP6WhatEventsDoNotName: where what an event names is not all that may have
// changed, everything is looked at.
func TestP6WhatEventsDoNotName(t *testing.T) {
	for name, tt := range map[string]struct{ before, then func(w *twins) error }{
		"a directory of two paths": {
			func(w *twins) error {
				return errors.Join(os.Symlink("../elsewhere/tenants", w.path("tenants", "a")), os.Symlink("../elsewhere/tenants", w.path("tenants", "b")))
			},
			func(w *twins) error {
				return os.WriteFile(w.path("elsewhere", "tenants", "t6.yaml"), []byte(arenaTenant("v1")), 0o600)
			},
		},
		"a mounted directory below": {
			func(w *twins) error {
				return errors.Join(os.MkdirAll(w.path("tenants", "..1", "below"), 0o700), os.Symlink("..1", w.path("tenants", "..data")),
					os.WriteFile(w.path("tenants", "..1", "below", "t6.yaml"), []byte(arenaTenant("v1")), 0o600),
					os.Symlink("..data/below", w.path("tenants", "below")))
			},
			func(w *twins) error {
				return errors.Join(os.MkdirAll(w.path("tenants", "..2", "below"), 0o700), os.Symlink("..2", w.path("tenants", "..next")),
					os.WriteFile(w.path("tenants", "..2", "below", "t7.yaml"), []byte(arenaTenant("v2")), 0o600),
					os.Rename(w.path("tenants", "..next"), w.path("tenants", "..data")))
			},
		},
		"a directory in the place of another": {
			func(*twins) error { return nil },
			func(w *twins) error {
				return errors.Join(os.Rename(w.path("tenants"), w.path("old")), os.Rename(w.path("elsewhere", "tenants"), w.path("tenants")),
					os.WriteFile(w.path("tenants", "t6.yaml"), []byte(arenaTenant("v1")), 0o600))
			},
		},
		"a file in the place of a directory": {
			func(*twins) error { return nil },
			func(w *twins) error {
				return errors.Join(os.Remove(w.path("tenants", "sub")), os.WriteFile(w.path("tenants", "sub"), nil, 0o600))
			},
		},
		"the same name elsewhere": {
			func(*twins) error { return nil },
			func(w *twins) error {
				return os.WriteFile(w.path("tenants", "sub", "t1.yaml"), []byte(arenaTenant("v1")), 0o600)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTwins(t)
			defer func() { _ = w.watcher.Close() }()
			for _, do := range []func(*twins) error{tt.before, tt.then} {
				if err := do(w); err != nil {
					t.Fatal(err)
				}
				if _, difference := w.check(name); difference != "" {
					t.Fatal(difference)
				}
			}
		})
	}
}
