package authz

import (
	"strconv"
	"time"
)

// MaxInsecureShadow is how far ahead an insecure shadow may end. One that ends
// later passes nothing.
const MaxInsecureShadow = 90 * 24 * time.Hour

// shadowed turns a refusal into an allow where the tenant is in shadow and the
// refusal is one that its shadow passes. It asks for reasons that only occur
// once the request is known to be sound and to be this tenant's, so that it
// passes neither a malformed request nor an unknown, suspended or unavailable
// tenant, nor another tenant's token. An allow goes the way of every allow:
// identity headers come from a verified token or are removed.
func (j *judgement) shadowed() {
	d := j.out
	if d.Verdict == Allow || j.tenant == nil || !j.tenant.shadow.passes(d.Reason, j) {
		return
	}
	reason := d.Reason
	j.allow(ShadowPassed, d.Rule, j.issuer != nil && j.tenant.forwardToken)
	if d.Verdict == Allow {
		d.Shadowed = reason
	}
}

// passes reports whether a request that is refused for that reason goes on all
// the same.
func (s *ShadowSpec) passes(reason Reason, j *judgement) bool {
	switch {
	case s.Mode == ShadowOff || !j.admitsPath():
		return false
	case !s.Until.IsZero() && !j.now.Before(s.Until):
		return false
	case s.Mode == ShadowPolicy:
		return deniedByPolicy(reason) && j.issuer != nil
	case s.Mode != ShadowInsecure || s.Until.Sub(j.now) > MaxInsecureShadow:
		return false
	}
	return deniedByPolicy(reason) || badToken(reason)
}

// deniedByPolicy lists what a policy alone denies.
func deniedByPolicy(reason Reason) bool {
	switch reason {
	case PolicyDenied, RequireFailed, ScopeMissing:
		return true
	default:
		return false
	}
}

// badToken lists what is wrong with a token that is missing, or bad in itself.
// A good token of somebody else is not among it: its issuer, audience or tenant
// is.
func badToken(reason Reason) bool {
	switch reason {
	case NoToken, TokenMalformed, SeveralTokens, TokenTooLarge, TokenType, AlgorithmRefused, KeyUnknown,
		SignatureInvalid, Expired, NotYetValid, TooOld, ClaimsInvalid, BindingUnproved:
		return true
	default:
		return false
	}
}

// checkShadow checks the shadow of a tenant. How far ahead it ends is for each
// request to say, since a compiled tenant knows no time.
func checkShadow(spec ShadowSpec, found *problems) {
	switch spec.Mode {
	case ShadowOff, ShadowPolicy:
	case ShadowInsecure:
		if spec.Until.IsZero() {
			found.add("shadow.until", "an insecure shadow has no end", "write a time at most "+
				strconv.Itoa(int(MaxInsecureShadow/(24*time.Hour)))+" days ahead")
		}
	default:
		found.add("shadow.mode", "unknown mode", "write shadow or insecureShadow")
	}
}
