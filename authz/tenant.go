package authz

import (
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// Problem is one mistake in a document; see policy.Problem.
type Problem = policy.Problem

// TenantSpec is what NewTenant compiles.
type TenantSpec struct {
	Name                 string
	Hosts                []string // canonical (CanonicalHost)
	Entries              []string // names of entries that lead to this tenant
	Issuers              []*token.Issuer
	Cache                *token.Cache
	Policy               *policy.Policy
	Preflight            bool // `preflight: allow`
	Headers              []HeaderSpec
	Metadata             []MetadataSpec
	ForwardOriginalToken bool
	Owned                *OwnedHeaders
}

// SourceSpec is where the value of a header or metadata field comes from:
// exactly one of its fields is set.
type SourceSpec struct {
	Claim      []string
	Value      *string
	Issuer     string // "name" or "url"
	Tenant     string // "name"
	DecisionID bool
	Claims     bool // all claims as JSON; in a header base64url
}

// Encoding says how a header value is made safe. The zero value is Percent.
type Encoding uint8

// The encodings. None of them strips: different values stay different.
const (
	Percent   Encoding = iota // RFC 3986 escapes of what a header may not hold
	Base64URL                 // RFC 4648 section 5 without padding
	JSON                      // JSON in ASCII; objects and nested lists only so or in Base64URL
	Refuse                    // such a value denies the request
)

// HeaderSpec is one request header to inject.
type HeaderSpec struct {
	Name         string
	Source       SourceSpec
	Join         string // separator of a list's elements; "" refuses lists
	Encoding     Encoding
	Required     bool // absent denies with HeaderValueRefused
	OmitOversize bool // `oversize: omit`: leave out instead of denying
}

// MetadataSpec is one field of the dynamic metadata.
type MetadataSpec struct {
	Name   string
	Source SourceSpec
}

// Tenant is a compiled tenant: immutable, and fit to be shared by later
// snapshots.
type Tenant struct{}

// NewTenant checks and compiles a tenant. Paths of problems are relative to
// the tenant's document, as in `headers[1].name`.
func NewTenant(spec TenantSpec) (*Tenant, []Problem) { panic("not built") }

// OwnedHeaders is the one set of header names that claimgate owns: on every
// allow each is set or removed. Immutable.
type OwnedHeaders struct{}

// MaxOwnedHeaders is the greatest number of owned headers.
const MaxOwnedHeaders = 64

// NewOwnedHeaders checks the names and compiles the set. Paths of problems are
// `[i]`.
func NewOwnedHeaders(names []string) (*OwnedHeaders, []Problem) { panic("not built") }

// CheckHeaderName returns why a header of that name may not be injected, or "".
func CheckHeaderName(name string) string { panic("not built") }
