package token

import (
	"strings"
	"testing"
	"time"
)

func TestNewIssuerRefuses(t *testing.T) {
	rows := map[string]struct {
		change func(*IssuerSpec)
		want   string
	}{
		"no URL":                {func(s *IssuerSpec) { s.URL = "" }, "URL is empty"},
		"control in URL":        {func(s *IssuerSpec) { s.URL = "https://a\n" }, "URL is longer"},
		"no audiences":          {func(s *IssuerSpec) { s.Audiences = nil }, "no audiences"},
		"empty audience":        {func(s *IssuerSpec) { s.Audiences = []string{"a", ""} }, "audience is empty"},
		"no algorithms":         {func(s *IssuerSpec) { s.Algorithms = []string{} }, "no algorithms"},
		"none":                  {func(s *IssuerSpec) { s.Algorithms = []string{"RS256", "none"} }, `algorithm "none"`},
		"HMAC":                  {func(s *IssuerSpec) { s.Algorithms = []string{"HS256"} }, `algorithm "HS256"`},
		"other case":            {func(s *IssuerSpec) { s.Algorithms = []string{"rs256"} }, `algorithm "rs256"`},
		"empty types":           {func(s *IssuerSpec) { s.Types = []string{} }, "no types"},
		"bare prefix as a type": {func(s *IssuerSpec) { s.Types = []string{"application/"} }, "type is empty"},
		"negative skew":         {func(s *IssuerSpec) { s.ClockSkew = -1 }, "clock skew"},
		"great skew":            {func(s *IssuerSpec) { s.ClockSkew = MaxClockSkew + 1 }, "clock skew"},
		"negative age":          {func(s *IssuerSpec) { s.MaxTokenAge = -time.Second }, "token age"},
		"no keys":               {func(s *IssuerSpec) { s.Keys = nil }, "no key source"},
		"no fingerprint":        {func(s *IssuerSpec) { s.KeysID = "" }, "KeysID"},
	}
	if _, err := NewIssuer(testSpec(&source{})); err != nil {
		t.Fatalf("control: %v", err)
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			spec := testSpec(&source{})
			row.change(&spec)
			i, err := NewIssuer(spec)
			if i != nil || err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), `issuer "idp"`) {
				t.Errorf("got %v, %v; want an error with %q", i, err, row.want)
			}
		})
	}
	_, err := NewIssuer(IssuerSpec{})
	for _, want := range []string{"URL", "audiences", "algorithms", "key source"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("errors of the zero spec lack %q: %v", want, err)
		}
	}
}

func TestNewVerifierRefusesEqualURLs(t *testing.T) {
	first := must(NewIssuer(testSpec(&source{})))
	spec := testSpec(&source{})
	spec.Name = "twin"
	if _, err := NewVerifier([]*Issuer{first, must(NewIssuer(spec))}, nil); err == nil || !strings.Contains(err.Error(), "twin") {
		t.Errorf("got %v", err)
	}
}

// TestIssuerKeepsNoCallerMemory holds that a compiled issuer does not change
// with the spec it came from.
func TestIssuerKeepsNoCallerMemory(t *testing.T) {
	p := testPairs()
	spec := testSpec(&source{set: p.set()})
	v := newTestVerifier(t, spec, nil)
	spec.Audiences[0], spec.Types[0], spec.Algorithms[0] = "changed", "changed", "changed"
	expect(t, v, p.rs.mint("RS256", nil, goodClaims()), nil)
}

func TestP2IssuersAreIsolated(t *testing.T) {
	p := testPairs()
	first := testSpec(&source{set: NewKeySet([]*Key{p.rs.key})})
	second := testSpec(&source{set: NewKeySet([]*Key{p.rsOther.key})})
	second.Name, second.URL, second.Audiences = "second", "https://two.example/", []string{"two"}
	v := must(NewVerifier([]*Issuer{must(NewIssuer(first)), must(NewIssuer(second))}, NewCache(16)))
	two := members{"iss": "https://two.example/", "aud": "two"}
	expect(t, v, p.rs.mint("RS256", nil, goodClaims()), nil)
	expect(t, v, p.rsOther.mint("RS256", nil, goodClaims().with(two)), nil)
	// One issuer's key under the same kid signs nothing for the other one.
	expect(t, v, p.rsOther.mint("RS256", nil, goodClaims()), ErrSignature)
	expect(t, v, p.rs.mint("RS256", nil, goodClaims().with(two)), ErrSignature)
	expect(t, v, p.rs.mint("RS256", nil, goodClaims().with(members{"aud": "two"})), ErrAudience)
}

func TestAlgorithmListIsExact(t *testing.T) {
	p := testPairs()
	spec := testSpec(&source{set: p.set()})
	spec.Algorithms = []string{"EdDSA"}
	v := newTestVerifier(t, spec, nil)
	expect(t, v, p.ed.mint("EdDSA", nil, goodClaims()), nil)
	expect(t, v, p.ed.mint("Ed25519", nil, goodClaims()), ErrAlgorithm)
	expect(t, v, p.rs.mint("RS256", nil, goodClaims()), ErrAlgorithm)
}

func TestAlgorithmNames(t *testing.T) {
	for a := RS256; a < algorithmCount; a++ {
		if got, ok := ParseAlgorithm(a.String()); !ok || got != a {
			t.Errorf("%d: name %q parses to %d, %v", a, a.String(), got, ok)
		}
		if a.method() == nil {
			t.Errorf("%v has no method", a)
		}
	}
	if _, ok := ParseAlgorithm(""); ok {
		t.Error("the empty name is an algorithm")
	}
}
