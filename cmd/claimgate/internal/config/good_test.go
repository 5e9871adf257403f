package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goodFiles are the configurations that must load and build: those of
// testdata and the examples.
func goodFiles(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"testdata/good/*.yaml", "../../../../examples/*/claimgate.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 5 {
		t.Fatalf("only %d good files", len(files))
	}
	return files
}

func TestGoodFiles(t *testing.T) {
	t.Setenv("CLAIMGATE_HASH_KEY", "0123456789abcdef0123456789abcdef")
	for _, file := range goodFiles(t) {
		t.Run(filepath.ToSlash(file), func(t *testing.T) {
			document, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			built, err := document.Build(Runtime{Generation: 7})
			if err != nil {
				t.Fatal(err)
			}
			if built.Snapshot == nil || built.Snapshot.Generation() != 7 || len(built.Snapshot.TenantNames()) == 0 {
				t.Errorf("no snapshot of generation 7 with tenants")
			}
			if built.Settings.Listen.Address == "" {
				t.Error("no listening address")
			}
			for _, warning := range built.Warnings {
				if !warning.Warning {
					t.Errorf("a mistake among the warnings: %v", warning)
				}
			}
		})
	}
}

// The file in the head of the reference is one that works.
func TestReferenceExample(t *testing.T) {
	_, example, _ := strings.Cut(referenceHead, "useful file:\n")
	example, _, _ = strings.Cut(example, "\nA file of")
	mistakes, warnings := check(t, write(t, example, t.TempDir(), "claimgate.yaml"))
	if len(mistakes) > 0 || len(warnings) > 0 || !strings.Contains(example, "tenants:") {
		t.Errorf("%v %v in\n%s", mistakes, warnings, example)
	}
}

// The file that has everything names each field that there is.
func TestEveryFieldIsTried(t *testing.T) {
	text, err := os.ReadFile("testdata/good/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^(\S+) \(`).FindAllStringSubmatch(Reference(), -1) {
		path := strings.Split(strings.ReplaceAll(match[1], "[]", ""), ".")
		field := path[len(path)-1]
		if !regexp.MustCompile(`[\s{]` + field + `:`).Match(text) {
			t.Errorf("%s is not tried", match[1])
		}
	}
}
