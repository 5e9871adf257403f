package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// grants resolves the issuers that the tenant accepts.
func (b *tenantBuilder) grants() []authz.IssuerGrant {
	t := b.file
	docs := t.doc.Issuers
	if docs == nil {
		return b.inheritedGrants()
	}
	grants := make([]authz.IssuerGrant, 0, len(docs))
	for i := range docs {
		at, doc := t.at.item("issuers", i), &docs[i]
		if doc.name != "" && slices.ContainsFunc(docs[:i], func(g grantDoc) bool { return g.name == doc.name }) {
			b.problem(at, "this is listed twice", "remove one of them")
			continue
		}
		if grant, ok := b.grant(at, doc); ok {
			b.checkGrant(at, doc, &grant)
			grants = append(grants, grant)
		}
	}
	b.checkIDs(docs)
	return grants
}

// inheritedGrants resolves the issuers of the defaults, which were checked
// with the main file.
func (b *tenantBuilder) inheritedGrants() []authz.IssuerGrant {
	docs := b.base.defaults.doc.Issuers
	if len(docs) == 0 {
		b.problem(b.file.at.at("issuers"), "the tenant has no issuer", "write issuers: [...], here or in tenantDefaults")
		b.broken = true
	}
	grants := make([]authz.IssuerGrant, 0, len(docs))
	for i := range docs {
		if known := b.base.issuers[docs[i].name]; known == nil || !known.sound {
			b.broken = true // reported with the main file
			continue
		}
		if grant, ok := b.grant(b.file.at.at("labels"), &docs[i]); ok {
			grants = append(grants, grant)
		}
	}
	b.checkIDs(docs)
	return grants
}

func (b *tenantBuilder) grant(at place, doc *grantDoc) (authz.IssuerGrant, bool) {
	compiled := b.issuer(at, doc)
	if compiled == nil {
		b.broken = true
		return authz.IssuerGrant{}, false
	}
	grant := authz.IssuerGrant{Issuer: compiled, Until: doc.until().Time, SharedTokens: b.file.doc.SharedTokens}
	if doc.ref != nil {
		grant.Audiences = doc.ref.Audiences
	}
	return grant, true
}

func (b *tenantBuilder) checkGrant(at place, doc *grantDoc, grant *authz.IssuerGrant) {
	b.checkUntil(at, doc, b.base.now())
	b.once(at.at("audiences"), grant.Audiences)
	for i, audience := range grant.Audiences {
		if audience != "" && !grant.Issuer.Token().HasAudience(audience) {
			b.problem(at.item("audiences", i), "this is no audience of the issuer, so no token could have it", "add it to the issuer's audiences, or remove it here")
		}
	}
}

func (r *report) checkUntil(at place, doc *grantDoc, now time.Time) {
	if until := doc.until().Time; !until.IsZero() && !until.After(now) {
		r.warn(at.at("until"), "this time is over, so all tokens of the issuer are refused", "remove the issuer")
	}
}

// issuer returns the issuer of a grant, or nil where something is wrong with it.
func (b *tenantBuilder) issuer(at place, doc *grantDoc) *authz.Issuer {
	if doc.local != nil {
		return b.localIssuer(at, &doc.local.issuerDoc)
	}
	known := b.base.issuers[doc.name]
	switch {
	case doc.name == "":
		return nil // reported
	case known == nil:
		b.known(at, "issuer", doc.name, b.base.issuerNames)
		return nil
	case !known.sound:
		return nil // reported with the main file
	case known.perTenant:
		return b.tenantIssuer(at, known.doc)
	}
	b.sources = append(b.sources, known.source)
	return known.compiled
}

// localIssuer compiles an issuer of the tenant's own. What reaches beyond the
// tenant, such as files of the machine and its private networks, is for the
// main file.
func (b *tenantBuilder) localIssuer(at place, doc *issuerDoc) *authz.Issuer {
	before := b.mistakes()
	b.checkIssuer(at, doc)
	if doc.Required {
		b.problem(at.at("required"), "a tenant's own issuer keeps nobody waiting", "define the issuer in issuers of the main file, or remove this")
	}
	if known := b.base.issuers[doc.Name]; known != nil && doc.Name != "" {
		b.problem(at.at("name"), fmt.Sprintf("the main file has an issuer %s already", doc.Name), "choose another name")
	}
	if !b.file.main {
		b.mainFileOnly(at, doc)
	}
	if url, wrong, _ := expand(doc.Issuer, b.file.name, b.file.doc.Labels); wrong == "" {
		b.checkReserved(at, url, doc)
	}
	if b.mistakes() > before || doc.Name == "" || doc.Issuer == "" || len(b.file.shape.problems) > 0 {
		return nil
	}
	return b.compileFor(at, doc)
}

func (b *tenantBuilder) mainFileOnly(at place, doc *issuerDoc) {
	for _, field := range []struct {
		path    string
		written bool
	}{
		{"jwksFile", doc.JWKSFile != ""},
		{"keys.caFile", doc.Keys.CAFile != ""},
		{"keys.bearerTokenFile", doc.Keys.BearerTokenFile != ""},
		{"keys.allowPrivateAddresses", doc.Keys.AllowPrivateAddresses},
		{"keys.insecureHTTP", doc.Keys.InsecureHTTP},
	} {
		if field.written {
			b.problem(at.at(field.path), "this is for issuers of the main file only", "define the issuer there, or remove this")
		}
	}
	if isClaimTemplate(doc.Issuer) {
		// It would meet the issuers of tenants that come later.
		b.further(at.at("issuer"), "only the main file may name many issuers at once", "write the issuer exactly, with {tenant.name} or {tenant.labels.x} if need be, or define it in the main file")
	}
	for _, field := range []struct{ path, url string }{{"issuer", doc.Issuer}, {"jwksUri", doc.JWKSURI}} {
		if leadsHome(field.url) {
			b.further(at.at(field.path), "only the main file may name a loopback address", "define the issuer there")
		}
	}
}

// tenantIssuer compiles an issuer of the main file for this tenant. The fault
// is not at the fields of the issuer, but at what the tenant fills in.
func (b *tenantBuilder) tenantIssuer(at place, doc *issuerDoc) *authz.Issuer {
	inner := &tenantBuilder{base: b.base, file: b.file}
	compiled := inner.compileFor(at, doc)
	for _, p := range inner.problems {
		if p.Path == b.file.at.at("labels").path {
			at = b.file.at.at("labels")
		}
		b.problem(at, p.Message, p.Mend)
	}
	b.sources = append(b.sources, inner.sources...)
	return compiled
}

// compileFor fills the tenant's properties in and compiles the issuer.
func (b *tenantBuilder) compileFor(at place, doc *issuerDoc) *authz.Issuer {
	filled := *doc
	for _, text := range []*string{&filled.Issuer, &filled.JWKSURI} {
		if !isTenantTemplate(*text) {
			continue
		}
		expanded, wrong, mend := expand(*text, b.file.name, b.file.doc.Labels)
		if wrong == "" && leadsHome(expanded) && hostOf(*text) != hostOf(expanded) {
			wrong, mend = "the issuer of this tenant would be this very machine", "correct the label"
		}
		if wrong != "" {
			b.problem(b.file.at.at("labels"), wrong, mend)
			return nil
		}
		*text = expanded
	}
	compiled, source := b.base.compileIssuer(&b.report, at, &filled)
	if compiled != nil {
		b.sources = append(b.sources, source)
	}
	return compiled
}

func hostOf(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// leadsHome reports whether a URL is one of this machine.
func leadsHome(text string) bool {
	u, err := url.Parse(text)
	return err == nil && isLoopback(strings.TrimSuffix(u.Hostname(), "."))
}

// checkIDs wants ids for issuers that the tenant has and that name the tenant
// in their tokens.
func (b *tenantBuilder) checkIDs(docs []grantDoc) {
	names := make([]string, 0, len(docs))
	claims := map[string]bool{}
	for i := range docs {
		names = append(names, docs[i].name)
		if known := b.base.issuers[docs[i].name]; known != nil {
			claims[docs[i].name] = known.doc.TenantClaim != nil
		}
		if local := docs[i].local; local != nil {
			claims[local.Name] = local.TenantClaim != nil
		}
	}
	for name := range b.file.doc.IDs {
		at := b.file.at.at("ids." + yamldoc.PathName(name))
		if !slices.Contains(names, name) {
			b.known(at, "issuer of this tenant", name, names)
		} else if claimed, known := claims[name]; known && !claimed {
			b.problem(at, "this issuer has no tenantClaim, so its tokens name no tenant", "write tenantClaim at the issuer, or remove this")
		}
	}
}

func grantedURLs(grants []authz.IssuerGrant) []string {
	issuers := make([]*authz.Issuer, len(grants))
	for i := range grants {
		issuers[i] = grants[i].Issuer
	}
	return issuerURLs(issuers)
}
