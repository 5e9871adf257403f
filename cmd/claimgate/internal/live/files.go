package live

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// Files returns the documents of a main file and of the directories that it
// names, as package config reads them. What is compiled shares the runtime.
func Files(path string, rt config.Runtime) Documents { return &files{path, rt} }

type files struct {
	path string
	rt   config.Runtime
}

// ReadMain implements Documents. It never waits for the writer of a named pipe.
func (f *files) ReadMain() (Text, error) {
	file, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return Text{}, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: f.path, Err: errors.New("no regular file")}
	}
	if err != nil {
		return Text{}, err
	}
	text, err := io.ReadAll(io.LimitReader(file, config.MaxMainBytes+1))
	return Text{text, info}, err
}

// CompileMain implements Documents. What it compiles is the very text that it
// returns.
func (f *files) CompileMain() (*Main, error) {
	text, err := f.ReadMain()
	if err != nil {
		return nil, err
	}
	main, err := config.ParseMain(f.path, text.Bytes)
	if err != nil {
		return nil, err
	}
	compiled, err := main.Compile(f.rt)
	if err != nil {
		return nil, err
	}
	m := &Main{
		Base: base{compiled}, Path: f.path, Text: text.Bytes, Settings: compiled.Settings(),
		Keys: compiled.KeySources(), List: func() (Listing, error) { return list(main) },
		StateDir: compiled.Settings().StateDir, MaxLoss: compiled.Settings().MaxTenantLoss.Of,
	}
	for _, inline := range main.Inline() {
		m.Inline = append(m.Inline, fileOf(inline))
	}
	for _, warning := range compiled.Warnings() {
		m.Warnings = append(m.Warnings, warning.String())
	}
	return m, nil
}

// list lists the tenant directories.
func list(main *config.Main) (Listing, error) {
	found := main.List()
	if len(found.Problems) > 0 {
		return Listing{}, found.Problems
	}
	listing := Listing{Files: foundOf(found.Files), Dirs: found.Dirs, Spotter: spotter{found.Spotter}}
	for _, ignored := range found.Ignored {
		listing.Ignored = append(listing.Ignored, ignored.String())
	}
	return listing, nil
}

func foundOf(files []config.TenantPath) []Found {
	found := make([]Found, len(files))
	for i, file := range files {
		found[i] = Found(file)
	}
	return found
}

// spotter is a Spotter of package config.
type spotter struct{ *config.Spotter }

// Look implements Spotter.
func (s spotter) Look(paths []string) (there []Found, gone []string, ok bool) {
	files, gone, ok := s.Spotter.Look(paths)
	return foundOf(files), gone, ok
}

// ReadTenant implements Documents.
func (*files) ReadTenant(found Found, before *File) (file *File, err error) {
	var document *config.TenantFile
	if known := documentOf(before); known != nil && known.Delegated() == found.Delegated {
		document, err = known.Reread()
	} else {
		path := config.TenantPath(found)
		document, err = path.Read()
	}
	if document == nil {
		return nil, err
	}
	return fileOf(document), err
}

// documentOf returns the document of a file of this kind, or nil.
func documentOf(file *File) *config.TenantFile {
	if file == nil {
		return nil
	}
	document, _ := file.Document.(*config.TenantFile)
	return document
}

func fileOf(file *config.TenantFile) *File {
	return &File{
		Text: Text{file.Text(), file.Info()}, Name: file.Name(), Path: file.Path(), Hash: file.Hash(),
		Inline: file.InMain(), Delegated: file.Delegated(), Suspended: file.Suspended(), Document: file,
	}
}

// base is a Base of package config.
type base struct{ compiled *config.Base }

var errForeign = errors.New("the document is of another kind")

// Tenant implements Base.
func (b base) Tenant(file *File) (*Tenant, error) {
	document, ok := file.Document.(*config.TenantFile)
	if !ok {
		return nil, errForeign
	}
	compiled, problems := b.compiled.Tenant(document)
	if compiled == nil {
		if len(problems) == 0 {
			return nil, errForeign
		}
		return nil, problems
	}
	t := &Tenant{File: file, Places: b.compiled.Kept(document), Keys: compiled.KeySources, Suspended: file.Suspended,
		Compiled: compiled, Insecure: compiled.Insecure}
	for _, warning := range problems {
		t.Warnings = append(t.Warnings, warning.String())
	}
	return t, nil
}

// Places implements Base.
func (b base) Places(file *File) authz.HeldSpec {
	document, ok := file.Document.(*config.TenantFile)
	if !ok {
		return authz.HeldSpec{Name: file.Name}
	}
	return b.compiled.Places(document)
}

// Snapshot implements Base.
func (b base) Snapshot(generation uint64, tenants []*Tenant, held []authz.HeldSpec) (*authz.Snapshot, []Conflict) {
	snapshot, found := b.compiled.Snapshot(generation, compiledOf(tenants), held)
	return snapshot, conflictsOf(found)
}

// Change implements Base.
func (b base) Change(before *authz.Snapshot, c Change) *authz.Snapshot {
	return b.compiled.Change(before, c.Generation, compiledOf(c.Tenants), c.Gone, c.Held)
}

// CanTell implements Base.
func (base) CanTell(before *authz.Snapshot, t *Tenant) bool {
	compiled, ok := t.Compiled.(*config.Tenant)
	return ok && before.CanTell(compiled.Tenant)
}

// ContestHeldIssuers implements Base.
func (b base) ContestHeldIssuers(tenants []*Tenant, held []authz.HeldSpec, came []int) []Conflict {
	return conflictsOf(b.compiled.ContestHeldIssuers(compiledOf(tenants), held, came))
}

func compiledOf(tenants []*Tenant) []*config.Tenant {
	compiled := make([]*config.Tenant, len(tenants))
	for i, t := range tenants {
		compiled[i], _ = t.Compiled.(*config.Tenant)
	}
	return compiled
}

func conflictsOf(found []config.Conflict) []Conflict {
	conflicts := make([]Conflict, len(found))
	for i, conflict := range found {
		conflicts[i] = Conflict{conflict.Index, conflict.Problem.String(), conflict.What}
	}
	return conflicts
}
