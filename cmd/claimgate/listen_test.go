package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// TestListenHints: whoever cannot listen learns why and what to do.
func TestListenHints(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	dir := t.TempDir()
	plain := filepath.Join(dir, "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ address, hint string }{
		"port in use":   {taken.Addr().String(), "another process has this address"},
		"no directory":  {"unix://" + dir + "/none/x.sock", "make the directory"},
		"no socket":     {"unix://" + plain, "does not exist yet"},
		"not this host": {"192.0.2.1:0", "no interface of this machine"},
	} {
		_, err := open("health", config.Listener{Address: tc.address})
		var f *failure
		if !errors.As(err, &f) || !strings.Contains(f.hint, tc.hint) || !strings.Contains(f.Error(), "health.address: ") {
			t.Errorf("%s: %v, hint %+v", name, err, f)
		}
	}
}
