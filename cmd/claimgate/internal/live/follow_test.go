package live

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// asked is a watcher that counts how often it is told what to watch.
type asked struct {
	blind
	times int
	dirs  []string
}

func (a *asked) Watch(_ string, dirs []string) (bool, error) {
	a.times, a.dirs = a.times+1, dirs
	return false, nil
}

// TestDirectoriesAreLookedAtWhenListed: to watch the directories takes a look at
// each of them, which a file that an event named does not cost, nor an event.
func TestDirectoriesAreLookedAtWhenListed(t *testing.T) {
	a := newArena(t, 2)
	a.open()
	a.onLaterClock()
	watcher := &asked{}
	looks := func(what string, want bool) {
		t.Helper()
		watcher.times = 0
		a.live.follow(watcher)
		a.live.follow(watcher)
		if watcher.times != map[bool]int{true: 1}[want] {
			t.Errorf("%s: told to watch %d times", what, watcher.times)
		}
	}
	looks("start", true)
	for what, text := range map[string]string{"changed": arenaTenant("v2"), "bad": "]", "mended": arenaTenant("v3")} {
		a.tenant("t0", text)
		a.live.reload(ask{only: []string{a.path("tenants", "t0.yaml")}})
		looks("a file is "+what, false)
	}
	a.live.reload(ask{})
	looks("a look at everything", true)
	if err := os.Mkdir(a.path("tenants", "more"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.live.reload(ask{only: []string{a.path("tenants", "more")}})
	looks("another directory", true)
	if len(watcher.dirs) != 2 {
		t.Errorf("it watches %v", watcher.dirs)
	}
	if err := os.Rename(a.path("tenants"), a.path("away")); err != nil {
		t.Fatal(err)
	}
	a.live.reload(ask{only: []string{a.path("tenants")}})
	looks("no directory", true)
}

// inDirectories makes ten thousand tenants in n directories.
func inDirectories(b *testing.B, n int) *arena {
	b.Helper()
	a := newArena(b, 0)
	for k := range 10_000 {
		dir := a.path("tenants", fmt.Sprint("d", k%n))
		if k < n {
			if err := os.Mkdir(dir, 0o700); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(fmt.Sprintf("%s/t%d.yaml", dir, k), []byte(arenaTenant("v1")), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	a.open()
	a.onLaterClock()
	return a
}

// BenchmarkOneFileInManyDirectories is what one file costs that is added to ten
// thousand, and in it what it costs that the directories are watched, by how many
// there are.
func BenchmarkOneFileInManyDirectories(b *testing.B) {
	for _, n := range []int{1, 100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a := inDirectories(b, n)
			watcher, err := WatchDirectories()
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = watcher.Close() }()
			a.live.follow(watcher)
			a.live.reload(ask{}) // what changed before that
			a.live.follow(watcher)
			var adding, following time.Duration
			for k := 0; b.Loop(); k++ {
				path := a.path("tenants", "d0", fmt.Sprintf("n%d.yaml", k))
				a.replace(path, arenaTenant("v1"))
				began := cpu(b)
				a.live.follow(watcher) // it was told of an event
				if result, _ := a.live.reload(ask{only: []string{path}}); result != Applied || a.live.Status().Compiled > 1 {
					b.Fatal(result)
				}
				added := cpu(b)
				a.live.follow(watcher)
				adding, following = adding+added-began, following+cpu(b)-added
			}
			b.ReportMetric(float64(adding.Microseconds())/1000/float64(b.N), "reload-cpu-ms/op")
			b.ReportMetric(float64(following.Microseconds())/1000/float64(b.N), "follow-cpu-ms/op")
		})
	}
}
