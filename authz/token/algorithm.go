package token

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.Hash.New needs the hashes linked in
	_ "crypto/sha512"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is a JWS signature algorithm. The zero value is none of them.
type Algorithm uint8

// The algorithms there are (RFC 7518 section 3.1, RFC 8037, RFC 9864). `none`
// and the HMAC algorithms are not among them and cannot be expressed. EdDSA
// and Ed25519 verify alike and a key serves both, yet an issuer admits only
// the names it lists.
const (
	RS256 Algorithm = iota + 1
	RS384
	RS512
	PS256
	PS384
	PS512
	ES256
	ES384
	ES512
	EdDSA
	Ed25519

	algorithmCount
)

// AlgorithmSet is a set of algorithms.
type AlgorithmSet uint16

// With returns the set with a added.
func (s AlgorithmSet) With(a Algorithm) AlgorithmSet { return s | 1<<a }

// Has reports whether a is in the set.
func (s AlgorithmSet) Has(a Algorithm) bool { return a != 0 && s&(1<<a) != 0 }

// Names returns the names of its algorithms.
func (s AlgorithmSet) Names() []string {
	var names []string
	for a := RS256; a < algorithmCount; a++ {
		if s.Has(a) {
			names = append(names, a.String())
		}
	}
	return names
}

// algorithms returns the set of the given algorithms.
func algorithms(list ...Algorithm) AlgorithmSet {
	var s AlgorithmSet
	for _, a := range list {
		s = s.With(a)
	}
	return s
}

// ParseAlgorithm returns the algorithm of that exact, case-sensitive name.
func ParseAlgorithm(name string) (Algorithm, bool) {
	for a := RS256; a < algorithmCount; a++ {
		if a.String() == name {
			return a, true
		}
	}
	return 0, false
}

// String returns the registered name, "" for what is no algorithm.
func (a Algorithm) String() string {
	switch a {
	case RS256:
		return "RS256"
	case RS384:
		return "RS384"
	case RS512:
		return "RS512"
	case PS256:
		return "PS256"
	case PS384:
		return "PS384"
	case PS512:
		return "PS512"
	case ES256:
		return "ES256"
	case ES384:
		return "ES384"
	case ES512:
		return "ES512"
	case EdDSA:
		return "EdDSA"
	case Ed25519:
		return "Ed25519"
	}
	return ""
}

// method returns the signing method. The methods are values of our own: the
// library's globals can be changed by anything in the process, and its PSS
// methods admit any salt length where RFC 7518 section 3.5 wants that of the
// hash.
func (a Algorithm) method() jwt.SigningMethod {
	hash := a.hash()
	switch a {
	case RS256, RS384, RS512:
		return &jwt.SigningMethodRSA{Name: a.String(), Hash: hash}
	case PS256, PS384, PS512:
		salt := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		return &jwt.SigningMethodRSAPSS{
			SigningMethodRSA: &jwt.SigningMethodRSA{Name: a.String(), Hash: hash},
			Options:          salt,
			VerifyOptions:    salt,
		}
	case ES256:
		return &jwt.SigningMethodECDSA{Name: a.String(), Hash: hash, KeySize: 32, CurveBits: 256}
	case ES384:
		return &jwt.SigningMethodECDSA{Name: a.String(), Hash: hash, KeySize: 48, CurveBits: 384}
	case ES512:
		return &jwt.SigningMethodECDSA{Name: a.String(), Hash: hash, KeySize: 66, CurveBits: 521}
	case EdDSA, Ed25519:
		return &jwt.SigningMethodEd25519{}
	}
	return nil
}

// hash returns the hash of the algorithm, 0 for those that hash on their own.
func (a Algorithm) hash() crypto.Hash {
	switch a {
	case RS256, PS256, ES256:
		return crypto.SHA256
	case RS384, PS384, ES384:
		return crypto.SHA384
	case RS512, PS512, ES512:
		return crypto.SHA512
	}
	return 0
}
