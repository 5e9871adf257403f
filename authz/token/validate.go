package token

import (
	"errors"
	"slices"
	"time"
)

const maxSubjectBytes = 1 << 10

// identity is what a signed payload amounts to for one issuer. It holds
// nothing that depends on when it was made.
type identity struct {
	claims   *Value
	subject  string
	lifetime lifetime
	bytes    int // of memory that the claims take, about
}

// identify reads the claims of a signed token in full and checks everything
// about them except the time (RFC 7519 section 4.1). The further claims that
// RFC 9068 requires are not demanded: many issuers leave out `client_id` or
// `jti`, and no check reads them.
func (i *Issuer) identify(h header, payload string) (identity, error) {
	claims, err := parseObject(payload, maxNodes)
	if err != nil {
		return identity{}, err
	}
	if !i.template.accepts(claims) {
		return identity{}, ErrIssuerUnknown
	}
	if foreignToken(h, claims) {
		return identity{}, ErrType
	}
	life, err := i.lifetimeOf(claims)
	if err != nil {
		return identity{}, err
	}
	sub := claims.Get("sub")
	if sub != nil && (sub.Str() == "" || len(sub.Str()) > maxSubjectBytes) {
		return identity{}, ErrClaimsInvalid
	}
	// A confirmation (RFC 7800) of any kind and shape binds the token to a
	// holder, and nothing here proves the binding.
	if claims.Get("cnf") != nil {
		return identity{}, ErrBindingUnproved
	}
	if err := i.checkAudience(claims.Get("aud")); err != nil {
		return identity{}, err
	}
	return identity{claims: claims, subject: sub.Str(), lifetime: life, bytes: len(payload) + claims.bytes()}, nil
}

// checkAudience wants `aud` to be one string or a list of strings, and one of
// them to be one of ours exactly. No audience at all is the wrong audience;
// anything but non-empty strings is invalid.
func (i *Issuer) checkAudience(aud *Value) error {
	switch aud.Kind() {
	case Invalid:
		return ErrAudience
	case String:
		return i.checkAudienceIn(aud)
	case List:
		found := ErrAudience
		for n := range aud.Len() {
			err := i.checkAudienceIn(aud.At(n))
			if errors.Is(err, ErrClaimsInvalid) {
				return err
			}
			if err == nil {
				found = nil
			}
		}
		return found
	}
	return ErrClaimsInvalid
}

func (i *Issuer) checkAudienceIn(aud *Value) error {
	if aud.Str() == "" {
		return ErrClaimsInvalid
	}
	if _, ok := slices.BinarySearch(i.audiences, aud.Str()); !ok {
		return ErrAudience
	}
	return nil
}

// foreignToken reports whether a token that does not call itself an access
// token (RFC 9068) shows that it is something else of the same issuer: an ID
// token by `at_hash` or `c_hash` (OpenID Connect Core section 3.3.2.11; `nonce`
// alone proves nothing, some issuers copy it into access tokens), a logout
// token by its event, or one of the tokens that Keycloak marks by a `typ`
// claim.
func foreignToken(h header, claims *Value) bool {
	if h.typ == "at+jwt" {
		return false
	}
	if claims.Get("at_hash") != nil || claims.Get("c_hash") != nil {
		return true
	}
	if claims.Get("events").Get("http://schemas.openid.net/event/backchannel-logout") != nil {
		return true
	}
	switch claims.Get("typ").Str() {
	case "ID", "Refresh", "Offline", "Logout":
		return true
	}
	return false
}

// lifetime is when a token is valid: from notBefore on and before the least of
// expiry and ageLimit, all with the issuer's clock skew already in them.
type lifetime struct {
	notBefore time.Time // the later of `nbf` and `iat`; the zero time without either
	expiry    time.Time
	ageLimit  time.Time // `iat` + MaxTokenAge; the zero time where ages are not limited
}

// lifetimeOf reads `exp`, `nbf` and `iat`. `exp` is required, and `iat` too
// where the age is limited. Fractions of a second are rounded to the strict
// side: `exp` and the age down, `nbf` and `iat` up. A token that expires no
// later than it begins is invalid.
func (i *Issuer) lifetimeOf(claims *Value) (lifetime, error) {
	exp, hasExp, expOK := optionalDate(claims.Get("exp"))
	nbf, hasNbf, nbfOK := optionalDate(claims.Get("nbf"))
	iat, hasIat, iatOK := optionalDate(claims.Get("iat"))
	if !expOK || !nbfOK || !iatOK || !hasExp || hasNbf && exp.floor <= nbf.ceil {
		return lifetime{}, ErrClaimsInvalid
	}
	life := lifetime{expiry: time.Unix(exp.floor, 0).Add(i.skew)}
	if hasNbf || hasIat {
		life.notBefore = time.Unix(max(nbf.ceil, iat.ceil), 0).Add(-i.skew)
	}
	if i.maxTokenAge > 0 {
		if !hasIat {
			return lifetime{}, ErrClaimsInvalid
		}
		life.ageLimit = time.Unix(iat.floor, 0).Add(i.maxTokenAge).Add(i.skew)
	}
	return life, nil
}

// optionalDate reads a date claim that may be absent, but not malformed.
func optionalDate(v *Value) (d date, present, ok bool) {
	if v == nil {
		return date{}, false, true
	}
	d, ok = numericDate(v)
	return d, true, ok
}

// check judges the lifetime at one moment. A clock that shows no possible date,
// such as the zero time, accepts nothing.
func (l lifetime) check(now time.Time) error {
	switch {
	case now.Unix() < minDate:
		return ErrNotYetValid
	case !now.Before(l.expiry):
		return ErrExpired
	case !l.ageLimit.IsZero() && !now.Before(l.ageLimit):
		return ErrTooOld
	case now.Before(l.notBefore):
		return ErrNotYetValid
	}
	return nil
}

func (l lifetime) valid(now time.Time) bool { return l.check(now) == nil }
