package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const mainHead = "apiVersion: claimgate.dev/v1alpha1\n" +
	"issuers:\n" +
	"  - {name: one, issuer: https://one.example, audiences: [api], algorithms: [RS256]}\n" +
	"  - {name: two, issuer: https://two.example, audiences: [api], algorithms: [RS256]}\n"

const tenantText = "hosts: [%s.example]\nissuers: [%s]\npolicy: {rules: [{name: all, action: allow, anyToken: true}]}\n"

// write makes a file and the directories above it.
func write(t testing.TB, text string, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func tenantNames(t *testing.T, file string) []string {
	t.Helper()
	document, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	built, err := document.Build(Runtime{})
	if err != nil {
		t.Fatal(err)
	}
	return built.Snapshot.TenantNames()
}

// A ConfigMap is mounted as links to files below ..data, which itself is a
// link to a directory with a date for a name.
func TestConfigMapDirectory(t *testing.T) {
	dir := t.TempDir()
	file := write(t, mainHead+"tenantDirs: [{path: tenants}]\n", dir, "claimgate.yaml")
	write(t, fmt.Sprintf(tenantText, "acme", "one"), dir, "tenants", "..2026_11_25", "acme.yaml")
	write(t, fmt.Sprintf(tenantText, "globex", "two"), dir, "tenants", "..2026_11_25", "globex.yaml")
	link(t, "..2026_11_25", filepath.Join(dir, "tenants", "..data"))
	link(t, "..data/acme.yaml", filepath.Join(dir, "tenants", "acme.yaml"))
	link(t, "..data/globex.yaml", filepath.Join(dir, "tenants", "globex.yaml"))
	if got := tenantNames(t, file); !slices.Equal(got, []string{"acme", "globex"}) {
		t.Errorf("tenants %v", got)
	}
}

func TestTenantDirectories(t *testing.T) {
	dir := t.TempDir()
	file := write(t, mainHead+"tenantDirs: [{path: tenants}]\n", dir, "claimgate.yaml")
	write(t, fmt.Sprintf(tenantText, "acme", "one"), dir, "tenants", "deep", "er", "acme.yaml")
	write(t, fmt.Sprintf(tenantText, "globex", "two"), dir, "elsewhere", "globex.yaml")
	write(t, "not a tenant", dir, "tenants", "notes.txt")
	link(t, "../elsewhere", filepath.Join(dir, "tenants", "linked"))
	if got := tenantNames(t, file); !slices.Equal(got, []string{"acme", "globex"}) {
		t.Errorf("tenants %v", got)
	}

	link(t, "..", filepath.Join(dir, "tenants", "loop"))
	wantProblem(t, file, "leads back to itself")
	if err := os.Remove(filepath.Join(dir, "tenants", "loop")); err != nil {
		t.Fatal(err)
	}
	link(t, "nowhere.yaml", filepath.Join(dir, "tenants", "dangling.yaml"))
	wantProblem(t, file, "dangling.yaml:1:1: the file cannot be read")
}

func wantProblem(t *testing.T, file, message string) {
	t.Helper()
	_, err := Load(file)
	if err == nil || !strings.Contains(err.Error(), message) {
		t.Errorf("got %v, want a problem with %q", err, message)
	}
}

func TestMainFileMissing(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "claimgate.yaml"))
	var problems Problems
	if !errors.Is(err, os.ErrNotExist) || errors.As(err, &problems) {
		t.Errorf("got %v, want an error about a missing file", err)
	}
}

// Limits: a main file of more than 4 MiB and a tenant file of more than 1 MiB.
func TestFileSizes(t *testing.T) {
	dir := t.TempDir()
	wantProblem(t, write(t, "# "+strings.Repeat("x", maxMainBytes)+"\n", dir, "big.yaml"), "more than 4194304 bytes")
	file := write(t, mainHead+"tenantDirs: [{path: tenants}]\n", dir, "claimgate.yaml")
	write(t, "# "+strings.Repeat("x", maxTenantBytes)+"\n", dir, "tenants", "acme.yaml")
	wantProblem(t, file, "more than 1048576 bytes")
	many := "apiVersion: claimgate.dev/v1alpha1\nownedHeaders: [" + strings.Repeat("a,", maxNodes) + "]\n"
	wantProblem(t, write(t, many, dir, "many.yaml"), "more than 100000 keys and values")
	deep := "apiVersion: claimgate.dev/v1alpha1\nownedHeaders: " + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "\n"
	wantProblem(t, write(t, deep, dir, "deep.yaml"), "nested more than 64 deep")
}

func TestFiveMistakesAtOnce(t *testing.T) {
	_, err := Load("testdata/bad/five-mistakes.yaml")
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 5 {
		t.Errorf("got %d problems, want 5:\n%v", len(problems), err)
	}
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml", "testdata/warn/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "/") && strings.Contains(string(data), "tenantDirs") {
			return // must not wander about the machine
		}
		mistakes, warnings := check(t, write(t, string(data), dir, "claimgate.yaml"))
		for _, p := range append(mistakes, warnings...) {
			if p.File == "" || p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Fatalf("incomplete problem: %+v", p)
			}
		}
	})
}
