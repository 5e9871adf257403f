package authz

import (
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// IssuerSpec is what NewIssuer compiles: a verified issuer and what the
// configuration says about its tokens beyond verification.
type IssuerSpec struct {
	Issuer      *token.Issuer
	TenantClaim []string            // claim that names the tenant in every token; nil: none
	Mappings    map[string][]string // `claimMappings`: claim paths by mapped name
	Credentials []CredentialSpec    // where its tokens may stand; nil: the Authorization header
}

// Issuer is a compiled issuer, shared by the tenants and entries that admit
// it. Immutable.
type Issuer struct{}

// NewIssuer checks and compiles an issuer. Paths of problems are relative to
// the issuer's document.
func NewIssuer(spec IssuerSpec) (*Issuer, []Problem) { panic("not built") }

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
// there are answered with TenantUnavailable and no wider place takes them.
type HeldSpec struct {
	Name    string
	Hosts   []string
	Entries []string
	IDs     map[string]string // by issuer name
}
