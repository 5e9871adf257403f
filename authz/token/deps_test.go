package token

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNoNetwork holds that nothing this package is built from can fetch a key:
// no HTTP, no gRPC, and nothing of ours.
func TestNoNetwork(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 20 {
		t.Fatalf("only %d dependencies listed", len(deps))
	}
	const self = "github.com/claimgate/claimgate/authz/token"
	for _, dep := range deps {
		if dep == "net/http" || strings.HasPrefix(dep, "google.golang.org/") || strings.Contains(dep, "go-control-plane") ||
			strings.HasPrefix(dep, "github.com/claimgate/claimgate") && dep != self {
			t.Errorf("depends on %s", dep)
		}
	}
}
