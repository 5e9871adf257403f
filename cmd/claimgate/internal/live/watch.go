package live

import (
	"path/filepath"
	"strings"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/dirwatch"
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

// named is a Watcher that tells what changed.
type named interface {
	// Changed returns the paths of files that changed since it was called before,
	// in the directories that are watched, and whether anything else may have.
	Changed() (paths []string, anything bool)
}

// changedOf returns the paths of the files that changed, nil where anything may
// have.
func changedOf(watcher Watcher) []string {
	n, ok := watcher.(named)
	if !ok {
		return nil
	}
	paths, anything := n.Changed()
	switch {
	case anything:
		return nil
	case paths == nil:
		return []string{}
	}
	return paths
}

// directories watches by the file system's own events. The directory above each
// one is watched too, for the day it is replaced itself.
type directories struct {
	*dirwatch.Watcher
	targets chan targets // in force; holds one
}

// targets are what a change must concern.
type targets struct {
	names map[string]bool // paths of the main file and of directories
	dirs  map[string]bool // directories whose files are of interest
}

// WatchDirectories returns a watcher of the file system's own events.
func WatchDirectories() (Watcher, error) {
	d := &directories{targets: make(chan targets, 1)}
	d.targets <- targets{}
	var err error
	if d.Watcher, err = dirwatch.New(d.concerns); err != nil {
		return nil, err
	}
	return d, nil
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
	wanted := make([]string, 0, 1+2*len(dirs))
	wanted = append(wanted, filepath.Dir(filepath.Clean(main)))
	for _, dir := range dirs {
		dir = filepath.Clean(dir)
		next.names[dir], next.dirs[dir] = true, true
		wanted = append(wanted, dir, filepath.Dir(dir))
	}
	<-d.targets
	d.targets <- next
	return d.Watcher.Watch(wanted)
}
