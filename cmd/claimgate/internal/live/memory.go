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

// memoryFile is the file in the state directory; what changed since it was written
// is in the journal beside it.
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
	dir     string
	last    [sha256.Size]byte // checksum of the whole that is there
	journal journal           // of what changed since
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

// maxReads is how often the memory is read at most while another process writes it.
const maxReads = 8

// load returns what was remembered by name. A file that is not there is no
// error; one that is damaged is one, and nothing of it is used. Another process may
// be writing: a journal belongs to one whole, so both are read again where the
// whole is another by then.
func (m *memory) load() (tenants map[string]remembered, err error) {
	if m == nil {
		return nil, nil
	}
	for range maxReads {
		before, _ := os.Lstat(m.path())
		tenants, err = m.loadOnce()
		after, gone := os.Lstat(m.path())
		if before == nil && gone != nil || before != nil && gone == nil && alike(before, after) {
			break
		}
	}
	return tenants, err
}

func (m *memory) loadOnce() (map[string]remembered, error) {
	text, err := m.read(m.path())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMemory, err)
	}
	tenants, sum, err := decodeMemory(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is damaged and not used: %w", errMemory, m.path(), err)
	}
	path := m.journalOf(sum)
	text, err = m.read(path)
	if err == nil {
		err = errors.Join(replay(tenants, sum, text), valid(tenants))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is damaged, and nothing is used: %w", errMemory, path, err)
	}
	return tenants, nil
}

func (*memory) read(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxMemoryBytes {
		return nil, fmt.Errorf("%s: %w", path, errTooLarge) // a part of it would pass for the whole
	}
	if !info.Mode().IsRegular() || !ownedByUs(info) || info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%s is no file that only this user can write to", path)
	}
	file, err := os.Open(path) //nolint:gosec // in the state directory
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxMemoryBytes))
}

var (
	errChecksum = errors.New("the checksum is wrong")
	errRanks    = errors.New("a name or a rank is missing or there twice")
)

// decodeMemory returns what is remembered by name, and its checksum.
func decodeMemory(text []byte) (tenants map[string]remembered, sum [sha256.Size]byte, err error) {
	var outer envelope
	if err := strictly(text, &outer); err != nil {
		return nil, sum, err
	}
	sum = sha256.Sum256(outer.Tenants)
	switch {
	case outer.Format != memoryFormat:
		return nil, sum, fmt.Errorf("format %d is unknown", outer.Format)
	case outer.Checksum != hex.EncodeToString(sum[:]):
		return nil, sum, errChecksum
	}
	var list []remembered
	if err := strictly(outer.Tenants, &list); err != nil {
		return nil, sum, err
	}
	tenants = make(map[string]remembered, len(list))
	for _, t := range list {
		tenants[t.Name] = t
	}
	if len(tenants) != len(list) {
		return nil, sum, errRanks
	}
	if err := valid(tenants); err != nil {
		return nil, sum, err
	}
	return tenants, sum, nil
}

func valid(tenants map[string]remembered) error {
	ranks := make(map[uint64]bool, len(tenants))
	for name, t := range tenants {
		if name == "" || t.Name != name || t.Rank == 0 || t.Rank > 1<<62 || ranks[t.Rank] {
			return errRanks
		}
		ranks[t.Rank] = true
	}
	return nil
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

// differing lists what is to be remembered otherwise of a world than of the one
// before, which was saved.
func differing(saved, now *world) []change {
	var changes []change
	for _, name := range now.changed {
		a, b := saved.tenants[name], now.tenants[name]
		switch {
		case b == nil || b.rank == 0:
			if a != nil && a.rank != 0 {
				changes = append(changes, change{Name: name})
			}
		case a == nil || a.rank != b.rank || a.path != b.path || !equalKept(&a.kept, &b.kept):
			r := rememberedOf(b)
			changes = append(changes, change{name, &r})
		}
	}
	return changes
}

func equalKept(a, b *authz.HeldSpec) bool {
	return equalHeld([]authz.HeldSpec{*a}, []authz.HeldSpec{*b}) &&
		slices.EqualFunc(a.Issuers, b.Issuers, func(x, y authz.HeldIssuer) bool { return equalIssuers(&x, &y) })
}

// save takes note of a world that follows one that was saved, at the cost of what
// differs. With all, nothing is known of what was saved.
func (m *memory) save(before, now *world, all bool) error {
	if m == nil {
		return nil
	}
	changes := differing(before, now)
	if all = all || m.last == [sha256.Size]byte{}; !all && len(changes) == 0 {
		return nil
	}
	if !all && m.journal.lines+len(changes) <= journalLeast+len(now.tenants)/4 && m.intact() && m.journal.append(changes) == nil {
		return nil
	}
	if err := m.saveAll(now); err != nil {
		m.last = [sha256.Size]byte{}
		return fmt.Errorf("%w: %w", errMemory, err)
	}
	return nil
}

// saveAll writes everything. The file appears whole or not at all.
func (m *memory) saveAll(w *world) error {
	tenants, err := json.Marshal(recall(w))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(tenants)
	text, err := json.Marshal(envelope{memoryFormat, hex.EncodeToString(sum[:]), tenants})
	if err != nil {
		return err
	}
	if err := replaceFile(m.path(), append(text, '\n')); err != nil {
		return err
	}
	m.last = sum
	return m.begin(sum)
}

// recall lists every tenant that was accepted once, in that order.
func recall(w *world) []remembered {
	list := make([]remembered, 0, len(w.tenants))
	for _, t := range w.tenants {
		if t.rank != 0 {
			list = append(list, rememberedOf(t))
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

func rememberedOf(t *tenant) remembered {
	r := remembered{t.name, t.path, t.rank, t.kept.Hosts, t.kept.Entries, t.kept.IDs, make([]issuer, len(t.kept.Issuers))}
	for i, kept := range t.kept.Issuers {
		r.Issuers[i] = issuer(kept)
	}
	return r
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
