package config

import "slices"

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
