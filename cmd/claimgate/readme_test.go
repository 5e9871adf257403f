package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeConfiguration: the configuration on the first page is good.
func TestReadmeConfiguration(t *testing.T) {
	_, block, _ := strings.Cut(readme(t), "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	file := filepath.Join(t.TempDir(), "claimgate.yaml")
	if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
		t.Fatal(err)
	}
	summary, warnings, err := compile(file)
	if err != nil || len(warnings) > 0 || summary != "ok (1 tenant, 1 issuer, 1 rule)" {
		t.Errorf("%q, %v, %v", summary, warnings, err)
	}
}

// TestReadmePromises: every suite that the table of promises names exists in
// the packages that it names.
func TestReadmePromises(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| (P[0-9]) \\| .* \\| `TestP[0-9]\\*` in ([^;|]*)")
	quoted := regexp.MustCompile("`([a-z/]+)`")
	rows := row.FindAllStringSubmatch(readme(t), -1)
	if len(rows) < 5 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, match := range rows {
		packages := quoted.FindAllStringSubmatch(match[2], -1)
		if len(packages) == 0 {
			t.Errorf("%s names no package", match[1])
		}
		for _, dir := range packages {
			if !hasTest(t, filepath.Join(root, dir[1]), "func Test"+match[1]) {
				t.Errorf("there is no Test%s* in %s", match[1], dir[1])
			}
		}
	}
}

func hasTest(t *testing.T, dir, start string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\n"+start) {
			return true
		}
	}
	return false
}

// TestLinks: what the documents link to is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	examples, err := filepath.Glob(filepath.Join(root, "examples/*/README.md"))
	if err != nil || len(examples) < 2 {
		t.Fatalf("%d examples with a README, %v", len(examples), err)
	}
	for _, document := range append(examples, root+"/README.md", root+"/SECURITY.md", root+"/CHANGELOG.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), match[1])); err != nil {
				t.Errorf("%s: %v", document, err)
			}
		}
	}
}
