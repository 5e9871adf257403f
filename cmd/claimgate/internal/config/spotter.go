package config

import (
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Spotter tells of single paths what List would find there by now, at the cost of
// these alone. It knows the directories as List saw them, and gives up wherever
// something else than a file of a tenant may have come or gone. Not safe for
// concurrent use.
type Spotter struct {
	dirs  map[string]listedDir // by path
	told  map[string]struct{}  // paths that are told of as ignored
	names map[string]nameOf    // in lower case; nil where no directory is delegated
	room  int                  // how many more names may be there within the limits
}

// listedDir is a directory that List read.
type listedDir struct {
	path      string
	info      os.FileInfo
	delegated bool
	ways      int // paths by which List read it; 0: not counted yet
}

// nameOf tells whose files have a name, or had it.
type nameOf uint8

const (
	ofPlatform nameOf = 1 << iota // of the main file, or of a directory that is not delegated
	ofDelegated
)

func newSpotter() *Spotter {
	return &Spotter{dirs: map[string]listedDir{}, told: map[string]struct{}{}, room: maxTenantFiles}
}

// add takes over what a finder found.
func (s *Spotter) add(f *finder, delegated bool) {
	s.room = min(s.room, maxTenantFiles-len(f.files), maxDirEntries-f.entries)
	for i, path := range f.dirs {
		listed := listedDir{path: path, info: f.infos[i], delegated: delegated}
		path = filepath.Clean(path)
		if _, twice := s.dirs[path]; twice {
			listed.info = nil // no directory is this one
		}
		s.dirs[path] = listed
	}
}

func (s *Spotter) tell(ignored Problems) {
	for i := range ignored {
		s.told[ignored[i].File] = struct{}{}
	}
}

// namesOf tells whose the names are, where some file is or may be delegated.
func (m *Main) namesOf(files []TenantPath) map[string]nameOf {
	if len(m.grants) == 0 {
		return nil
	}
	names := make(map[string]nameOf, len(files))
	for _, t := range m.inline {
		names[strings.ToLower(t.name)] |= ofPlatform
	}
	for i := range files {
		names[strings.ToLower(files[i].Name)] |= nameOfFile(files[i].Delegated)
	}
	return names
}

func nameOfFile(delegated bool) nameOf {
	if delegated {
		return ofDelegated
	}
	return ofPlatform
}

// Look returns the tenant files that are at these paths, and the paths where
// nothing is. What List would not read, such as a hidden file, is neither. Not ok:
// only List can tell.
func (s *Spotter) Look(paths []string) (there []TenantPath, gone []string, ok bool) {
	names := map[string][]string{}
	for _, path := range paths {
		dir := filepath.Dir(path)
		names[dir] = append(names[dir], filepath.Base(path))
	}
	look := glance{Spotter: s}
	for path, names := range names {
		if !look.in(path, names) {
			return nil, nil, false
		}
	}
	return look.there, look.gone, true
}

// glance is one look.
type glance struct {
	*Spotter

	dir   listedDir
	root  *os.Root
	there []TenantPath
	gone  []string
}

// in looks at names in one directory.
func (g *glance) in(path string, names []string) bool {
	if g.root = g.open(path); g.root == nil {
		return false
	}
	defer func() { _ = g.root.Close() }()
	g.dir = g.dirs[path]
	return !slices.ContainsFunc(names, func(name string) bool { return !g.at(name) })
}

// open opens a directory that is the one that List read, by this path alone. Else
// it returns nil.
func (s *Spotter) open(path string) *os.Root {
	listed, known := s.dirs[path]
	if !known {
		return nil
	}
	root, err := os.OpenRoot(listed.path)
	if err != nil {
		return nil
	}
	if info, err := root.Stat("."); err == nil && os.SameFile(info, listed.info) && s.ways(path) == 1 {
		return root
	}
	_ = root.Close()
	return nil
}

// ways counts the paths by which List read a directory: a change there is told
// of by one of them.
func (s *Spotter) ways(path string) int {
	counted := s.dirs[path]
	if counted.ways > 0 {
		return counted.ways
	}
	for _, listed := range s.dirs {
		if os.SameFile(counted.info, listed.info) {
			counted.ways++
		}
	}
	s.dirs[path] = counted
	return counted.ways
}

// at looks at one name.
func (g *glance) at(name string) bool {
	path := filepath.Join(g.dir.path, name)
	if g.beyond(path, name) {
		return false
	}
	if strings.HasPrefix(name, ".") {
		return true
	}
	info, linked, err := g.stat(path, name)
	if errors.Is(err, errAbsent) {
		g.gone = append(g.gone, path)
		return g.free(path)
	}
	if errors.Is(err, errUnclear) {
		return false
	}
	if g.room--; g.room < 0 {
		return false
	}
	switch sightOf(path, info, err) {
	case folder, misnamed:
		return false
	case tenantFile:
		g.there = append(g.there, TenantPath{tenantNameOf(path), path, info, g.dir.delegated, linked})
		return g.claim(path)
	case unread:
	}
	return true
}

// beyond reports whether a change there may be of more than one file: of a
// directory, of what is told of, or of the links by which a mounted directory
// is swapped.
func (g *glance) beyond(path, name string) bool {
	_, dir := g.dirs[path]
	_, told := g.told[path]
	return dir || told || strings.HasPrefix(name, "..")
}

var (
	errAbsent  = errors.New("there is no such name")
	errUnclear = errors.New("it cannot be told whether there is such a name")
)

// stat describes what List would find at a name that is there: the error is
// then why it cannot be described.
func (g *glance) stat(path, name string) (info os.FileInfo, linked bool, err error) {
	lstat, stat := os.Lstat, os.Stat
	if g.dir.delegated {
		path, lstat, stat = name, g.root.Lstat, g.root.Stat
	}
	switch info, err = lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, errAbsent
	case err != nil:
		return nil, false, errUnclear
	case info.Mode()&os.ModeSymlink == 0:
		return info, false, nil
	}
	info, err = stat(path)
	return info, true, err
}

// claim reports whether the file is not in the way of another one of its name,
// which List judges: see yieldNames.
func (g *glance) claim(path string) bool {
	if g.names == nil {
		return true
	}
	name, mine := strings.ToLower(tenantNameOf(path)), nameOfFile(g.dir.delegated)
	others := g.names[name] &^ mine
	g.names[name] |= mine
	return others == 0
}

// free reports whether the absence of a file lets no other one in.
func (g *glance) free(path string) bool {
	return g.names == nil || g.names[strings.ToLower(tenantNameOf(path))] != ofPlatform|ofDelegated
}

// Keep reports whether all these files still have their names, whatever they are
// by now.
func (s *Spotter) Keep(paths iter.Seq[string]) bool {
	present := map[string]map[string]struct{}{}
	for path := range paths {
		dir, name := filepath.Dir(path), filepath.Base(path)
		names, read := present[dir]
		if !read {
			names = s.namesIn(dir)
			present[dir] = names
		}
		if _, there := names[name]; !there {
			return false
		}
	}
	return true
}

// namesIn returns what is in a directory; nothing where it is another one.
func (s *Spotter) namesIn(path string) map[string]struct{} {
	root := s.open(path)
	if root == nil {
		return nil
	}
	defer func() { _ = root.Close() }()
	dir, err := root.Open(".")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }()
	list, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	names := make(map[string]struct{}, len(list))
	for _, name := range list {
		names[name] = struct{}{}
	}
	return names
}

func tenantNameOf(path string) string { return strings.TrimSuffix(filepath.Base(path), ".yaml") }
