package token

import (
	"context"
	"slices"
)

// KeySet is an immutable set of keys of one issuer.
type KeySet struct {
	keys  []*Key
	first []sameKID // those of byKID that are looked at one by one before it
	byKID map[string][]*Key
}

// sameKID are the keys that share a kid.
type sameKID struct {
	kid  string
	keys []*Key
}

// maxFirst is the number of kids that are faster to compare than to hash: nearly
// all sets have no more.
const maxFirst = 4

// NewKeySet builds a set. Keys that share a kid are all kept: for a given
// algorithm exactly one of them must be eligible, else the kid is unknown. The
// same key listed twice counts once. Keys that NewKey did not make are left
// out.
func NewKeySet(keys []*Key) *KeySet {
	s := &KeySet{byKID: make(map[string][]*Key, len(keys))}
	for _, k := range keys {
		if k == nil || k.algs == 0 {
			continue
		}
		s.keys = append(s.keys, k)
		if k.kid != "" {
			s.byKID[k.kid] = append(s.byKID[k.kid], k)
		}
	}
	for kid, keys := range s.byKID {
		if len(s.first) < maxFirst {
			s.first = append(s.first, sameKID{kid, keys})
		}
	}
	return s
}

// withKID returns the keys that have the kid.
func (s *KeySet) withKID(kid string) []*Key {
	for i := range s.first {
		if s.first[i].kid == kid {
			return s.first[i].keys
		}
	}
	if len(s.byKID) == len(s.first) {
		return nil
	}
	return s.byKID[kid]
}

// Keys returns the keys, in the order they were given.
func (s *KeySet) Keys() []*Key { return slices.Clone(s.keys) }

// Len returns the number of keys.
func (s *KeySet) Len() int { return len(s.keys) }

// Contains reports whether this very key is in force.
func (s *KeySet) Contains(t Thumbprint) bool {
	for _, k := range s.keys {
		if k.thumbprint == t {
			return true
		}
	}
	return false
}

// HasKID reports whether some key of the set has the kid.
func (s *KeySet) HasKID(kid string) bool { return len(s.withKID(kid)) > 0 }

// Find returns the one key for a token header: the key with that kid that is
// bound to alg or, for an empty kid, the only key of the set eligible for any
// algorithm of allowed, when it is bound to alg. It returns nil where there is
// none or more than one, and for an alg that is not allowed.
func (s *KeySet) Find(kid string, alg Algorithm, allowed AlgorithmSet) *Key {
	return s.find(wantedKey{kid: kid, alg: alg, allowed: allowed})
}

// wantedKey is what a token says of the key that signed it.
type wantedKey struct {
	kid     string
	iss     string // "" asks for keys of every issuer
	alg     Algorithm
	allowed AlgorithmSet
}

// find is Find among the keys that may sign tokens with this `iss`.
func (s *KeySet) find(w wantedKey) *Key {
	if !w.allowed.Has(w.alg) {
		return nil
	}
	if w.kid != "" {
		eligible := w
		eligible.allowed = algorithms(w.alg)
		return eligible.single(s.withKID(w.kid))
	}
	return w.single(s.keys)
}

// bound reports whether some key with the kid is bound to alg.
func (s *KeySet) bound(kid string, alg Algorithm) bool {
	for _, k := range s.withKID(kid) {
		if k.algs.Has(alg) {
			return true
		}
	}
	return false
}

// single returns the key bound to the algorithm, provided that it is the only
// key bound to any algorithm that is allowed.
func (w *wantedKey) single(keys []*Key) *Key {
	var first, found *Key
	for _, k := range keys {
		if k.algs&w.allowed == 0 || w.iss != "" && !k.serves(w.iss) {
			continue
		}
		if first != nil && first.thumbprint != k.thumbprint {
			return nil
		}
		first = k
		if k.algs.Has(w.alg) {
			found = k
		}
	}
	return found
}

// KeySource yields the key set of one issuer that is in force now. With kid ""
// it answers at once and never causes a fetch. With a kid that the set lacks
// it may wait, bounded by ctx, for a newer set; the set it returns then may
// still lack it, which is final. Errors are ErrKeysUnavailable,
// ErrKeysPending and ErrDeadline.
type KeySource interface {
	KeySet(ctx context.Context, kid string) (*KeySet, error)
}
