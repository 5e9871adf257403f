package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// start is the moment at which the tests take place.
var start = time.Unix(1_800_000_000, 0)

const (
	testIssuer   = "https://id.example.com/"
	testAudience = "https://api.example.com"
)

// pair is a private key with the Key made from its public half.
type pair struct {
	private crypto.Signer
	key     *Key
}

func newPair(kid, alg string, private crypto.Signer) pair {
	key, err := NewKey(KeySpec{KID: kid, Alg: alg, Public: private.Public()})
	if err != nil {
		panic(err)
	}
	return pair{private, key}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type pairs struct{ rs, ps, rsOther, es, es384, es512, ed, edOther pair }

// testPairs are made once: RSA keys are dear.
var testPairs = sync.OnceValue(func() pairs {
	first, second := must(rsa.GenerateKey(rand.Reader, 2048)), must(rsa.GenerateKey(rand.Reader, 2048))
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	_, edOther, _ := ed25519.GenerateKey(rand.Reader)
	return pairs{
		rs:      newPair("rs", "RS256", first),
		ps:      newPair("ps", "PS256", second),
		rsOther: newPair("rs", "RS256", second),
		es:      newPair("es", "ES256", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))),
		es384:   newPair("es384", "", must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))),
		es512:   newPair("es512", "", must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))),
		ed:      newPair("ed", "EdDSA", ed),
		edOther: newPair("ed", "EdDSA", edOther),
	}
})

func (p pairs) set() *KeySet {
	return NewKeySet([]*Key{p.rs.key, p.ps.key, p.es.key, p.es384.key, p.es512.key, p.ed.key})
}

// source is a KeySource whose answer a test can change.
type source struct {
	mu   sync.Mutex
	set  *KeySet
	err  error
	kids []string // asked for
}

func (s *source) KeySet(_ context.Context, kid string) (*KeySet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kid != "" || len(s.kids) == 0 {
		s.kids = append(s.kids, kid)
	}
	return s.set, s.err
}

func (s *source) answer(set *KeySet, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set, s.err, s.kids = set, err, nil
}

// asked reports whether a key set was asked for by kid.
func (s *source) asked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kid := range s.kids {
		if kid != "" {
			return true
		}
	}
	return false
}

func testSpec(keys KeySource) IssuerSpec {
	return IssuerSpec{
		Name:       "idp",
		URL:        testIssuer,
		Audiences:  []string{testAudience, "second"},
		Algorithms: []string{"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"},
		Types:      []string{"at+jwt", "JWT", ""},
		ClockSkew:  30 * time.Second,
		Keys:       keys,
		KeysID:     "keys-1",
	}
}

func newTestVerifier(t testing.TB, spec IssuerSpec, cache *Cache) *Verifier {
	t.Helper()
	issuer, err := NewIssuer(spec)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier([]*Issuer{issuer}, cache)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// members are the members of a header or payload; nil removes one.
type members map[string]any

var absent = struct{}{}

// with returns a copy with changes; the value absent removes a member.
func (m members) with(changes members) members {
	out := maps.Clone(m)
	for name, value := range changes {
		if value == absent {
			delete(out, name)
			continue
		}
		out[name] = value
	}
	return out
}

func goodClaims() members {
	return members{
		"iss": testIssuer, "aud": testAudience, "sub": "u-1",
		"iat": start.Unix(), "nbf": start.Unix(), "exp": start.Add(time.Hour).Unix(),
	}
}

func (m members) json() string { return string(must(json.Marshal(m))) }

// sign signs any two parts with the library's own signing methods, which are
// not the ones that verify.
func sign(alg string, private any, header, payload string) string {
	input := base64url([]byte(header)) + "." + base64url([]byte(payload))
	name := alg
	if name == "Ed25519" {
		name = "EdDSA"
	}
	return input + "." + base64url(must(jwt.GetSigningMethod(name).Sign(input, private)))
}

// mint signs a token whose header names the algorithm and the key.
func (p pair) mint(alg string, header, claims members) string {
	full := members{"alg": alg, "kid": p.key.kid, "typ": "at+jwt"}.with(header)
	return sign(alg, p.private, full.json(), claims.json())
}

// mintRaw signs a token with a payload given as text.
func (p pair) mintRaw(alg, payload string) string {
	return sign(alg, p.private, members{"alg": alg, "kid": p.key.kid, "typ": "at+jwt"}.json(), payload)
}

func expect(t *testing.T, v *Verifier, raw string, want error) {
	t.Helper()
	got, err := v.Verify(t.Context(), raw, start)
	if !errors.Is(err, want) {
		t.Errorf("Verify: got error %v, want %v (token %s)", err, want, clip(raw))
	}
	if (err == nil) != (got.Issuer != nil && got.Claims != nil) || err != nil && got != (Verified{}) {
		t.Errorf("Verify: result %+v does not go with error %v", got, err)
	}
}

func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}

func testPart(part string) (string, error) {
	text, _, err := decodePart(nil, part)
	return text, err
}
