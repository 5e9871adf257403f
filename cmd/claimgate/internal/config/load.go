package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// Limits on documents.
const (
	maxMainBytes   = 4 << 20
	maxTenantBytes = 1 << 20
	maxDepth       = 64
	maxNodes       = 100_000
)

var (
	mainLimits   = yamldoc.Limits{Bytes: maxMainBytes, Depth: maxDepth, Nodes: maxNodes}
	tenantLimits = yamldoc.Limits{Bytes: maxTenantBytes, Depth: maxDepth, Nodes: maxNodes}
)

// Document is a loaded configuration with all its files: well-formed and of
// the right shape, not yet compiled.
type Document struct {
	main    *Main
	tenants []*TenantFile // of the main file, then of the directories
}

// Load reads the main file and the tenant files that it names. The error is
// Problems, or another error where the main file cannot be read at all.
//
// Where the shape of some file is wrong, the rest is judged as by Build, so
// that the error holds all problems at once.
func Load(path string) (*Document, error) {
	var found report
	main, err := readMain(path, &found)
	if err != nil {
		return nil, err
	}
	d := &Document{main: main, tenants: main.inline}
	files := readTenantFiles(main.findTenants(&found), &found)
	d.tenants = append(d.tenants[:len(d.tenants):len(d.tenants)], files...)
	bad := slices.ContainsFunc(files, func(t *TenantFile) bool { return len(t.shape.problems) > 0 })
	if len(found.problems) == 0 && !bad {
		return d, nil
	}
	if main.source.yaml != nil {
		_, further := d.build(Runtime{})
		mistakes, _ := further.split()
		found.problems = append(found.problems, found.unrelated(mistakes)...)
	} else {
		for _, file := range files {
			found.problems = append(found.problems, file.shape.problems...)
		}
	}
	mistakes, _ := found.problems.split()
	return nil, mistakes
}

// Main returns the main file.
func (d *Document) Main() *Main { return d.main }

// Tenants returns every tenant: those of the main file, then those of the
// directories, in file order.
func (d *Document) Tenants() []*TenantFile { return d.tenants }

// Main is the main file: well-formed and of the right shape, not yet compiled.
type Main struct {
	doc    mainDoc
	source *source
	inline []*TenantFile
	grants []*delegation // of delegated directories
}

// LoadMain reads the main file alone. The error is Problems, or another error
// where the file cannot be read at all.
func LoadMain(path string) (*Main, error) {
	var found report
	main, err := readMain(path, &found)
	if err != nil {
		return nil, err
	}
	return main.unless(&found)
}

// ParseMain is LoadMain for a file that was read: what it holds and its path.
func ParseMain(path string, data []byte) (*Main, error) {
	var found report
	return parseMain(path, data, &found).unless(&found)
}

// unless returns the main file, or what is wrong with it.
func (m *Main) unless(found *report) (*Main, error) {
	if len(found.problems) > 0 {
		mistakes, _ := found.problems.split()
		return nil, mistakes
	}
	return m, nil
}

// Path returns the path of the main file as it was given.
func (m *Main) Path() string { return m.source.name }

// Inline returns the tenants that are written in the main file, in its order.
func (m *Main) Inline() []*TenantFile { return m.inline }

func readMain(path string, found *report) (*Main, error) {
	data, _, err := readFile(path, maxMainBytes)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return parseMain(path, data, found), nil
}

func parseMain(path string, data []byte, found *report) *Main {
	m := &Main{source: &source{name: path}}
	parsed, problems := yamldoc.Parse(data, mainLimits)
	m.source.yaml = parsed
	found.shape(m.source, append(problems, parsed.DecodeTypes(documentTypes(), &m.doc)...))
	m.grants = m.delegations()
	for i := range m.doc.Tenants {
		t := &m.doc.Tenants[i]
		m.inline = append(m.inline, &TenantFile{name: t.Name, doc: &t.tenantDoc, main: true,
			at: place{m.source, fmt.Sprintf("tenants[%d]", i)}})
	}
	return m
}

// readFile reads at most one byte more than limit, which Parse then refuses. It
// does not wait for somebody to write to a named pipe.
func readFile(path string, limit int) ([]byte, os.FileInfo, error) {
	file, err := os.OpenFile(path, readOnly, 0) //nolint:gosec // the configuration itself
	if err != nil {
		return nil, nil, err
	}
	return readOpen(file, limit)
}

const readOnly = os.O_RDONLY | syscall.O_NONBLOCK

// readOpen is readFile for a file that is open, and closes it.
func readOpen(file *os.File, limit int) ([]byte, os.FileInfo, error) {
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	data := make([]byte, 0, min(info.Size(), int64(limit))+1)
	for len(data) <= limit {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := file.Read(data[len(data):min(cap(data), limit+1)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return data, info, nil
}

// cause returns what went wrong with a file without its path, which may be a
// secret that was written in the wrong place.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// beside resolves a path relative to the main file.
func (m *Main) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(m.source.name), path)
}
