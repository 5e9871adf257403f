package certs

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/dirwatch"
)

// How changes are noticed.
const (
	quiet     = 200 * time.Millisecond // after the last event of a burst
	gatherMax = 2 * time.Second        // the longest burst
	patience  = 2 * time.Second        // with files that do not fit each other yet
	pollEvery = 30 * time.Second       // for file systems that tell nothing, and certificates that begin later
)

// Watcher tells that something changed on disk. It may tell too often, and what
// it misses a slow poll finds.
type Watcher interface {
	Changes() <-chan struct{}
	// Watch watches these directories from now on, and no others.
	Watch(dirs []string) error
	Close() error
}

// Run follows the files until ctx ends. Call it once.
func (s *Store) Run(ctx context.Context) {
	watcher, err := s.opts.Watch()
	if err != nil {
		s.opts.Log.Warn("replaced certificates are noticed late, by looking every now and then",
			zap.String("listener", s.opts.Listener), zap.Duration("every", pollEvery), zap.Error(err))
		watcher = blind{}
	}
	defer func() { _ = watcher.Close() }()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	due := time.NewTimer(0) // what changed before the watch began
	defer due.Stop()
	var burst, unsettled time.Time // since when; zero: none
	for {
		_ = watcher.Watch(s.dirs()) // what cannot be watched is polled
		select {
		case <-ctx.Done():
			return
		case <-s.moved:
			due.Reset(0) // what changed before the watch of the other files begins
			continue
		case <-watcher.Changes():
			now := time.Now()
			if burst.IsZero() {
				burst = now
			}
			due.Reset(min(quiet, max(0, burst.Add(gatherMax).Sub(now))))
			continue
		case <-due.C:
		case <-poll.C:
		}
		burst, unsettled = time.Time{}, s.settle(unsettled, due)
	}
}

// settle looks at the files, and asks for another look where they are not all
// good, for a while.
func (s *Store) settle(since time.Time, due *time.Timer) time.Time {
	now := time.Now()
	final := !since.IsZero() && now.Sub(since) >= patience
	if !s.look(final) {
		return time.Time{}
	}
	due.Reset(quiet)
	if since.IsZero() {
		return now
	}
	return since
}

// dirs returns the directories in which a change can concern the files: of each
// file, of each link on the way to it, and of what they point to in the end.
func (s *Store) dirs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var dirs []string
	for _, p := range s.parts {
		for _, file := range p.files {
			dirs = append(dirs, dirsOf(file)...)
		}
	}
	return dirs
}

// maxLinks bounds chains of links, which may be circles.
const maxLinks = 16

func dirsOf(file string) []string {
	var dirs []string
	for at, n := filepath.Clean(file), 0; n < maxLinks; n++ {
		if dir, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil { // so that one directory has one name
			dirs = append(dirs, dir)
		}
		target, err := os.Readlink(at)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(at), target)
		}
		at = target
	}
	if target, err := filepath.EvalSymlinks(file); err == nil {
		dirs = append(dirs, filepath.Dir(target))
	}
	return dirs
}

// blind sees nothing.
type blind struct{}

func (blind) Changes() <-chan struct{} { return nil }
func (blind) Watch([]string) error     { return nil }
func (blind) Close() error             { return nil }

// directories watches by the file system's own events.
type directories struct{ *dirwatch.Watcher }

// WatchFiles returns a watcher of the file system's own events.
func WatchFiles() (Watcher, error) {
	watcher, err := dirwatch.New(nil)
	if err != nil {
		return nil, err
	}
	return directories{watcher}, nil
}

// Watch implements Watcher.
func (d directories) Watch(dirs []string) error {
	_, err := d.Watcher.Watch(dirs)
	return err
}
