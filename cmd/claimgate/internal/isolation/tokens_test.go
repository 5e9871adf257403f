package isolation

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
)

// dearIssuer has keys whose verification is dear. Its tokens are forged: that
// costs as much as good ones.
type dearIssuer struct {
	name   string // as its host begins
	alg    string
	kid    string
	keys   string // a key set
	length int    // bytes of a signature
}

func newDearIssuers(tb testing.TB) []*dearIssuer {
	tb.Helper()
	issuers := []*dearIssuer{
		{name: "es384", alg: "ES384", length: 96},
		{name: "es512", alg: "ES512", length: 132},
		{name: "rs4096", alg: "RS512", length: 512, kid: "k", keys: rsaKeys(tb, 4096)},
	}
	for _, d := range issuers[:2] {
		idp, err := issuer.New(issuer.Options{URL: "https://" + d.name + ".example.com", Algorithm: d.alg})
		if err != nil {
			tb.Fatal(err)
		}
		d.kid, d.keys = idp.KeyID(), string(idp.JWKS())
	}
	return issuers
}

// rsaKeys returns a set of one key that nobody has the private half of, since it
// takes long to make one.
func rsaKeys(tb testing.TB, bits int) string {
	tb.Helper()
	n := big.NewInt(1)
	for n.BitLen() != bits || !coprime(n) {
		raw := make([]byte, bits/8)
		_, _ = rand.Read(raw) // never fails
		raw[0] |= 0x80
		n.SetBytes(raw)
	}
	return fmt.Sprintf(`{"keys": [{"kty": "RSA", "kid": "k", "alg": "RS512", "e": "AQAB", "n": %q}]}`, encode(n.Bytes()))
}

// coprime reports whether no small prime divides n, which would be no key.
func coprime(n *big.Int) bool {
	primorial := big.NewInt(1)
	for p := int64(2); p < 170; p++ {
		if big.NewInt(p).ProbablyPrime(0) {
			primorial.Mul(primorial, big.NewInt(p))
		}
	}
	return new(big.Int).GCD(nil, nil, n, primorial).Cmp(big.NewInt(1)) == 0
}

// token returns a token with a signature that is none.
func (d *dearIssuer) token() string {
	header := map[string]any{"alg": d.alg, "kid": d.kid, "typ": "at+jwt"}
	claims := map[string]any{"iss": "https://" + d.name + ".example.com", "aud": audience, "sub": rand.Text(), "exp": time.Now().Add(time.Hour).Unix()}
	signature := make([]byte, d.length)
	_, _ = rand.Read(signature)
	signature[0] = 0 // less than the modulus and the order, else it is refused at once
	if d.alg == "ES512" {
		signature[66] = 0
	}
	return encodeJSON(header) + "." + encodeJSON(claims) + "." + encode(signature)
}

func encodeJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return encode(text)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// mint returns good tokens, all different.
func mint(tb testing.TB, idp *issuer.Issuer, count int, header, claims map[string]any) []string {
	tb.Helper()
	list := make([]string, count)
	for n := range list {
		all := map[string]any{"aud": audience, "sub": "user"}
		for name, value := range claims {
			all[name] = value
		}
		var err error
		if list[n], err = idp.MintWith(header, all); err != nil {
			tb.Fatal(err)
		}
	}
	return list
}

// forge returns a token with another signature each time.
func forge(good string) string {
	signature := make([]byte, 256)
	_, _ = rand.Read(signature)
	signature[0] = 0
	return good[:strings.LastIndexByte(good, '.')+1] + encode(signature)
}

// unknownKey returns a token whose kid nobody has heard of.
func unknownKey(good string) string {
	_, rest, _ := strings.Cut(good, ".")
	return encodeJSON(map[string]any{"alg": "RS256", "kid": rand.Text(), "typ": "at+jwt"}) + "." + rest
}
