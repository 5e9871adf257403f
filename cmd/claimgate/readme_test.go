package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
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

// TestReadmeConfiguration: the configurations on the first page are good, as
// they stand: one tenant, then a platform with a file of a tenant.
func TestReadmeConfiguration(t *testing.T) {
	blocks := strings.Split(readme(t), "```yaml\n")[1:]
	for i := range blocks {
		blocks[i], _, _ = strings.Cut(blocks[i], "```")
	}
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of YAML", len(blocks))
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("tenants/acme.yaml", blocks[2])
	for i, want := range []string{"ok (1 tenant, 1 issuer, 1 rule)", "ok (1 tenant, 1 issuer, 2 rules)"} {
		summary, warnings, err := compile(write("claimgate.yaml", blocks[i]))
		if err != nil || len(warnings) > 0 || summary != want {
			t.Errorf("block %d: %q, %v, %v", i, summary, warnings, err)
		}
	}
}

// TestReadmePromises: every suite that the table of promises names exists in
// the packages that it names.
func TestReadmePromises(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| (P[0-9]) \\| .* \\| `TestP[0-9]\\*` in ([^;|]*)")
	quoted := regexp.MustCompile("`([a-z/]+)`")
	rows := row.FindAllStringSubmatch(readme(t), -1)
	if len(rows) < 8 {
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

// TestP3TheReadmeHasTheDefaultsOfTheKeyContract compares its table with the
// reference, whose defaults are those that the loader applies.
func TestP3TheReadmeHasTheDefaultsOfTheKeyContract(t *testing.T) {
	_, section, _ := strings.Cut(readme(t), "### The key contract\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1)
	if len(rows) != 6 {
		t.Errorf("%d rows with a default", len(rows))
	}
	for _, row := range rows {
		want := fmt.Sprintf("\nissuers[].keys.%s (duration, default %s)\n", row[1], row[2])
		if !strings.Contains(config.Reference(), want) {
			t.Errorf("the reference does not have%s", want)
		}
	}
}

// TestSecurityTests: every test and table of attacks that SECURITY.md names is
// there.
func TestSecurityTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		tests.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+|[a-z]+Attacks)`").FindAllStringSubmatch(string(text), -1)
	if len(names) < 20 {
		t.Fatalf("%d names", len(names))
	}
	for _, name := range names {
		if !strings.Contains(tests.String(), "\nfunc "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
}
