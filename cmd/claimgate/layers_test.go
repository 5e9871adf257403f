package main

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/claimgate/claimgate"

// TestLayers holds the direction of imports: each package reaches only those of
// ours that are listed with it.
func TestLayers(t *testing.T) {
	network := []string{"net/http", "google.golang.org/grpc", "github.com/envoyproxy/go-control-plane"}
	layers := []struct {
		pkg   string
		ours  []string // packages of ours that it may reach
		never []string // packages of others that it must not reach
	}{
		{"policy", nil, network},
		{"authz/token", nil, network},
		{"authz", []string{"authz/token", "policy"}, network},
		{"authz/jwks", []string{"authz/token"}, network[1:]},
		{"envoy", []string{"authz", "authz/token", "policy"}, nil},
	}
	for _, layer := range layers {
		t.Run(layer.pkg, func(t *testing.T) {
			deps := dependencies(t, path.Join(module, layer.pkg))
			if len(deps) < 2 {
				t.Fatalf("go list reports %d dependencies: the test would prove nothing", len(deps))
			}
			for _, dep := range deps {
				if rel, ok := strings.CutPrefix(dep, module+"/"); ok && rel != layer.pkg && !slices.Contains(layer.ours, rel) {
					t.Errorf("%s reaches %s", layer.pkg, rel)
				}
				for _, never := range layer.never {
					if dep == never || strings.HasPrefix(dep, never+"/") {
						t.Errorf("%s reaches %s", layer.pkg, dep)
					}
				}
			}
		})
	}
}

func dependencies(t *testing.T, pkg string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).CombinedOutput()
	if err != nil {
		t.Fatalf("go list -deps %s: %v\n%s", pkg, err, out)
	}
	return strings.Fields(string(out))
}
