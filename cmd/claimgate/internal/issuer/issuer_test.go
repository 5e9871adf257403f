package issuer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newIssuer(t *testing.T, opts Options) *Issuer {
	t.Helper()
	if opts.URL == "" {
		opts.URL = "http://127.0.0.1:8080"
	}
	if opts.Algorithm == "" {
		opts.Algorithm = "ES256"
	}
	opts.Now = func() time.Time { return epoch }
	idp, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return idp
}

func TestNewRefusesBadOptions(t *testing.T) {
	for name, opts := range map[string]Options{
		"no URL":        {},
		"relative":      {URL: "/realm"},
		"other scheme":  {URL: "ftp://id.example.com"},
		"query":         {URL: "https://id.example.com/?a=b"},
		"fragment":      {URL: "https://id.example.com/#a"},
		"user":          {URL: "https://u:p@id.example.com"},
		"dots":          {URL: "https://id.example.com/a/../b"},
		"braces":        {URL: "https://id.example.com/{a}"},
		"none":          {URL: "https://id.example.com", Algorithm: "none"},
		"HMAC":          {URL: "https://id.example.com", Algorithm: "HS256"},
		"lower case":    {URL: "https://id.example.com", Algorithm: "rs256"},
		"client secret": {URL: "https://id.example.com", Algorithm: "EdDSA", Clients: map[string]Client{"a": {}}},
		"client id":     {URL: "https://id.example.com", Algorithm: "EdDSA", Clients: map[string]Client{"": {Secret: "s"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(opts); !errors.Is(err, ErrOptions) {
				t.Errorf("got %v, want ErrOptions", err)
			}
		})
	}
}

func TestTokensVerifyWithThePublishedKey(t *testing.T) {
	for _, alg := range []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
	} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			idp := newIssuer(t, Options{Algorithm: alg})
			token, err := idp.Mint(map[string]any{"sub": "alice"})
			if err != nil {
				t.Fatal(err)
			}
			header, claims := verify(t, token, idp.JWKS())
			if header["alg"] != alg || header["typ"] != "at+jwt" || header["kid"] != idp.KeyID() {
				t.Errorf("header %v", header)
			}
			if claims["sub"] != "alice" || claims["iss"] != "http://127.0.0.1:8080" {
				t.Errorf("claims %v", claims)
			}
		})
	}
}

func TestMintAddsAndLeavesOut(t *testing.T) {
	idp := newIssuer(t, Options{Lifetime: time.Minute})
	token, err := idp.MintWith(map[string]any{"typ": nil, "kid": "other"}, map[string]any{"jti": nil, "iss": "x"})
	if err != nil {
		t.Fatal(err)
	}
	header, claims := decode(t, token)
	if _, there := header["typ"]; there || header["kid"] != "other" {
		t.Errorf("header %v", header)
	}
	if _, there := claims["jti"]; there || claims["iss"] != "x" {
		t.Errorf("claims %v", claims)
	}
	if claims["iat"] != float64(epoch.Unix()) || claims["exp"] != float64(epoch.Add(time.Minute).Unix()) {
		t.Errorf("times %v", claims)
	}
}

func TestMintDoesNotChangeItsArguments(t *testing.T) {
	idp := newIssuer(t, Options{})
	claims := map[string]any{"sub": "alice", "jti": nil}
	if _, err := idp.Mint(claims); err != nil {
		t.Fatal(err)
	}
	if len(claims) != 2 {
		t.Errorf("claims became %v", claims)
	}
}

func TestMintRefusesWhatJSONCannotHold(t *testing.T) {
	idp := newIssuer(t, Options{})
	if _, err := idp.Mint(map[string]any{"f": func() {}}); err == nil {
		t.Error("a function became a claim")
	}
}

func TestRotateAndWithdraw(t *testing.T) {
	idp := newIssuer(t, Options{})
	first := idp.KeyID()
	before, err := idp.Mint(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := idp.Rotate(); err != nil {
		t.Fatal(err)
	}
	if idp.KeyID() == first {
		t.Error("Rotate kept the signing key")
	}
	after, err := idp.Mint(nil)
	if err != nil {
		t.Fatal(err)
	}
	both := idp.JWKS()
	verify(t, before, both)
	verify(t, after, both)

	idp.Withdraw()
	if bytes.Contains(idp.JWKS(), []byte(first)) {
		t.Error("the withdrawn key is still published")
	}
	verify(t, after, idp.JWKS())
}

func TestJWKSHoldsNoPrivateMembers(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal(newIssuer(t, Options{Algorithm: alg}).JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, there := set.Keys[0][member]; there {
				t.Errorf("%s: member %q is published", alg, member)
			}
		}
	}
}

func decode(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	for n, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[n])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// verify checks the signature with code of its own, from the published set.
func verify(t *testing.T, token string, set []byte) (header, claims map[string]any) {
	t.Helper()
	header, claims = decode(t, token)
	var published struct{ Keys []map[string]string }
	if err := json.Unmarshal(set, &published); err != nil {
		t.Fatal(err)
	}
	for _, key := range published.Keys {
		if key["kid"] == header["kid"] {
			if !signed(t, key, token) {
				t.Fatal("signature does not verify")
			}
			return header, claims
		}
	}
	t.Fatalf("no key %v", header["kid"])
	return nil, nil
}

func signed(t *testing.T, key map[string]string, token string) bool {
	t.Helper()
	input, encoded, _ := cutLast(token)
	signature := bytesOf(t, encoded)
	hash := hashOf(key["alg"])
	switch key["kty"] {
	case "RSA":
		public := &rsa.PublicKey{N: intOf(t, key["n"]), E: int(intOf(t, key["e"]).Int64())}
		if key["alg"][0] == 'P' {
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
			return rsa.VerifyPSS(public, hash, digest(hash, []byte(input)), signature, opts) == nil
		}
		return rsa.VerifyPKCS1v15(public, hash, digest(hash, []byte(input)), signature) == nil
	case "EC":
		curve := map[string]elliptic.Curve{
			"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521(),
		}[key["crv"]]
		size := (curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size || len(bytesOf(t, key["x"])) != size || len(bytesOf(t, key["y"])) != size {
			return false
		}
		point := append(append([]byte{4}, bytesOf(t, key["x"])...), bytesOf(t, key["y"])...)
		public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
		if err != nil {
			t.Fatal(err)
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(public, digest(hash, []byte(input)), r, s)
	case "OKP":
		return ed25519.Verify(bytesOf(t, key["x"]), []byte(input), signature)
	}
	return false
}

func cutLast(token string) (before, after string, ok bool) {
	n := strings.LastIndexByte(token, '.')
	return token[:n], token[n+1:], n >= 0
}

func bytesOf(t *testing.T, encoded string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func intOf(t *testing.T, encoded string) *big.Int { return new(big.Int).SetBytes(bytesOf(t, encoded)) }
