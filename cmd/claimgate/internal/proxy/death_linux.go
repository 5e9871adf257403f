package proxy

import "syscall"

// dieWithParent has the kernel kill the child when the parent is gone, however
// the parent ended.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
