package live

import (
	"fmt"
	"strings"
	"testing"

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
