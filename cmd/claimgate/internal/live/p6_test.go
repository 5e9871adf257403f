package live

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// step is one thing that happens to the files, and how things are after it.
type step struct {
	what    string
	do      func(*scene)
	states  string
	answers map[string]string
	result  Result
}

func write(name, text string) func(*scene) { return func(s *scene) { s.tenant(name, text) } }
func inPlace(name, text string) func(*scene) {
	return func(s *scene) { s.inPlace("tenants/"+name+".yaml", text) }
}
func remove(name string) func(*scene) {
	return func(s *scene) { s.remove("tenants/" + name + ".yaml") }
}
func mainFile(text string) func(*scene) { return func(s *scene) { s.write("main", text) } }

func both(all ...func(*scene)) func(*scene) {
	return func(s *scene) {
		for _, do := range all {
			do(s)
		}
	}
}

// TestP6EventSequences follows what happens to files from step to step.
func TestP6EventSequences(t *testing.T) {
	a, b := "host a\nallow x\n", "host b\nallow x\n"
	start := map[string]string{"a": a, "b": b}
	aServes, bServes := map[string]string{"a": "a: allow x"}, map[string]string{"b": "b: allow x"}
	with := func(all ...map[string]string) map[string]string {
		joined := map[string]string{}
		for _, m := range all {
			maps.Copy(joined, m)
		}
		return joined
	}
	for name, steps := range map[string][]step{
		"add, change, remove": {
			{"add", write("c", "host c\nallow y\n"), "a=active b=active c=active", with(aServes, map[string]string{"c": "c: allow y"}), Applied},
			{"change", write("c", "host c\nhost d\nallow z\n"), "a=active b=active c=active", map[string]string{"c": "c: allow z", "d": "c: allow z"}, Applied},
			{"nothing", func(*scene) {}, "a=active b=active c=active", nil, Unchanged},
			{"remove", remove("c"), "a=active b=active", with(aServes, bServes, map[string]string{"c": "401"}), Applied},
		},
		"break and mend": {
			{"break", write("a", "host a\nallow x\nnonsense\n"), "a=stale b=active", with(aServes, bServes), Refused},
			{"the same again", func(*scene) {}, "a=stale b=active", aServes, Unchanged},
			{"break otherwise", write("a", "garbage"), "a=stale b=active", aServes, Refused},
			{"mend", write("a", "host a\nallow y\n"), "a=active b=active", map[string]string{"a": "a: allow y"}, Applied},
			{"break once more", write("a", "host a"+"\nnonsense\n"), "a=stale b=active", map[string]string{"a": "a: allow y"}, Refused},
			{"put back", write("a", "host a\nallow y\n"), "a=active b=active", map[string]string{"a": "a: allow y"}, Applied},
		},
		"empty": {
			{"empty", inPlace("a", ""), "a=stale b=active", aServes, Refused},
			{"comment", write("a", "# nothing\n---\n"), "a=stale b=active", aServes, Unchanged},
			{"a new one", write("c", "\n"), "a=stale b=active c=quarantined", aServes, Partial},
		},
		"a newcomer that is bad": {
			{"add", write("c", "host c\nnonsense\n"), "a=active b=active c=quarantined", with(aServes, map[string]string{"c": unavailable}), Partial},
			{"another asks for its place", write("d", "host c\nallow y\n"), "a=active b=active c=quarantined d=quarantined",
				with(aServes, map[string]string{"c": unavailable}), Partial},
			{"mend", both(remove("d"), write("c", "host c\nallow z\n")), "a=active b=active c=active", map[string]string{"c": "c: allow z"}, Applied},
		},
		"contest": {
			{"a newcomer asks for a place in force", write("c", "host a\nhost c\nallow y\n"), "a=active b=active c=quarantined",
				with(aServes, map[string]string{"c": unavailable}), Partial},
			{"one in force asks for another's", write("b", "host b\nhost a\nallow y\n"), "a=active b=stale c=quarantined", with(aServes, bServes), Refused},
			{"it is given up", write("a", "host z\nallow x\n"), "a=active b=stale c=quarantined",
				with(bServes, map[string]string{"z": "a: allow x", "a": unavailable}), Partial},
			{"one of the two lets go", write("b", b), "a=active b=active c=active", map[string]string{"a": "c: allow y", "c": "c: allow y"}, Applied},
		},
		"a swap of places": {
			{"swap", both(write("a", "host b\nallow a\n"), write("b", "host a\nallow b\n")), "a=active b=active",
				map[string]string{"a": "b: allow b", "b": "a: allow a"}, Applied},
		},
		"a chain of places, of which the last is taken": {
			{"move", both(write("a", "host b\nallow y\n"), write("b", "host c\nallow y\n"), write("c", "host c\nallow y\n")),
				"a=stale b=stale c=quarantined", with(aServes, bServes, map[string]string{"c": unavailable}), Partial},
		},
		"a file is renamed": {
			{"rename", func(s *scene) { s.move("tenants/a.yaml", "tenants/c.yaml") }, "b=active c=active", map[string]string{"a": "c: allow x"}, Applied},
		},
		"two newcomers": {
			{"both", both(write("c", "host n\nallow c\n"), write("d", "host n\nhost m\nallow d\n")), "a=active b=active c=quarantined d=quarantined",
				with(aServes, map[string]string{"n": unavailable, "m": unavailable}), Partial},
			{"one goes", remove("c"), "a=active b=active d=active", map[string]string{"n": "d: allow d", "m": "d: allow d"}, Applied},
		},
		"suspended": {
			{"suspend", write("a", "host a\nallow x\nsuspended\n"), "a=suspended b=active", with(bServes, map[string]string{"a": "403"}), Applied},
			{"resume", write("a", a), "a=active b=active", aServes, Applied},
			{"suspend in a file that is bad", write("a", "host a\nnonsense\nsuspended\n"), "a=quarantined b=active", with(bServes, map[string]string{"a": unavailable}), Partial},
			{"mend", write("a", a), "a=active b=active", aServes, Applied},
			{"suspend and ask for another's place", write("a", "host b\nsuspended\n"), "a=quarantined b=active",
				with(bServes, map[string]string{"a": unavailable}), Partial},
		},
		"cut in place": {
			{"cut", inPlace("a", "host a\n"), "a=stale b=active", with(aServes, bServes), Refused},
			{"completed", inPlace("a", a), "a=active b=active", aServes, Applied},
			{"cut again", inPlace("a", "host a\nal"), "a=stale b=active", aServes, Refused},
			{"replaced by rename", write("a", "host a\n"), "a=active b=active", map[string]string{"a": "a: "}, Applied},
			{"grown in place", inPlace("a", "host a\nallow y\n"), "a=active b=active", map[string]string{"a": "a: allow y"}, Applied},
			{"something else in place", inPlace("a", "host a\nallow w\n"), "a=active b=active", map[string]string{"a": "a: allow w"}, Applied},
		},
		"the main file": {
			{"bad", mainFile("nonsense\n"), "a=active b=active", with(aServes, bServes), Refused},
			{"a tenant changes meanwhile", write("a", "host a\nallow y\n"), "a=active b=active", with(bServes, map[string]string{"a": "a: allow y"}), Applied},
			{"good", mainFile("dir tenants\nprovide w\n"), "a=active b=active", nil, Applied},
			{"a tenant needs it", write("a", "host a\nneed w\n"), "a=active b=active", map[string]string{"a": "a: "}, Applied},
			{"a tenant in force would become bad", mainFile("dir tenants\n"), "a=active b=active", map[string]string{"a": "a: "}, Refused},
			{"until its file needs it no more", write("a", a), "a=active b=active", aServes, Applied},
			{"then it is good", func(*scene) {}, "a=active b=active", aServes, Unchanged},
			{"it takes the place of a tenant in force", mainFile("dir tenants\ntenant m b\n"), "a=active b=active", bServes, Refused},
			{"it takes a free place", mainFile("dir tenants\ntenant m n\n"), "a=active b=active m=active", with(bServes, map[string]string{"n": "m: "}), Applied},
			{"a file has the name of its tenant", write("m", "host q\nallow x\n"), "a=active b=active m=active", map[string]string{"n": "m: ", "q": "401"}, Unchanged},
			{"cut in place", func(s *scene) { s.inPlace("main", "dir tenants\n") }, "a=active b=active m=active", map[string]string{"n": "m: "}, Refused},
			{"replaced", both(mainFile("dir tenants\n"), remove("m")), "a=active b=active", map[string]string{"n": "401"}, Applied},
		},
		"main file and tenant files together": {
			{"both", both(mainFile("dir tenants\nprovide w\n"), write("a", "host a\nneed w\n")), "a=active b=active", map[string]string{"a": "a: "}, Applied},
			{"both at once again", both(mainFile("dir tenants\nprovide v\n"), write("a", "host a\nneed v\nallow v\n")), "a=active b=active",
				map[string]string{"a": "a: allow v"}, Applied},
		},
		"the directory": {
			{"vanishes", func(s *scene) { s.move("tenants", "gone") }, "a=active b=active", with(aServes, bServes), Refused},
			{"comes back changed", func(s *scene) { s.move("gone", "tenants"); s.tenant("a", "host a\nallow y\n") }, "a=active b=active",
				with(bServes, map[string]string{"a": "a: allow y"}), Applied},
		},
		"one file of two directories": {
			{"another directory has the same name", func(s *scene) {
				s.mkdir("more")
				s.write("more/a.yaml", "host q\nallow q\n")
				s.write("main", "dir more\ndir tenants\n")
			}, "a=active b=active", with(aServes, map[string]string{"q": "401"}), Applied},
			{"the file moves there", remove("a"), "a=active b=active", map[string]string{"a": "401", "q": "a: allow q"}, Applied},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, toyMain, start)
			for _, step := range steps {
				step.do(s)
				if got := s.reload(); got != step.result {
					t.Errorf("%s: result %s, want %s", step.what, got, step.result)
				}
				s.want(step.what, step.states, step.answers)
			}
		})
	}
}

// TestP6AtAStart: a bad tenant file stops nobody, a bad main file everybody.
func TestP6AtAStart(t *testing.T) {
	t.Run("bad files are quarantined", func(t *testing.T) {
		s := newScene(t, toyMain, map[string]string{
			"a": "host a\nallow x\n", "b": "host b\nnonsense\n", "c": "garbage", "d": "host d\n", "e": "host d\n", "f": "host b\nallow y\n",
		})
		s.want("start", "a=active b=quarantined c=quarantined d=quarantined e=quarantined f=quarantined",
			map[string]string{"a": "a: allow x", "b": unavailable, "d": unavailable})
		if got := s.logs.FilterMessage("tenant file is bad").Len(); got != 5 {
			t.Errorf("%d lines about bad tenants, want 5", got)
		}
	})
	for name, main := range map[string]string{
		"bad main file":         "nonsense\n",
		"no directory":          "dir nowhere\n",
		"bad tenant of its own": "dir tenants\ntenant x h\ntenant y h\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, main, map[string]string{"a": "host a\n"})
			s.boot()
			if err := s.live.Start(); err == nil || s.current != nil {
				t.Errorf("started: %v", err)
			}
		})
	}
}

// TestP6OrderOfAcceptanceOutlivesTheProcess: at a start the tenant that was
// accepted first keeps a contested place, and a broken one its places.
func TestP6OrderOfAcceptanceOutlivesTheProcess(t *testing.T) {
	s := newStage(t, toyMain+"state state\n", map[string]string{"b": "host b\nhost h\n", "z": "host z\n"})
	s.mkdir("state")
	s.start()
	s.tenant("a", "host a\n")
	s.reload()
	s.tenant("a", "host a\nhost h\n") // while b has h
	s.tenant("c", "garbage")
	s.tenant("z", "garbage")
	s.reload()
	s.want("before", "a=stale b=active c=quarantined z=stale", map[string]string{"h": "b: ", "z": "z: "})
	s.start()
	s.want("after", "a=quarantined b=active c=quarantined z=quarantined", map[string]string{"h": "b: ", "a": unavailable, "z": unavailable})
	s.tenant("d", "host z\n")
	s.reload()
	s.want("a newcomer asks for a place that was kept", "a=quarantined b=active c=quarantined d=quarantined z=quarantined",
		map[string]string{"z": unavailable})
	s.tenant("z", "host z\nallow x\n")
	s.reload()
	s.want("mended", "a=quarantined b=active c=quarantined d=quarantined z=active", map[string]string{"z": "z: allow x"})

	for what, damage := range map[string]func(text []byte) []byte{
		"a flipped letter": func(text []byte) []byte { return []byte(strings.Replace(string(text), `"h"`, `"i"`, 1)) },
		"cut":              func(text []byte) []byte { return text[:len(text)/2] },
		"empty":            func([]byte) []byte { return nil },
		"not ours":         func([]byte) []byte { return []byte(`{"format":1,"sha256":"","tenants":[]}`) },
	} {
		good, err := os.ReadFile(s.path("state", memoryFile))
		if err != nil {
			t.Fatal(err)
		}
		s.inPlace("state/"+memoryFile, string(damage(good)))
		s.start()
		s.want(what, "a=quarantined b=quarantined c=quarantined d=quarantined z=quarantined", map[string]string{"h": unavailable, "z": unavailable})
		if s.logs.FilterMessageSnippet("is lost").Len() != 1 {
			t.Errorf("%s: no warning", what)
		}
		s.inPlace("state/"+memoryFile, string(good))
	}
}

// TestP6StateDirectoryMustBeOurs refuses directories that others can write to.
func TestP6StateDirectoryMustBeOurs(t *testing.T) {
	s := newStage(t, toyMain+"state state\n", map[string]string{"a": "host a\n"})
	s.mkdir("state")
	for mode, usable := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o770: false, 0o707: false, 0o777: false} {
		if err := os.Chmod(s.path("state"), mode); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(s.path("state", memoryFile))
		s.start()
		info, err := os.Stat(s.path("state", memoryFile))
		if (err == nil) != usable {
			t.Errorf("%v: %v", mode, err)
		}
		if usable && info.Mode().Perm() != 0o600 {
			t.Errorf("the file has mode %v", info.Mode())
		}
		if warned := s.logs.FilterMessageSnippet("nothing is kept").Len() == 1; warned == usable {
			t.Errorf("%v: warned %v", mode, warned)
		}
	}
	if err := os.Chmod(s.path("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(){
		"a link":            func() { _ = os.Symlink(s.path("elsewhere"), s.path("state", memoryFile)) },
		"others can write":  func() { s.inPlace("state/"+memoryFile, "{}"); _ = os.Chmod(s.path("state", memoryFile), 0o666) },
		"it is a directory": func() { s.mkdir("state/" + memoryFile) },
	} {
		_ = os.RemoveAll(s.path("state", memoryFile))
		spoil()
		s.start()
		if s.logs.FilterMessageSnippet("is lost").Len()+s.logs.FilterMessageSnippet("cannot be kept").Len() == 0 && what != "a link" {
			t.Errorf("%s: no warning", what)
		}
		s.want(what, "a=active", nil)
	}
}

// TestP6OneFileIsOneCompile counts the work that a change makes.
func TestP6OneFileIsOneCompile(t *testing.T) {
	tenants := map[string]string{}
	for n := range 100 {
		tenants[fmt.Sprint("t", n)] = fmt.Sprintf("host h%d\n", n)
	}
	s := newScene(t, toyMain, tenants)
	if counts := s.count(); len(counts) != 100 {
		t.Fatalf("%d compiled at the start", len(counts))
	}
	expect := func(what string, want ...string) {
		t.Helper()
		s.reload()
		counts := s.count()
		if got := slices.Sorted(maps.Keys(counts)); !slices.Equal(got, want) || len(want) > 0 && counts[want[0]] != 1 {
			t.Errorf("%s: compiled %v, want %v", what, counts, want)
		}
	}
	expect("nothing")
	s.tenant("t7", "host h7\nallow x\n")
	expect("one changed", "t7")
	s.tenant("t7", "host h7\nnonsense\n")
	expect("one broken", "t7")
	expect("still broken")
	for name, text := range tenants {
		if name != "t7" {
			s.tenant(name, text) // every file is another one and says the same
		}
	}
	s.tenant("t8", "host h8\nallow x\n")
	expect("all replaced, one differs", "t8")
	s.remove("tenants/t8.yaml")
	expect("one removed")
	s.write("main", "dir tenants\nprovide w\n")
	s.reload()
	if counts := s.count(); len(counts) != 99 {
		t.Errorf("another main file compiled %d", len(counts))
	}
	s.write("main", "nonsense\n")
	expect("a bad main file")
}

// TestP6ABadMainFileIsNotTriedByEverybody: while the tenant because of which a
// main file is bad does not change, nobody else is compiled under it.
func TestP6ABadMainFileIsNotTriedByEverybody(t *testing.T) {
	tenants := map[string]string{"needy": "host n\nneed w\n"}
	for n := range 20 {
		tenants[fmt.Sprint("t", n)] = fmt.Sprintf("host h%d\n", n)
	}
	s := newScene(t, "dir tenants\nprovide w\n", tenants)
	s.write("main", "dir tenants\n")
	s.reload()
	s.count()
	s.tenant("t3", "host h3\nallow x\n")
	s.reload()
	if counts := s.count(); len(counts) != 2 || counts["t3"] != 1 || counts["needy"] == 0 {
		t.Errorf("compiled %v", counts)
	}
	s.want("under the old main file", s.states(), map[string]string{"h3": "t3: allow x", "n": "needy: "})
	s.tenant("needy", "host n\nallow y\n")
	s.reload()
	s.reload()
	if s.live.Status().Main != nil || s.answer("n") != "needy: allow y" {
		t.Errorf("the main file is still bad: %s", s.problems())
	}
}

// TestP6UnreadableFile keeps the tenant, and its places over a start.
func TestP6UnreadableFile(t *testing.T) {
	s := newStage(t, toyMain+"state state\n", map[string]string{"a": "host a\nallow x\n", "b": "host b\n"})
	s.mkdir("state")
	s.start()
	s.remove("tenants/a.yaml")
	if err := os.Symlink("nowhere", s.path("tenants", "a.yaml")); err != nil {
		t.Fatal(err)
	}
	s.reload()
	s.want("unreadable", "a=stale b=active", map[string]string{"a": "a: allow x"})
	s.start()
	s.want("unreadable at a start", "a=quarantined b=active", map[string]string{"a": unavailable, "b": "b: "})
	s.write("tenants/a.yaml", "host a\nallow y\n")
	s.reload()
	s.want("readable", "a=active b=active", map[string]string{"a": "a: allow y"})
}

// TestP6NamedFilesListNothing: what an event names is judged without listing the
// directories, whether it came, changed or went, and so is what was in the making.
func TestP6NamedFilesListNothing(t *testing.T) {
	s := newScene(t, toyMain+"loss 2\n", map[string]string{"a": "host a\nallow x\n", "b": "host b\nallow x\n"})
	s.reload()
	listed := s.listed
	named := func(names ...string) ask {
		paths := []string{}
		for _, name := range names {
			paths = append(paths, s.path("tenants", name+".yaml"))
		}
		return ask{only: paths}
	}
	for _, step := range []struct {
		what   string
		do     func(*scene)
		named  ask
		states string
	}{
		{"added", write("c", "host c\nallow x\n"), named("c"), "a=active b=active c=active"},
		{"changed", write("c", "host c\nallow y\n"), named("c"), "a=active b=active c=active"},
		{"broken", write("c", "garbage"), named("c"), "a=active b=active c=stale"},
		{"two at once", both(write("d", "host d\n"), remove("c")), named("c", "d"), "a=active b=active d=active"},
		{"nothing of ours", func(*scene) {}, named("nothing", ".hidden"), "a=active b=active d=active"},
		{"in the making", func(s *scene) { s.ahead = 0; s.tenant("e", "host e\n") }, named("e"), "a=active b=active d=active"},
		{"made", func(s *scene) { s.ahead = time.Minute }, named(), "a=active b=active d=active e=active"},
		{"removed", both(remove("d"), remove("e")), named("d", "e"), "a=active b=active"},
	} {
		step.do(s)
		s.live.reload(step.named)
		if got := s.states(); got != step.states || s.listed != listed {
			t.Errorf("%s: %q, want %q; listed %d times; %s", step.what, got, step.states, s.listed-listed, s.problems())
		}
	}
	for _, name := range []string{"f", "g", "h"} {
		s.tenant(name, "host "+name+"\n")
	}
	s.live.reload(named("f", "g", "h"))
	if s.listed != listed {
		t.Errorf("listed %d times for three new ones", s.listed-listed)
	}
	for _, name := range []string{"f", "g", "h"} {
		s.remove("tenants/" + name + ".yaml")
	}
	s.live.reload(named("f")) // the events of the others are still to come
	if got := s.states(); got != "a=active b=active f=stale g=stale h=stale" {
		t.Errorf("three vanished, of which two may: %q", got)
	}
}

// TestP6TenantsInTroubleMakeNobodyElseSlow: beside a tenant that is quarantined
// and was accepted before, and one that asks for what another has, what an event
// names is judged without a look at everything.
func TestP6TenantsInTroubleMakeNobodyElseSlow(t *testing.T) {
	s := newStage(t, toyMain+"state state\n", map[string]string{"a": "host a\nallow x\n", "b": "host b\nallow x\n", "d": "host d\nallow x\n"})
	s.mkdir("state")
	s.start()
	s.tenant("a", "garbage")
	s.tenant("d", "host a\nnonsense\n")
	s.start()
	s.tenant("rival", "host b\n")
	s.reload()
	listed := s.listed
	for _, step := range []struct {
		what, name, text string
		states           string
		answers          map[string]string
		whole            bool
	}{
		{what: "a newcomer", name: "c", text: "host c\n", states: "a=quarantined b=active c=active d=quarantined rival=quarantined",
			answers: map[string]string{"a": unavailable, "b": "b: allow x", "c": "c: ", "d": unavailable}},
		{what: "a change", name: "c", text: "host c\nallow z\n", states: "a=quarantined b=active c=active d=quarantined rival=quarantined",
			answers: map[string]string{"a": unavailable, "c": "c: allow z"}},
		{what: "broken otherwise", name: "a", text: "host e\nnonsense\n", states: "a=quarantined b=active c=active d=quarantined rival=quarantined",
			answers: map[string]string{"a": unavailable, "e": unavailable}},
		{what: "mended", name: "d", text: "host d\nallow y\n", states: "a=quarantined b=active c=active d=active rival=quarantined",
			answers: map[string]string{"a": unavailable, "d": "d: allow y"}},
		{what: "gone", name: "c", states: "a=quarantined b=active d=active rival=quarantined", answers: map[string]string{"c": "401"}},
		{what: "a newcomer asks for a place that was kept", name: "f", text: "host a\n", whole: true,
			states: "a=quarantined b=active d=active f=quarantined rival=quarantined", answers: map[string]string{"a": unavailable}},
		{what: "who had it lets go", name: "b", text: "host g\n", whole: true,
			states: "a=quarantined b=active d=active f=quarantined rival=active", answers: map[string]string{"b": "rival: ", "g": "b: "}},
		{what: "mended at last", name: "a", text: "host a\nallow v\n", states: "a=active b=active d=active f=quarantined rival=active",
			answers: map[string]string{"a": "a: allow v"}, whole: true},
		{what: "who asks for what it has still waits", name: "b", text: "host g\nallow w\n",
			states: "a=active b=active d=active f=quarantined rival=active", answers: map[string]string{"a": "a: allow v", "g": "b: allow w"}},
	} {
		if step.text == "" {
			s.remove("tenants/" + step.name + ".yaml")
		} else {
			s.tenant(step.name, step.text)
		}
		s.live.reload(ask{only: []string{s.path("tenants", step.name+".yaml")}})
		s.want(step.what, step.states, step.answers)
		if !step.whole && s.listed != listed {
			t.Errorf("%s: everything was looked at", step.what)
		}
		listed = s.listed
	}
}
