package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Limits on tenant directories.
const (
	maxDirDepth    = 16
	maxDirs        = 20_000
	maxDirEntries  = 1_000_000
	maxTenantFiles = 100_000
)

// TenantPath is a file in a tenant directory: the name of its tenant, its path,
// and what it is.
type TenantPath struct {
	Name, Path string
	Info       os.FileInfo // nil where that cannot be told
	Delegated  bool        // its directory is; read the file with Read
	Linked     bool        // the name is a link's, so that its text may change elsewhere
}

// Listing is what the tenant directories hold.
type Listing struct {
	Files    []TenantPath // in the order of the directories and of the names in them
	Dirs     []string     // every directory that was read
	Problems Problems     // of directories, such as one that cannot be read
	Ignored  Problems     // of files that are no tenant files, though they look like one
	Spotter  *Spotter     // tells what List would of single paths from now on
}

// List lists the tenant directories and reads no file. Several files may be of
// one tenant.
func (m *Main) List() Listing {
	listing := Listing{Spotter: newSpotter()}
	grants := m.delegatedRoots()
	for i, dir := range m.doc.TenantDirs {
		if dir.Path == "" {
			continue
		}
		finder := &finder{at: place{m.source, fmt.Sprintf("tenantDirs[%d].path", i)}, grants: grants}
		if dir.Delegated != nil {
			finder.delegated(m.beside(dir.Path))
		} else {
			finder.dir(m.beside(dir.Path), nil)
		}
		listing.Files = append(listing.Files, finder.files...)
		listing.Dirs = append(listing.Dirs, finder.dirs...)
		listing.Spotter.add(finder, dir.Delegated != nil)
		listing.Problems = append(listing.Problems, finder.problems...)
		listing.Ignored = append(listing.Ignored, finder.ignored.problems...)
	}
	listing.Spotter.names = m.namesOf(listing.Files)
	m.yieldNames(&listing)
	listing.Spotter.tell(listing.Ignored)
	return listing
}

// TenantFiles lists the files of the tenant directories, in the order of the
// directories and of the names in them. It reads no file. Problems are those of
// the directories, such as one that cannot be read, and names that two files,
// or a file and a tenant of the main file, have in common.
func (m *Main) TenantFiles() ([]TenantPath, Problems) {
	var found report
	files := m.findTenants(&found)
	mistakes, _ := found.problems.split()
	return files, mistakes
}

// findTenants lists the files of the tenant directories. Problems with a
// directory belong to the field that names it.
func (m *Main) findTenants(found *report) []TenantPath {
	taken := make(map[string]place, len(m.inline))
	for _, t := range m.inline {
		taken[t.name] = t.at.at("name")
	}
	listing := m.List()
	found.problems = slices.Concat(found.problems, listing.Problems, listing.Ignored)
	var files []TenantPath
	for _, file := range listing.Files {
		at := place{&source{name: file.Path}, ""}
		if first, ok := taken[file.Name]; ok {
			found.problem(at, fmt.Sprintf("another tenant is called %s too (%s)", file.Name, found.line(first)), "rename one of them")
			continue
		}
		taken[file.Name] = at
		files = append(files, file)
	}
	return files
}

// finder walks a directory. Entries that begin with a dot are skipped: a
// mounted ConfigMap keeps its versions in such directories, with links to the
// files of the current one beside them.
type finder struct {
	report
	at      place
	files   []TenantPath
	dirs    []string
	infos   []os.FileInfo // of dirs
	ignored report
	entries int           // that were looked at
	grants  []os.FileInfo // of directories that are delegated
}

// dir reads one directory; above holds the directories on the way to it, so
// that a link to one of them is no endless walk.
func (f *finder) dir(path string, above []os.FileInfo) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		f.problem(f.at, fmt.Sprintf("%s is no directory", path), "")
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		f.problem(f.at, fmt.Sprintf("the directory %s cannot be read: %s", path, cause(err)), "")
		return
	}
	if slices.ContainsFunc(above, func(a os.FileInfo) bool { return os.SameFile(a, info) }) || len(above) >= maxDirDepth {
		f.problem(f.at, fmt.Sprintf("the directory %s leads back to itself or is nested more than %d deep", path, maxDirDepth), "")
		return
	}
	if slices.ContainsFunc(f.grants, func(d os.FileInfo) bool { return os.SameFile(d, info) }) {
		f.problem(f.at, fmt.Sprintf("the directory %s is delegated, and here it is read without its grant", path), "remove the link, or put the delegated directory elsewhere")
		return
	}
	f.dirs, f.infos = append(f.dirs, path), append(f.infos, info)
	f.entries += len(entries)
	if f.endless() {
		f.further(f.at, fmt.Sprintf("the directory holds more than %d directories or %d files, counting each way that leads to one", maxDirs, maxDirEntries),
			"remove links to directories that hold no tenants")
		return
	}
	for _, entry := range entries {
		if f.endless() {
			return
		}
		if !strings.HasPrefix(entry.Name(), ".") {
			f.entry(filepath.Join(path, entry.Name()), entry.Type()&os.ModeSymlink != 0, append(above, info))
		}
	}
}

// endless reports whether so much was found that links lead elsewhere, such as
// to the root of the file system.
func (f *finder) endless() bool { return len(f.dirs) > maxDirs || f.entries > maxDirEntries }

func (f *finder) entry(path string, linked bool, above []os.FileInfo) {
	info, err := os.Stat(path) // where it fails, whoever reads the file says why
	switch sightOf(path, info, err) {
	case folder:
		f.dir(path, above)
	case misnamed:
		f.misnamed(path)
	case tenantFile:
		f.take(TenantPath{Path: path, Info: info, Linked: linked})
	case unread:
	}
}

// sight is what something in a directory is to List.
type sight uint8

const (
	unread sight = iota
	folder
	misnamed
	tenantFile
)

// sightOf judges what is not hidden. What cannot be described may be a file.
func sightOf(path string, info os.FileInfo, err error) sight {
	switch {
	case err == nil && info.IsDir():
		return folder
	case strings.HasSuffix(path, ".yml"):
		return misnamed
	case strings.HasSuffix(path, ".yaml"):
		return tenantFile
	}
	return unread
}

func (f *finder) misnamed(path string) {
	f.ignored.problem(place{&source{name: path}, ""}, "this file is not read, since its name does not end in .yaml", "rename it")
}

// take takes a file of a tenant, within the limit.
func (f *finder) take(file TenantPath) {
	if len(f.files) == maxTenantFiles {
		f.further(f.at, fmt.Sprintf("the directory has more than %d tenant files", maxTenantFiles), "")
		return
	}
	file.Name = tenantNameOf(file.Path)
	f.files = append(f.files, file)
}
