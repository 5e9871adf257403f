package authz

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// Problem is one mistake in a document; see policy.Problem.
type Problem = policy.Problem //nolint:errname // a mistake in a document, not a sentinel; the name is the domain's

const maxTenantNameBytes = 64

// TenantSpec is what NewTenant compiles.
type TenantSpec struct {
	Name                 string          // 1 to 64 of A-Z, a-z, 0-9, `.`, `_`, `-`
	Hosts                []string        // canonical (CanonicalHost), or `*.x` (exactly one label), or `*`; none that is an entry's
	Entries              []string        // names of entries that lead to this tenant
	Issuers              []*token.Issuer // at least one, or Grants
	Grants               []IssuerGrant   // in place of Issuers
	YieldsTo             []string        // names of tenants and entries whose places lie within one of this tenant's; a name of both is the entry's
	Labels               map[string]string
	IDs                  map[string]string // by issuer name: the value of its tenant claim; default the tenant's name
	Suspended            bool              // denies everything at once
	Shadow               ShadowSpec
	Relaxations          Oddity // `pathRelaxations`: oddities that are admitted and judged in both forms
	ResourceMetadata     *ResourceMetadata
	Cache                *token.Cache
	Scheduler            *token.Scheduler // of verifications; nil: one of its own
	Policy               *policy.Policy
	Preflight            bool // `preflight: allow`
	Headers              []HeaderSpec
	Metadata             []MetadataSpec
	ForwardOriginalToken bool
	Owned                *OwnedHeaders
	Plans                *Plans // shared by the tenants of one configuration; nil: none
}

// Tenant is a compiled tenant: immutable, and fit to be shared by later
// snapshots that own the same headers.
type Tenant struct {
	name         string
	hosts        []string
	entries      []string
	yieldsTo     names
	suspended    bool
	grants       []grant
	verifier     *token.Verifier
	credentials  *credentials
	labels       map[string]string
	shadow       ShadowSpec
	relaxations  Oddity
	resource     *resource // nil: none
	policy       *policy.Policy
	preflight    bool
	forwardToken bool
	plan         *plan
	texts        []string    // what the plan reads of the tenant
	fixed        []fixedText // headers of the plan that are the same for every request
	owned        *OwnedHeaders
}

// NewTenant checks and compiles a tenant. Paths of problems are relative to
// the tenant's document, as in `headers[1].name`. With any problem the tenant
// is nil.
func NewTenant(spec TenantSpec) (*Tenant, []Problem) {
	var found problems
	if !isTenantName(spec.Name) {
		found.add("name", "tenant name "+strconv.Quote(spec.Name)+" is not 1 to 64 of a-z, A-Z, 0-9, `.`, `_`, `-`", "rename the tenant")
	}
	checkHosts(spec.Hosts, &found)
	checkEntryNames(spec.Entries, &found)
	if len(spec.Hosts)+len(spec.Entries) == 0 {
		found.add("hosts", "the tenant has no place where requests could reach it", "name hosts or entries")
	}
	if spec.Policy == nil {
		found.add("policy", "the tenant has no policy", "write at least one rule or public route")
	}
	checkLabels(spec.Labels, &found)
	checkNeeds(&spec, &found)
	checkShadow(spec.Shadow, &found)
	checkRelaxations(spec.Relaxations, &found)
	grants, verifier := compileGrants(&spec, &found)
	t := &Tenant{
		name:         spec.Name,
		hosts:        slices.Clone(spec.Hosts),
		entries:      slices.Clone(spec.Entries),
		yieldsTo:     namesOf(spec.YieldsTo),
		suspended:    spec.Suspended,
		grants:       grants,
		verifier:     verifier,
		credentials:  newCredentials(issuersOf(grants)...),
		labels:       maps.Clone(spec.Labels),
		shadow:       spec.Shadow,
		relaxations:  spec.Relaxations,
		policy:       spec.Policy,
		preflight:    spec.Preflight,
		forwardToken: spec.ForwardOriginalToken,
		owned:        spec.Owned,
	}
	t.plan, t.texts = compilePlan(&spec, &found)
	t.fixed = t.plan.headers.fixTexts(t.texts)
	t.resource = compileResource(spec.ResourceMetadata, t.credentials, issuersOf(grants), &found)
	t.credentials.checkPlaces("issuers", &found)
	checkOwnedCredentials(t.credentials, spec.Owned, &found)
	if len(found.list) > 0 {
		return nil, found.list
	}
	return t, nil
}

// Name returns the name of the tenant.
func (t *Tenant) Name() string { return t.name }

// Hosts returns the hosts of the tenant.
func (t *Tenant) Hosts() []string { return slices.Clone(t.hosts) }

// Entries returns the names of the entries that lead to the tenant.
func (t *Tenant) Entries() []string { return slices.Clone(t.entries) }

// Issuers returns the issuers whose tokens the tenant admits.
func (t *Tenant) Issuers() []*token.Issuer {
	issuers := make([]*token.Issuer, len(t.grants))
	for i := range t.grants {
		issuers[i] = t.grants[i].issuer.issuer
	}
	return issuers
}

// Policy returns the compiled policy.
func (t *Tenant) Policy() *policy.Policy { return t.policy }

// grant returns the tenant's own grant for an issuer of its verifier, or nil.
func (t *Tenant) grant(issuer *token.Issuer) *grant {
	for i := range t.grants {
		if t.grants[i].issuer.issuer == issuer {
			return &t.grants[i]
		}
	}
	return nil
}

// checkHosts checks hosts, exact ones and wildcards.
func checkHosts(hosts []string, found *problems) {
	seen := make(map[string]bool, len(hosts))
	for i, host := range hosts {
		canonical, ok := canonicalHostPattern(host)
		switch {
		case !ok:
			found.add(at("hosts", i), strconv.Quote(host)+" is no host",
				"write a name, *.name, * or [IPv6 address], without port and path")
		case canonical != host:
			found.add(at("hosts", i), "host "+strconv.Quote(host)+" is not in canonical form", "write "+canonical)
		case seen[host]:
			found.add(at("hosts", i), "host "+strconv.Quote(host)+" is listed twice", "remove one")
		}
		seen[host] = true
	}
}

// canonicalHostPattern is CanonicalHost for a host that may be `*` or begin
// with `*.`.
func canonicalHostPattern(host string) (string, bool) {
	if host == "*" {
		return host, true
	}
	name, wild := strings.CutPrefix(host, "*.")
	canonical, ok := CanonicalHost(name)
	if !wild {
		return canonical, ok
	}
	return "*." + canonical, ok && !strings.HasPrefix(canonical, "[")
}

func checkEntryNames(entries []string, found *problems) {
	for i, name := range entries {
		switch {
		case name == "":
			found.add(at("entries", i), "the name is empty", "name an entry")
		case slices.Contains(entries[:i], name):
			found.add(at("entries", i), "entry "+strconv.Quote(name)+" is listed twice", "remove one")
		}
	}
}

func isTenantName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return name != "" && len(name) <= maxTenantNameBytes
}
