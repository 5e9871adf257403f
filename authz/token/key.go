package token

import (
	"context"
	"crypto"
)

// Thumbprint is the SHA-256 JWK thumbprint of a public key (RFC 7638).
type Thumbprint [32]byte

// Key is one public key of an issuer, bound to the algorithms that it may
// verify. It is immutable; NewKey is the only way to a usable one.
type Key struct{}

// KeySpec is what NewKey checks: a public key and what its JWK says about it.
type KeySpec struct {
	KID    string           // "" where the JWK has none
	Alg    string           // JWK `alg`, "" where it has none
	Public crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// NewKey checks the key (RSA 2048 to 8192 bits with a sane odd exponent; the
// curves P-256, P-384 and P-521; Ed25519), binds it to its algorithm, or
// without `alg` to all algorithms of its family and curve, and computes its
// thumbprint.
func NewKey(spec KeySpec) (*Key, error) { panic("not built") }

// KID returns the key id, "" without one.
func (k *Key) KID() string { panic("not built") }

// Thumbprint returns the RFC 7638 thumbprint.
func (k *Key) Thumbprint() Thumbprint { panic("not built") }

// Algorithms returns the algorithms the key is bound to.
func (k *Key) Algorithms() AlgorithmSet { panic("not built") }

// KeySet is an immutable set of keys of one issuer.
type KeySet struct{}

// NewKeySet builds a set. Keys that share a kid are all kept: for a given
// algorithm exactly one of them must be eligible, else the kid is unknown.
func NewKeySet(keys []*Key) *KeySet { panic("not built") }

// Len returns the number of keys.
func (s *KeySet) Len() int { panic("not built") }

// Contains reports whether this very key is in force.
func (s *KeySet) Contains(t Thumbprint) bool { panic("not built") }

// HasKID reports whether some key of the set has the kid.
func (s *KeySet) HasKID(kid string) bool { panic("not built") }

// Find returns the one key for a token header: the key with that kid that is
// bound to alg or, for an empty kid, the only key of the set eligible for any
// algorithm of allowed, when it is bound to alg. It returns nil where there is
// none or more than one.
func (s *KeySet) Find(kid string, alg Algorithm, allowed AlgorithmSet) *Key { panic("not built") }

// KeySource yields the key set of one issuer that is in force now. With kid ""
// it answers at once and never causes a fetch. With a kid that the set lacks
// it may wait, bounded by ctx, for a newer set; the set it returns then may
// still lack it, which is final. Errors are ErrKeysUnavailable,
// ErrKeysPending and ErrDeadline.
type KeySource interface {
	KeySet(ctx context.Context, kid string) (*KeySet, error)
}
