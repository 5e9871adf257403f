package dirwatch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestOneDirectoryOfTwoNames: a directory that links lead to as well is watched
// by one of its names, and that begins once.
func TestOneDirectoryOfTwoNames(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.Mkdir(target, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	w, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	for round, tc := range []struct {
		dirs []string
		want bool
	}{
		{[]string{dir, target, link}, true},
		{[]string{link, dir, target}, false},
		{[]string{target, link, dir, target}, false},
		{[]string{link}, true}, // by its other name from now on
		{[]string{target, link}, false},
		{[]string{target}, true},
		{[]string{target}, false},
	} {
		if began, err := w.Watch(tc.dirs); err != nil || began != tc.want {
			t.Errorf("round %d: began %v, want %v; %v", round, began, tc.want, err)
		}
		w.Changed()
		if err := os.WriteFile(filepath.Join(target, "file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for seen := false; !seen; {
			select {
			case <-w.Changes():
				paths, _ := w.Changed()
				seen = slices.ContainsFunc(paths, func(path string) bool { return filepath.Base(path) == "file" })
			case <-time.After(10 * time.Second):
				t.Fatalf("round %d: a file is not seen", round)
			}
		}
	}
}
