package token

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// sentinels are all errors that Verify may return.
func sentinels() []error {
	return []error{ErrMalformed, ErrTooLarge, ErrType, ErrAlgorithm, ErrIssuerUnknown, ErrKeyUnknown, ErrSignature, ErrAudience, ErrExpired,
		ErrNotYetValid, ErrTooOld, ErrClaimsInvalid, ErrBindingUnproved, ErrKeysUnavailable, ErrKeysPending, ErrDeadline, ErrOverloaded,
		ErrOpaque, ErrEncrypted, ErrIDToken, ErrNotAccess, ErrGraphToken}
}

// counted is a key source that counts how often it is asked.
type counted struct {
	set   *KeySet
	times atomic.Int64
}

func (c *counted) KeySet(context.Context, string) (*KeySet, error) {
	c.times.Add(1)
	return c.set, nil
}

// FuzzVerify holds that whatever arrives in place of a good token is refused
// with a sentinel, that keys are asked for once at most on its behalf, and that
// the good tokens still pass beside it.
func FuzzVerify(f *testing.F) {
	p := testPairs()
	good := []string{p.rs.mint("RS256", nil, goodClaims()), p.es.mint("ES256", nil, goodClaims()), p.ed.mint("EdDSA", nil, goodClaims())}
	keys := &counted{set: p.set()}
	v := newTestVerifier(f, testSpec(keys), NewCache(64))
	for _, raw := range good {
		parts := strings.Split(raw, ".")
		f.Add(raw[:len(raw)-1])
		f.Add(raw + ".")
		f.Add(parts[0] + "." + parts[1] + ".AAAA")
		f.Add(strings.ToUpper(raw))
	}
	f.Add("")
	f.Add("..")
	f.Add(base64url([]byte(`{"alg":"none"}`)) + "." + base64url([]byte(goodClaims().json())) + ".AA")
	f.Fuzz(func(t *testing.T, raw string) {
		if slices.Contains(good, raw) {
			return
		}
		asked := keys.times.Load()
		got, err := v.Verify(t.Context(), raw, start)
		if err == nil {
			t.Fatalf("accepted %q", raw)
		}
		if asked = keys.times.Load() - asked; asked > 1 || asked > 0 && len(raw) > MaxTokenBytes {
			t.Fatalf("keys were asked for %d times on behalf of %q", asked, raw)
		}
		if got != (Verified{}) || !slices.ContainsFunc(sentinels(), func(s error) bool { return err == s }) { //nolint:errorlint // bare
			t.Fatalf("%q: %+v, %v", raw, got, err)
		}
		if _, err := v.Verify(t.Context(), good[len(raw)%len(good)], start); err != nil {
			t.Fatalf("a good token after %q: %v", raw, err)
		}
	})
}

// FuzzPayload signs whatever payload the fuzzer makes: an issuer gone mad must
// not cause a panic, nor get past the checks of audience, expiry and binding.
func FuzzPayload(f *testing.F) {
	p := testPairs()
	v := newTestVerifier(f, testSpec(staticSource{p.set()}), NewCache(64))
	for _, seed := range []string{
		goodClaims().json(), goodClaims().with(members{"aud": []any{testAudience, nil}}).json(), goodClaims().with(members{"cnf": 1, "exp": 1e9}).json(),
		goodClaims().with(members{"exp": 1.9e9, "nbf": 1.7e9, "iat": absent}).json(), `{"iss":"` + testIssuer + `"}`, `{}`, `[]`, "\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		if payload == "" {
			return
		}
		raw := p.ed.mintRaw("EdDSA", payload)
		first, err := v.Verify(t.Context(), raw, start)
		if second, again := v.Verify(t.Context(), raw, start); !errors.Is(again, err) || (err == nil) != second.Cached {
			t.Fatalf("%q: first %v, then %v, cached %v", payload, err, again, second.Cached)
		}
		if err != nil {
			return
		}
		c := first.Claims
		exp, ok := numericDate(c.Get("exp"))
		if !ok || exp.floor+30 <= start.Unix() || c.Get("iss").Str() != testIssuer || c.Get("cnf") != nil || c.Get("aud") == nil {
			t.Fatalf("accepted %q", payload)
		}
	})
}
