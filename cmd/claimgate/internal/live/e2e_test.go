package live

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestP6NobodyElseNotices: while requests of many tenants run, one tenant is
// added, changed, broken, mended, cut, contested and removed, the directory
// vanishes and comes back, and the main file breaks and changes. Files are
// noticed by themselves. The answers of everybody else are right all the time.
func TestP6NobodyElseNotices(t *testing.T) {
	const others = 200
	a := newArena(t, others)
	a.open()
	stop := a.run()
	defer stop()
	crowd := a.crowd(others, "")
	defer crowd.leave()
	const host = "guest.api.example.com"
	guest := a.token("guest")
	expect := func(what, path, want string) {
		t.Helper()
		if got := a.ask(host, path, guest); got != want {
			t.Errorf("%s: %s: %q, want %q", what, path, got, want)
		}
	}
	serves := func(version string) string { return "allowed x-tenant=guest x-version=" + version }
	generation := func(than uint64) func(*Status) bool {
		return func(s *Status) bool { return s.Generation > than }
	}
	guestIs := func(state State) func(*Status) bool {
		return func(s *Status) bool {
			for _, troubled := range s.Troubled {
				if troubled.Name == "guest" {
					return troubled.State == state
				}
			}
			return false
		}
	}
	calm := func(s *Status) bool { return s.Failing().IsZero() }

	expect("before", "/orders/1", "place_unknown")
	a.tenant("guest", arenaTenant("v1"))
	a.until("added", generation(1))
	expect("added", "/orders/1", serves("v1"))
	expect("added", "/orders/secret/1", "policy_denied")

	a.tenant("guest", arenaTenant("v2"))
	a.until("changed", generation(2))
	expect("changed", "/orders/1", serves("v2"))

	a.tenant("guest", "nonsense: true\n")
	a.until("broken", guestIs(Stale))
	expect("broken", "/orders/1", serves("v2"))
	a.tenant("guest", arenaTenant("v3"))
	a.until("mended", func(s *Status) bool { return calm(s) && s.Generation > 3 })
	expect("mended", "/orders/1", serves("v3"))

	if err := os.WriteFile(a.path("tenants", "guest.yaml"), []byte(arenaTenant("v3")[:200]), 0o600); err != nil {
		t.Fatal(err)
	}
	a.until("cut in place", guestIs(Stale))
	expect("cut in place", "/orders/secret/1", "policy_denied")
	a.tenant("guest", arenaTenant("v4"))
	a.until("replaced", calm)

	a.tenant("guest", arenaTenant("v5")+"hosts: [t7.api.example.com]\n")
	a.until("it asks for another's place", guestIs(Stale))
	expect("contest", "/orders/1", serves("v4"))
	a.tenant("guest", arenaTenant("v5")+"suspended: true\n")
	a.until("suspended", func(s *Status) bool { return calm(s) && s.Tenants[Suspended] == 1 })
	expect("suspended", "/orders/1", "tenant_suspended")
	expect("suspended", "/news", "tenant_suspended")

	if err := os.Rename(a.path("tenants"), a.path("away")); err != nil {
		t.Fatal(err)
	}
	a.until("the directory vanished", func(s *Status) bool { return s.Main != nil || s.Dirs != nil })
	if err := os.Rename(a.path("away"), a.path("tenants")); err != nil {
		t.Fatal(err)
	}
	a.until("the directory is back", calm)
	a.tenant("guest", arenaTenant("v6"))
	a.until("it is watched again", func(s *Status) bool { return calm(s) && s.Tenants[Suspended] == 0 })
	expect("watched", "/orders/1", serves("v6"))

	a.main("nonsense: true\n")
	a.until("the main file is bad", func(s *Status) bool { return s.Main != nil })
	expect("bad main file", "/orders/1", serves("v6"))
	a.main(strings.Replace(arenaMain, "  issuers: [idp]\n", "", 1))
	a.until("tenants would become bad", func(s *Status) bool { return s.Main != nil && strings.Contains(s.Main.Text, "would become bad") })
	last := a.live.Status().Generation
	a.main(strings.Replace(arenaMain, "[x-version]", "[x-version, x-more]", 1))
	a.until("another main file", func(s *Status) bool { return calm(s) && s.Generation > last })
	expect("another main file", "/orders/1", serves("v6"))

	if err := os.Remove(a.path("tenants", "guest.yaml")); err != nil {
		t.Fatal(err)
	}
	last = a.live.Status().Generation
	a.until("removed", func(s *Status) bool { return s.Generation > last || s.Tenants[Active] == others })
	expect("removed", "/orders/1", "place_unknown")

	if wrong := crowd.wrong.Load(); wrong > 0 || crowd.asked.Load() == 0 {
		t.Errorf("%d of %d answers were wrong, the first: %s", wrong, crowd.asked.Load(), *crowd.first.Load())
	}
}

// TestP6ConfigMapSwap replaces all files of a mounted ConfigMap at once, by the
// link `..data`, as a kubelet does.
func TestP6ConfigMapSwap(t *testing.T) {
	a := newArena(t, 0)
	version := 0
	swap := func(tenants map[string]string) {
		t.Helper()
		version++
		name := fmt.Sprintf("..2026_%d", version)
		if err := os.Mkdir(a.path("tenants", name), 0o700); err != nil {
			t.Fatal(err)
		}
		for tenant, text := range tenants {
			a.replace(a.path("tenants", name, tenant+".yaml"), text)
			link := a.path("tenants", tenant+".yaml")
			if _, err := os.Lstat(link); err != nil {
				if err := os.Symlink("..data/"+tenant+".yaml", link); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := os.Symlink(name, a.path("tenants", "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(a.path("tenants", "..data_tmp"), a.path("tenants", "..data")); err != nil {
			t.Fatal(err)
		}
		_ = os.RemoveAll(a.path("tenants", fmt.Sprintf("..2026_%d", version-1)))
	}
	swap(map[string]string{"t0": arenaTenant("v1"), "t1": arenaTenant("v1")})
	a.open()
	stop := a.run()
	defer stop()
	swap(map[string]string{"t0": arenaTenant("v2"), "t1": arenaTenant("v1")})
	a.until("swapped", func(s *Status) bool { return s.Generation == 2 })
	if compiled := a.live.Status().Compiled; compiled != 1 {
		t.Errorf("one differs, and %d were compiled", compiled)
	}
	for name, want := range map[string]string{"t0": "v2", "t1": "v1"} {
		got := a.ask(name+".api.example.com", "/orders/1", a.token(name))
		if got != "allowed x-tenant="+name+" x-version="+want {
			t.Errorf("%s: %q", name, got)
		}
	}
	swap(map[string]string{"t0": arenaTenant("v2"), "t1": "nonsense: 1\n"})
	a.until("a bad one", func(s *Status) bool { return s.Tenants[Stale] == 1 })
	swap(map[string]string{"t0": arenaTenant("v3"), "t1": arenaTenant("v3")})
	a.until("mended", func(s *Status) bool { return s.Failing().IsZero() && s.Generation >= 3 })
}

// TestP6CutRealFile cuts a real tenant file in place at every byte. No request
// gets more than it got from the whole file, and nobody else is touched.
func TestP6CutRealFile(t *testing.T) {
	a := newArena(t, 2)
	a.open()
	a.onLaterClock()
	text := arenaTenant("v1")
	own, other := a.token("t0"), a.token("t1")
	for end := range len(text) {
		if err := os.WriteFile(a.path("tenants", "t0.yaml"), []byte(text[:end]), 0o600); err != nil {
			t.Fatal(err)
		}
		a.live.reload(ask{})
		for path, want := range map[string]string{
			"/orders/1": "allowed x-tenant=t0 x-version=v1", "/orders/secret/1": "policy_denied", "/else": "policy_denied",
		} {
			if got := a.ask("t0.api.example.com", path, own); got != want {
				t.Fatalf("cut at %d: %s: %q, want %q", end, path, got, want)
			}
		}
		if got := a.ask("t1.api.example.com", "/orders/1", other); got != "allowed x-tenant=t1 x-version=v1" {
			t.Fatalf("cut at %d: the other tenant: %q", end, got)
		}
	}
}

// TestP6TenThousandFiles loads ten thousand tenants, and one change is the work
// of one.
func TestP6TenThousandFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand files")
	}
	n := 10_000
	if raceDetector {
		n = 2_000 // the same, at a tenth of the speed
	}
	a := newArena(t, n)
	a.open()
	if status := a.live.Status(); status.Tenants[Active] != n || status.Compiled != n {
		t.Fatalf("status %+v", status)
	}
	a.onLaterClock()
	crowd := a.crowd(100, "")
	for k, text := range []string{arenaTenant("v2"), "nonsense: 1\n", arenaTenant("v3")} {
		a.tenant(fmt.Sprint("t", n-1), text)
		a.live.Confirm(t.Context()) // looks at what changed
		if status := a.live.Status(); status.Compiled > 1 || status.Tenants[Active]+status.Tenants[Stale] != n {
			t.Errorf("change %d: %+v", k, status)
		}
	}
	if err := os.Rename(a.path("tenants"), a.path("away")); err != nil {
		t.Fatal(err)
	}
	a.live.Confirm(t.Context())
	if err := os.Mkdir(a.path("tenants"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.live.Confirm(t.Context())
	if status := a.live.Status(); len(status.Vanishing) != n || !status.Waiting() {
		t.Errorf("an empty directory: %d vanish", len(status.Vanishing))
	}
	crowd.leave()
	if crowd.wrong.Load() > 0 {
		t.Errorf("%d wrong answers, the first: %s", crowd.wrong.Load(), *crowd.first.Load())
	}
}

// BenchmarkOneChangedFile is what one changed file among ten thousand costs.
func BenchmarkOneChangedFile(b *testing.B) {
	a := newArena(b, 10_000)
	a.open()
	a.onLaterClock()
	a.live.reload(ask{})
	b.ReportAllocs()
	var work time.Duration
	for k := 0; b.Loop(); k++ {
		a.tenant("t77", arenaTenant(fmt.Sprint("w", k)))
		began := cpu(b)
		if result, _ := a.live.reload(ask{}); result != Applied {
			b.Fatal(result)
		}
		work += cpu(b) - began
	}
	b.ReportMetric(float64(work.Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// BenchmarkOneNamedFile is what one file among ten thousand costs whose name is
// known, as from an event, with a directory that remembers.
func BenchmarkOneNamedFile(b *testing.B) {
	a := newArena(b, 10_000)
	if err := os.Mkdir(a.path("state"), 0o700); err != nil {
		b.Fatal(err)
	}
	a.main(arenaMain + "stateDir: state\n")
	a.open()
	a.onLaterClock()
	trouble := func() { // a tenant without a good version that was accepted before, and one that asks for its place
		a.tenant("t5", "]")
		a.tenant("rival", arenaTenant("v1")+"ids: {idp: t5}\n")
		a.open()
		a.onLaterClock()
	}
	for _, kind := range []struct {
		name string
		do   func(k int) (name string)
	}{
		{"changed", func(k int) string { a.tenant("t77", arenaTenant(fmt.Sprint("w", k))); return "t77" }},
		{"added", func(k int) string { a.tenant(fmt.Sprint("n", k), arenaTenant("v1")); return fmt.Sprint("n", k) }},
		{"removed", func(k int) string {
			_ = os.Remove(a.path("tenants", fmt.Sprintf("t%d.yaml", 9_999-k)))
			return fmt.Sprint("t", 9_999-k)
		}},
		{"added-beside-trouble", func(k int) string { a.tenant(fmt.Sprint("m", k), arenaTenant("v1")); return fmt.Sprint("m", k) }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			if kind.name == "added-beside-trouble" {
				trouble()
			}
			a.live.reload(ask{})
			b.ReportAllocs()
			var work time.Duration
			done := 0
			for b.Loop() {
				name := kind.do(done)
				began := cpu(b)
				if result, _ := a.live.reload(ask{only: []string{a.path("tenants", name+".yaml")}}); result != Applied || a.live.Status().Compiled > 2 {
					b.Fatal(result)
				}
				work += cpu(b) - began
				done++
			}
			b.ReportMetric(float64(work.Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// BenchmarkDirectorySwap is what ten thousand replaced files cost of which one
// says something else.
func BenchmarkDirectorySwap(b *testing.B) {
	a := newArena(b, 10_000)
	a.open()
	a.onLaterClock()
	b.ReportAllocs()
	var work time.Duration
	for k := 0; b.Loop(); k++ {
		b.StopTimer()
		for t := range 10_000 {
			version := "v1"
			if t == 77 {
				version = fmt.Sprint("w", k)
			}
			a.tenant(fmt.Sprint("t", t), arenaTenant(version))
		}
		b.StartTimer()
		began := cpu(b)
		if result, _ := a.live.reload(ask{}); result != Applied || a.live.Status().Compiled != 1 {
			b.Fatal(result, a.live.Status().Compiled)
		}
		work += cpu(b) - began
	}
	b.ReportMetric(float64(work.Microseconds())/1000/float64(b.N), "cpu-ms/op")
}
