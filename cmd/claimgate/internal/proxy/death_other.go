//go:build !linux

package proxy

import "syscall"

// dieWithParent has no counterpart here: Stop and the context end the child.
func dieWithParent() *syscall.SysProcAttr { return nil }
