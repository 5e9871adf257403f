package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"sync"
	"testing"
	"time"
)

var sigOnly = []string{useSig}

// member is a JWK under construction.
type member map[string]any

// with returns a copy with other members; nil values leave them out.
func (m member) with(over member) member {
	copied := maps.Clone(m)
	maps.Copy(copied, over)
	maps.DeleteFunc(copied, func(_ string, value any) bool { return value == nil })
	return copied
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func ecKey(kid string) member { return curveKey(kid, elliptic.P256()) }

func curveKey(kid string, curve elliptic.Curve) member {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	size := (len(point) - 1) / 2
	return member{
		"kty": "EC", "crv": curve.Params().Name, "kid": kid, "use": "sig",
		"x": b64(point[1 : 1+size]), "y": b64(point[1+size:]),
	}
}

func edKey(kid string) member {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return member{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(public)}
}

// rsaModulus is made once, since making one is slow.
var rsaModulus = sync.OnceValue(func() *big.Int {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return private.N
})

func rsaKey(kid string) member {
	return member{"kty": "RSA", "kid": kid, "alg": "RS256", "n": b64(rsaModulus().Bytes()), "e": "AQAB"}
}

// keySetOf returns the document that holds the keys.
func keySetOf(keys ...member) string {
	if keys == nil {
		keys = []member{}
	}
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func parsed(t *testing.T, text string) keyDocument {
	t.Helper()
	doc, err := parseKeySet([]byte(text), sigOnly)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// keySetAny is keySetOf for entries that are no keys at all.
func keySetAny(entries ...any) string {
	text, err := json.Marshal(map[string]any{"keys": entries})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// elapse lets fake time pass.
func elapse(d time.Duration) { <-time.After(d) }
