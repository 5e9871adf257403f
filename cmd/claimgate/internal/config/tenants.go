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

// claims says which tenant has what no two may have.
type claims struct{ names, hosts, issuers map[string]claimed }

type claimed struct {
	tenant string
	at     place
}

// compileTenants checks and compiles every tenant, in the document's order.
// One that cannot be compiled is nil.
func (b *builder) compileTenants() []*authz.Tenant {
	taken := claims{map[string]claimed{}, map[string]claimed{}, map[string]claimed{}}
	tenants := make([]*authz.Tenant, len(b.document.tenants))
	for i := range b.document.tenants {
		t := &b.document.tenants[i]
		b.tenantName(t, taken.names)
		parts := b.tenantParts(t, taken)
		b.warnings(t)
		compiled, problems := compileTenant(parts)
		for _, p := range problems {
			if len(parts.issuers) < len(t.doc.Issuers) && below("issuers", p.Path) {
				continue // a consequence of what is wrong with an issuer
			}
			b.further(t.at.at(documentPath(t.doc, p.Path)), p.Message, p.Mend)
		}
		tenants[i] = compiled
	}
	return tenants
}

// tenantParts is everything that a tenant is compiled from. It refers to
// nothing of the builder, so that a tenant can be compiled on its own.
type tenantParts struct {
	name    string
	doc     *tenantDoc
	hosts   []string // canonical
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
		Entries:              parts.doc.Entries,
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

func (b *builder) tenantName(t *tenant, taken map[string]claimed) {
	at := t.at
	if t.main {
		at = t.at.at("name")
		b.checkName(at, t.name)
	} else if !nameForm.MatchString(t.name) {
		b.problem(at, "the file name is the tenant's name, which has 1 to 64 of the characters A-Z a-z 0-9 . _ -", "rename the file")
	}
	if first, ok := taken[t.name]; ok && t.name != "" {
		b.problem(at, fmt.Sprintf("another tenant is called %s too (%s)", t.name, first.at.line()), "rename one of them")
		return
	}
	taken[t.name] = claimed{t.name, at}
}

func (b *builder) tenantParts(t *tenant, taken claims) tenantParts {
	parts := tenantParts{name: t.name, doc: t.doc, cache: b.cache, owned: b.owned}
	parts.hosts = b.hosts(t, taken.hosts)
	parts.issuers = b.issuersOf(t, taken.issuers)
	b.once(t.at.at("entries"), t.doc.Entries)
	for i, name := range t.doc.Entries {
		b.known(t.at.item("entries", i), "entry", name, b.entries)
	}
	if len(t.doc.Hosts) == 0 && len(t.doc.Entries) == 0 {
		b.problem(t.at.at("hosts"), "no request can reach this tenant", "list hosts or entries")
	}
	for i, rule := range t.doc.Policy.Rules {
		for k, name := range rule.Issuers {
			b.known(t.at.at(fmt.Sprintf("policy.rules[%d].issuers[%d]", i, k)), "issuer of this tenant", name, t.doc.Issuers)
		}
	}
	b.headers(t)
	return parts
}

func (b *builder) hosts(t *tenant, taken map[string]claimed) []string {
	var hosts []string
	for i, raw := range t.doc.Hosts {
		at := t.at.item("hosts", i)
		host, wrong, mend := canonicalHost(raw)
		if wrong != "" {
			b.problem(at, wrong, mend)
		}
		if host == "" {
			continue
		}
		if first, ok := taken[host]; ok {
			first.contested(b, t, at, "this host", "a host belongs to one tenant")
			continue
		}
		taken[host] = claimed{t.name, at}
		hosts = append(hosts, host)
	}
	return hosts
}

// contested reports that t asks for what is taken.
func (c claimed) contested(b *builder, t *tenant, at place, what, mend string) {
	if c.tenant == t.name && c.at.source == at.source && below(t.at.path, c.at.path) {
		b.problem(at, fmt.Sprintf("%s is listed twice (%s)", what, c.at.line()), "remove one of them")
		return
	}
	b.problem(at, fmt.Sprintf("%s belongs to tenant %s too (%s)", what, c.tenant, c.at.line()), mend)
}

// issuersOf resolves a tenant's issuers. An issuer string serves one tenant,
// else a token good for one would be good for the other.
func (b *builder) issuersOf(t *tenant, taken map[string]claimed) []*token.Issuer {
	var issuers []*token.Issuer
	for i, name := range t.doc.Issuers {
		at := t.at.item("issuers", i)
		known := b.issuers[name]
		if known == nil {
			b.known(at, "issuer", name, b.issuerNames())
			continue
		}
		if first, ok := taken[known.doc.Issuer]; ok && known.doc.Issuer != "" {
			first.contested(b, t, at, "the issuer string of "+name, "give each tenant an issuer of its own")
			continue
		}
		taken[known.doc.Issuer] = claimed{t.name, at}
		if known.compiled != nil {
			issuers = append(issuers, known.compiled)
		}
	}
	return issuers
}

// warnings are about what works but is seldom meant.
func (b *builder) warnings(t *tenant) {
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
