package live

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/claimgate/claimgate/authz"
)

// memoryFile is the file in the state directory.
const memoryFile = "tenants.json"

const (
	memoryFormat   = 1
	maxMemoryBytes = 256 << 20
)

// errMemory is the heading of everything that is wrong with the state
// directory.
var errMemory = errors.New("state directory")

// remembered is what outlives the process of one tenant: when it was first
// accepted compared with others, where it was, and whose tokens it admitted. It gives nobody access: it
// only decides who keeps a place, and which places nobody else gets.
type remembered struct {
	Name    string            `json:"name"`
	Path    string            `json:"path"`
	Rank    uint64            `json:"rank"`
	Hosts   []string          `json:"hosts,omitempty"`
	Entries []string          `json:"entries,omitempty"`
	IDs     map[string]string `json:"ids,omitempty"`
	Issuers []issuer          `json:"issuers,omitempty"`
}

// issuer is an issuer that a tenant admitted.
type issuer struct {
	Name         string   `json:"name"`
	URL          string   `json:"issuer"`
	TenantClaim  []string `json:"tenantClaim,omitempty"`
	Audiences    []string `json:"audiences,omitempty"`
	SharedTokens bool     `json:"sharedTokens,omitempty"`
}

// envelope is the file: the checksum is that of the tenants as written.
type envelope struct {
	Format   int             `json:"format"`
	Checksum string          `json:"sha256"`
	Tenants  json.RawMessage `json:"tenants"`
}

// memory keeps the order of acceptance and the accepted places in a directory.
// Nil remembers nothing.
type memory struct {
	dir  string
	last [sha256.Size]byte // checksum of what is there
}

// openMemory returns the memory in a directory that belongs to the user of this
// process and that nobody else can write to. "" is none.
func openMemory(dir string) (*memory, error) {
	if dir == "" {
		return nil, nil //nolint:nilnil // no directory is a choice, not a fault
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errMemory, err)
	case !info.IsDir():
		return nil, fmt.Errorf("%w %s: it is no directory", errMemory, dir)
	case !ownedByUs(info):
		return nil, fmt.Errorf("%w %s: it belongs to another user; give it to the user of this process", errMemory, dir)
	case info.Mode().Perm()&0o022 != 0:
		return nil, fmt.Errorf("%w %s: others can write to it; take that away with chmod go-w", errMemory, dir)
	}
	return &memory{dir: dir}, nil
}

func (m *memory) path() string { return filepath.Join(m.dir, memoryFile) }

// load returns what was remembered by name. A file that is not there is no
// error; one that is damaged is one, and nothing of it is used.
func (m *memory) load() (map[string]remembered, error) {
	if m == nil {
		return nil, nil
	}
	text, err := m.read()
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMemory, err)
	}
	tenants, err := decodeMemory(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is damaged and not used: %w", errMemory, m.path(), err)
	}
	return tenants, nil
}

func (m *memory) read() ([]byte, error) {
	info, err := os.Lstat(m.path())
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || !ownedByUs(info) || info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%s is no file that only this user can write to", m.path())
	}
	file, err := os.Open(m.path())
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxMemoryBytes))
}

func decodeMemory(text []byte) (map[string]remembered, error) {
	var outer envelope
	if err := strictly(text, &outer); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(outer.Tenants)
	switch {
	case outer.Format != memoryFormat:
		return nil, fmt.Errorf("format %d is unknown", outer.Format)
	case outer.Checksum != hex.EncodeToString(sum[:]):
		return nil, errors.New("the checksum is wrong")
	}
	var list []remembered
	if err := strictly(outer.Tenants, &list); err != nil {
		return nil, err
	}
	tenants, ranks := make(map[string]remembered, len(list)), make(map[uint64]bool, len(list))
	for _, t := range list {
		if _, twice := tenants[t.Name]; twice || t.Name == "" || t.Rank == 0 || t.Rank > 1<<62 || ranks[t.Rank] {
			return nil, errors.New("a name or a rank is missing or there twice")
		}
		tenants[t.Name], ranks[t.Rank] = t, true
	}
	return tenants, nil
}

func strictly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the end")
	}
	return nil
}

// differs reports whether something else is to be remembered of a world than of
// the one before, which was saved.
func (m *memory) differs(saved, now *world) bool {
	if m == nil || m.last == [sha256.Size]byte{} {
		return true // nothing was
	}
	return slices.ContainsFunc(now.changed, func(name string) bool {
		a, b := saved.tenants[name], now.tenants[name]
		return a == nil || b == nil || a.rank != b.rank || a.path != b.path || !equalKept(&a.kept, &b.kept)
	})
}

func equalKept(a, b *authz.HeldSpec) bool {
	return equalHeld([]authz.HeldSpec{*a}, []authz.HeldSpec{*b}) &&
		slices.EqualFunc(a.Issuers, b.Issuers, func(x, y authz.HeldIssuer) bool { return equalIssuers(&x, &y) })
}

// save writes what is to be remembered of a world, where that changed. The file
// appears whole or not at all.
func (m *memory) save(w *world) error {
	if m == nil {
		return nil
	}
	tenants, err := json.Marshal(recall(w))
	if err != nil {
		return fmt.Errorf("%w: %w", errMemory, err)
	}
	sum := sha256.Sum256(tenants)
	if sum == m.last {
		return nil
	}
	text, err := json.Marshal(envelope{memoryFormat, hex.EncodeToString(sum[:]), tenants})
	if err != nil {
		return fmt.Errorf("%w: %w", errMemory, err)
	}
	if err := replaceFile(m.path(), append(text, '\n')); err != nil {
		return fmt.Errorf("%w: %w", errMemory, err)
	}
	m.last = sum
	return nil
}

// recall lists every tenant that was accepted once, in that order.
func recall(w *world) []remembered {
	list := make([]remembered, 0, len(w.tenants))
	for _, t := range w.tenants {
		if t.rank != 0 {
			r := remembered{t.name, t.path, t.rank, t.kept.Hosts, t.kept.Entries, t.kept.IDs, make([]issuer, len(t.kept.Issuers))}
			for i, kept := range t.kept.Issuers {
				r.Issuers[i] = issuer(kept)
			}
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b remembered) int {
		if a.Rank < b.Rank {
			return -1
		}
		return 1
	})
	return list
}

// recalled makes tenants of what was remembered: without a version, with their
// places.
func recalled(list map[string]remembered) (map[string]*tenant, uint64) {
	tenants, last := make(map[string]*tenant, len(list)), uint64(0)
	for name, r := range list {
		places := authz.HeldSpec{Name: name, Hosts: r.Hosts, Entries: r.Entries, IDs: r.IDs, Issuers: make([]authz.HeldIssuer, len(r.Issuers))}
		for i, kept := range r.Issuers {
			places.Issuers[i] = authz.HeldIssuer(kept)
		}
		tenants[name] = &tenant{name: name, rank: r.Rank, path: r.Path, kept: places, places: places}
		last = max(last, r.Rank)
	}
	return tenants, last
}

func replaceFile(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // best effort
	}
	return err
}
