package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"

	// The hashes that the algorithms below name.
	_ "crypto/sha256"
	_ "crypto/sha512"
)

const rsaBits = 2048

// algorithm is one JWS signature algorithm (RFC 7518 section 3.1, RFC 8037).
type algorithm struct {
	name string
	hash crypto.Hash
	make func() (crypto.Signer, error)
	sign func(key crypto.Signer, hash crypto.Hash, input []byte) ([]byte, error)
}

// algorithmNamed returns the algorithm of that exact name.
func algorithmNamed(name string) (algorithm, bool) {
	switch name {
	case "RS256", "RS384", "RS512":
		return algorithm{name, hashOf(name), makeRSA, signPKCS1}, true
	case "PS256", "PS384", "PS512":
		return algorithm{name, hashOf(name), makeRSA, signPSS}, true
	case "ES256":
		return algorithm{name, hashOf(name), makeECDSA(elliptic.P256()), signECDSA}, true
	case "ES384":
		return algorithm{name, hashOf(name), makeECDSA(elliptic.P384()), signECDSA}, true
	case "ES512":
		return algorithm{name, hashOf(name), makeECDSA(elliptic.P521()), signECDSA}, true
	case "EdDSA", "Ed25519":
		return algorithm{name, 0, makeEd25519, signEd25519}, true
	default:
		return algorithm{}, false
	}
}

func hashOf(name string) crypto.Hash {
	switch name[2:] {
	case "384":
		return crypto.SHA384
	case "512":
		return crypto.SHA512
	default:
		return crypto.SHA256
	}
}

func makeRSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, rsaBits) }

func makeECDSA(curve elliptic.Curve) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

func makeEd25519() (crypto.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return private, err
}

func signPKCS1(key crypto.Signer, hash crypto.Hash, input []byte) ([]byte, error) {
	return key.Sign(rand.Reader, digest(hash, input), hash)
}

// signPSS uses a salt as long as the hash (RFC 7518 section 3.5).
func signPSS(key crypto.Signer, hash crypto.Hash, input []byte) ([]byte, error) {
	opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	return key.Sign(rand.Reader, digest(hash, input), opts)
}

// signECDSA returns r and s, each as long as the curve's field (RFC 7518
// section 3.4), and not the ASN.1 form.
func signECDSA(key crypto.Signer, hash crypto.Hash, input []byte) ([]byte, error) {
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("not an ECDSA key: %T", key)
	}
	r, s, err := ecdsa.Sign(rand.Reader, private, digest(hash, input))
	if err != nil {
		return nil, err
	}
	size := fieldSize(private.Curve)
	return append(fixed(r, size), fixed(s, size)...), nil
}

func signEd25519(key crypto.Signer, _ crypto.Hash, input []byte) ([]byte, error) {
	return key.Sign(rand.Reader, input, crypto.Hash(0))
}

func digest(hash crypto.Hash, input []byte) []byte {
	h := hash.New()
	_, _ = h.Write(input) // a hash never fails
	return h.Sum(nil)
}

func fieldSize(curve elliptic.Curve) int { return (curve.Params().BitSize + 7) / 8 }

func fixed(n *big.Int, size int) []byte { return n.FillBytes(make([]byte, size)) }
