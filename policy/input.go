package policy

import (
	"net/netip"
	"time"
)

// Input is one request as a policy sees it. Everything in it is canonical: the
// policy neither decodes nor normalises. It is read, never kept.
type Input struct {
	Method string
	// Path is the canonical path as sent, without query. LenientPath is the
	// same path with its escapes decoded once, as a lenient upstream may read
	// it; equal to Path where nothing differs, and "" stands for Path. Where it
	// is left out although Path holds an escape, it is derived from Path.
	// Allow and public rules must match in both forms, deny rules in either.
	// A path that does not begin with a slash, or holds a dot segment, a
	// backslash or a control byte in either form, matches no allow or public
	// rule.
	Path        string
	LenientPath string
	Upgrade     string  // lower-case protocol of an upgrade request, "" without one
	Headers     Headers // nil where none were read: every condition on one is unknown
	Claims      Claims  // nil without a verified token
	IssuerName  string  // configured name, "" without a verified token
	IssuerURL   string  // `iss`, "" without a verified token
	RemoteIP    netip.Addr
	Principal   string            // identity of the peer's certificate, "" without one
	Tenant      Tenant            // nil where no condition may read it
	Mapped      Mapped            // nil without a verified token
	Query       string            // without `?`, for CEL
	Host        string            // canonical, for CEL
	Scheme      string            // for CEL
	Context     map[string]string // Envoy's context_extensions, for CEL
	Now         time.Time
}

// Headers looks up one request header by its lower-case name. It returns the
// number of times the header occurred; with two or more the value is
// ambiguous and every condition on it is unknown.
type Headers interface {
	Header(name string) (value string, count int)
}

// SecretHeaders is what Headers may be besides: it names headers that hold
// credentials, so that Explain quotes none of them.
type SecretHeaders interface {
	Secret(name string) bool
}

// Tenant tells what the configuration says about the tenant of a request.
type Tenant interface {
	TenantName() string
	Label(name string) (value string, ok bool)
}

// Mapped looks up a claim by the name that `claimMappings` of the token's
// issuer give it. A name that this issuer does not map is Missing.
type Mapped interface {
	MappedClaim(name string) Value
}

// Claims looks up a claim of a verified token by its path of member names.
// Names are literal and case-sensitive; a path through anything but objects
// leads to Missing. It never returns a pointer that a later token may reuse.
type Claims interface {
	Claim(path []string) Value
}

// Kind is the JSON type of a Value.
type Kind uint8

// The kinds of a value. Missing is the zero value. Withheld marks a claim of
// which the token itself says that it is kept elsewhere, such as the distributed
// claims of OpenID Connect Core section 5.6.2 (`_claim_names`) or a group
// overage (`hasgroups`): nothing can be concluded from its absence.
const (
	Missing Kind = iota
	Withheld
	Null
	Bool
	Num
	String
	List
	Object
)

// Value is one JSON value by value: copying it allocates nothing.
type Value struct {
	Kind   Kind
	Bool   bool
	String string
	Num    Number
	List   Elements // for List only
}

// Elements is a view of a list.
type Elements interface {
	Len() int
	At(i int) Value
}

// Number is an exact decimal number in canonical form: the value is
// (-1)^Neg * Digits * 10^Exp, Digits has neither leading nor trailing zeros,
// and zero is the zero Number. Two numbers are equal exactly when their
// canonical forms are, so 5, 5.0 and 5e0 are one number.
type Number struct {
	Neg    bool
	Digits string
	Exp    int32
}
