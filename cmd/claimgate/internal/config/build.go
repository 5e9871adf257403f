package config

import (
	"fmt"
	"slices"
)

// Build compiles the document. It asks no network; key sources of issuers are
// registered, and fetch what they need once the registry runs. The error is
// Problems, all of them.
func (d *Document) Build(rt Runtime) (*Built, error) {
	built, problems := d.build(rt)
	mistakes, warnings := problems.split()
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	built.Warnings = warnings
	return built, nil
}

// build compiles what can be compiled, whatever else is wrong, so that one run
// finds every problem. With mistakes there is no snapshot.
func (d *Document) build(rt Runtime) (*Built, Problems) {
	base, found := d.main.compile(rt)
	known := map[fieldRef]bool{}
	for _, p := range found.problems {
		known[fieldRef{p.File, p.Path}] = true
	}
	further := func(p Problem) {
		if !known[fieldRef{p.File, p.Path}] {
			found.problems = append(found.problems, p)
		}
	}
	compiled, problems := make([]*Tenant, len(d.tenants)), make([]Problems, len(d.tenants))
	inParallel(len(d.tenants), func(i int) { compiled[i], problems[i] = base.Tenant(d.tenants[i]) })
	for i := range problems {
		for _, p := range problems[i] {
			further(p)
		}
	}
	good := slices.DeleteFunc(compiled, func(t *Tenant) bool { return t == nil })
	snapshot, conflicts := base.Snapshot(rt.Generation, good, nil)
	for _, conflict := range conflicts {
		further(conflict.Problem)
	}
	d.unused(found)
	return &Built{Snapshot: snapshot, Settings: base.settings, Counts: d.counts()}, found.problems
}

func (d *Document) counts() Counts {
	counts := Counts{Tenants: len(d.tenants), Issuers: len(d.main.doc.Issuers)}
	for _, t := range d.tenants {
		if t.doc != nil {
			counts.Rules += len(t.doc.Policy.Rules)
		}
	}
	return counts
}

// unused warns of issuers and entries that no tenant names, and of a
// configuration without any tenant.
func (d *Document) unused(found *report) {
	if len(d.tenants) == 0 {
		found.warn(place{d.main.source, "tenants"}, "there is no tenant, so every request is denied", "write tenants or tenantDirs")
	}
	usedIssuers, usedEntries := map[string]bool{}, map[string]bool{}
	for _, t := range d.tenants {
		if t.doc == nil {
			continue
		}
		for _, name := range t.doc.Issuers {
			usedIssuers[name] = true
		}
		for _, name := range t.doc.Entries {
			usedEntries[name] = true
		}
	}
	for i, doc := range d.main.doc.Issuers {
		if !usedIssuers[doc.Name] {
			found.warn(place{d.main.source, fmt.Sprintf("issuers[%d]", i)}, "no tenant names this issuer", "")
		}
	}
	for i, doc := range d.main.doc.Entries {
		if !usedEntries[doc.Name] {
			found.warn(place{d.main.source, fmt.Sprintf("entries[%d]", i)}, "no tenant lists this entry", "")
		}
	}
}
