package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
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
}

// Tenant compiles one tenant. With any mistake, those that ReadTenantFile
// reported included, the tenant is nil; else the problems are warnings. What it
// shares with other tenants is not judged here; Snapshot does that.
func (b *Base) Tenant(file *TenantFile) (*Tenant, Problems) {
	if file.doc == nil {
		return nil, slices.Clone(file.shape.problems)
	}
	t := &tenantBuilder{base: b, file: file}
	compiled := t.compile()
	if len(file.shape.problems) > 0 {
		mistakes, _ := t.problems.split()
		return nil, append(file.shape.unrelated(mistakes), file.shape.problems...)
	}
	if t.mistakes() > 0 || compiled == nil { // nil without a mistake: an issuer of the main file is of no use
		return nil, t.problems
	}
	return &Tenant{Tenant: compiled, File: file, KeySources: t.sources}, t.problems
}

func (b *tenantBuilder) compile() *authz.Tenant {
	parts := b.parts()
	b.warnings()
	compiled, problems := compileTenant(parts)
	for _, p := range problems {
		if b.broken && below("issuers", p.Path) {
			continue // a consequence of what is wrong with an issuer
		}
		b.further(b.file.at.at(documentPath(b.file.doc, p.Path)), p.Message, p.Mend)
	}
	return compiled
}

// Places returns the places that a tenant claims, as far as they can be read,
// for one that has no good version and must not lose them.
func (b *Base) Places(file *TenantFile) authz.HeldSpec {
	t := &tenantBuilder{base: b, file: file}
	if file.doc == nil {
		return authz.HeldSpec{Name: file.name}
	}
	return authz.HeldSpec{Name: file.name, Hosts: t.hosts(), Entries: t.entries()}
}

// tenantBuilder compiles one tenant.
type tenantBuilder struct {
	report
	base    *Base
	file    *TenantFile
	broken  bool // an issuer that it names is of no use
	sources []string
}

// tenantParts is everything that a tenant is compiled from.
type tenantParts struct {
	name    string
	doc     *tenantDoc
	hosts   []string // canonical
	entries []string
	issuers []*token.Issuer
	cache   *token.Cache
	owned   *authz.OwnedHeaders
}

// compileTenant makes the runtime form of one tenant. Paths of problems are
// those of the policy and authz packages.
func compileTenant(parts tenantParts) (*authz.Tenant, []authz.Problem) {
	compiled, problems := policy.Compile(policySpec(parts.doc))
	if compiled == nil {
		compiled, _ = policy.Compile(policy.Spec{}) // what else is wrong is still to be found
	}
	tenant, further := authz.NewTenant(authz.TenantSpec{
		Name:                 parts.name,
		Hosts:                parts.hosts,
		Entries:              parts.entries,
		Issuers:              parts.issuers,
		Cache:                parts.cache,
		Policy:               compiled,
		Preflight:            parts.doc.Preflight == "allow",
		Headers:              headerSpecs(parts.doc),
		Metadata:             metadataSpecs(parts.doc),
		ForwardOriginalToken: parts.doc.ForwardOriginalToken,
		Owned:                parts.owned,
	})
	return tenant, append(problems, further...)
}

// documentPath turns a path of a problem into one of the tenant's document:
// rules stand below policy, and metadata fields have names for indexes.
func documentPath(doc *tenantDoc, path string) string {
	if path == "rules" || strings.HasPrefix(path, "rules[") {
		return "policy." + path
	}
	rest, ok := strings.CutPrefix(path, "dynamicMetadata[")
	if !ok {
		return path
	}
	number, rest, _ := strings.Cut(rest, "]")
	names := slices.Sorted(maps.Keys(doc.DynamicMetadata))
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(names) {
		return path
	}
	return "dynamicMetadata." + yamldoc.PathName(names[i]) + strings.TrimSuffix(rest, ".name")
}

func (b *tenantBuilder) parts() tenantParts {
	t := b.file
	parts := tenantParts{name: t.name, doc: t.doc, cache: b.base.cache, owned: b.base.owned}
	parts.hosts, parts.entries, parts.issuers = b.hosts(), t.doc.Entries, b.issuers()
	b.entries()
	if len(t.doc.Hosts) == 0 && len(t.doc.Entries) == 0 {
		b.problem(t.at.at("hosts"), "no request can reach this tenant", "list hosts or entries")
	}
	for i, rule := range t.doc.Policy.Rules {
		for k, name := range rule.Issuers {
			b.known(t.at.at(fmt.Sprintf("policy.rules[%d].issuers[%d]", i, k)), "issuer of this tenant", name, t.doc.Issuers)
		}
	}
	b.headers()
	return parts
}

// hosts returns the tenant's hosts in canonical form.
func (b *tenantBuilder) hosts() []string {
	var hosts []string
	for i, raw := range b.file.doc.Hosts {
		at := b.file.at.item("hosts", i)
		host, wrong, mend := canonicalHost(raw)
		if wrong != "" {
			b.problem(at, wrong, mend)
		}
		switch {
		case host == "":
		case slices.Contains(hosts, host):
			b.problem(at, "this host is listed twice", "remove one of them")
		default:
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// entries returns the entries that exist.
func (b *tenantBuilder) entries() []string {
	t := b.file
	b.once(t.at.at("entries"), t.doc.Entries)
	var entries []string
	for i, name := range t.doc.Entries {
		b.known(t.at.item("entries", i), "entry", name, b.base.entries)
		if slices.Contains(b.base.entries, name) && !slices.Contains(entries, name) {
			entries = append(entries, name)
		}
	}
	return entries
}

// issuers resolves a tenant's issuers.
func (b *tenantBuilder) issuers() []*token.Issuer {
	t := b.file
	b.once(t.at.at("issuers"), t.doc.Issuers)
	var issuers []*token.Issuer
	for i, name := range t.doc.Issuers {
		at := t.at.item("issuers", i)
		known := b.base.issuers[name]
		switch {
		case known == nil:
			b.known(at, "issuer", name, b.base.issuerNames())
			b.broken = true
		case known.compiled == nil:
			b.broken = true
		case slices.Contains(t.doc.Issuers[:i], name): // reported
		default:
			issuers = append(issuers, known.compiled)
			b.sources = append(b.sources, known.source)
		}
	}
	return issuers
}

// warnings are about what works but is seldom meant.
func (b *tenantBuilder) warnings() {
	t := b.file
	allows := slices.ContainsFunc(t.doc.Policy.Rules, func(r ruleDoc) bool { return r.Action == "allow" })
	if !allows {
		b.warn(t.at.at("policy"), "no rule allows anything, so every request that is not public is denied", "")
	}
	if len(t.doc.Issuers) < 2 {
		return
	}
	for i, rule := range t.doc.Policy.Rules {
		if rule.Action == "allow" && len(rule.Issuers) == 0 {
			b.warn(t.at.item("policy.rules", i), "the tenant has several issuers, and this rule allows tokens of each of them", "name issuers")
		}
	}
	fromIssuer := slices.ContainsFunc(t.doc.Headers, func(h headerDoc) bool { return h.Issuer != "" })
	for i, header := range t.doc.Headers {
		if !fromIssuer && slices.Equal(header.Claim, claimPath{"sub"}) {
			b.warn(t.at.item("headers", i), "two issuers may give one sub to different people", "add a header with issuer: name beside it")
		}
	}
}
