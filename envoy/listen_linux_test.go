package envoy

import (
	"os"
	"testing"
)

// TestSocketsAreNeverWider than they are meant to be: their mode is that from
// the first moment on, before any change of it.
func TestSocketsAreNeverWider(t *testing.T) {
	path, config := socketPath(t), socketConfig()
	l, err := config.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm()&^socketMode != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
