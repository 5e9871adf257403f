// Package token verifies JSON Web Tokens (RFC 7519) in JWS compact form
// (RFC 7515) against immutable key sets, and caches what it verified.
//
//	verifier, err := token.NewVerifier([]*token.Issuer{issuer}, cache)
//	verified, err := verifier.Verify(ctx, raw, now)
//	if errors.Is(err, token.ErrExpired) { ... }
//
// A token passes if it is small and well-formed, its header asks for nothing
// but a signature by an algorithm, typ and key of its issuer, that signature is
// good, its audience is ours, the time is right, and no sender constraint
// (`cnf`) is left unproved. Tokens that show themselves to be ID or logout
// tokens are no access tokens. An ID token without `at_hash` and `c_hash` is
// told apart by its audience alone, or by admitting no typ but at+jwt.
//
// It never talks to the network (a KeySource does), never uses key material
// named by a token (`jku`, `jwk`, `x5u`, `x5c`), accepts neither `none` nor
// HMAC algorithms nor encrypted tokens, and keeps no token text.
package token
