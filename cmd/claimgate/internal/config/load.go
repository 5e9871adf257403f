package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// Limits on documents.
const (
	maxMainBytes   = 4 << 20
	maxTenantBytes = 1 << 20
	maxDepth       = 64
	maxNodes       = 100_000
)

// Document is a loaded configuration with all its files: well-formed and of
// the right shape, not yet compiled.
type Document struct {
	main    mainDoc
	source  *source
	tenants []tenant // of the main file, then of the directories
}

// tenant is one tenant and the place of its document.
type tenant struct {
	name string
	doc  *tenantDoc
	at   place
	main bool // written in the main file
}

// Load reads the main file and the tenant files that it names. The error is
// Problems, or another error where the main file cannot be read at all.
//
// Where the shape of some file is wrong, the rest is judged as by Build, so
// that the error holds all problems at once.
func Load(path string) (*Document, error) {
	data, err := readFile(path, maxMainBytes)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	var found report
	d := &Document{source: &source{name: path}}
	types := yamldoc.NewTypes()
	d.source.yaml = found.decode(types, d.source, data, &d.main)
	for i := range d.main.Tenants {
		t := &d.main.Tenants[i]
		d.tenants = append(d.tenants, tenant{t.Name, &t.tenantDoc, place{d.source, fmt.Sprintf("tenants[%d]", i)}, true})
	}
	d.loadDirs(&found, types)
	if len(found.problems) == 0 {
		return d, nil
	}
	if d.source.yaml != nil {
		_, further := d.build(Runtime{})
		mistakes, _ := further.split()
		found.problems = append(found.problems, found.unrelated(mistakes)...)
	}
	mistakes, _ := found.problems.split()
	return nil, mistakes
}

// decode parses one file into a document.
func (r *report) decode(types *yamldoc.Types, from *source, data []byte, into any) *yamldoc.Document {
	limit := maxTenantBytes
	if _, main := into.(*mainDoc); main {
		limit = maxMainBytes
	}
	parsed, problems := yamldoc.Parse(data, yamldoc.Limits{Bytes: limit, Depth: maxDepth, Nodes: maxNodes})
	problems = append(problems, parsed.DecodeTypes(types, into)...)
	r.shape(from, problems)
	return parsed
}

// readFile reads at most one byte more than limit, which Parse then refuses.
func readFile(path string, limit int) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, int64(limit)+1))
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
func (d *Document) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(d.source.name), path)
}
