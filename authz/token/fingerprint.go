package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
)

// fingerprint stands for all settings that a verification reads. Verifiers with
// equal fingerprints accept the same tokens and may share what they cached;
// others never do.
type fingerprint [sha256.Size]byte

// fingerprintOf stands for the settings of all issuers of a scope. Their order
// does not matter.
func fingerprintOf(issuers []*Issuer) fingerprint {
	sorted := slices.Clone(issuers)
	slices.SortFunc(sorted, func(a, b *Issuer) int { return bytes.Compare(a.settings[:], b.settings[:]) })
	hash := sha256.New()
	for _, i := range sorted {
		_, _ = hash.Write(i.settings[:]) // a hash never fails
	}
	return fingerprint(hash.Sum(nil))
}

// settingsOf hashes every field of an issuer with its length in front, so that
// no two lists of settings run into one text.
func settingsOf(i *Issuer) fingerprint {
	w := settingsHash{sha256.New()}
	w.list(i.url, i.name, i.keysID)
	w.list(i.audiences...)
	w.list(i.types...)
	w.list(i.audienceClaim...)
	w.number(uint64(i.algs))
	w.number(uint64(i.skew))        // never negative
	w.number(uint64(i.maxTokenAge)) // never negative
	return fingerprint(w.Sum(nil))
}

type settingsHash struct{ hash.Hash }

func (w settingsHash) number(n uint64) {
	_, _ = w.Write(binary.BigEndian.AppendUint64(nil, n)) // a hash never fails
}

func (w settingsHash) list(items ...string) {
	w.number(uint64(len(items)))
	for _, s := range items {
		w.number(uint64(len(s)))
		_, _ = w.Write([]byte(s))
	}
}
