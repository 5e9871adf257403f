package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// TenantFile is one tenant as written, in a file of its own or in the main
// file: read once and decoded, not yet compiled. Immutable.
type TenantFile struct {
	name string
	doc  *tenantDoc
	at   place
	main bool     // written in the main file
	kept bool     // read without leaving its directory, which is delegated
	form *outline // where kept
	text []byte
	hash [sha256.Size]byte
	info os.FileInfo

	shape report // what is wrong with its form
}

// documentTypes returns the types of all documents, which never change.
var documentTypes = sync.OnceValue(func() *yamldoc.Types {
	return yamldoc.NewTypes(&mainDoc{}, &fileTenant{}, &operandRef{}, &grantRef{}, &localIssuer{})
})

// ReadTenantFile reads one tenant file, whose name without .yaml is the
// tenant's name.
//
// Where the file was read but something is wrong with it, the error is Problems
// and the file is not nil: it tells its name, text and, as far as they could be
// read, the places that the tenant claims. Where it could not be read, the file
// is nil and the error is that of the operating system.
func ReadTenantFile(path string) (*TenantFile, error) {
	data, info, err := readFile(path, maxTenantBytes)
	return readTenant(path, data, info, err, false)
}

// readTenant parses what was read.
func readTenant(path string, data []byte, info os.FileInfo, err error, delegated bool) (*TenantFile, error) {
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("no regular file")}
	}
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	file := parseTenantFile(path, data, info, delegated)
	if mistakes, _ := file.shape.problems.split(); len(mistakes) > 0 {
		return file, mistakes
	}
	return file, nil
}

func parseTenantFile(path string, data []byte, info os.FileInfo, delegated bool) *TenantFile {
	name := tenantNameOf(path)
	limits := tenantLimits
	if delegated {
		limits.Bytes = maxDelegatedBytes
	}
	t := &TenantFile{name: name, kept: delegated, text: data, hash: sha256.Sum256(data), info: info}
	t.at = place{&source{name: path, text: data}, ""}
	doc := &fileTenant{}
	parsed, problems := yamldoc.Parse(data, limits)
	if delegated {
		t.form = outlineOf(parsed)
	}
	t.shape.shape(t.at.source, append(problems, parsed.DecodeTypes(documentTypes(), doc)...))
	if !nameForm.MatchString(name) {
		t.shape.problem(t.at, "the tenant is named after its file, and a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -", "rename the file")
	}
	if parsed != nil {
		t.doc = &doc.tenantDoc
	}
	return t
}

// Name returns the name of the tenant.
func (t *TenantFile) Name() string { return t.name }

// Path returns the path of the file, or that of the main file for a tenant
// that is written there.
func (t *TenantFile) Path() string { return t.at.source.name }

// InMain reports whether the tenant is written in the main file.
func (t *TenantFile) InMain() bool { return t.main }

// Suspended reports whether the file says that the tenant is suspended, also
// where something else is wrong with it.
func (t *TenantFile) Suspended() bool { return t.doc != nil && t.doc.Suspended }

// Text returns what the file held when it was read; nil for a tenant of the
// main file. It must not be changed.
func (t *TenantFile) Text() []byte { return t.text }

// Hash returns the SHA-256 of the text.
func (t *TenantFile) Hash() [sha256.Size]byte { return t.hash }

// Info describes the file that was read, as of just before it was read; nil
// for a tenant of the main file.
func (t *TenantFile) Info() os.FileInfo { return t.info }

// readTenantFiles reads many files at once and returns those that could be
// read, in their order.
func readTenantFiles(paths []TenantPath, found *report) []*TenantFile {
	files, errs := make([]*TenantFile, len(paths)), make([]error, len(paths))
	inParallel(len(paths), func(i int) { files[i], errs[i] = paths[i].Read() })
	for i, err := range errs {
		if files[i] == nil {
			found.problem(place{&source{name: paths[i].Path}, ""}, "the file cannot be read: "+cause(err), "")
		}
	}
	return slices.DeleteFunc(files, func(t *TenantFile) bool { return t == nil })
}

// inParallel calls work for 0 to n-1 on as many goroutines as there are
// processors.
func inParallel(n int, work func(i int)) {
	var group sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), n)
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < n; i += workers {
				work(i)
			}
		})
	}
	group.Wait()
}
