package authz

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// IssuerSpec is what NewIssuer compiles: a verified issuer and what the
// configuration says about its tokens beyond verification.
type IssuerSpec struct {
	Issuer      *token.Issuer
	TenantClaim []string            // claim that names the tenant in every token; nil: none
	Mappings    map[string][]string // `claimMappings`: claim paths by mapped name
	Credentials []CredentialSpec    // where its tokens may stand; empty: the Authorization header
}

// Issuer is a compiled issuer, shared by the tenants and entries that admit
// it. Immutable.
type Issuer struct {
	issuer      *token.Issuer
	tenantClaim []string
	claimText   string    // of tenantClaim, quoted
	mappings    []mapping // by name
	credentials []CredentialSpec
	alone       *credentials // where its tokens may stand; nil: not made beforehand
}

// NewIssuer checks and compiles an issuer. Paths of problems are relative to
// the issuer's document. With any problem the issuer is nil.
func NewIssuer(spec IssuerSpec) (*Issuer, []Problem) {
	var found problems
	if spec.Issuer == nil {
		found.add("", "the issuer is missing", "define it")
	}
	if spec.TenantClaim != nil {
		found.checkClaimPath("tenantClaim", spec.TenantClaim)
	}
	for _, name := range sortedKeys(spec.Mappings) {
		if name == "" {
			found.add("claimMappings", "a mapping has no name", "name it")
		}
		found.checkClaimPath("claimMappings."+name, spec.Mappings[name])
	}
	found.checkCredentials(spec.Credentials)
	if len(found.list) > 0 {
		return nil, found.list
	}
	compiled := &Issuer{
		issuer:      spec.Issuer,
		tenantClaim: slices.Clone(spec.TenantClaim),
		credentials: slices.Clone(spec.Credentials),
	}
	compiled.alone = newCredentials(compiled)
	if spec.TenantClaim != nil {
		compiled.claimText = fmt.Sprintf("%q", spec.TenantClaim)
	}
	for _, name := range sortedKeys(spec.Mappings) {
		compiled.mappings = append(compiled.mappings, mapping{name, slices.Clone(spec.Mappings[name])})
	}
	return compiled, nil
}

// Name returns the configured name.
func (i *Issuer) Name() string { return i.issuer.Name() }

// Token returns what verifies the issuer's tokens.
func (i *Issuer) Token() *token.Issuer { return i.issuer }

// same reports whether both issuers are of one definition, though perhaps
// compiled twice: tokens are verified, mapped and told apart alike.
func (i *Issuer) same(other *Issuer) bool {
	return i == other || i.issuer.Equal(other.issuer) && slices.Equal(i.tenantClaim, other.tenantClaim)
}

// mapping is a name that an issuer gives to a claim.
type mapping struct {
	name string
	path []string
}

// fewMappings are so few that to compare the name with each is the shorter way.
const fewMappings = 8

// mapping returns the index of a mapped name, -1 for none.
func (i *Issuer) mapping(name string) int {
	if len(i.mappings) > fewMappings {
		return i.searchMapping(name)
	}
	for at := range i.mappings {
		if i.mappings[at].name == name {
			return at
		}
	}
	return -1
}

func (i *Issuer) searchMapping(name string) int {
	at, found := slices.BinarySearchFunc(i.mappings, name, func(m mapping, name string) int { return strings.Compare(m.name, name) })
	if !found {
		return -1
	}
	return at
}

// places returns where tokens of the issuer may stand; none stands for the
// Authorization header.
func (i *Issuer) places() []CredentialSpec { return i.credentials }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// CredentialSpec is one place of a bearer token: exactly one field is set.
type CredentialSpec struct {
	Header string // lower-case name; with Prefix
	Prefix string // scheme before the token, "" for the bare token; compared without case
	Cookie string // name, exact
	Param  string // name of a query parameter, exact
}

// IssuerGrant is an issuer that one tenant admits.
type IssuerGrant struct {
	Issuer       *Issuer
	Until        time.Time // zero: for ever; from then on IssuerRetired
	Audiences    []string  // nil: all of the issuer's; else the part that is this tenant's
	SharedTokens bool      // tokens may be good for other tenants that say so too
}

// ShadowMode says what a tenant's shadow passes. The zero value passes nothing.
type ShadowMode uint8

// The shadow modes.
const (
	ShadowOff      ShadowMode = iota
	ShadowPolicy              // what the policy alone would deny with a verified token of the tenant
	ShadowInsecure            // missing and bad tokens too, until a time
)

// ShadowSpec is the shadow of a tenant.
type ShadowSpec struct {
	Mode  ShadowMode
	Until time.Time // of ShadowInsecure: demanded, at most 90 days ahead
}

// ResourceMetadata is a protected resource and its document (RFC 9728).
type ResourceMetadata struct {
	Resource             string   // https URL of the resource
	AuthorizationServers []string // issuer identifiers
	ScopesSupported      []string
}

// HeldSpec keeps the places of a tenant that has no good version: requests
// there are answered with TenantUnavailable and no wider place takes them. Where
// it names no place at all, its places are not known: then every entry, and
// every wildcard host that yields to the tenant, is closed where its requests
// could arrive.
type HeldSpec struct {
	Name    string
	Hosts   []string
	Entries []string
	IDs     map[string]string // by issuer name; default the tenant's name
	Issuers []HeldIssuer      // for ContestHeldIssuers; NewSnapshot does not look at them
	// Accepted says that the tenant was in force before: whoever contests its
	// places is then the problem. Without it what is contested is not kept.
	Accepted bool
}
