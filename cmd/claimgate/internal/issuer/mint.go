package issuer

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
)

// Mint signs claims with the newest key. iss, iat, exp and jti are added
// unless claims name them; a nil value leaves the claim out. typ is at+jwt.
func (i *Issuer) Mint(claims map[string]any) (string, error) { return i.MintWith(nil, claims) }

// MintWith is Mint with header members that replace the usual ones; nil values
// leave them out. The signature is always made with the newest key and its own
// algorithm, whatever alg the header names, so that lying tokens can be made.
func (i *Issuer) MintWith(header, claims map[string]any) (string, error) {
	key := i.newest()
	headerText, err := json.Marshal(overlay(map[string]any{
		"alg": key.alg.name, "kid": key.kid, "typ": "at+jwt",
	}, header))
	if err != nil {
		return "", fmt.Errorf("issuer: header: %w", err)
	}
	claimsText, err := json.Marshal(overlay(i.usualClaims(), claims))
	if err != nil {
		return "", fmt.Errorf("issuer: claims: %w", err)
	}
	token, err := key.sign(headerText, claimsText)
	if err != nil {
		return "", fmt.Errorf("issuer: signature: %w", err)
	}
	return token, nil
}

func (i *Issuer) usualClaims() map[string]any {
	now := i.opts.Now()
	return map[string]any{
		"iss": i.opts.URL,
		"iat": now.Unix(),
		"exp": now.Add(i.opts.Lifetime).Unix(),
		"jti": rand.Text(),
	}
}

// overlay puts over on top of base; a nil value removes.
func overlay(base, over map[string]any) map[string]any {
	maps.Copy(base, over)
	maps.DeleteFunc(base, func(_ string, value any) bool { return value == nil })
	return base
}
