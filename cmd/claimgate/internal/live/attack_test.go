package live

import (
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
