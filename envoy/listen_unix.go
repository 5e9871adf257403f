//go:build unix

package envoy

import "syscall"

// restrictMode gives a socket its mode before it gets a path, so that there is
// no moment with a wider one. Where the system cannot do that, the change of
// mode after binding remains.
func restrictMode(conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), socketMode) })
}
