package live

import (
	"bytes"
	"crypto/sha256"
	"iter"
	"os"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// Documents reads and compiles what an operator wrote.
type Documents interface {
	// ReadMain reads the main file and parses nothing.
	ReadMain() (Text, error)
	// CompileMain reads and compiles the main file without tenant files.
	CompileMain() (*Main, error)
	// ReadTenant reads and decodes one tenant file. With an error the file is
	// nil where it could not be read at all. What it was when it was read
	// before, or nil, saves the work where it still says the same.
	ReadTenant(found Found, before *File) (*File, error)
}

// Base compiles tenants with what the main file says for all of them. Safe for
// concurrent use.
type Base interface {
	// Tenant compiles one tenant; what it shares with others is not judged.
	Tenant(file *File) (*Tenant, error)
	// Places returns the places that a file claims, as far as they can be read.
	Places(file *File) authz.HeldSpec
	// Snapshot puts tenants together. Of two that contest something the later
	// is in conflict; with any conflict there is no snapshot. A held tenant
	// never takes a place of one of the tenants.
	Snapshot(generation uint64, tenants []*Tenant, held []authz.HeldSpec) (*authz.Snapshot, []Conflict)
	// Change returns what Snapshot returns without any conflict, where tenants of
	// a snapshot of this base are new, in place of others of their names, or gone;
	// nil where something is contested, or where only Snapshot can tell.
	Change(before *authz.Snapshot, c Change) *authz.Snapshot
	// CanTell reports whether Change judges the tenant, so that nil says that
	// something is contested.
	CanTell(before *authz.Snapshot, t *Tenant) bool
	// ContestHeldIssuers reports tenants for which tokens would be good that are
	// those of held tenants; came says of how many tenants each of these is the
	// newcomer, and ascends.
	ContestHeldIssuers(tenants []*Tenant, held []authz.HeldSpec, came []int) []Conflict
}

// Change is what differs between a snapshot and the next one.
type Change struct {
	Generation uint64
	Tenants    []*Tenant
	Gone       []string
	Held       []authz.HeldSpec // all of them
}

// Text is what a file held, and which file it was.
type Text struct {
	Bytes []byte
	Info  os.FileInfo // as of just before it was read
}

// cutInPlace reports whether later is the same file as the accepted text t,
// changed in place, and lacks a part of its end. A file that is replaced by
// rename is another file, whatever it holds.
func (t Text) cutInPlace(later Text) bool {
	return t.Info != nil && later.Info != nil && os.SameFile(t.Info, later.Info) &&
		len(later.Bytes) < len(t.Bytes) && bytes.HasPrefix(t.Bytes, later.Bytes)
}

// Main is a compiled main file.
type Main struct {
	Base

	Path     string
	Text     []byte
	Inline   []*File // tenants that are written in the main file
	List     func() (Listing, error)
	Keys     []string         // fingerprints of key sources that no tenant owns
	StateDir string           // "": nothing is kept
	MaxLoss  func(of int) int // most tenants, of so many, that may vanish at once; nil: see below
	Settings config.Settings
	Warnings []string
}

// maxLoss is the most tenants that may vanish at once.
func (m *Main) maxLoss(of int) int {
	if m.MaxLoss != nil {
		return m.MaxLoss(of)
	}
	return max(5, of/100)
}

// Listing is what the tenant directories hold.
type Listing struct {
	Files   []Found
	Dirs    []string
	Ignored []string // problems of files that are no tenant files
	Spotter Spotter  // nil: there is none
}

// Spotter tells of single paths what another listing would, at the cost of these
// alone. It is for one goroutine.
type Spotter interface {
	// Look returns the files of tenants that are at these paths by now, and the
	// paths where nothing is. Not ok: only a listing can tell.
	Look(paths []string) (there []Found, gone []string, ok bool)
	// Keep reports whether all these files still have their names.
	Keep(paths iter.Seq[string]) bool
}

// Found is one tenant file in a directory.
type Found struct {
	Name string // of the tenant
	Path string
	Info os.FileInfo
	// Delegated says that the tenant's own administrator writes the file.
	Delegated bool
	// Linked says that the name is a link's: its text may change elsewhere.
	Linked bool
}

// File is one tenant as written: decoded, not compiled. Immutable.
type File struct {
	Text

	Name      string
	Path      string
	Hash      [sha256.Size]byte
	Inline    bool // written in the main file; without text
	Delegated bool // written by the tenant's own administrator
	Suspended bool // says that the tenant is suspended, as far as it can be read
	Document  any  // what the base compiles
}

// Tenant is a compiled tenant.
type Tenant struct {
	File      *File
	Places    authz.HeldSpec
	Keys      []string // fingerprints of its key sources
	Suspended bool
	Compiled  any      // for the base
	Insecure  []string // insecure... words in use
	Warnings  []string
}

// Conflict is a problem of one tenant with those before it. What is decided by it
// is decided by what it is about, never by its words.
type Conflict struct {
	Index   int                 // -1: with the main file itself
	Problem string              // for a person, with the place in the file
	What    authz.ConflictError // what it is about, and whose that is; zero: it is wrong whatever others ask for
}

// same reports whether two files say the same.
func (f *File) same(other *File) bool {
	return f.Inline == other.Inline && !f.Inline && f.Hash == other.Hash && len(f.Bytes) == len(other.Bytes)
}

// empty reports whether the file says nothing: white space, comments and
// document marks.
func (f *File) empty() bool {
	for line := range bytes.Lines(f.Bytes) {
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		if len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) && !bytes.Equal(line, []byte("...")) {
			return false
		}
	}
	return true
}
