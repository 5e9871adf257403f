package authz

import (
	"errors"

	"github.com/claimgate/claimgate/authz/token"
)

// Reason says why a decision came out as it did. There are no others, so
// that metrics, logs and explanations can carry it. Its zero value is Internal.
type Reason uint8

// The reasons.
const (
	Internal Reason = iota

	// Allowed requests.
	Allowed         // by the policy
	PublicRoute     // by a public route
	PreflightPassed // by `preflight: allow`
	ShadowPassed    // by the shadow of the tenant; Decision.Shadowed says what it would have been

	// 401
	NoToken
	PlaceUnknown
	TokenMalformed
	SeveralTokens
	TokenTooLarge
	TokenType
	AlgorithmRefused
	IssuerUnknown
	IssuerRetired
	KeyUnknown
	SignatureInvalid
	AudienceRefused
	AudienceAmbiguous
	Expired
	NotYetValid
	TooOld
	ClaimsInvalid
	BindingUnproved

	// 403
	ScopeMissing
	PolicyDenied
	RequireFailed
	TenantUnknown  // by claim
	TenantMismatch // the claim names another tenant
	TenantConflict
	TenantSuspended
	HeaderValueRefused

	// 400
	PathNotCanonical
	HostInvalid
	RequestInvalid

	// 503
	KeysUnavailable
	KeysPending
	TenantUnavailable
	Overloaded
	DeadlineExceeded

	// 200, as a denial
	MetadataDocument // the document of RFC 9728 is the answer

	reasonCount
)

// NoFault is the Fault of a request that can be judged.
const NoFault = Internal

// reasonTable is the one place that says what a reason is called, what it
// amounts to, and which refusal of a token it stands for.
var reasonTable = [reasonCount]struct {
	name    string
	verdict Verdict
	refusal error
}{
	Internal: {"internal", Deny, nil},

	Allowed:         {"allowed", Allow, nil},
	PublicRoute:     {"public_route", Allow, nil},
	PreflightPassed: {"preflight", Allow, nil},
	ShadowPassed:    {"shadow", Allow, nil},

	NoToken:           {"no_token", Challenge, nil},
	PlaceUnknown:      {"place_unknown", Challenge, nil},
	TokenMalformed:    {"token_malformed", Challenge, token.ErrMalformed},
	SeveralTokens:     {"several_tokens", Challenge, nil},
	TokenTooLarge:     {"token_too_large", Challenge, token.ErrTooLarge},
	TokenType:         {"token_type", Challenge, token.ErrType},
	AlgorithmRefused:  {"algorithm", Challenge, token.ErrAlgorithm},
	IssuerUnknown:     {"issuer_unknown", Challenge, token.ErrIssuerUnknown},
	IssuerRetired:     {"issuer_retired", Challenge, nil},
	KeyUnknown:        {"key_unknown", Challenge, token.ErrKeyUnknown},
	SignatureInvalid:  {"signature", Challenge, token.ErrSignature},
	AudienceRefused:   {"audience", Challenge, token.ErrAudience},
	AudienceAmbiguous: {"audience_ambiguous", Challenge, nil},
	Expired:           {"expired", Challenge, token.ErrExpired},
	NotYetValid:       {"not_yet_valid", Challenge, token.ErrNotYetValid},
	TooOld:            {"too_old", Challenge, token.ErrTooOld},
	ClaimsInvalid:     {"claims_invalid", Challenge, token.ErrClaimsInvalid},
	BindingUnproved:   {"binding_unproved", Challenge, token.ErrBindingUnproved},

	ScopeMissing:       {"scope_missing", Deny, nil},
	PolicyDenied:       {"policy_denied", Deny, nil},
	RequireFailed:      {"require_failed", Deny, nil},
	TenantUnknown:      {"tenant_unknown", Deny, nil},
	TenantMismatch:     {"tenant_mismatch", Deny, nil},
	TenantConflict:     {"tenant_conflict", Deny, nil},
	TenantSuspended:    {"tenant_suspended", Deny, nil},
	HeaderValueRefused: {"header_value_refused", Deny, nil},

	PathNotCanonical: {"path_not_canonical", Deny, nil},
	HostInvalid:      {"host_invalid", Deny, nil},
	RequestInvalid:   {"request_invalid", Deny, nil},

	KeysUnavailable:   {"keys_unavailable", Unavailable, token.ErrKeysUnavailable},
	KeysPending:       {"keys_pending", Unavailable, token.ErrKeysPending},
	TenantUnavailable: {"tenant_unavailable", Unavailable, nil},
	Overloaded:        {"overloaded", Unavailable, token.ErrOverloaded},
	DeadlineExceeded:  {"deadline", Unavailable, token.ErrDeadline},

	MetadataDocument: {"metadata_document", Deny, nil},
}

// String returns the stable name, as in "no_token".
func (r Reason) String() string {
	if r >= reasonCount {
		return reasonTable[Internal].name
	}
	return reasonTable[r].name
}

// Verdict returns what the reason amounts to; Deny for what is no reason.
func (r Reason) Verdict() Verdict {
	if r >= reasonCount {
		return Deny
	}
	return reasonTable[r].verdict
}

// Reasons returns all reasons in order.
func Reasons() []Reason {
	all := make([]Reason, 0, reasonCount)
	for r := Reason(0); r < reasonCount; r++ {
		all = append(all, r)
	}
	return all
}

// reasonOf translates a refusal of package token. What it does not know is
// Internal, which denies.
func reasonOf(err error) Reason {
	for r := Reason(0); r < reasonCount; r++ {
		if refusal := reasonTable[r].refusal; refusal != nil && errors.Is(err, refusal) {
			return r
		}
	}
	return Internal
}

// Verdict is what happens to a request. Its zero value denies.
type Verdict uint8

// The verdicts.
const (
	Deny        Verdict = iota // 403, 400, 500, and 200 with a document of ours
	Allow                      // forwarded
	Challenge                  // 401
	Unavailable                // 503
)

// String returns "deny", "allow", "challenge" or "unavailable".
func (v Verdict) String() string {
	switch v {
	case Allow:
		return "allow"
	case Challenge:
		return "challenge"
	case Unavailable:
		return "unavailable"
	default:
		return "deny"
	}
}
