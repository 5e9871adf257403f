package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
	"github.com/claimgate/claimgate/policy"
)

// Limits of one delegated file besides maxDelegatedBytes.
const (
	maxDelegatedRules   = 200
	maxDelegatedIssuers = 5
	maxDelegatedItems   = 1000   // elements of all its lists
	maxDelegatedCEL     = 50_000 // units that its expressions may cost in one evaluation
	maxDelegatedProgram = 2048   // instructions of its regular expressions
)

// admitted returns a file as its grant has it: with the labels of the grant, and
// with the problem of everything that the grant does not give. A file of the
// operator's is returned as it is.
func (b *Base) admitted(file *TenantFile) (*TenantFile, *delegation, Problems) {
	grant := b.main.delegationOf(file)
	if grant == nil || file.doc == nil {
		return file, grant, nil
	}
	j := &judge{base: b, grant: grant, file: file, doc: file.doc}
	j.judge()
	if len(j.problems) == 0 {
		return grant.labelled(file), grant, nil
	}
	return file, grant, append(slices.Clone(file.shape.problems), file.shape.unrelated(j.problems)...)
}

// outline is what of a file's form is judged, kept so that no tree need be kept or
// made again: the fields that it writes and the elements of all its lists.
type outline struct {
	fields []string
	items  int
}

func outlineOf(tree *yamldoc.Document) *outline {
	return &outline{fields: tree.Names(""), items: tree.Items()}
}

// judge compares one file with the grant of its directory. It compiles nothing:
// what is beyond the grant is refused before any work is done for it.
type judge struct {
	report
	base  *Base
	grant *delegation
	file  *TenantFile
	doc   *tenantDoc
}

func (j *judge) judge() {
	at := j.file.at
	if len(j.file.text) > maxDelegatedBytes {
		j.problem(at, fmt.Sprintf("a delegated file has at most %d bytes", maxDelegatedBytes), "shorten it")
		return
	}
	form := j.file.form
	if form == nil { // it was read before its directory was delegated
		form = outlineOf(j.document(at.source))
	}
	if items := form.items; items > maxDelegatedItems {
		j.problem(at, fmt.Sprintf("the lists of the file have %d elements, and a delegated file has at most %d", items, maxDelegatedItems), "shorten them")
		return
	}
	for _, name := range form.fields {
		j.field(name)
	}
	j.within(at.at("entries"), "entry", j.doc.Entries, j.grant.doc.Entries)
	j.issuers(at.at("issuers"))
	for i := range j.doc.Headers {
		if name := strings.ToLower(j.doc.Headers[i].Name); name != "" && !slices.Contains(j.grant.headers, name) {
			j.refuse(at.item("headers", i).at("name"), fmt.Sprintf("the grant of this directory does not give the header %.64q", name))
		}
	}
	j.rules(at.at("policy.rules"))
}

// refuse reports something that the grant does not give.
func (j *judge) refuse(at place, message string) {
	j.further(at, message, "remove it, or ask the platform for it")
}

// field judges a field of the file by its name alone. One that does not exist
// anywhere is known already.
func (j *judge) field(name string) {
	at := j.file.at.at(name)
	switch why := neverDelegated(name); {
	case why != "":
		j.problem(at, name+" is never for a delegated file: "+why, "remove it")
	case slices.Contains(delegable(), name) && !j.grant.has(name):
		j.refuse(at, "the grant of this directory does not give the field "+name)
	}
}

func (j *judge) within(at place, what string, names, given []string) {
	for i, name := range names {
		if name != "" && !slices.Contains(given, name) {
			j.refuse(at.item("", i), fmt.Sprintf("the grant of this directory does not give the %s %.64q", what, name))
		}
	}
}

func (j *judge) rules(at place) {
	rules := j.doc.Policy.Rules
	if len(rules) > maxDelegatedRules {
		j.problem(at, fmt.Sprintf("the file has %d rules, and a delegated file has at most %d", len(rules), maxDelegatedRules), "put rules together")
	}
	for i := range rules {
		if rules[i].Mode == modeShadow {
			j.problem(at.item("", i).at("mode"), "shadow is never for a delegated file", "remove the rule, or its mode")
		}
	}
}

func (j *judge) issuers(at place) {
	docs := j.doc.Issuers
	if len(docs) > maxDelegatedIssuers {
		j.problem(at, fmt.Sprintf("the file has %d issuers, and a delegated file has at most %d", len(docs), maxDelegatedIssuers), "remove some")
	}
	audiences := j.grant.audiences(j.file.name)
	for i := range docs {
		at, doc := at.item("", i), &docs[i]
		switch {
		case doc.local != nil:
			j.within(at.at("audiences"), "audience", doc.local.Audiences, audiences)
			j.ownIssuer(at, &doc.local.issuerDoc)
		case doc.name != "" && !slices.Contains(j.grant.doc.Issuers, doc.name):
			j.refuse(at, fmt.Sprintf("the grant of this directory does not give the issuer %.64q", doc.name))
		case doc.ref != nil && doc.ref.Audiences != nil:
			j.within(at.at("audiences"), "audience", doc.ref.Audiences, audiences)
		case !j.tellsApart(doc.name):
			j.refuse(at, "the tokens of this issuer are told apart by their audiences alone, and without audiences all of them would be this tenant's")
		}
	}
}

// tellsApart reports whether no two tenants share a token of an issuer of the
// main file, or nobody knows it.
func (j *judge) tellsApart(name string) bool {
	known := j.base.issuers[name]
	return known == nil || known.doc.TenantClaim != nil || isTenantTemplate(known.doc.Issuer)
}

// ownIssuer judges an issuer that the file defines. What it may say is listed,
// so that what comes later is refused until somebody thinks of it.
func (j *judge) ownIssuer(at place, doc *issuerDoc) {
	tree := j.document(at.source)
	for _, name := range tree.Names(at.path) {
		switch name {
		case "name", "issuer", "audiences", "algorithms", "types", "clockSkew", "maxTokenAge", "claimMappings", "jwksUri", "jwks", "until", "keys":
		default:
			j.problem(at.at(name), name+" is never for an issuer of a delegated file", "remove it")
		}
	}
	for _, name := range tree.Names(at.at("keys").path) {
		if name != "deny" && name != "uses" {
			j.problem(at.at("keys."+name), "keys."+name+" is never for an issuer of a delegated file", "remove it")
		}
	}
	for _, field := range []struct{ path, url string }{{"issuer", doc.Issuer}, {"jwksUri", doc.JWKSURI}} {
		if strings.ContainsAny(field.url, "{}") {
			j.further(at.at(field.path), "a delegated file writes its URLs exactly", "remove the braces")
		}
		if field.url != "" && !strings.HasPrefix(field.url, "https://") {
			j.further(at.at(field.path), "the URLs of a delegated file begin with https://", "write it as https://id.example.com/")
		}
	}
	if known := j.base.definedAs(doc.Issuer); known != "" {
		j.further(at.at("issuer"), fmt.Sprintf("this is an issuer of the main file (%s)", known), "list it by its name where the grant gives it, or remove it")
	}
}

// definedAs returns the name of an issuer of the main file that the text is, or
// may become for some tenant or token, or "". Case and a slash at the end make
// no difference, so that none looks like another.
func (b *Base) definedAs(text string) string {
	if text == "" {
		return ""
	}
	for _, name := range b.issuerNames {
		if b.issuers[name].alike.MatchString(alike(text)) {
			return name
		}
	}
	return ""
}

func alike(url string) string { return strings.TrimRight(strings.ToLower(url), "/") }

// weigh bounds what the file's own part of the policy costs on each request.
func (b *tenantBuilder) weigh(compiled *policy.Policy, at place) {
	if b.bounds == nil {
		return
	}
	costs := compiled.Costs()
	b.costs.Expressions += costs.Expressions
	b.costs.Program += costs.Program
	for _, limit := range []struct {
		what        string
		n, greatest int
	}{
		{"the CEL expressions of the file may cost %d units in one evaluation, and those of a delegated file at most %d", b.costs.Expressions, maxDelegatedCEL},
		{"the regular expressions of the file compile to %d instructions, and those of a delegated file to at most %d", b.costs.Program, maxDelegatedProgram},
	} {
		if limit.n > limit.greatest {
			b.further(at, fmt.Sprintf(limit.what, limit.n, limit.greatest), "use fewer or simpler expressions")
		}
	}
}

// reword tells about labels where they are set.
func (d *delegation) reword(problems Problems) Problems {
	for i := range problems {
		if p := &problems[i]; d != nil && below("labels", p.Path) {
			p.Mend = "the grant sets the labels: see " + d.at.path + " of " + d.at.source.name
		}
	}
	return problems
}

// labelled returns the file with the labels of the grant.
func (d *delegation) labelled(file *TenantFile) *TenantFile {
	doc := *file.doc
	doc.Labels = d.doc.labels(file.name)
	labelled := *file
	labelled.doc = &doc
	return &labelled
}

// bounded returns the file with no more than what it may claim where it is not
// in force: it must not lose its places, nor hold those of others. An issuer of
// its own is held only once it was in force, for whoever writes its URL first
// need not be whose it is.
func (d *delegation) bounded(file *TenantFile) *TenantFile {
	doc := file.doc
	claims := &tenantDoc{Labels: d.doc.labels(file.name)}
	if d.has("entries") && doc.Entries != nil {
		claims.Entries = slices.DeleteFunc(slices.Clone(doc.Entries), func(name string) bool { return !slices.Contains(d.doc.Entries, name) })
	}
	if d.has(issuersField) && doc.Issuers != nil {
		claims.Issuers = slices.DeleteFunc(slices.Clone(doc.Issuers), func(g grantDoc) bool {
			return g.local != nil || !slices.Contains(d.doc.Issuers, g.name) || !d.admits(&g, file.name)
		})
	}
	bounded := *file
	bounded.doc = claims
	return &bounded
}

// admits reports whether a part of the audiences is within the grant.
func (d *delegation) admits(g *grantDoc, tenant string) bool {
	given := d.audiences(tenant)
	return g.ref == nil || !slices.ContainsFunc(g.ref.Audiences, func(name string) bool { return !slices.Contains(given, name) })
}
