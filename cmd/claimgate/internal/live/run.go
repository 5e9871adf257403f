package live

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// How changes are noticed.
const (
	quiet     = 200 * time.Millisecond // after the last event of a burst
	gatherMax = 2 * time.Second        // the longest burst
	pollEvery = 30 * time.Second       // for file systems that tell nothing
	keysWait  = 5 * time.Second        // for changed key sources of live tenants
)

// Run watches the files until ctx ends, then returns once everything that it
// began has ended. Call it once, after Start.
func (c *Configuration) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer c.leave()
	defer running.Wait()
	running.Go(func() { c.waitForState(ctx) })
	watcher := c.watch()
	defer func() { _ = watcher.Close() }()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var gathering burst
	whole := true // the next look is at everything
	for {
		c.follow(watcher)
		c.fetch(ctx, &running)
		select {
		case <-ctx.Done():
			return
		case <-watcher.Changes():
			gathering.extend(time.Now())
			continue
		case <-c.wake:
			whole = true
			gathering.extend(time.Now())
			continue
		case <-gathering.over():
		case <-poll.C:
			whole = true
		}
		gathering.end()
		how := ask{only: changedOf(watcher)}
		if whole {
			how = ask{}
		}
		_, unripe := c.reload(how)
		if whole = false; unripe {
			gathering.extend(time.Now()) // what is in the making is looked at with whatever is named
		}
	}
}

// burst gathers events that come one upon the other.
type burst struct {
	began time.Time
	timer *time.Timer
}

// extend waits for another quiet time, though not for ever.
func (b *burst) extend(now time.Time) {
	if b.timer == nil {
		b.began = now
		b.timer = time.NewTimer(quiet)
		return
	}
	if now.Add(quiet).Sub(b.began) <= gatherMax {
		b.timer.Reset(quiet)
	}
}

// over tells when the burst is over; nil where there is none.
func (b *burst) over() <-chan time.Time {
	if b.timer == nil {
		return nil
	}
	return b.timer.C
}

func (b *burst) end() {
	if b.timer != nil {
		b.timer.Stop()
	}
	*b = burst{}
}

// watch opens the watcher; without one there is the poll.
func (c *Configuration) watch() Watcher {
	if c.opts.Watch == nil {
		return blind{}
	}
	watcher, err := c.opts.Watch()
	if err != nil {
		c.opts.Log.Warn("changes are noticed late, by looking every now and then", zap.Duration("every", pollEvery), zap.Error(err))
		return blind{}
	}
	return watcher
}

// blind is a watcher that sees nothing.
type blind struct{}

func (blind) Changes() <-chan struct{}             { return nil }
func (blind) Watch(string, []string) (bool, error) { return false, nil }
func (blind) Close() error                         { return nil }

// follow points the watcher at the directories of now, where they were listed
// since it did so before: the watcher looks at each of them, which would cost more
// than all else about one file that an event named. What changed before it watched
// is looked at once more.
func (c *Configuration) follow(watcher Watcher) {
	c.mu.Lock()
	listed, main, dirs := c.listed, c.mainPath(), c.dirs
	c.listed = false
	c.mu.Unlock()
	if !listed {
		return
	}
	began, _ := watcher.Watch(main, dirs) // what cannot be watched is polled, and told where it cannot be read
	if began {
		c.again()
	}
}

// fetch waits for the keys of versions that are to replace those of live
// tenants, beside everything else.
func (c *Configuration) fetch(ctx context.Context, running *sync.WaitGroup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 {
		return
	}
	keys := slices.Collect(maps.Keys(c.pending))
	maps.Copy(c.asked, c.pending)
	clear(c.pending)
	running.Go(func() {
		waiting, cancel := context.WithTimeout(ctx, keysWait)
		defer cancel()
		err := c.opts.Keys.WaitFirstFetches(waiting, keys...)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, context.DeadlineExceeded) {
			c.opts.Log.Warn("keys of a changed issuer did not come in time: it is put in force without", zap.Duration("waited", keysWait))
		}
		c.mu.Lock()
		for _, key := range keys {
			delete(c.asked, key)
			c.waited[key] = struct{}{}
		}
		c.mu.Unlock()
		c.again()
	})
}

// Reload looks at every file now, and compiles the main file again for the sake
// of the files that it refers to. It waits for files that are still being
// written.
func (c *Configuration) Reload(ctx context.Context) Result { return c.look(ctx, ask{all: true}) }

// Confirm lets happen what was reported as waiting: exactly that.
func (c *Configuration) Confirm(ctx context.Context) Result { return c.look(ctx, ask{confirm: true}) }

// Signal is what SIGHUP does: it confirms what was reported as waiting, if
// anything was, and looks at every file.
func (c *Configuration) Signal(ctx context.Context) Result {
	return c.look(ctx, ask{all: true, confirm: true})
}

// look reloads for somebody who wants to know: that nothing changed just now is
// no good news where something is bad.
func (c *Configuration) look(ctx context.Context, how ask) Result {
	result, unripe := c.reload(how)
	for unripe && settle(ctx) {
		var next Result
		if next, unripe = c.reload(ask{}); next != Unchanged {
			result = next
		}
	}
	if status := c.Status(); result == Unchanged && !status.Failing().IsZero() {
		return Refused
	}
	return result
}

// settle gives files that are being written their time; false: ctx ended.
func settle(ctx context.Context) bool {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
