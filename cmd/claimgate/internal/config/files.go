package config

import (
	"maps"
	"slices"
)

// Files returns the files besides the main file and the tenant files that the
// configuration reads, such as certificates and key sets, each once and sorted.
// A change of one of them is a change of the configuration.
func (m *Main) Files() []string {
	found := map[string]bool{}
	add := func(paths ...string) {
		for _, path := range paths {
			if path != "" {
				found[m.beside(path)] = true
			}
		}
	}
	if doc := m.doc.Listen.TLS; doc != nil {
		add(doc.CertFile, doc.KeyFile, doc.ClientCAFile)
	}
	if doc := m.doc.Metrics; doc != nil {
		add(doc.BearerTokenFile)
		if doc.TLS != nil {
			add(doc.TLS.CertFile, doc.TLS.KeyFile, doc.TLS.ClientCAFile)
		}
	}
	if key := m.doc.Log.HashKey; key.kind == fileKind {
		add(key.name)
	}
	if doc := m.doc.Tracing; doc != nil {
		add(doc.CAFile)
		for _, ref := range doc.Headers {
			if ref.kind == fileKind {
				add(ref.name)
			}
		}
	}
	for i := range m.doc.Issuers {
		add(m.doc.Issuers[i].JWKSFile, m.doc.Issuers[i].Keys.CAFile)
	}
	for _, t := range m.inline {
		for _, grant := range t.doc.Issuers {
			if grant.local != nil {
				add(grant.local.JWKSFile, grant.local.Keys.CAFile)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Files returns every file that was read, or should have been, each once and
// sorted.
func (d *Document) Files() []string {
	files := append(d.main.Files(), d.main.Path())
	for _, t := range d.tenants {
		if !t.main {
			files = append(files, t.Path())
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}
