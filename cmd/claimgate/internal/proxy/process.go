package proxy

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one child process and the tail of what it wrote.
type process struct {
	cmd    *exec.Cmd
	output tail
	ended  chan struct{} // closed once the child was waited for
	err    error         // of Wait; read after ended
}

// start starts the child. The goroutine that starts it keeps its thread until
// the child has ended, since on Linux the death signal follows the thread and
// not the process of the parent.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	cmd.SysProcAttr = dieWithParent()
	started := make(chan error, 1)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return p, nil
}

// alive reports whether the child has not ended yet.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// stop asks the child to end, insists after grace, and returns once it ended.
func (p *process) stop(grace time.Duration) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		_ = p.cmd.Process.Kill() // no such signal on this platform, or ended
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// failure describes an end that nobody asked for.
func (p *process) failure(what string) error {
	text := "proxy: " + what
	if logs := strings.TrimSpace(p.output.String()); logs != "" {
		text += "; it wrote:\n" + logs
	}
	return errors.New(text)
}

// tailBytes is how much of a child's output is kept.
const tailBytes = 64 << 10

// tail is a writer that keeps the end of what was written.
type tail struct {
	mu   sync.Mutex
	data []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if extra := len(t.data) - tailBytes; extra > 0 {
		t.data = append(t.data[:0], t.data[extra:]...)
	}
	return len(p), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
