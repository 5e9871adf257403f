package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// Limits on tenant directories.
const (
	maxDirDepth    = 16
	maxTenantFiles = 100_000
)

// tenantFile is a file found in a tenant directory.
type tenantFile struct{ path, name string }

// loadDirs reads every tenant file. Problems with a directory belong to the
// field that names it, problems with a file to the file.
func (d *Document) loadDirs(found *report, types *yamldoc.Types) {
	for i, dir := range d.main.TenantDirs {
		at := place{d.source, fmt.Sprintf("tenantDirs[%d].path", i)}
		if dir.Path == "" {
			continue
		}
		finder := &finder{report: found, at: at}
		finder.dir(d.beside(dir.Path), nil)
		for _, file := range finder.files {
			d.loadTenant(found, types, file)
		}
	}
}

func (d *Document) loadTenant(found *report, types *yamldoc.Types, file tenantFile) {
	from, doc := &source{name: file.path}, &fileTenant{}
	data, err := readFile(file.path, maxTenantBytes)
	if err != nil {
		found.problem(place{from, ""}, "the file cannot be read: "+cause(err), "")
		return
	}
	from.yaml = found.decode(types, from, data, doc)
	if from.yaml != nil {
		d.tenants = append(d.tenants, tenant{file.name, &doc.tenantDoc, place{from, ""}, false})
	}
}

// finder walks a directory. Entries that begin with a dot are skipped: a
// mounted ConfigMap keeps its versions in such directories, with links to the
// files of the current one beside them.
type finder struct {
	*report
	at    place
	files []tenantFile
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
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			f.entry(filepath.Join(path, entry.Name()), append(above, info))
		}
	}
}

func (f *finder) entry(path string, above []os.FileInfo) {
	name, isYAML := strings.CutSuffix(filepath.Base(path), ".yaml")
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.problem(f.at, fmt.Sprintf("%s cannot be read: %s", path, cause(err)), "")
	case info.IsDir():
		f.dir(path, above)
	case strings.HasSuffix(path, ".yml"):
		f.problem(f.at, fmt.Sprintf("%s is not read, since its name does not end in .yaml", path), "rename it")
	case !isYAML:
	case !info.Mode().IsRegular():
		f.problem(f.at, fmt.Sprintf("%s is no regular file", path), "")
	case len(f.files) == maxTenantFiles:
		f.further(f.at, fmt.Sprintf("the directory has more than %d tenant files", maxTenantFiles), "")
	default:
		f.files = append(f.files, tenantFile{path, name})
	}
}
