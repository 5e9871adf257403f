package token

import "errors"

// The reasons why a token is refused. They are a closed set and carry no
// detail: detail of an unverified token is for nobody. Match with errors.Is.
//
// ErrAudience, ErrExpired, ErrNotYetValid, ErrTooOld, ErrClaimsInvalid and
// ErrBindingUnproved concern only tokens that the issuer did sign; a forged
// token never gets so far.
var (
	ErrMalformed       = errors.New("token: malformed")
	ErrTooLarge        = errors.New("token: too large")
	ErrType            = errors.New("token: typ not accepted")
	ErrAlgorithm       = errors.New("token: algorithm not accepted")
	ErrIssuerUnknown   = errors.New("token: issuer unknown")
	ErrKeyUnknown      = errors.New("token: key unknown")
	ErrSignature       = errors.New("token: signature invalid")
	ErrAudience        = errors.New("token: audience not accepted")
	ErrExpired         = errors.New("token: expired")
	ErrNotYetValid     = errors.New("token: not yet valid")
	ErrTooOld          = errors.New("token: older than the greatest age")
	ErrClaimsInvalid   = errors.New("token: claims invalid")
	ErrBindingUnproved = errors.New("token: sender constraint not proved")
	ErrKeysUnavailable = errors.New("token: keys of the issuer unavailable")
	ErrKeysPending     = errors.New("token: key of the issuer may be on its way")
	ErrDeadline        = errors.New("token: deadline passed")
	ErrOverloaded      = errors.New("token: too many verifications under way")
)

// ErrKeyUnusable is what every error of NewKey wraps. Its text names the cause
// for the operator and holds no key material.
var ErrKeyUnusable = errors.New("token: key unusable")
