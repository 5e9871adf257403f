package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// Build compiles the document. It asks no network; key sources of issuers are
// registered, and fetch what they need once the registry runs. The error is
// Problems, all of them.
func (d *Document) Build(rt Runtime) (*Built, error) {
	if rt.Cache == nil && d.main.Cache.Tokens > 0 && d.main.Cache.Tokens <= maxCacheTokens {
		rt.Cache = token.NewCache(d.main.Cache.Tokens)
	}
	built, problems := d.build(rt)
	mistakes, warnings := problems.split()
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	built.Warnings = warnings
	return built, nil
}

// builder compiles one document. It holds what its parts share.
type builder struct {
	report
	document *Document
	registry *jwks.Registry
	cache    *token.Cache
	issuers  map[string]*issuer // by name; broken ones too
	entries  []string           // names
	names    map[string]place   // of all owned headers, lower-case
	owned    *authz.OwnedHeaders
}

// build compiles what can be compiled, whatever else is wrong, so that one run
// finds every problem. With mistakes there is no snapshot.
func (d *Document) build(rt Runtime) (*Built, Problems) {
	b := &builder{document: d, registry: rt.Keys, cache: rt.Cache, issuers: map[string]*issuer{}}
	if b.registry == nil {
		b.registry = jwks.NewRegistry(jwks.Options{})
	}
	built := &Built{Settings: b.settings()}
	b.answers()
	b.compileIssuers()
	b.checkEntries()
	b.ownHeaders()
	tenants := b.compileTenants()
	b.unused()
	built.Counts = d.counts()
	if b.mistakes() == 0 && !slices.Contains(tenants, nil) {
		built.Snapshot = b.snapshot(rt.Generation, tenants)
	}
	return built, b.problems
}

func (d *Document) counts() Counts {
	counts := Counts{Tenants: len(d.tenants), Issuers: len(d.main.Issuers)}
	for _, t := range d.tenants {
		counts.Rules += len(t.doc.Policy.Rules)
	}
	return counts
}

func (b *builder) snapshot(generation uint64, tenants []*authz.Tenant) *authz.Snapshot {
	doc := &b.document.main
	spec := authz.SnapshotSpec{
		Generation: generation,
		Tenants:    tenants,
		Owned:      b.owned,
		Proxy: authz.ProxySpec{
			FiltersHeaders:       doc.Proxy.FiltersHeaders,
			RejectsUnderscores:   doc.Proxy.RejectsUnderscores,
			KeepEnvoyAuthHeaders: !doc.Proxy.StripEnvoyAuthHeaders,
		},
		Realm:            doc.Realm,
		DecisionIDHeader: strings.ToLower(doc.DecisionID.ResponseHeader),
	}
	for _, entry := range doc.Entries {
		spec.Entries = append(spec.Entries, authz.EntrySpec{Name: entry.Name, ContextExtension: entry.ContextExtension})
	}
	snapshot, problems := authz.NewSnapshot(spec)
	for _, p := range problems {
		b.problem(b.snapshotPlace(p.Path), p.Message, p.Mend)
	}
	return snapshot
}

var tenantIndex = regexp.MustCompile(`^tenants\[([0-9]{1,9})\](.*)$`)

// snapshotPlace finds the file of a path such as `tenants[7].hosts[0]`, which
// counts the tenants of all files.
func (b *builder) snapshotPlace(path string) place {
	match := tenantIndex.FindStringSubmatch(path)
	if match == nil {
		return place{b.document.source, path}
	}
	var i int
	if _, err := fmt.Sscan(match[1], &i); err != nil || i >= len(b.document.tenants) {
		return place{b.document.source, path}
	}
	return b.document.tenants[i].at.at(strings.TrimPrefix(match[2], "."))
}

// ownAnswers are response headers that claimgate or gRPC clients give a meaning
// to, so that the decision id cannot stand there.
var ownAnswers = []string{"www-authenticate", "retry-after", "content-type", "grpc-status", "grpc-message", "set-cookie", "location"}

const maxRealm = 64

// answers checks what goes into answers to clients.
func (b *builder) answers() {
	doc, at := &b.document.main, place{b.document.source, ""}
	for _, c := range []byte(doc.Realm) {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' || len(doc.Realm) > maxRealm {
			b.problem(at.at("realm"), fmt.Sprintf("a realm has at most %d characters of ASCII without quotes and backslashes", maxRealm), "")
			break
		}
	}
	header := strings.ToLower(doc.DecisionID.ResponseHeader)
	if header == "" {
		return
	}
	why := authz.CheckHeaderName(header)
	if why != "" {
		why = "this header cannot be set: " + why
	}
	if slices.Contains(ownAnswers, header) {
		why = "this response header has a meaning of its own"
	}
	if why != "" {
		b.problem(at.at("decisionId.responseHeader"), why, "use a name such as x-decision-id")
	}
}

// checkEntries checks the entries of the main file.
func (b *builder) checkEntries() {
	keys := map[string]place{}
	for i, entry := range b.document.main.Entries {
		at := place{b.document.source, fmt.Sprintf("entries[%d]", i)}
		b.checkName(at.at("name"), entry.Name)
		if slices.Contains(b.entries, entry.Name) {
			b.problem(at.at("name"), fmt.Sprintf("another entry is called %s too", entry.Name), "rename one of them")
		}
		b.entries = append(b.entries, entry.Name)
		key := entry.ContextExtension
		if first, ok := keys[key]; ok && key != "" {
			b.problem(at.at("contextExtension"), fmt.Sprintf("%s reads this key too", first.line()), "let tenants share one entry")
		}
		keys[key] = at.at("contextExtension")
		if len(key) > 128 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			b.problem(at.at("contextExtension"), "a key has at most 128 characters of visible ASCII", "")
		}
	}
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (b *builder) checkName(at place, name string) {
	if name != "" && !nameForm.MatchString(name) {
		b.problem(at, "a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -", "")
	}
}

// once reports elements that a list holds twice.
func (b *builder) once(at place, list []string) {
	for i, element := range list {
		if element != "" && slices.Contains(list[:i], element) {
			b.problem(at.item("", i), "this is listed twice", "remove one of them")
		}
	}
}

// known reports names that do not exist, with the one that was meant.
func (b *builder) known(at place, what, name string, names []string) {
	if name != "" && !slices.Contains(names, name) {
		mend := yamldoc.Suggest(name, names)
		if mend == "" {
			mend = "define it, or correct the name"
		}
		b.problem(at, fmt.Sprintf("there is no %s %.64q", what, name), mend)
	}
}

// unused warns of issuers and entries that no tenant names, and of a
// configuration without any tenant.
func (b *builder) unused() {
	if len(b.document.tenants) == 0 {
		b.warn(place{b.document.source, "tenants"}, "there is no tenant, so every request is denied", "write tenants or tenantDirs")
	}
	usedIssuers, usedEntries := map[string]bool{}, map[string]bool{}
	for _, t := range b.document.tenants {
		for _, name := range t.doc.Issuers {
			usedIssuers[name] = true
		}
		for _, name := range t.doc.Entries {
			usedEntries[name] = true
		}
	}
	for i, doc := range b.document.main.Issuers {
		if !usedIssuers[doc.Name] {
			b.warn(place{b.document.source, fmt.Sprintf("issuers[%d]", i)}, "no tenant names this issuer", "")
		}
	}
	for i, doc := range b.document.main.Entries {
		if !usedEntries[doc.Name] {
			b.warn(place{b.document.source, fmt.Sprintf("entries[%d]", i)}, "no tenant lists this entry", "")
		}
	}
}
