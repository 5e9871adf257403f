package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestStateDirectoryIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	for range 2 {
		store, err := openState(dir, nil)
		if err != nil || store == nil {
			t.Fatalf("openState = %v, %v", store, err)
		}
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v, want 0700", info.Mode(), err)
	}
}

func TestStateDirectoryIsNotMended(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(dir, nil); err == nil {
		t.Error("a directory that everybody can write to is taken")
	}
	if _, err := openState(filepath.Join(dir, "a", "b"), nil); err == nil {
		t.Error("directories are made around the state directory")
	}
}
