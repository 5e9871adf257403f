package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// nameVariable stands for the name of the tenant in labels and audiences of a
// grant.
const nameVariable = "{tenant.name}"

const issuersField = "issuers"

// delegation is the grant of one directory.
type delegation struct {
	doc     *delegatedDoc
	dir     string
	at      place    // of the grant in the main file
	headers []string // lower-case
}

// has reports whether the grant gives a field.
func (d *delegation) has(field string) bool {
	return slices.Contains(d.doc.Fields, delegatedField(field))
}

// audiences returns what the files of one tenant may write.
func (d *delegation) audiences(tenant string) []string {
	texts := make([]string, len(d.doc.Audiences))
	for i, text := range d.doc.Audiences {
		texts[i] = named(text, tenant)
	}
	return texts
}

// labels returns the labels of one tenant.
func (d *delegatedDoc) labels(tenant string) map[string]string {
	if d.Labels == nil {
		return nil
	}
	labels := make(map[string]string, len(d.Labels))
	for name, text := range d.Labels {
		labels[name] = named(text, tenant)
	}
	return labels
}

func named(text, tenant string) string { return strings.ReplaceAll(text, nameVariable, tenant) }

// delegations returns the grants of the main file.
func (m *Main) delegations() []*delegation {
	var grants []*delegation
	for i := range m.doc.TenantDirs {
		dir := &m.doc.TenantDirs[i]
		if dir.Delegated == nil || dir.Path == "" {
			continue
		}
		d := &delegation{doc: dir.Delegated, dir: filepath.Clean(m.beside(dir.Path)),
			at: place{m.source, fmt.Sprintf("tenantDirs[%d].delegated", i)}}
		for _, name := range dir.Delegated.HeaderNames {
			d.headers = append(d.headers, strings.ToLower(name))
		}
		grants = append(grants, d)
	}
	return grants
}

// delegationOf returns the grant that bounds a file, or nil where the operator
// wrote it.
func (m *Main) delegationOf(file *TenantFile) *delegation {
	if file.main {
		return nil
	}
	dir := filepath.Dir(file.Path())
	for _, d := range m.grants {
		if d.dir == dir {
			return d
		}
	}
	return nil
}

// labelsOf returns the labels that a tenant has.
func (m *Main) labelsOf(file *TenantFile) map[string]string {
	if d := m.delegationOf(file); d != nil {
		return d.doc.labels(file.name)
	}
	return file.doc.Labels
}

// checkDelegations checks the grants themselves.
func (b *builder) checkDelegations() {
	b.checkOverlaps()
	for _, d := range b.main.grants {
		doc := d.doc
		fields := make([]string, len(doc.Fields))
		for i, field := range doc.Fields {
			fields[i] = string(field)
		}
		b.once(d.at.at("fields"), fields)
		b.checkParts(d)
		b.once(d.at.at("entries"), doc.Entries)
		for i, name := range doc.Entries {
			b.known(d.at.item("entries", i), "entry", name, b.entries)
		}
		b.once(d.at.at("issuers"), doc.Issuers)
		for i, name := range doc.Issuers {
			b.known(d.at.item("issuers", i), "issuer", name, b.issuerNames)
		}
		b.once(d.at.at("headerNames"), d.headers)
		for i, name := range d.headers {
			if _, owned := b.names[name]; !owned && name != "" {
				b.notOwned(&b.report, d.at.item("headerNames", i), name)
			}
		}
		b.once(d.at.at("audiences"), doc.Audiences)
		for i, text := range doc.Audiences {
			b.checkNamed(d.at.item("audiences", i), text)
		}
		b.checkLabels(d)
	}
}

// checkParts wants a list beside the field that it is about, and the other way
// round.
func (b *builder) checkParts(d *delegation) {
	for _, part := range []struct {
		list, field string
		written     bool
		needed      bool
	}{
		{"entries", "entries", d.doc.Entries != nil, true},
		{issuersField, issuersField, d.doc.Issuers != nil, d.doc.Audiences == nil},
		{"audiences", issuersField, d.doc.Audiences != nil, false},
		{"headerNames", "headers", d.doc.HeaderNames != nil, true},
	} {
		switch {
		case part.written && !d.has(part.field):
			b.problem(d.at.at(part.list), "no file can use these without the field "+part.field, "add "+part.field+" to fields, or remove this")
		case !part.written && part.needed && d.has(part.field):
			mend := "write " + part.list + ": [...] beside fields"
			if part.field == issuersField {
				mend = "write issuers: [...] or audiences: [...] beside fields"
			}
			b.problem(d.at.item("fields", slices.Index(d.doc.Fields, delegatedField(part.field))), "the field "+part.field+" is given, but nothing that could stand there", mend)
		}
	}
}

func (b *builder) checkLabels(d *delegation) {
	at := d.at.at("labels")
	if len(d.doc.Labels) > maxLabels {
		b.problem(at, fmt.Sprintf("a tenant has at most %d labels", maxLabels), "")
	}
	for _, name := range slices.Sorted(maps.Keys(d.doc.Labels)) {
		at, text := at.at(yamldoc.PathName(name)), d.doc.Labels[name]
		if !nameForm.MatchString(name) {
			b.problem(at, "the name of a label has 1 to 64 of the characters A-Z a-z 0-9 . _ -", "")
		}
		b.checkText(at, text)
		b.checkNamed(at, text)
	}
}

// checkNamed wants no other braces than those of the name.
func (b *builder) checkNamed(at place, text string) {
	if strings.ContainsAny(named(text, ""), "{}") {
		b.further(at, "only "+nameVariable+" can stand in braces here", "write "+nameVariable+", or no braces")
	}
}

// checkOverlaps wants every delegated directory apart from the others: what lies
// within another one would be read twice, or be moved by whoever owns that.
func (b *builder) checkOverlaps() {
	dirs := b.main.doc.TenantDirs
	for i := range dirs {
		for k := range i {
			if dirs[i].Delegated == nil && dirs[k].Delegated == nil || dirs[i].Path == "" || dirs[k].Path == "" {
				continue
			}
			one, other := filepath.Clean(b.main.beside(dirs[i].Path)), filepath.Clean(b.main.beside(dirs[k].Path))
			if within(one, other) || within(other, one) {
				at := place{b.main.source, fmt.Sprintf("tenantDirs[%d].path", i)}
				b.problem(at, fmt.Sprintf("this overlaps tenantDirs[%d], and one of them is delegated", k), "put the directories side by side")
			}
		}
	}
}

// within reports whether a clean path is another one or lies below it.
func within(inner, outer string) bool {
	rest, err := filepath.Rel(outer, inner)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}
