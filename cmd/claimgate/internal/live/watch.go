package live

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// Watcher tells that something changed on disk. It may tell too often, and what
// it misses a slow poll finds.
type Watcher interface {
	// Changes tells of one change or of many.
	Changes() <-chan struct{}
	// Watch watches the main file and these directories from now on, and
	// no others. It reports whether it began to watch something: what changed
	// there before is still to be looked at. What cannot be watched is in the
	// error.
	Watch(main string, dirs []string) (began bool, err error)
	Close() error
}

// directories watches directories, since a file that is replaced by rename, as
// editors and ConfigMap volumes do, is another one and can be seen only there.
// The directory above each one is watched for the day it is replaced itself.
type directories struct {
	events  *fsnotify.Watcher
	changes chan struct{}
	done    chan struct{}
	watched map[string]os.FileInfo // as they were when the watch began
	targets chan targets           // in force; holds one
}

// targets are what a change must concern.
type targets struct {
	names map[string]bool // paths of the main file and of directories
	dirs  map[string]bool // directories whose files are of interest
}

// WatchDirectories returns a watcher of the file system's own events.
func WatchDirectories() (Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	d := &directories{
		events: events, changes: make(chan struct{}, 1), done: make(chan struct{}),
		watched: map[string]os.FileInfo{}, targets: make(chan targets, 1),
	}
	d.targets <- targets{}
	go d.forward()
	return d, nil
}

// Changes implements Watcher.
func (d *directories) Changes() <-chan struct{} { return d.changes }

// Close implements Watcher.
func (d *directories) Close() error {
	err := d.events.Close()
	<-d.done
	return err
}

// forward folds events that concern us into one.
func (d *directories) forward() {
	defer close(d.done)
	for {
		select {
		case event, open := <-d.events.Events:
			if !open {
				return
			}
			if !d.concerns(event.Name) {
				continue
			}
		case _, open := <-d.events.Errors: // such as an overflow: anything may have changed
			if !open {
				return
			}
		}
		select {
		case d.changes <- struct{}{}:
		default:
		}
	}
}

// concerns reports whether a change of that path can matter. Hidden files are
// the drafts of editors, but for `..data` and the like of mounted ConfigMaps.
func (d *directories) concerns(path string) bool {
	t := <-d.targets
	d.targets <- t
	name := filepath.Base(path)
	if t.names[path] || strings.HasPrefix(name, "..") {
		return true
	}
	return t.dirs[filepath.Dir(path)] && !strings.HasPrefix(name, ".")
}

// Watch implements Watcher.
func (d *directories) Watch(main string, dirs []string) (began bool, err error) {
	next := targets{names: map[string]bool{filepath.Clean(main): true}, dirs: map[string]bool{}}
	wanted := map[string]bool{filepath.Dir(filepath.Clean(main)): true}
	for _, dir := range dirs {
		dir = filepath.Clean(dir)
		next.names[dir], next.dirs[dir] = true, true
		wanted[dir], wanted[filepath.Dir(dir)] = true, true
	}
	<-d.targets
	d.targets <- next
	for dir := range d.watched {
		if !wanted[dir] {
			_ = d.events.Remove(dir) // it may be gone
			delete(d.watched, dir)
		}
	}
	d.forgetLost()
	failed := make([]error, 0, len(wanted))
	for dir := range wanted {
		added, err := d.add(dir)
		began, failed = began || added, append(failed, err)
	}
	return began, errors.Join(failed...)
}

// forgetLost forgets the watches that ended by themselves: that of a directory
// which went ends, even if it comes back as the same.
func (d *directories) forgetLost() {
	alive := map[string]bool{}
	for _, dir := range d.events.WatchList() {
		alive[dir] = true
	}
	for dir := range d.watched {
		if !alive[dir] {
			delete(d.watched, dir)
		}
	}
}

// add watches a directory, again where another one has its name by now.
func (d *directories) add(dir string) (added bool, err error) {
	info, err := os.Stat(dir)
	known := d.watched[dir]
	if err == nil && known != nil && os.SameFile(known, info) {
		return false, nil
	}
	if known != nil {
		_ = d.events.Remove(dir) // it may be gone
		delete(d.watched, dir)
	}
	if err != nil {
		return false, err
	}
	if err := d.events.Add(dir); err != nil {
		return false, err
	}
	d.watched[dir] = info
	return true, nil
}
