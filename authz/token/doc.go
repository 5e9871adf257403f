// Package token verifies JSON Web Tokens (RFC 7519) in JWS compact form
// (RFC 7515) against immutable key sets, and caches what it verified.
//
//	verifier, err := token.NewVerifier([]*token.Issuer{issuer}, cache)
//	verified, err := verifier.Verify(ctx, raw, now)
//	if errors.Is(err, token.ErrExpired) { ... }
//
// It never talks to the network (a KeySource does), never uses key material
// named by a token (`jku`, `jwk`, `x5u`, `x5c`), accepts neither `none` nor
// HMAC algorithms nor encrypted tokens, and keeps no token text.
package token
