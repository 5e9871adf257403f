package live

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// TestP6CompiledIsWhatWasRead replaces the main file all the time: what is
// compiled is the text that is judged as the file's.
func TestP6CompiledIsWhatWasRead(t *testing.T) {
	a := newArena(t, 0)
	documents := Files(a.path("claimgate.yaml"), config.Runtime{Keys: jwks.NewRegistry(jwks.Options{})})
	main := func(k int) string {
		return arenaMain + fmt.Sprintf("tenants: [{name: n%d, labels: {version: v}, policy: {rules: [{name: r, action: allow, anyToken: true}]}}]\n", k)
	}
	a.main(main(0))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for k := range 500 {
			a.main(main(k))
		}
	}()
	for open := true; open; {
		select {
		case <-done:
			open = false
		default:
		}
		compiled, err := documents.CompileMain()
		if err != nil {
			t.Fatal(err)
		}
		if name := compiled.Inline[0].Name; !strings.Contains(string(compiled.Text), "{name: "+name+",") {
			t.Fatalf("tenant %s was compiled, and the text is another:\n%s", name, compiled.Text)
		}
	}
	<-done
}

// TestP6FilesFromTheFuture: on a file server whose clock is ahead every file
// seems to be of the future. One that is being written is waited for all the
// same, and one that rests is put in force.
func TestP6FilesFromTheFuture(t *testing.T) {
	a := newArena(t, 1)
	a.open()
	a.onLaterClock()
	hence := later().Add(time.Hour)
	write := func(path, text string, mtime time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, mtime, mtime); err != nil {
			t.Fatal(err)
		}
	}
	const host = "n.api.example.com"
	whole, path := arenaTenant("v1"), a.path("tenants", "n.yaml")
	half := whole[:strings.Index(whole, "    - {name: secret")]
	write(path, half, hence)
	if _, unripe := a.live.reload(ask{}); !unripe || a.ask(host, "/orders/secret/1", a.token("n")) != "place_unknown" {
		t.Errorf("half a file was put in force: %q", a.ask(host, "/orders/secret/1", a.token("n")))
	}
	write(path, whole, hence.Add(time.Millisecond))
	a.live.reload(ask{})
	a.live.reload(ask{})
	if got := a.ask(host, "/orders/1", a.token("n")); got != "allowed x-tenant=n x-version=v1" {
		t.Errorf("a file that rests: %q", got)
	}

	main := a.path("claimgate.yaml")
	good, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	generation := a.live.Status().Generation
	write(main, string(good)+"# more\n", hence)
	if _, unripe := a.live.reload(ask{}); !unripe || a.live.Status().Generation != generation {
		t.Error("a main file in the making was put in force")
	}
	if a.live.reload(ask{}); a.live.Status().Generation == generation {
		t.Error("a main file that rests is not put in force")
	}
}

// TestP6StateDirectoryThatNobodyCanTrust: whatever is wrong with the state
// directory, the server starts and serves; what is in it is not used where
// somebody else could have written it, and nobody gets another's place by it.
func TestP6StateDirectoryThatNobodyCanTrust(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil     func(dir string) error
		remembers bool // that there is an order of acceptance from now on
	}{
		"damaged": {func(dir string) error { return os.WriteFile(dir+"/tenants.json", []byte(`{"format":1`), 0o600) }, true},
		"of another format": {func(dir string) error {
			return os.WriteFile(dir+"/tenants.json", []byte(`{"format":9,"sha256":"","tenants":[]}`), 0o600)
		}, true},
		"a directory in its place": {func(dir string) error {
			return errors.Join(os.Remove(dir+"/tenants.json"), os.Mkdir(dir+"/tenants.json", 0o700))
		}, false},
		"a link in its place": {func(dir string) error {
			return errors.Join(os.Rename(dir+"/tenants.json", dir+"/kept.json"), os.Symlink("kept.json", dir+"/tenants.json"))
		}, true},
		"a file that all can write": {func(dir string) error { return os.Chmod(dir+"/tenants.json", 0o666) }, true},
		"a directory all can write": {func(dir string) error { return os.Chmod(dir, 0o777) }, false},
		"no directory":              {func(dir string) error { return os.RemoveAll(dir) }, false},
		"a file instead of it":      {func(dir string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArena(t, 2)
			if err := os.Mkdir(a.path("state"), 0o700); err != nil {
				t.Fatal(err)
			}
			a.main(arenaYields("a0") + "stateDir: state\n")
			a.open()
			if err := tc.spoil(a.path("state")); err != nil {
				t.Fatal(err)
			}
			a.tenant("a0", arenaTenant("v1")+"hosts: [t0.api.example.com]\n") // by name it would be the first
			a.open()
			if got := a.live.Status().Remembers; got != tc.remembers {
				t.Errorf("remembers %t, want %t", got, tc.remembers)
			}
			// Nobody is known to have been first: neither gets the place.
			for host, want := range map[string]string{"t0.api.example.com": "tenant_unavailable", "t1.api.example.com": "allowed x-tenant=t1 x-version=v1"} {
				org, _, _ := strings.Cut(host, ".")
				if got := a.ask(host, "/orders/1", a.token(org)); got != want {
					t.Errorf("%s: %q, want %q", host, got, want)
				}
			}
		})
	}
}

// TestP6NamesThatDifferInCase are names of two tenants: one that is added takes
// nothing from the other, on whatever file system.
func TestP6NamesThatDifferInCase(t *testing.T) {
	a := newArena(t, 1)
	a.open()
	a.onLaterClock()
	a.tenant("T0", arenaTenant("v2"))
	a.live.reload(ask{})
	if _, err := os.Stat(a.path("tenants", "t0.yaml")); err != nil {
		t.Skip("this file system knows no case")
	}
	a.tenant("T0", arenaTenant("v2")+"entries: []\nhosts: [upper.example]\n")
	a.live.reload(ask{})
	for _, q := range []struct{ host, org, want string }{
		{"t0.api.example.com", "t0", "allowed x-tenant=t0 x-version=v1"},
		{"t0.api.example.com", "T0", "tenant_mismatch"},
		{"upper.example", "T0", "allowed x-tenant=T0 x-version=v2"},
		{"upper.example", "t0", "tenant_mismatch"},
	} {
		if got := a.ask(q.host, "/orders/1", a.token(q.org)); got != q.want {
			t.Errorf("%s with a token of %s: %q, want %q", q.host, q.org, got, q.want)
		}
	}
}

// TestP6EventsWithoutEnd: while events come without a pause a change is put in
// force all the same, in few reloads.
func TestP6EventsWithoutEnd(t *testing.T) {
	a := newArena(t, 50)
	a.open()
	stop := a.run()
	defer stop()
	a.until("it follows its files", func(s *Status) bool { return s.Generation == 1 })
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for k := 0; ; k++ {
			select {
			case <-done:
				return
			default:
			}
			path := a.path("tenants", fmt.Sprintf("noise-%d.txt", k%100))
			_ = os.WriteFile(path, []byte("x"), 0o600)
			_ = os.Remove(path)
		}
	}()
	a.tenant("t0", arenaTenant("v2"))
	a.until("the change is in force", func(s *Status) bool { return s.Generation > 1 })
	close(done)
	<-ended
	if got := a.ask("t0.api.example.com", "/orders/1", a.token("t0")); got != "allowed x-tenant=t0 x-version=v2" {
		t.Errorf("%q", got)
	}
	total := uint64(0)
	for _, n := range a.live.Status().Results {
		total += n
	}
	if total > 100 {
		t.Errorf("%d reloads", total)
	}
}
