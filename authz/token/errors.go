package token

import (
	"errors"
	"fmt"
	"strings"
)

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

// Mistakes that are seen often enough to be told to the operator. Each wraps
// the reason for which the token is refused, and says nothing about the token
// but what kind of token it seems to be.
var (
	ErrOpaque     = fmt.Errorf("%w: it is no JWT but an opaque token, of which nothing can be read here", ErrMalformed)
	ErrEncrypted  = fmt.Errorf("%w: it is an encrypted JWT (JWE): let the issuer sign access tokens only", ErrMalformed)
	ErrIDToken    = fmt.Errorf("%w: it is an ID token: clients must send the access token", ErrType)
	ErrNotAccess  = fmt.Errorf("%w: it is a refresh or logout token: clients must send the access token", ErrType)
	ErrGraphToken = fmt.Errorf("%w: its header has a nonce, as tokens for Microsoft Graph have, which nobody else can verify: "+
		"clients must ask for a scope of this API", ErrSignature)
)

// Hint returns what an operator should know about a refused token beyond the
// reason, or "". The texts are constants.
func Hint(err error) string {
	for _, known := range []error{ErrOpaque, ErrEncrypted, ErrIDToken, ErrNotAccess, ErrGraphToken} {
		if errors.Is(err, known) {
			_, hint, _ := strings.Cut(strings.TrimPrefix(known.Error(), "token: "), ": ")
			return hint
		}
	}
	return ""
}

// ErrKeyUnusable is what every error of NewKey wraps. Its text names the cause
// for the operator and holds no key material.
var ErrKeyUnusable = errors.New("token: key unusable")
