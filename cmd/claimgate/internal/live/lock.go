package live

import (
	"context"
	"errors"
	"io"
	"time"

	"go.uber.org/zap"
)

// lockFile is the file in the state directory whose lock says which process writes
// there. It stays there: without it two would lock two files.
const lockFile = "lock"

// lockEvery is how often a process that found the state directory another's looks
// whether that one has ended.
const lockEvery = time.Second

// ErrInUse says that another process has the state directory.
var ErrInUse = errors.New("another process has it")

// occupy makes the state directory this process's. Where another has it, as the old
// process has while a new one begins, this one only reads, and takes it over later.
// That is about what tenants had: each file of keys is whole whoever writes it.
func (c *Configuration) occupy(dir string) {
	if c.opts.Lock == nil || c.memory == nil {
		return
	}
	lock, err := c.opts.Lock(dir)
	switch {
	case errors.Is(err, ErrInUse):
		c.barred = true
		c.opts.Log.Warn("another process has stateDir: what tenants had is read there, and is written there when that process has ended; a directory is for one process",
			zap.String("stateDir", dir))
	case err != nil:
		c.opts.Log.Warn("stateDir cannot be locked: see to it that no other process has it", zap.String("stateDir", dir), zap.Error(err))
	default:
		c.lock = lock
	}
}

// takeOver keeps everything in the state directory from now on, where the process
// that had it has ended. What that one wrote last, it wrote of the same files.
func (c *Configuration) takeOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.barred {
		return true
	}
	lock, err := c.opts.Lock(c.memory.dir)
	if err != nil {
		return false
	}
	c.lock, c.barred = lock, false
	c.remember(c.world, c.world, true)
	c.opts.Log.Info("stateDir is this process's now", zap.String("stateDir", c.memory.dir))
	status := c.Status()
	status.Remembers = c.remembers()
	c.status.Store(&status)
	c.opts.Observe(status)
	return true
}

// waitForState takes the state directory over as soon as it can, until ctx ends.
func (c *Configuration) waitForState(ctx context.Context) {
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	for !c.takeOver() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// leave lets another process have the state directory. Nothing is written there
// any more.
func (c *Configuration) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.barred = c.opts.Lock != nil
	c.unlock()
}

func (c *Configuration) unlock() {
	if c.lock != nil {
		_ = c.lock.Close() // the end of the process does the same
		c.lock = nil
	}
}

// remembers reports whether what is accepted is written to the state directory.
func (c *Configuration) remembers() bool { return c.memory != nil && !c.forgetful && !c.barred }

// Lock makes this process the only one that writes to a state directory until what
// it returns is closed. The error is ErrInUse where another process has it.
type Lock func(dir string) (io.Closer, error)
