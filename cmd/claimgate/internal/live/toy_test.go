package live

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claimgate/claimgate/authz"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(secondProcess); dir != "" {
		runToy(dir, os.Stdin, os.Stdout)
		return
	}
	goleak.VerifyTestMain(m)
}

// toy is a configuration language of a few words in real files, so that the
// states can be followed by eye and compiled by the thousand:
//
//	main:   dir NAME, tenant NAME HOST, provide WORD, bad, loss N, state DIR, key K
//	tenant: host HOST, key K, need WORD, bad, suspended, allow WORD, deny WORD
//
// What is in force is told by host: the tenant and what it allows.
type toy struct {
	dir string

	mu        sync.Mutex
	compiles  map[string]int
	listed    int // how often directories were listed
	snapshots map[*authz.Snapshot]toyWorld
	built     map[*authz.Snapshot]map[string]*Tenant
}

// toyWorld is what a snapshot answers by host.
type toyWorld map[string]string

const unavailable = "503"

func (d *toy) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

func (d *toy) ReadMain() (Text, error) {
	info, err := os.Stat(d.path("main"))
	if err != nil {
		return Text{}, err
	}
	text, err := os.ReadFile(d.path("main"))
	return Text{text, info}, err
}

func words(text []byte) [][]string {
	var lines [][]string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, fields)
		}
	}
	return lines
}

func (d *toy) CompileMain() (*Main, error) {
	text, err := d.ReadMain()
	if err != nil {
		return nil, err
	}
	base := &toyBase{toy: d, provided: map[string]bool{}}
	m := &Main{Base: base, Path: d.path("main"), Text: text.Bytes}
	var dirs []string
	for _, word := range words(text.Bytes) {
		switch word[0] {
		case "dir":
			dirs = append(dirs, d.path(word[1]))
		case "tenant":
			m.Inline = append(m.Inline, &File{Name: word[1], Path: m.Path, Inline: true, Document: [][]string{{"host", word[2]}}})
		case "provide":
			base.provided[word[1]] = true
		case "key":
			m.Keys = append(m.Keys, word[1])
		case "state":
			m.StateDir = d.path(word[1])
		case "loss":
			var most int
			_, _ = fmt.Sscan(word[1], &most)
			m.MaxLoss = func(int) int { return most }
		default:
			return nil, fmt.Errorf("main:1:1: there is no field %q", word[0])
		}
	}
	m.List = func() (Listing, error) { return d.list(dirs) }
	return m, nil
}

func (d *toy) list(dirs []string) (Listing, error) {
	d.mu.Lock()
	d.listed++
	d.mu.Unlock()
	listing := Listing{Dirs: dirs, Spotter: toySpotter(dirs)}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return Listing{}, err
		}
		for _, entry := range entries {
			if found, ok := toyFound(filepath.Join(dir, entry.Name())); ok {
				listing.Files = append(listing.Files, found)
			}
		}
	}
	return listing, nil
}

func toyFound(path string) (Found, bool) {
	name, ok := strings.CutSuffix(filepath.Base(path), ".yaml")
	info, _ := os.Stat(path)
	return Found{Name: name, Path: path, Info: info}, ok && !strings.HasPrefix(name, ".")
}

// toySpotter knows the directories, which have no links.
type toySpotter []string

// Look implements Spotter.
func (s toySpotter) Look(paths []string) (there []Found, gone []string, ok bool) {
	for _, path := range paths {
		found, yaml := toyFound(path)
		if _, err := os.Stat(filepath.Dir(path)); err != nil || !slices.Contains(s, filepath.Dir(path)) {
			return nil, nil, false
		}
		switch {
		case found.Info == nil:
			gone = append(gone, path)
		case yaml:
			there = append(there, found)
		}
	}
	return there, gone, true
}

// Keep implements Spotter.
func (toySpotter) Keep(paths iter.Seq[string]) bool {
	for path := range paths {
		if _, err := os.Lstat(path); err != nil {
			return false
		}
	}
	return true
}

func (d *toy) ReadTenant(found Found, _ *File) (*File, error) {
	path := found.Path
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(path), ".yaml")
	f := &File{Text: Text{text, info}, Name: name, Path: path, Hash: sha256.Sum256(text)}
	lines := words(text)
	f.Suspended = slices.ContainsFunc(lines, func(word []string) bool { return word[0] == "suspended" })
	f.Document = lines
	if bytesContain(text, "garbage") {
		f.Document, err = [][]string(nil), errors.New(path+":1:1: garbage")
	}
	return f, err
}

func bytesContain(text []byte, word string) bool { return strings.Contains(string(text), word) }

type toyBase struct {
	toy      *toy
	provided map[string]bool
}

func (b *toyBase) Tenant(file *File) (*Tenant, error) {
	b.toy.mu.Lock()
	b.toy.compiles[file.Name]++
	b.toy.mu.Unlock()
	t := &Tenant{File: file, Places: b.Places(file), Suspended: file.Suspended}
	var access []string
	for _, word := range file.Document.([][]string) {
		if len(word) == 1 && word[0] != "suspended" {
			return nil, fmt.Errorf("%s:1:1: %q has no value", file.Path, word[0])
		}
		switch word[0] {
		case "host", "suspended":
		case "key":
			t.Keys = append(t.Keys, word[1])
		case "need":
			if !b.provided[word[1]] {
				return nil, fmt.Errorf("%s:1:1: there is no %q", file.Path, word[1])
			}
		case "allow", "deny":
			access = append(access, word[0]+" "+word[1])
		default:
			return nil, fmt.Errorf("%s:1:1: there is no field %q", file.Path, word[0])
		}
	}
	if len(t.Places.Hosts) == 0 {
		return nil, errors.New(file.Path + ":1:1: no hosts")
	}
	t.Compiled = strings.Join(access, ", ")
	return t, nil
}

func (b *toyBase) Places(file *File) authz.HeldSpec {
	places := authz.HeldSpec{Name: file.Name}
	document, _ := file.Document.([][]string)
	for _, word := range document {
		if word[0] == "host" && len(word) == 2 {
			places.Hosts = append(places.Hosts, word[1])
		}
	}
	return places
}

func (b *toyBase) Snapshot(generation uint64, tenants []*Tenant, held []authz.HeldSpec) (*authz.Snapshot, []Conflict) {
	answers, owner := toyWorld{}, map[string]string{}
	var conflicts []Conflict
	for i, t := range tenants {
		for _, host := range t.Places.Hosts {
			if other, taken := owner[host]; taken {
				what := "host " + host + " belongs to " + other
				conflicts = append(conflicts, Conflict{i, t.File.Path + ":1:1: " + what, authz.ConflictError{
					Kind: authz.ConflictHost, Asks: authz.ConflictSide{Tenant: t.File.Name, Host: host}, Has: authz.ConflictSide{Tenant: other, Host: host},
				}})
				continue
			}
			owner[host] = t.File.Name
			answers[host] = t.File.Name + ": " + t.Compiled.(string)
			if t.Suspended {
				answers[host] = "403"
			}
		}
	}
	if len(conflicts) > 0 {
		return nil, conflicts
	}
	for _, h := range held {
		for _, host := range h.Hosts {
			if _, taken := owner[host]; !taken {
				answers[host] = unavailable
			}
		}
	}
	snapshot := new(authz.Snapshot)
	b.toy.mu.Lock()
	defer b.toy.mu.Unlock()
	b.toy.snapshots[snapshot] = answers
	b.toy.built[snapshot] = map[string]*Tenant{}
	for _, t := range tenants {
		b.toy.built[snapshot][t.File.Name] = t
	}
	return snapshot, nil
}

// Change implements Base, by way of a whole snapshot.
func (b *toyBase) Change(before *authz.Snapshot, c Change) *authz.Snapshot {
	b.toy.mu.Lock()
	tenants := maps.Clone(b.toy.built[before])
	b.toy.mu.Unlock()
	for _, name := range c.Gone {
		delete(tenants, name)
	}
	for _, t := range c.Tenants {
		tenants[t.File.Name] = t
	}
	snapshot, _ := b.Snapshot(c.Generation, slices.Collect(maps.Values(tenants)), c.Held)
	return snapshot
}

// CanTell implements Base.
func (b *toyBase) CanTell(*authz.Snapshot, *Tenant) bool { return true }

// ContestHeldIssuers implements Base: tenants of the toy have no issuers.
func (b *toyBase) ContestHeldIssuers([]*Tenant, []authz.HeldSpec, []int) []Conflict { return nil }

// scene is a configuration of toy files, on a clock that the test moves and far
// enough ahead that no file is in the making.
type scene struct {
	*toy
	t       testing.TB
	live    *Configuration
	current *authz.Snapshot
	keys    *toyKeys
	ahead   time.Duration
	logs    *observer.ObservedLogs
}

// toyKeys are key sources that end their first fetch when the test says so.
type toyKeys struct {
	mu       sync.Mutex
	retained []string
	ended    chan struct{}
}

func (k *toyKeys) WaitFirstFetches(ctx context.Context, _ ...string) error {
	k.mu.Lock()
	ended := k.ended
	k.mu.Unlock()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *toyKeys) Retain(ids []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.retained = slices.Clone(ids)
}

const toyMain = "dir tenants\n"

// newScene makes the files and starts with them. Names of tenant files are
// written without their ending.
func newScene(t testing.TB, main string, tenants map[string]string) *scene {
	t.Helper()
	s := newStage(t, main, tenants)
	s.start()
	return s
}

func newStage(t testing.TB, main string, tenants map[string]string) *scene {
	t.Helper()
	s := &scene{t: t, toy: &toy{dir: t.TempDir(), compiles: map[string]int{}, snapshots: map[*authz.Snapshot]toyWorld{}, built: map[*authz.Snapshot]map[string]*Tenant{}}}
	s.mkdir("tenants")
	s.write("main", main)
	for _, name := range slices.Sorted(maps.Keys(tenants)) {
		s.tenant(name, tenants[name])
	}
	return s
}

// start begins a process on the files as they are.
func (s *scene) start() {
	s.t.Helper()
	s.boot()
	if err := s.live.Start(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) boot() {
	core, logs := observer.New(zap.DebugLevel)
	s.logs, s.ahead = logs, time.Minute
	s.keys = &toyKeys{ended: make(chan struct{})}
	s.live = New(Options{
		Documents: s.toy, Keys: s.keys, Log: zap.New(core),
		Swap: s.swap,
		Now:  func() time.Time { return time.Now().Add(s.ahead) },
	})
}

func (s *scene) mkdir(name string) {
	s.t.Helper()
	if err := os.MkdirAll(s.path(name), 0o700); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) swap(next *authz.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = next
}

// write replaces a file by rename.
func (s *scene) write(name, text string) {
	s.t.Helper()
	draft := s.path(filepath.Dir(name), ".draft")
	if err := os.WriteFile(draft, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(draft, s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) tenant(name, text string) { s.t.Helper(); s.write("tenants/"+name+".yaml", text) }

// inPlace changes a file without making another.
func (s *scene) inPlace(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) remove(name string) {
	s.t.Helper()
	if err := os.Remove(s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) move(from, to string) {
	s.t.Helper()
	if err := os.Rename(s.path(from), s.path(to)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) reload() Result { result, _ := s.live.reload(ask{}); return result }

// answer is what a request for the host gets.
func (s *scene) answer(host string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer, ok := s.snapshots[s.current][host]; ok {
		return answer
	}
	return "401"
}

// states renders the state of every tenant, as in `acme=stale globex=active`.
func (s *scene) states() string {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	var states []string
	for _, name := range slices.Sorted(maps.Keys(s.live.world.tenants)) {
		states = append(states, name+"="+string(s.live.world.tenants[name].state()))
	}
	return strings.Join(states, " ")
}

// count returns how often a tenant was compiled since the last call.
func (s *scene) count() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.compiles
	s.compiles = map[string]int{}
	return counts
}

func (s *scene) want(what, states string, answers map[string]string) {
	s.t.Helper()
	if got := s.states(); got != states {
		s.t.Errorf("%s: states %q, want %q\n%s", what, got, states, s.problems())
	}
	for _, host := range slices.Sorted(maps.Keys(answers)) {
		if got := s.answer(host); got != answers[host] {
			s.t.Errorf("%s: %s answers %q, want %q\n%s", what, host, got, answers[host], s.problems())
		}
	}
}

func (s *scene) problems() string {
	status := s.live.Status()
	text := fmt.Sprintf("main %+v, dirs %+v", status.Main, status.Dirs)
	for _, t := range status.Troubled {
		text += fmt.Sprintf("\n%s %s: %s", t.Name, t.State, t.Text)
	}
	return text
}

// later is a clock on which no file is in the making.
func later() time.Time { return time.Now().Add(time.Minute) }
