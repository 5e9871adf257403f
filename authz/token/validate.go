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
	lifetime lifetime
	bytes    int // of memory that the claims take, about
}

// identify reads the claims of a signed token in full and checks everything
// about them except the time (RFC 7519 section 4.1). The further claims that
// RFC 9068 requires are not demanded: many issuers leave out `client_id` or
// `jti`, and no check reads them.
func (i *Issuer) identify(h header, payload string, w *workspace) (identity, error) {
	claims, size, err := w.parseObject(payload, maxNodes)
	if err != nil {
		return identity{}, err
	}
	if !i.template.accepts(claims) {
		return identity{}, ErrIssuerUnknown
	}
	if err := foreignToken(h, claims); err != nil {
		return identity{}, err
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
	if err := i.checkAudience(i.Audience(claims)); err != nil {
		return identity{}, err
	}
	return identity{claims: claims, lifetime: life, bytes: size}, nil
}

// Audience returns the value of the claim that names the audience of the
// issuer's tokens, nil where it is absent.
func (i *Issuer) Audience(claims *Value) *Value { return claims.Lookup(i.audienceClaim) }

// checkAudience wants the audience to be one string or a list of strings, and one of
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

// foreignToken refuses a token that does not call itself an access token (RFC
// 9068) and shows that it is something else of the same issuer: an ID token by
// `at_hash` or `c_hash` (OpenID Connect Core section 3.3.2.11; `nonce` alone
// proves nothing, some issuers copy it into access tokens), a logout token by
// its event, or one of the tokens that Keycloak marks by a `typ` claim and
// Cognito by `token_use`.
func foreignToken(h header, claims *Value) error {
	if h.typ == "at+jwt" {
		return nil
	}
	typ := claims.Get("typ").Str()
	switch {
	case claims.Get("at_hash") != nil, claims.Get("c_hash") != nil, typ == "ID", claims.Get("token_use").Str() == "id":
		return ErrIDToken
	case claims.Get("events").Get("http://schemas.openid.net/event/backchannel-logout") != nil,
		typ == "Refresh", typ == "Offline", typ == "Logout":
		return ErrNotAccess
	}
	return nil
}

// explain adds what the header tells about a signature that does not fit.
func (h header) explain(err error) error {
	if h.nonce && errors.Is(err, ErrSignature) {
		return ErrGraphToken
	}
	return err
}

// instant is a moment in microseconds since 1970, which reach beyond the year
// 9999 and, unlike a time.Time, hold no pointer.
type instant int64

func atSecond(second int64) instant { return instant(second * int64(time.Second/time.Microsecond)) }

// inMicros returns a time that is not negative, rounded down, which is the
// strict side wherever it is used.
func inMicros(d time.Duration) instant { return instant(d / time.Microsecond) }

// lifetime is when a token is valid: from notBefore on and before the least of
// expiry and ageLimit, all with the issuer's clock skew already in them.
type lifetime struct {
	notBefore instant // the later of `nbf` and `iat`; 0 without either
	expiry    instant
	ageLimit  instant // `iat` + MaxTokenAge; 0 where ages are not limited
}

// lifetimeOf reads `exp`, `nbf` and `iat`. `exp` is required, and `iat` too
// where the age is limited. Fractions of a second are rounded to the strict
// side: `exp` and the age down, `nbf` and `iat` up. A token that expires no
// later than it begins is invalid.
func (i *Issuer) lifetimeOf(claims *Value) (lifetime, error) {
	exp, hasExp, expOK := optionalDate(claims.Get("exp"))
	nbf, hasNbf, nbfOK := notBefore(claims.Get("nbf"))
	iat, hasIat, iatOK := optionalDate(claims.Get("iat"))
	if !expOK || !nbfOK || !iatOK || !hasExp || hasNbf && exp.floor <= nbf.ceil {
		return lifetime{}, ErrClaimsInvalid
	}
	life := lifetime{expiry: atSecond(exp.floor) + inMicros(i.skew)}
	if hasNbf || hasIat {
		life.notBefore = atSecond(max(nbf.ceil, iat.ceil)) - inMicros(i.skew)
	}
	if i.maxTokenAge > 0 {
		if !hasIat {
			return lifetime{}, ErrClaimsInvalid
		}
		life.ageLimit = atSecond(iat.floor) + inMicros(i.maxTokenAge) + inMicros(i.skew)
	}
	return life, nil
}

// notBefore reads `nbf`. Some issuers write 0 for none; the start of the epoch
// limits nothing either way.
func notBefore(v *Value) (d date, present, ok bool) {
	if v.Kind() == Num && v.Num() == (Number{}) {
		return date{}, false, true
	}
	return optionalDate(v)
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
func (l *lifetime) check(now time.Time) error {
	at, second := instant(now.UnixMicro()), now.Unix()
	switch {
	case second < minDate:
		return ErrNotYetValid
	case at >= l.expiry, second > maxDate+int64(MaxClockSkew/time.Second):
		return ErrExpired
	case l.ageLimit != 0 && at >= l.ageLimit:
		return ErrTooOld
	case at < l.notBefore:
		return ErrNotYetValid
	}
	return nil
}

func (l *lifetime) valid(now time.Time) bool { return l.check(now) == nil }
