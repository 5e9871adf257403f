package live

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// journalLeast is how many changes are appended at least before everything is
// written again.
const journalLeast = 1024

// maxJournalBytes bounds what is appended, whatever the changes hold: far less than
// is read again.
const maxJournalBytes = 16 << 20

// journal is where a memory appends what changed since the whole was written, so
// that one tenant among many costs the work of one. It belongs to one whole, whose
// checksum is in its name.
type journal struct {
	whole os.FileInfo       // the file that it continues, as it was written
	path  string            // of the journal
	sum   [sha256.Size]byte // of the last line, or of the whole
	size  int64             // of the journal
	lines int
}

// entry is one line: its checksum is that of the line before and of its change.
type entry struct {
	Sum    string          `json:"sha256"`
	Change json.RawMessage `json:"change"`
}

// change is what a tenant is remembered as by now. Without a tenant it is to be
// forgotten.
type change struct {
	Name   string      `json:"name"`
	Tenant *remembered `json:"tenant,omitempty"`
}

// journalOf returns the path of the journal of a whole.
func (m *memory) journalOf(sum [sha256.Size]byte) string {
	return filepath.Join(m.dir, "tenants."+hex.EncodeToString(sum[:8])+".log")
}

// begin begins the journal of a whole that was written just now, and removes
// those of others.
func (m *memory) begin(sum [sha256.Size]byte) error {
	whole, err := os.Lstat(m.path())
	if err != nil {
		return err
	}
	m.journal = journal{whole: whole, path: m.journalOf(sum), sum: sum}
	old, err := filepath.Glob(filepath.Join(m.dir, "tenants.*.log"))
	for _, path := range old {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// append writes changes. Where that cannot be, such as since another wrote there,
// everything is to be written.
func (j *journal) append(changes []change) error {
	var text bytes.Buffer
	sum := j.sum
	for _, c := range changes {
		raw, err := json.Marshal(c)
		if err != nil {
			return err
		}
		sum = chained(sum, raw)
		line, err := json.Marshal(entry{hex.EncodeToString(sum[:]), raw})
		if err != nil {
			return err
		}
		text.Write(append(line, '\n'))
	}
	if j.size+int64(text.Len()) > maxJournalBytes {
		return errTooLarge
	}
	if err := j.write(text.Bytes()); err != nil {
		return err
	}
	j.sum, j.size, j.lines = sum, j.size+int64(text.Len()), j.lines+len(changes)
	return nil
}

func chained(sum [sha256.Size]byte, raw []byte) [sha256.Size]byte {
	return sha256.Sum256(append(sum[:], raw...))
}

var (
	errOtherWriter = errors.New("somebody else changed it")
	errTooLarge    = errors.New("it is too large")
)

func (j *journal) write(text []byte) error {
	file, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() != j.size) {
		err = errOtherWriter
	}
	if err == nil {
		_, err = file.Write(text)
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// intact reports whether the whole is still the one that was written.
func (m *memory) intact() bool {
	info, err := os.Lstat(m.path())
	return err == nil && alike(m.journal.whole, info)
}

// replay applies a journal to what its whole says. A last line without an end was
// being written when the process died, and never was in force.
func replay(tenants map[string]remembered, sum [sha256.Size]byte, text []byte) error {
	for number := 1; ; number++ {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		if !ended {
			return nil
		}
		var e entry
		var c change
		if err := errors.Join(strictly(line, &e), strictly(e.Change, &c)); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if sum = chained(sum, e.Change); e.Sum != hex.EncodeToString(sum[:]) {
			return fmt.Errorf("line %d: %w", number, errChecksum)
		}
		if c.Tenant == nil {
			delete(tenants, c.Name)
		} else {
			tenants[c.Name] = *c.Tenant
		}
		text = rest
	}
}
