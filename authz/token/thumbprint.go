package token

import (
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
)

// The thumbprint is the SHA-256 of the JWK's required members alone, in
// lexicographic order and without white space (RFC 7638 section 3). All values
// are base64url or constants, so nothing in them needs escaping.

func thumbprintRSA(p *rsa.PublicKey) Thumbprint {
	e := big.NewInt(int64(p.E)).Bytes()
	return sha256.Sum256([]byte(`{"e":"` + base64url(e) + `","kty":"RSA","n":"` + base64url(p.N.Bytes()) + `"}`))
}

// thumbprintEC takes the uncompressed point: one byte 4, then x and y, each
// padded to the size of the field.
func thumbprintEC(curve elliptic.Curve, point []byte) Thumbprint {
	half := (len(point) - 1) / 2
	x, y := base64url(point[1:1+half]), base64url(point[1+half:])
	return sha256.Sum256([]byte(`{"crv":"` + curve.Params().Name + `","kty":"EC","x":"` + x + `","y":"` + y + `"}`))
}

func thumbprintEd25519(p ed25519.PublicKey) Thumbprint {
	return sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + base64url(p) + `"}`))
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
