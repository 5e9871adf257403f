package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
)

// Thumbprint is the SHA-256 JWK thumbprint of a public key (RFC 7638).
type Thumbprint [32]byte

// Key is one public key of an issuer, bound to the algorithms that it may
// verify. It is immutable; NewKey is the only way to a usable one.
type Key struct {
	kid        string
	public     crypto.PublicKey // a copy of our own
	algs       AlgorithmSet
	thumbprint Thumbprint
	issuer     string   // as its JWK says, "" for any
	signs      template // the issuers of whose tokens it may be the key
}

// KeySpec is what NewKey checks: a public key and what its JWK says about it.
type KeySpec struct {
	KID string // "" where the JWK has none
	Alg string // JWK `alg`, "" where it has none
	// Issuer is the member of that name, by which Microsoft Entra limits a key
	// of a shared set to the tokens of one issuer, or of each of a template;
	// "" where it has none.
	Issuer string
	Public crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// NewKey checks the key (RSA 2048 to 8192 bits with a sane odd exponent; the
// curves P-256, P-384 and P-521; Ed25519), binds it to its algorithm, or
// without `alg` to all algorithms of its family and curve, and computes its
// thumbprint. `EdDSA` and `Ed25519` are one algorithm here. Every error wraps
// ErrKeyUnusable.
//
// A KID that no token could name (longer than MaxKIDBytes, or with control
// characters) makes the key unusable too.
func NewKey(spec KeySpec) (*Key, error) {
	if spec.KID != "" && !validKID(spec.KID) {
		return nil, unusable("kid is longer than %d bytes or has control characters", MaxKIDBytes)
	}
	key, err := inspect(spec.Public)
	if err != nil {
		return nil, err
	}
	key.kid = spec.KID
	if spec.Issuer != "" {
		if key.signs, err = compileTemplate(spec.Issuer); err != nil || checkName("issuer", spec.Issuer) != nil {
			return nil, unusable("issuer is neither an issuer identifier nor a template of one")
		}
		key.issuer = spec.Issuer
	}
	if spec.Alg == "" {
		return key, nil
	}
	alg, ok := ParseAlgorithm(spec.Alg)
	if !ok || !key.algs.Has(alg) {
		return nil, unusable("alg does not fit the key's type and curve, or is no signature algorithm we accept")
	}
	if alg != EdDSA && alg != Ed25519 {
		key.algs = algorithms(alg)
	}
	return key, nil
}

// inspect checks the public key and returns a key bound to its whole family.
func inspect(public crypto.PublicKey) (*Key, error) {
	switch p := public.(type) {
	case *rsa.PublicKey:
		return inspectRSA(p)
	case *ecdsa.PublicKey:
		return inspectECDSA(p)
	case ed25519.PublicKey:
		return inspectEd25519(p)
	}
	return nil, unusable("a public key of type %T is none of RSA, EC and Ed25519", public)
}

// KID returns the key id, "" without one.
func (k *Key) KID() string { return k.kid }

// Issuer returns what its JWK says about whose tokens it signs, "" for any.
func (k *Key) Issuer() string { return k.issuer }

// serves reports whether it may sign tokens with this `iss`. The value in the
// place of a template's claim is any: that of the token was compared with the
// claim of the issuer's own template.
func (k *Key) serves(iss string) bool { return k.issuer == "" || k.signs.matches(iss) }

// Thumbprint returns the RFC 7638 thumbprint.
func (k *Key) Thumbprint() Thumbprint { return k.thumbprint }

// Algorithms returns the algorithms the key is bound to.
func (k *Key) Algorithms() AlgorithmSet { return k.algs }

// verifies reports whether sig is the key's signature of input under alg. It
// is false for an algorithm that the key is not bound to.
func (k *Key) verifies(alg Algorithm, input string, sig []byte) bool {
	return k.algs.Has(alg) && alg.method().Verify(input, sig, k.public) == nil
}

// unusable returns an error that wraps ErrKeyUnusable.
func unusable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrKeyUnusable, fmt.Sprintf(format, args...))
}
