package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// signingKey is one private key with its public JWK.
type signingKey struct {
	kid     string
	alg     algorithm
	private crypto.Signer
	public  jwk
}

// jwk is a public JSON Web Key (RFC 7517). Its fields stand in the order that
// RFC 7638 hashes them in.
type jwk struct {
	Crv string `json:"crv,omitempty"`
	E   string `json:"e,omitempty"`
	Kty string `json:"kty"`
	N   string `json:"n,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`

	Kid string `json:"kid,omitempty"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
}

func newSigningKey(alg algorithm) (*signingKey, error) {
	private, err := alg.make()
	if err != nil {
		return nil, err
	}
	public, err := publicJWK(private.Public())
	if err != nil {
		return nil, err
	}
	kid, err := thumbprint(public)
	if err != nil {
		return nil, err
	}
	public.Kid, public.Use, public.Alg = kid, "sig", alg.name
	return &signingKey{kid: kid, alg: alg, private: private, public: public}, nil
}

func publicJWK(key crypto.PublicKey) (jwk, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		e := big.NewInt(int64(k.E)).Bytes()
		return jwk{Kty: "RSA", N: base64url(k.N.Bytes()), E: base64url(e)}, nil
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, X, Y
		if err != nil {
			return jwk{}, err
		}
		size := fieldSize(k.Curve)
		x, y := point[1:1+size], point[1+size:]
		return jwk{Kty: "EC", Crv: k.Curve.Params().Name, X: base64url(x), Y: base64url(y)}, nil
	case ed25519.PublicKey:
		return jwk{Kty: "OKP", Crv: "Ed25519", X: base64url(k)}, nil
	default:
		return jwk{}, fmt.Errorf("unexpected key type %T", key)
	}
}

// thumbprint returns the RFC 7638 thumbprint of a key that has only its
// required members.
func thumbprint(key jwk) (string, error) {
	text, err := json.Marshal(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return base64url(sum[:]), nil
}

// sign returns header and payload as a compact JWS (RFC 7515 section 7.1).
func (k *signingKey) sign(header, payload []byte) (string, error) {
	input := base64url(header) + "." + base64url(payload)
	signature, err := k.alg.sign(k.private, k.alg.hash, []byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + base64url(signature), nil
}

func encodeKeySet(keys []*signingKey) ([]byte, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: make([]jwk, 0, len(keys))}
	for _, key := range keys {
		set.Keys = append(set.Keys, key.public)
	}
	return json.Marshal(set)
}

func entityTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64url(sum[:12]) + `"`
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
