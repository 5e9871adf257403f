package config

import (
	"bytes"
	"slices"
)

// MaxMainBytes bounds the main file.
const MaxMainBytes = maxMainBytes

// KeySources returns the fingerprints of the key sources of the main file's
// issuers, for jwks.Registry.Retain.
func (b *Base) KeySources() []string {
	var sources []string
	for _, known := range b.issuers {
		if known.source != "" {
			sources = append(sources, known.source)
		}
	}
	slices.Sort(sources)
	return sources
}

// Reread reads the file again, as before. Where it says the same
// as before it is not decoded again.
func (t *TenantFile) Reread() (*TenantFile, error) {
	at := TenantPath{Path: t.Path(), Delegated: t.kept}
	data, info, err := at.read()
	if err != nil || !info.Mode().IsRegular() || !bytes.Equal(data, t.text) {
		return at.Read()
	}
	same := *t
	same.info = info
	if mistakes, _ := same.shape.problems.split(); len(mistakes) > 0 {
		return &same, mistakes
	}
	return &same, nil
}
