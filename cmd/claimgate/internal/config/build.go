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
		if conflict.Index >= 0 { // the others are known from the main file
			further(conflict.Problem)
		}
	}
	d.unused(found)
	settings := base.settings
	for _, t := range good {
		settings.Insecure = append(settings.Insecure, t.Insecure...)
	}
	return &Built{Snapshot: snapshot, Settings: settings, Counts: d.counts()}, found.problems
}

func (d *Document) counts() Counts {
	doc := &d.main.doc
	counts := Counts{Tenants: len(d.tenants), Issuers: len(doc.Issuers), Rules: len(doc.TenantDefaults.Policy.Rules)}
	for i := range doc.Policies {
		counts.Rules += len(doc.Policies[i].Rules)
	}
	for _, t := range d.tenants {
		if t.kept {
			counts.Delegated++
		}
		if t.doc == nil {
			continue
		}
		counts.Rules += len(t.doc.Policy.Rules)
		for i := range t.doc.Issuers {
			if t.doc.Issuers[i].local != nil {
				counts.Issuers++
			}
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
	used := d.named()
	for i, doc := range d.main.doc.Issuers {
		if !used.issuers[doc.Name] {
			found.warn(place{d.main.source, fmt.Sprintf("issuers[%d]", i)}, "no tenant names this issuer", "")
		}
	}
	for i, doc := range d.main.doc.Entries {
		if !used.entries[doc.Name] {
			found.warn(place{d.main.source, fmt.Sprintf("entries[%d]", i)}, "no tenant lists this entry", "")
		}
	}
	for i, doc := range d.main.doc.Policies {
		if !used.policies[doc.Name] {
			found.warn(place{d.main.source, fmt.Sprintf("policies[%d]", i)}, "nothing uses this policy", "")
		}
	}
}

// usedNames are the names of the main file that something refers to.
type usedNames struct{ issuers, entries, policies map[string]bool }

func (d *Document) named() usedNames {
	used := usedNames{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	used.add(&d.main.doc.TenantDefaults.commonDoc)
	for _, t := range d.tenants {
		if t.doc != nil {
			used.add(&t.doc.commonDoc)
		}
	}
	for _, entry := range d.main.doc.Entries {
		for _, name := range entry.TenantFromClaim {
			used.issuers[name] = true
		}
	}
	return used
}

func (u usedNames) add(doc *commonDoc) {
	for i := range doc.Issuers {
		u.issuers[doc.Issuers[i].name] = true
	}
	for _, name := range doc.Entries {
		u.entries[name] = true
	}
	for _, name := range doc.Policy.Use {
		u.policies[name] = true
	}
}
