package token

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shape is a token as a provider in use makes it, with settings that admit it
// or, where it is a known mistake, the refusal.
type shape struct {
	Issuer struct {
		URL           string   `json:"url"`
		Audiences     []string `json:"audiences"`
		AudienceClaim []string `json:"audienceClaim"`
		Types         []string `json:"types"`
		Algorithms    []string `json:"algorithms"`
	} `json:"issuer"`
	KeyIssuer string  `json:"keyIssuer"` // member issuer of the JWK
	Forged    bool    `json:"forged"`    // signed over something else than what is sent
	Header    members `json:"header"`
	Claims    members `json:"claims"`
	Subject   string  `json:"subject"`
	Refused   string  `json:"refused"` // the sentinel
	Hint      string  `json:"hint"`    // a part of it
}

// TestProviderShapes holds that the tokens of the known providers are accepted
// with the settings that the shapes name, fresh and cached, and that tokens
// which clients send by mistake are told apart.
func TestProviderShapes(t *testing.T) {
	files, err := filepath.Glob("testdata/providers/*.json")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d shapes, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) { readShape(t, file).test(t) })
	}
}

func readShape(t *testing.T, file string) shape {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s shape
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s shape) test(t *testing.T) {
	v := newTestVerifier(t, IssuerSpec{
		Name: "idp", URL: s.Issuer.URL, Audiences: s.Issuer.Audiences, AudienceClaim: s.Issuer.AudienceClaim,
		Types: s.Issuer.Types, Algorithms: s.Issuer.Algorithms, Keys: staticSource{s.keys()}, KeysID: "keys",
	}, NewCache(8))
	raw := s.token()
	for _, cached := range []bool{false, true} {
		got, err := v.Verify(t.Context(), raw, start)
		if s.Refused != "" {
			if err == nil || !strings.HasPrefix(err.Error(), s.Refused) || (s.Hint == "") != (Hint(err) == "") || !strings.Contains(Hint(err), s.Hint) {
				t.Errorf("got %v, hint %q", err, Hint(err))
			}
			continue
		}
		if err != nil || got.Subject != s.Subject || got.Cached != cached {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func (s shape) keys() *KeySet {
	p := testPairs()
	return NewKeySet([]*Key{
		must(NewKey(KeySpec{KID: "rs", Alg: "RS256", Public: p.rs.private.Public(), Issuer: s.KeyIssuer})), p.es.key,
	})
}

func (s shape) token() string {
	p := testPairs()
	signer := map[string]pair{"RS256": p.rs, "ES256": p.es}[s.Header["alg"].(string)]
	raw := sign(s.Header["alg"].(string), signer.private, s.Header.json(), s.Claims.json())
	if !s.Forged {
		return raw
	}
	// What is signed holds the hash of the nonce, and what is sent the nonce.
	other := sign(s.Header["alg"].(string), signer.private, s.Header.with(members{"nonce": "hash"}).json(), s.Claims.json())
	return raw[:strings.LastIndexByte(raw, '.')] + other[strings.LastIndexByte(other, '.'):]
}

func TestHintsOfTextsThatAreNoTokens(t *testing.T) {
	v := newTestVerifier(t, testSpec(staticSource{testPairs().set()}), nil)
	for raw, want := range map[string]error{
		"2YotnFZFEjr1zCsicMWpAA":     ErrOpaque,
		"ya29.a0AfExample":           ErrMalformed,
		"eyJhbGciOiJkaXIifQ..a.b.cc": ErrEncrypted,
		"a.b.c.d.e.f":                ErrMalformed,
	} {
		_, err := v.Verify(t.Context(), raw, start)
		if !isExactly(err, want) {
			t.Errorf("%s: %v, want %v", raw, err, want)
		}
	}
	if Hint(nil) != "" || Hint(ErrSignature) != "" || Hint(ErrMalformed) != "" {
		t.Error("a hint without a mistake")
	}
}

func isExactly(err, want error) bool { return err == want } //nolint:errorlint // bare

func TestAudienceClaim(t *testing.T) {
	p := testPairs()
	spec := testSpec(staticSource{p.set()})
	spec.AudienceClaim = []string{"client", "id"}
	v := newTestVerifier(t, spec, nil)
	for name, row := range map[string]struct {
		claims members
		want   error
	}{
		"one of ours":          {members{"client": members{"id": testAudience}}, nil},
		"in a list":            {members{"client": members{"id": []string{"x", testAudience}}}, nil},
		"another":              {members{"client": members{"id": "x"}}, ErrAudience},
		"missing":              {members{}, ErrAudience},
		"empty":                {members{"client": members{"id": ""}}, ErrClaimsInvalid},
		"a number":             {members{"client": members{"id": 1}}, ErrClaimsInvalid},
		"only aud has ours":    {members{"aud": testAudience}, ErrAudience},
		"a name with the path": {members{"client.id": testAudience}, ErrAudience},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, v, p.rs.mint("RS256", nil, goodClaims().with(members{"aud": absent}).with(row.claims)), row.want)
		})
	}
	for _, bad := range [][]string{{}, {""}, {"iss"}, {"sub"}, {"jti"}, {"a", ""}} {
		spec.AudienceClaim = bad
		if _, err := NewIssuer(spec); err == nil || !strings.Contains(err.Error(), "audience claim") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestAudienceClaimIsPartOfTheFingerprint: what was cached under one claim is
// not good under another.
func TestAudienceClaimIsPartOfTheFingerprint(t *testing.T) {
	p, cache := testPairs(), NewCache(8)
	lax, strict := testSpec(staticSource{p.set()}), testSpec(staticSource{p.set()})
	strict.AudienceClaim = []string{"client_id"}
	raw := p.rs.mint("RS256", nil, goodClaims())
	expect(t, newTestVerifier(t, lax, cache), raw, nil)
	expect(t, newTestVerifier(t, strict, cache), raw, ErrAudience)
}
