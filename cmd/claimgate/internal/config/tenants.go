package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
	"github.com/claimgate/claimgate/policy"
)

// Tenant is a compiled tenant and what it was compiled from.
type Tenant struct {
	*authz.Tenant
	File *TenantFile
	// KeySources are the fingerprints of the key sources that the tenant's
	// issuers read, for jwks.Registry.Retain.
	KeySources []string
	// Insecure names the insecure... words of the tenant's own file that are in
	// effect. Those of the main file are in Settings.
	Insecure []string
}

// Tenant compiles one tenant. With any mistake, those that ReadTenantFile
// reported included, the tenant is nil; else the problems are warnings. What it
// shares with other tenants is not judged here; Snapshot does that.
func (b *Base) Tenant(file *TenantFile) (*Tenant, Problems) {
	if file.doc == nil {
		return nil, slices.Clone(file.shape.problems)
	}
	granted, grant, refused := b.admitted(file)
	if len(refused) > 0 {
		return nil, refused
	}
	t := &tenantBuilder{base: b, file: granted, bounds: grant}
	compiled := t.compile()
	t.problems = grant.reword(t.problems)
	if len(file.shape.problems) > 0 {
		mistakes, _ := t.problems.split()
		return nil, append(file.shape.unrelated(mistakes), file.shape.problems...)
	}
	if t.mistakes() > 0 || compiled == nil { // nil without a mistake: an issuer of the main file is of no use
		return nil, t.problems
	}
	return &Tenant{Tenant: compiled, File: file, KeySources: t.sources, Insecure: t.insecure}, t.problems
}

// Places returns the places that a tenant claims, as far as they can be read,
// for one that has no good version and must not lose them. Where its places
// cannot be read it names none at all, also not those of the defaults, since
// the tenant may have others.
func (b *Base) Places(file *TenantFile) authz.HeldSpec {
	held := authz.HeldSpec{Name: file.name}
	if file.doc == nil {
		return held
	}
	if grant := b.main.delegationOf(file); grant != nil {
		file = grant.bounded(file)
	}
	return b.places(file)
}

// Kept returns the places of a tenant in force, which it keeps when its file
// breaks later.
func (b *Base) Kept(file *TenantFile) authz.HeldSpec {
	if grant := b.main.delegationOf(file); grant != nil {
		file = grant.labelled(file)
	}
	return b.places(file)
}

func (b *Base) places(file *TenantFile) authz.HeldSpec {
	held := authz.HeldSpec{Name: file.name}
	var ignored report
	held.Hosts = ignored.hosts(file.at, file.doc.Hosts, false)
	unread := slices.ContainsFunc([]string{"hosts", "entries"}, func(field string) bool {
		return file.shape.touches(file.at.source.name, file.at.at(field).path)
	})
	if unread && len(held.Hosts) == 0 {
		return held
	}
	for _, name := range own(file.doc.Entries, b.defaults.doc.Entries) {
		if slices.Contains(b.entries, name) {
			held.Entries = append(held.Entries, name)
		}
	}
	held.IDs = maps.Clone(file.doc.IDs)
	if len(held.Hosts)+len(held.Entries) > 0 {
		b.nameIDs(file, &held)
	}
	held.Issuers = b.issuersNamed(file)
	return held
}

// nameIDs adds the ids that the tenant has by its name, for want of others.
func (b *Base) nameIDs(file *TenantFile, held *authz.HeldSpec) {
	docs := own(file.doc.Issuers, b.defaults.doc.Issuers)
	for i := range docs {
		defined := b.definition(&docs[i])
		if _, written := held.IDs[docs[i].name]; written || defined == nil || defined.TenantClaim == nil {
			continue
		}
		if held.IDs == nil {
			held.IDs = map[string]string{}
		}
		held.IDs[docs[i].name] = file.name
	}
}

// definition returns what an issuer of a tenant is: the tenant's own, or that of
// the main file, or nil where there is none.
func (b *Base) definition(doc *grantDoc) *issuerDoc {
	if doc.local != nil {
		return &doc.local.issuerDoc
	}
	if known := b.issuers[doc.name]; known != nil {
		return known.doc
	}
	return nil
}

// issuersNamed returns the issuers that a file names, as far as they can be
// read. A part of what it says about them is no reason to hold more.
func (b *Base) issuersNamed(file *TenantFile) []authz.HeldIssuer {
	if file.shape.touches(file.at.source.name, file.at.at("issuers").path) || file.shape.touches(file.at.source.name, file.at.at("sharedTokens").path) {
		return nil
	}
	docs := own(file.doc.Issuers, b.defaults.doc.Issuers)
	named := make([]authz.HeldIssuer, 0, len(docs))
	for i := range docs {
		defined := b.definition(&docs[i])
		if defined == nil || defined.Issuer == "" {
			continue
		}
		held := authz.HeldIssuer{Name: docs[i].name, URL: defined.Issuer, TenantClaim: defined.TenantClaim, SharedTokens: file.doc.SharedTokens}
		if isTenantTemplate(held.URL) {
			var wrong string
			if held.URL, wrong, _ = expand(held.URL, file.name, file.doc.Labels); wrong != "" {
				continue
			}
		}
		if docs[i].local != nil && b.reservedFor(held.URL, defined, file) != nil {
			continue // it could never have this one
		}
		if docs[i].ref != nil {
			held.Audiences = docs[i].ref.Audiences
		}
		named = append(named, held)
	}
	return named
}

// tenantBuilder compiles one tenant.
type tenantBuilder struct {
	report
	base     *Base
	file     *TenantFile
	bounds   *delegation  // nil: the operator wrote the file
	costs    policy.Costs // of the file's own conditions, where it is delegated
	broken   bool         // an issuer that it names is of no use
	sources  []string
	insecure []string
}

// compile returns nil where something is wrong with the tenant, or with what it
// uses of the main file.
func (b *tenantBuilder) compile() *authz.Tenant {
	t, d := b.file, &b.base.defaults
	b.texts(t.at, t.doc)
	spec := authz.TenantSpec{
		Name:                 t.name,
		Hosts:                b.hosts(t.at, t.doc.Hosts, false),
		Entries:              own(t.doc.Entries, d.doc.Entries),
		YieldsTo:             t.doc.YieldsTo,
		Labels:               t.doc.Labels,
		IDs:                  t.doc.IDs,
		Suspended:            t.doc.Suspended,
		Relaxations:          relaxations(own(t.doc.PathRelaxations, d.doc.PathRelaxations)),
		Cache:                b.base.cache,
		Scheduler:            b.base.scheduler,
		Preflight:            cmp.Or(t.doc.Preflight, d.doc.Preflight) == "allow",
		ForwardOriginalToken: deref(t.doc.ForwardOriginalToken, d.doc.ForwardOriginalToken),
		Owned:                b.base.owned,
		Plans:                b.base.plans,
	}
	spec.Grants = b.grants()
	spec.Shadow = b.shadow()
	spec.ResourceMetadata = b.resourceMetadata(t.at.at("resourceMetadata"), t.doc.ResourceMetadata, grantedURLs(spec.Grants))
	spec.Headers, spec.Metadata = b.headers()
	spec.Policy = b.policy()
	b.checkMapped()
	b.checkPlaces(&spec)
	b.warnings()
	whole := spec.Policy != nil
	if !whole {
		spec.Policy, _ = b.base.policies.join(nil) // what else is wrong is still to be found
	}
	compiled, problems := authz.NewTenant(spec)
	b.take(problems)
	if !whole || b.broken {
		return nil
	}
	return compiled
}

// take notes the problems of a compiled tenant, but for consequences of what
// is wrong with an issuer or with the defaults.
func (b *tenantBuilder) take(problems []authz.Problem) {
	for _, p := range problems {
		at := b.specPlace(p.Path)
		if b.broken && (below("issuers", p.Path) || below("ids", p.Path)) || b.base.broken && at == b.file.at {
			continue
		}
		b.further(at, p.Message, p.Mend)
	}
}

// own returns what the tenant wrote, or the default where it wrote nothing.
func own[T any](written, preset []T) []T {
	if written != nil {
		return written
	}
	return preset
}

func deref(written, preset *bool) bool {
	if written == nil {
		written = preset
	}
	return written != nil && *written
}

// specPlace turns a path of a compiled tenant into a place of its document.
// What it has by the defaults is no field of it: a label that these read is
// one that the tenant lacks.
func (b *tenantBuilder) specPlace(path string) place {
	t, d := b.file, &b.base.defaults
	inherited := below("entries", path) && t.doc.Entries == nil || below("issuers", path) && t.doc.Issuers == nil ||
		below("pathRelaxations", path) && t.doc.PathRelaxations == nil
	if i, rest, ok := indexed("headers", path); ok {
		if i >= len(d.headers) {
			return t.at.item("headers", i-len(d.headers)).at(rest)
		}
		inherited = true
	}
	if i, rest, ok := indexed("dynamicMetadata", path); ok {
		if i >= len(d.metadata) {
			return b.metadataPlace(i-len(d.metadata), strings.TrimSuffix(rest, "name"))
		}
		inherited = true
	}
	path = strings.Replace(path, "shadow.", "insecureShadow.", 1)
	switch {
	case inherited && strings.HasSuffix(path, ".tenant"), path == "policy" && !b.written(t.at.at("policy")):
		return t.at.at("labels")
	case inherited:
		return t.at
	}
	return t.at.at(path)
}

func (b *tenantBuilder) metadataPlace(i int, rest string) place {
	names := slices.Sorted(maps.Keys(b.file.doc.DynamicMetadata))
	at := b.file.at.at("dynamicMetadata")
	if i >= len(names) {
		return at
	}
	return at.at(yamldoc.PathName(names[i])).at(rest)
}

// indexed parts a path such as `headers[2].name`.
func indexed(list, path string) (index int, rest string, ok bool) {
	inner, ok := strings.CutPrefix(path, list+"[")
	if !ok {
		return 0, "", false
	}
	number, rest, _ := strings.Cut(inner, "]")
	index, err := strconv.Atoi(number)
	return index, strings.TrimPrefix(rest, "."), err == nil && index >= 0
}

func (b *tenantBuilder) checkPlaces(spec *authz.TenantSpec) {
	t := b.file
	if len(t.doc.Hosts) == 0 && len(spec.Entries) == 0 {
		b.problem(t.at.at("hosts"), "no request can reach this tenant", "list hosts or entries")
	}
	b.base.checkEntryNames(&b.report, t.at, t.doc.Entries)
	b.once(t.at.at("yieldsTo"), t.doc.YieldsTo)
	b.once(t.at.at("pathRelaxations"), t.doc.PathRelaxations)
	for i, name := range t.doc.YieldsTo {
		if name == t.name {
			b.problem(t.at.item("yieldsTo", i), "this is the tenant itself", "remove it")
		}
	}
}

func (b *Base) checkEntryNames(found *report, at place, names []string) {
	found.once(at.at("entries"), names)
	for i, name := range names {
		found.known(at.item("entries", i), "entry", name, b.entries)
	}
}

// Bounds of what a tenant says about itself.
const (
	maxLabels    = 64
	maxLabelText = 256
)

// texts checks labels and ids.
func (b *tenantBuilder) texts(at place, doc *tenantDoc) {
	if len(doc.Labels) > maxLabels {
		b.problem(at.at("labels"), fmt.Sprintf("a tenant has at most %d labels", maxLabels), "")
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Labels)) {
		at := at.at("labels." + yamldoc.PathName(name))
		if !nameForm.MatchString(name) {
			b.problem(at, "the name of a label has 1 to 64 of the characters A-Z a-z 0-9 . _ -", "")
		}
		b.checkText(at, doc.Labels[name])
	}
	for _, name := range slices.Sorted(maps.Keys(doc.IDs)) {
		b.checkText(at.at("ids."+yamldoc.PathName(name)), doc.IDs[name])
	}
}

func (r *report) checkText(at place, text string) {
	if len(text) > maxLabelText || strings.ContainsFunc(text, unicode.IsControl) {
		r.problem(at, fmt.Sprintf("this is one line of at most %d bytes", maxLabelText), "")
	}
}

const maxShadow = 90 * 24 * time.Hour

// shadow returns what the tenant's shadow passes.
func (b *tenantBuilder) shadow() authz.ShadowSpec {
	t := b.file
	if t.doc.InsecureShadow == nil {
		if cmp.Or(t.doc.Mode, b.base.defaults.doc.Mode) == modeShadow {
			return authz.ShadowSpec{Mode: authz.ShadowPolicy}
		}
		return authz.ShadowSpec{}
	}
	at, until := t.at.at("insecureShadow.until"), t.doc.InsecureShadow.Until.Time
	now := b.base.now()
	switch {
	case until.IsZero(): // reported as missing or malformed
	case t.doc.Mode == "enforce":
		b.problem(t.at.at("mode"), "insecureShadow and mode: enforce exclude each other", "remove one of them")
	case until.After(now.Add(maxShadow)):
		b.problem(at, "this is more than 90 days ahead", "write an earlier time, and move it on when it comes near")
	case !until.After(now):
		b.warn(at, "this time is over, so bad tokens are refused again", "remove insecureShadow")
	case !t.main:
		b.insecure = append(b.insecure, t.Path()+": insecureShadow")
	}
	return authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: until}
}
