package envoy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	socketScheme = "unix://"
	socketMode   = 0o660
	// probeTimeout bounds the question whether a socket is alive.
	probeTimeout = time.Second
)

// Errors of Listen.
var (
	ErrAddress   = errors.New("the address is neither host:port nor unix:///path")
	ErrInUse     = errors.New("another process answers on the socket")
	ErrNotSocket = errors.New("the path exists and is not a socket")
)

// Listen opens `host:port`, or `unix:///path` with mode 0660. It replaces a
// socket that nobody answers on, never anything else that lies there, and
// removes its own socket when the listener is closed. An empty host means all
// addresses, port 0 any free port.
func Listen(address string) (net.Listener, error) {
	network, target, err := parseAddress(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", address, err)
	}
	var l net.Listener
	if network == "unix" {
		l, err = listenUnix(target)
	} else {
		l, err = new(net.ListenConfig).Listen(context.Background(), network, target)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", address, err)
	}
	return l, nil
}

// IsLocal reports whether an address of Listen can be reached from this machine
// only: a unix socket, 127.0.0.0/8, ::1 or `localhost`. A malformed address is
// not local.
func IsLocal(address string) bool {
	network, target, err := parseAddress(address)
	if err != nil {
		return false
	}
	if network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(target)
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func parseAddress(address string) (network, target string, err error) {
	if path, ok := strings.CutPrefix(address, socketScheme); ok {
		if !filepath.IsAbs(path) || strings.HasSuffix(path, "/") {
			return "", "", fmt.Errorf("%w: the path of a socket is absolute, as in unix:///run/claimgate/authz.sock", ErrAddress)
		}
		return "unix", path, nil
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrAddress, err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", "", fmt.Errorf("%w: the port is a number from 0 to 65535", ErrAddress)
	}
	return "tcp", address, nil
}

func listenUnix(path string) (net.Listener, error) {
	if err := clearSocket(path); err != nil {
		return nil, err
	}
	config := socketConfig()
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	unix, ok := l.(*net.UnixListener)
	if !ok {
		_ = l.Close()
		return nil, fmt.Errorf("a listener of type %T", l)
	}
	unix.SetUnlinkOnClose(false)
	return ownSocket(unix, path)
}

func socketConfig() net.ListenConfig {
	return net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error { return restrictMode(conn) }}
}

// ownSocket sets the exact mode and notes which file is ours.
func ownSocket(l *net.UnixListener, path string) (net.Listener, error) {
	if err := os.Chmod(path, socketMode); err != nil { // the proxy, in the socket's group, is to connect
		_ = l.Close()
		_ = os.Remove(path)
		return nil, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return &socketListener{UnixListener: l, path: path, info: info}, nil
}

// clearSocket removes a socket that nobody answers on.
func clearSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return ErrNotSocket
	}
	conn, err := (&net.Dialer{Timeout: probeTimeout}).DialContext(context.Background(), "unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		return ErrInUse
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return fmt.Errorf("ask the socket whether it is in use: %w", err)
	}
}

// socketListener removes its socket when it is closed, and no other that has
// taken its place since.
type socketListener struct {
	*net.UnixListener
	path string
	info fs.FileInfo
}

// Close implements net.Listener.
func (l *socketListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.info) {
		_ = os.Remove(l.path)
	}
	return l.UnixListener.Close()
}
