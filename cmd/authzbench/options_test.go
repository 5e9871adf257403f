package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// optionsIn returns the names of the options of package grpc that a function
// makes.
func optionsIn(t *testing.T, glob, function string) []string {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == function {
				ast.Inspect(f.Body, func(n ast.Node) bool { noteOption(names, n); return true })
			}
		}
	}
	if len(names) == 0 {
		t.Fatalf("no options in %s of %s", function, glob)
	}
	return slices.Sorted(maps.Keys(names))
}

func noteOption(names map[string]bool, n ast.Node) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return
	}
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
		if p, ok := selector.X.(*ast.Ident); ok && p.Name == "grpc" {
			names[selector.Sel.Name] = true
		}
	}
}

// TestOptionsAreClaimgates holds that the yardsticks have the options that
// claimgate has.
func TestOptionsAreClaimgates(t *testing.T) {
	own := []string{"Creds", "ForceServerCodecV2", "StreamInterceptor", "UnaryInterceptor"}
	want := slices.DeleteFunc(optionsIn(t, "../../envoy/*.go", "grpcOptions"), func(name string) bool { return slices.Contains(own, name) })
	if got := optionsIn(t, "options.go", "claimgateOptions"); !slices.Equal(got, want) {
		t.Errorf("the yardsticks have\n%v\nand claimgate has\n%v", got, want)
	}
}

// TestProcessIsClaimgates holds that the yardsticks' collector has the
// percentage that claimgate gives a small heap.
func TestProcessIsClaimgates(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "claimgate", "runtime.go"))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("mostPercent  = %d\n", gcPercent); !strings.Contains(string(text), want) {
		t.Errorf("runtime.go of claimgate does not say %q", want)
	}
}
