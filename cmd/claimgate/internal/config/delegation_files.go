package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxDelegatedBytes bounds a file of a delegated directory.
const maxDelegatedBytes = 64 << 10

// Read reads the file as ReadTenantFile does. A file of a delegated directory
// is read without leaving that directory, whatever links are in it.
func (p *TenantPath) Read() (*TenantFile, error) {
	data, info, err := p.read()
	return readTenant(p.Path, data, info, err, p.Delegated)
}

func (p *TenantPath) read() ([]byte, os.FileInfo, error) {
	if !p.Delegated {
		return readFile(p.Path, maxTenantBytes)
	}
	root, err := os.OpenRoot(filepath.Dir(p.Path))
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = root.Close() }()
	file, err := root.OpenFile(filepath.Base(p.Path), readOnly, 0)
	if err != nil {
		return nil, nil, err
	}
	return readOpen(file, maxDelegatedBytes)
}

// Delegated reports whether the file was read as one of a delegated directory.
func (t *TenantFile) Delegated() bool { return t.kept }

// delegated reads a directory whose files the tenants' own administrators
// write: it is flat, and what is odd in it harms no other directory.
func (f *finder) delegated(path string) {
	root, err := os.OpenRoot(path)
	if err != nil {
		f.problem(f.at, fmt.Sprintf("the directory %s cannot be read: %s", path, cause(err)), "")
		return
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(".")
	var entries []os.DirEntry
	if err == nil {
		entries, err = readEntries(root)
	}
	if err != nil {
		f.problem(f.at, fmt.Sprintf("the directory %s cannot be read: %s", path, cause(err)), "")
		return
	}
	f.dirs, f.infos = append(f.dirs, path), append(f.infos, info)
	for _, entry := range entries {
		if f.entries++; f.endless() {
			f.problem(f.at, fmt.Sprintf("the directory holds more than %d files", maxDirEntries), "remove what is no tenant")
			return
		}
		if !strings.HasPrefix(entry.Name(), ".") {
			f.file(root, path, entry)
		}
	}
}

// readEntries returns what is in a directory, sorted by name.
func readEntries(root *os.Root) ([]os.DirEntry, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// file takes one file of a delegated directory.
func (f *finder) file(root *os.Root, dir string, entry os.DirEntry) {
	path := filepath.Join(dir, entry.Name())
	info, err := root.Stat(entry.Name()) // where it fails, whoever reads the file says why
	switch sightOf(path, info, err) {
	case folder:
		f.ignored.problem(place{&source{name: path}, ""}, "this directory is not read, since the one that holds it is delegated", "move the files up")
	case misnamed:
		f.misnamed(path)
	case tenantFile:
		f.take(TenantPath{Path: path, Info: info, Delegated: true, Linked: entry.Type()&os.ModeSymlink != 0})
	case unread:
	}
}

// delegatedRoots describes the directories that are delegated, so that no link
// of another one leads into them.
func (m *Main) delegatedRoots() []os.FileInfo {
	var roots []os.FileInfo
	for _, dir := range m.doc.TenantDirs {
		if dir.Delegated == nil || dir.Path == "" {
			continue
		}
		if info, err := os.Stat(m.beside(dir.Path)); err == nil {
			roots = append(roots, info)
		}
	}
	return roots
}

// yieldNames leaves delegated files out that are called like a tenant of the
// main file or of a directory that is not delegated, whoever came first: else
// the name alone would be a way to stop that tenant.
func (m *Main) yieldNames(listing *Listing) {
	if !slices.ContainsFunc(listing.Files, func(p TenantPath) bool { return p.Delegated }) {
		return
	}
	taken := make(map[string]place, len(m.inline))
	for _, t := range m.inline {
		taken[strings.ToLower(t.name)] = t.at.at("name")
	}
	for _, file := range listing.Files {
		if !file.Delegated {
			taken[strings.ToLower(file.Name)] = place{&source{name: file.Path}, ""}
		}
	}
	var ignored report
	listing.Files = slices.DeleteFunc(listing.Files, func(file TenantPath) bool {
		first, ok := taken[strings.ToLower(file.Name)]
		if !file.Delegated || !ok {
			return false
		}
		ignored.problem(place{&source{name: file.Path}, ""},
			fmt.Sprintf("this delegated file is not read, since the name is that of another tenant (%s)", ignored.line(first)), "rename the file")
		return true
	})
	listing.Ignored = append(listing.Ignored, ignored.problems...)
}
