package config

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// A file that is read again tells what it says by then, and which file it is.
func TestRereadTenantFile(t *testing.T) {
	dir := t.TempDir()
	path := write(t, "hosts: [a.example]\nissuers: [one]\nnonsense: 1\n", dir, "acme.yaml")
	first, err := ReadTenantFile(path)
	if !errors.As(err, new(Problems)) {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil { // so that its number is not used again
		t.Fatal(err)
	}
	write(t, string(first.Text()), dir, "acme.yaml")
	same, err := first.Reread()
	if !errors.As(err, new(Problems)) || same.doc != first.doc || os.SameFile(same.Info(), first.Info()) {
		t.Errorf("the same text: %v, decoded again %v", err, same.doc != first.doc)
	}
	write(t, "hosts: [b.example]\nissuers: [one]\n", dir, "acme.yaml")
	other, err := same.Reread()
	if err != nil || other.doc == first.doc || other.Hash() == first.Hash() {
		t.Errorf("another text: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if gone, err := other.Reread(); gone != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, %v", gone, err)
	}
}
