package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew")

// check loads and builds a file as `claimgate check` does.
func check(t testing.TB, file string) (mistakes, warnings Problems) {
	t.Helper()
	document, err := Load(file)
	if err == nil {
		var built *Built
		if built, err = document.Build(Runtime{}); err == nil {
			return nil, built.Warnings
		}
	}
	if !errors.As(err, &mistakes) {
		t.Fatalf("%s: the error is no Problems: %v", file, err)
	}
	return mistakes, nil
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant (%s; -update writes it anew)\n%s", got, file, want)
	}
}

func goldenFiles(t *testing.T, pattern string, least int) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) < least {
		t.Fatalf("%d files of %s, %v", len(files), pattern, err)
	}
	return files
}

func TestBadFiles(t *testing.T) {
	for _, file := range goldenFiles(t, "testdata/bad/*.yaml", 100) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			mistakes, _ := check(t, file)
			if len(mistakes) == 0 {
				t.Fatal("the file was accepted")
			}
			for _, p := range mistakes {
				if p.File == "" || p.Line < 1 || p.Column < 1 || p.Message == "" || p.Warning {
					t.Errorf("incomplete problem: %+v", p)
				}
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", filepath.ToSlash(mistakes.Error())+"\n")
		})
	}
}

func TestWarnings(t *testing.T) {
	for _, file := range goldenFiles(t, "testdata/warn/*.yaml", 5) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			mistakes, warnings := check(t, file)
			if len(mistakes) > 0 {
				t.Fatal(mistakes)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", filepath.ToSlash(warnings.Error())+"\n")
		})
	}
}
