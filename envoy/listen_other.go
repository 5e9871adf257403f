//go:build !unix

package envoy

import "syscall"

// restrictMode does nothing where sockets have no mode.
func restrictMode(syscall.RawConn) error { return nil }
