package envoy

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// socketPath returns a path short enough for a socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func TestListenUnix(t *testing.T) {
	path := socketPath(t)
	listener, err := Listen("unix://" + path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v; want a socket of mode 0660", info.Mode(), err)
	}
	if _, err := Listen("unix://" + path); !errors.Is(err, ErrInUse) {
		t.Errorf("a second listener: %v, want %v", err, ErrInUse)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after closing: %v, want no socket", err)
	}
	if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second close: %v", err)
	}
}

func TestListenReplacesStaleSocket(t *testing.T) {
	path := socketPath(t)
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	listener, err := Listen("unix://" + path)
	if err != nil {
		t.Fatalf("over a stale socket: %v", err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Errorf("nobody answers: %v", err)
	} else {
		_ = conn.Close()
	}
	_ = listener.Close()
}

// TestListenKeepsOthers: nothing but a stale socket is ever removed.
func TestListenKeepsOthers(t *testing.T) {
	path := socketPath(t)
	dir := filepath.Dir(path)
	file, link, sub := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "sub")
	if err := errors.Join(os.WriteFile(file, []byte("precious"), 0o600), os.Symlink(file, link), os.Mkdir(sub, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{file, link, sub} {
		if _, err := Listen("unix://" + other); !errors.Is(err, ErrNotSocket) {
			t.Errorf("%s: %v, want %v", other, err, ErrNotSocket)
		}
	}
	datagrams, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = datagrams.Close() }()
	if _, err := Listen("unix://" + path); err == nil || errors.Is(err, ErrInUse) {
		t.Errorf("a socket of another type, which somebody reads: %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("a socket of another type is gone: %v", err)
	}
	if text, err := os.ReadFile(link); err != nil || string(text) != "precious" {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

// TestCloseKeepsSuccessor: who was replaced does not remove who replaced it.
func TestCloseKeepsSuccessor(t *testing.T) {
	path := socketPath(t)
	first, err := Listen("unix://" + path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := Listen("unix://" + path)
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the successor's socket is gone: %v", err)
	}
	_ = second.Close()
}

func TestListenAddresses(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1", ":", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", "unix://relative", "unix:///", "unix://", "unix:/x", "unix:///x/", "::1:80", "http://127.0.0.1:80"} {
		if l, err := Listen(address); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v, %v; want %v", address, l, err, ErrAddress)
		}
	}
	if _, err := Listen("unix://" + filepath.Join(socketPath(t), "missing", "s")); err == nil || errors.Is(err, ErrAddress) {
		t.Errorf("a missing directory: %v", err)
	}
	file := socketPath(t)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix://" + filepath.Join(file, "s")); err == nil || errors.Is(err, ErrNotSocket) {
		t.Errorf("below a file: %v", err)
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(l.Addr().String()); err == nil {
		t.Error("a port was opened twice")
	}
	_ = l.Close()
}

func TestIsLocal(t *testing.T) {
	for address, want := range map[string]bool{
		"unix:///run/x.sock": true, "127.0.0.1:80": true, "127.1.2.3:80": true, "[::1]:80": true, "localhost:80": true, "LocalHost:80": true, "[::ffff:127.0.0.1]:80": true,
		"0.0.0.0:80": false, "[::]:80": false, ":80": false, "10.0.0.1:80": false, "localhost.example:80": false, "127.0.0.1.example:80": false,
		"localhost": false, "": false, "unix://x": false, "[::ffff:10.0.0.1]:80": false, "127.1:80": false,
	} {
		if got := IsLocal(address); got != want {
			t.Errorf("%q: %v, want %v", address, got, want)
		}
	}
}
