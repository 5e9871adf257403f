// Package dirwatch tells that something changed in some directories.
//
//	watcher, err := dirwatch.New(func(path string) bool { return true })
//	_, err = watcher.Watch([]string{"/etc/claimgate"})
//	<-watcher.Changes()
//
// It watches directories and not files, since a file that is replaced by rename,
// as editors and mounted volumes do, is another one. It may tell too often, and
// what it misses its user finds by looking now and then.
package dirwatch

import (
	"errors"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// Watcher watches directories. Watch is called by one goroutine.
type Watcher struct {
	events   *fsnotify.Watcher
	concerns func(path string) bool
	changes  chan struct{}
	done     chan struct{}
	watched  map[string]os.FileInfo // as they were when the watch began

	mu       sync.Mutex
	names    map[string]struct{} // of what changed since it was last told
	anything bool                // changed besides
}

// maxNames bounds what is told by name: beyond it anything may have changed.
const maxNames = 1024

// New returns a watcher of nothing yet. Events whose path does not concern are
// left out; concerns is called from another goroutine. Nil: all concern.
func New(concerns func(path string) bool) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if concerns == nil {
		concerns = func(string) bool { return true }
	}
	w := &Watcher{
		events: events, concerns: concerns,
		changes: make(chan struct{}, 1), done: make(chan struct{}), watched: map[string]os.FileInfo{}, names: map[string]struct{}{},
	}
	go w.forward()
	return w, nil
}

// Changes tells of one change or of many.
func (w *Watcher) Changes() <-chan struct{} { return w.changes }

// Changed returns the paths that changed since it was called before, and whether
// anything else may have. A path that is told by Changes is among them.
func (w *Watcher) Changed() (paths []string, anything bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	paths, anything = slices.Sorted(maps.Keys(w.names)), w.anything
	clear(w.names)
	w.anything = false
	return paths, anything
}

func (w *Watcher) note(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names[path] = struct{}{}; path == "" || len(w.names) > maxNames {
		clear(w.names)
		w.anything = true
	}
}

// Close ends the watch.
func (w *Watcher) Close() error {
	err := w.events.Close()
	<-w.done
	return err
}

// forward folds events that concern us into one.
func (w *Watcher) forward() {
	defer close(w.done)
	for {
		select {
		case event, open := <-w.events.Events:
			if !open {
				return
			}
			if !w.concerns(event.Name) {
				continue
			}
			w.note(event.Name)
		case _, open := <-w.events.Errors: // such as an overflow: anything may have changed
			if !open {
				return
			}
			w.note("")
		}
		select {
		case w.changes <- struct{}{}:
		default:
		}
	}
}

// Watch watches these directories from now on, and no others. It reports
// whether it began to watch one: what changed there before is still to be looked
// at. What cannot be watched is in the error. It looks at each of them. A directory
// that has several of these names is told of by one.
func (w *Watcher) Watch(dirs []string) (began bool, err error) {
	wanted, failed := w.distinct(dirs)
	for dir := range w.watched {
		if wanted[dir] == nil {
			w.forget(dir)
		}
	}
	w.forgetLost()
	for dir, info := range wanted {
		added, err := w.add(dir, info)
		began = began || added
		if err != nil {
			failed = append(failed, err)
		}
	}
	return began, errors.Join(failed...)
}

// distinct looks at the directories and returns one name of each: the system
// watches a directory once, by the name that it heard first.
func (w *Watcher) distinct(dirs []string) (wanted map[string]os.FileInfo, failed []error) {
	wanted = make(map[string]os.FileInfo, len(dirs))
	names := make(map[identity]string, len(dirs))
	for _, dir := range dirs {
		if wanted[dir] != nil {
			continue
		}
		info, err := os.Stat(dir)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if id, ok := identify(info); ok {
			other, twice := names[id]
			if twice && (w.watched[dir] == nil || w.watched[other] != nil) {
				continue
			}
			delete(wanted, other)
			names[id] = dir
		}
		wanted[dir] = info
	}
	return wanted, failed
}

func (w *Watcher) forget(dir string) {
	_ = w.events.Remove(dir) // it may be gone
	delete(w.watched, dir)
}

// forgetLost forgets the watches that ended by themselves: that of a directory
// which went ends, even if it comes back as the same.
func (w *Watcher) forgetLost() {
	alive := map[string]bool{}
	for _, dir := range w.events.WatchList() {
		alive[dir] = true
	}
	for dir := range w.watched {
		if !alive[dir] {
			delete(w.watched, dir)
		}
	}
}

// add watches a directory, again where another one has its name by now.
func (w *Watcher) add(dir string, info os.FileInfo) (added bool, err error) {
	known := w.watched[dir]
	if known != nil && os.SameFile(known, info) {
		return false, nil
	}
	if known != nil {
		w.forget(dir)
	}
	if err := w.events.Add(dir); err != nil {
		return false, err
	}
	w.watched[dir] = info
	return true, nil
}
