package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// declaredFunctions are the names of all functions in test files, nested modules
// included.
func declaredFunctions(t *testing.T) []string {
	t.Helper()
	form := regexp.MustCompile(`(?m)^func (\w+)\(`)
	var names []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".build" || entry.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, match := range form.FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
		return err
	})
	if err != nil || len(names) < 1000 {
		t.Fatalf("%d functions, %v", len(names), err)
	}
	return names
}

// TestCitedTestsExist: the documents point to tests by their names, and what is
// not there proves nothing. A name that ends in * stands for all that begin so.
func TestCitedTestsExist(t *testing.T) {
	declared := declaredFunctions(t)
	form := regexp.MustCompile("`((?:(?:Test|Fuzz)[A-Z]\\w*|[a-z]\\w*Attacks)\\*?)`")
	for document, least := range map[string]int{"SECURITY.md": 100, "README.md": 10} {
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		cited := form.FindAllStringSubmatch(string(text), -1)
		if len(cited) < least {
			t.Errorf("%s cites %d tests, which are fewer than it did", document, len(cited))
		}
		for _, match := range cited {
			start, many := strings.CutSuffix(match[1], "*")
			if !slices.ContainsFunc(declared, func(name string) bool { return name == start || many && strings.HasPrefix(name, start) }) {
				t.Errorf("%s: there is no test %s", document, match[1])
			}
		}
	}
}

// TestThreatModelIsProved: each row of the table of attackers names a test.
func TestThreatModelIsProved(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Threat model\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := regexp.MustCompile(`(?m)^\|.*\|$`).FindAllString(section, -1)
	if len(rows) < 15 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows[2:] {
		cells := strings.Split(row, "|")
		if len(cells) != 6 || !regexp.MustCompile("`(Test|Fuzz)").MatchString(cells[4]) {
			t.Errorf("no test proves %s", row)
		}
	}
	for _, attacker := range []string{"client", "tenant's administrator", "neighbouring workload", "network", "identity provider", "operator's own mistake"} {
		if !strings.Contains(section, attacker+"**") {
			t.Errorf("nothing is said of the attacker %q", attacker)
		}
	}
}
