package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// code is what a package declares.
type code struct {
	scope *types.Scope
	tests []string
}

// parsed reads a package of ours by its path below the module.
func parsed(t *testing.T, dir string) code {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	set, c := token.NewFileSet(), code{}
	var sources []*ast.File
	for _, name := range files {
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			sources = append(sources, file)
			continue
		}
		for _, declared := range file.Decls {
			if function, ok := declared.(*ast.FuncDecl); ok {
				c.tests = append(c.tests, function.Name.Name)
			}
		}
	}
	// What is imported is of no interest to a constant, and remains unknown.
	settings := types.Config{Error: func(error) {}, IgnoreFuncBodies: true, FakeImportC: true}
	pkg, _ := settings.Check(dir, set, sources, nil)
	c.scope = pkg.Scope()
	return c
}

// TestLimitsAreThoseInForce compares the page with the constants, and holds that
// there is a test for each limit.
func TestLimitsAreThoseInForce(t *testing.T) {
	packages := map[string]code{}
	read := func(dir string) code {
		if _, ok := packages[dir]; !ok {
			packages[dir] = parsed(t, dir)
		}
		return packages[dir]
	}
	seen := map[string]bool{}
	for _, group := range limits() {
		for _, l := range group.limits {
			dir, name, _ := strings.Cut(l.source, ".")
			if seen[l.source] {
				t.Errorf("%s stands twice", l.source)
			}
			seen[l.source] = true
			if dir == "cache" {
				if !strings.Contains(config.Reference(), fmt.Sprintf("\n%s (number, default %d)\n", l.source, l.amount)) {
					t.Errorf("%s: the default is not %d", l.source, l.amount)
				}
				dir = "authz/token"
			} else if found, ok := read(dir).scope.Lookup(name).(*types.Const); !ok || found.Val().Kind() != constant.Int || found.Val().ExactString() != fmt.Sprint(l.amount) {
				t.Errorf("%s: %v, and the page says %d", l.source, found, l.amount)
			}
			if !slices.Contains(read(dir).tests, l.test) {
				t.Errorf("%s: %s has no test %s", l.what, dir, l.test)
			}
		}
	}
}

// TestLimitsPage holds that every limit is on the page, and that what is named
// as a reason is one.
func TestLimitsPage(t *testing.T) {
	page := limitsPage()
	reasons := map[string]bool{}
	for _, reason := range authz.Reasons() {
		reasons[reason.String()] = true
	}
	for _, group := range limits() {
		for _, l := range group.limits {
			if !strings.Contains(page, l.what) || !strings.Contains(page, l.size()+"  "+l.beyond) || !strings.Contains(page, l.test) {
				t.Errorf("%s is not on the page", l.what)
			}
			first, _, _ := strings.Cut(l.beyond, ",")
			if strings.Contains(first, "_") && !reasons[first] {
				t.Errorf("%s: %s is no reason", l.what, first)
			}
		}
	}
	for _, line := range strings.Split(page, "\n") {
		if len(line) > 120 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
}

// TestP8WaitingLeavesRoomForCachedTokens holds that whatever may wait, in the
// queues of verifications and for keys, never makes up all the checks that may be
// in progress: a cached token, which waits for nothing, is not refused for it.
func TestP8WaitingLeavesRoomForCachedTokens(t *testing.T) {
	const room = 256
	amounts := map[string]int{}
	for _, group := range limits() {
		for _, l := range group.limits {
			amounts[l.source] = l.amount
		}
	}
	waiting := 0
	for _, source := range []string{
		"authz/token.maxQueueTotal", "authz/token.maxJoinedTotal", "authz/jwks.maxWaitingTotal", "authz/jwks.maxWaitingFirst",
	} {
		if amounts[source] == 0 {
			t.Errorf("there is no limit %s", source)
		}
		waiting += amounts[source]
	}
	if all := amounts["envoy.DefaultMaxInFlight"]; waiting+room > all {
		t.Errorf("%d checks may wait, of %d", waiting, all)
	}
}
