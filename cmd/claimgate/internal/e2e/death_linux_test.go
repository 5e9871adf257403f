package e2e

import "syscall"

// dieWithParent has the kernel kill the child when the parent is gone.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
