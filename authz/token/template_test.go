package token

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const testTemplate = "https://login.example.com/{tid}/v2.0"

func templateSpec(url string) IssuerSpec {
	spec := testSpec(staticSource{testPairs().set()})
	spec.URL = url
	return spec
}

func TestTemplateForms(t *testing.T) {
	for _, url := range []string{testTemplate, "https://{tid}.login.example.com", "a{b}", "https://login.example.com/{a_9}"} {
		if i, err := NewIssuer(templateSpec(url)); err != nil || !i.IsTemplate() || i.URL() != url {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{
		"{tid}", "{tid}/v2.0", "https://a/{}", "https://a/{tid", "https://a/tid}", "https://a/}{", "https://a/{{tid}}", "https://a/{x}/{y}",
		"https://a/{x}}", "https://a/{x.y}", "https://a/{x y}", "https://a/{" + strings.Repeat("x", 65) + "}", "https://a/{é}",
	} {
		if _, err := NewIssuer(templateSpec(url)); err == nil || !strings.Contains(err.Error(), "URL") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestTemplateIsComparedWithTheVerifiedClaim(t *testing.T) {
	p := testPairs()
	for _, cache := range []*Cache{nil, NewCache(64)} {
		v := newTestVerifier(t, templateSpec(testTemplate), cache)
		iss := func(value string) string { return "https://login.example.com/" + value + "/v2.0" }
		tests := []struct {
			name string
			iss  string
			tid  any
			want error
		}{
			{"equal", iss("9188040d-6c67"), "9188040d-6c67", nil},
			{"of another tenant", iss("t-2"), "t-2", nil},
			{"greatest length", iss(strings.Repeat("a", 64)), strings.Repeat("a", 64), nil},
			{"too long", iss(strings.Repeat("a", 65)), strings.Repeat("a", 65), ErrIssuerUnknown},
			{"another claim", iss("t-1"), "t-2", ErrIssuerUnknown},
			{"other case", iss("t-1"), "T-1", ErrIssuerUnknown},
			{"no claim", iss("t-1"), absent, ErrIssuerUnknown},
			{"claim is a list", iss("t-1"), []string{"t-1"}, ErrIssuerUnknown},
			{"claim is a number", iss("1"), 1, ErrIssuerUnknown},
			{"empty", iss(""), "", ErrIssuerUnknown},
			{"the template itself", testTemplate, "{tid}", ErrIssuerUnknown},
			{"a slash", iss("a/b"), "a/b", ErrIssuerUnknown},
			{"an escape", iss("a%2Fb"), "a%2Fb", ErrIssuerUnknown},
			{"another prefix", "https://evil.example.com/t-1/v2.0", "t-1", ErrIssuerUnknown},
			{"another suffix", "https://login.example.com/t-1/v1.0", "t-1", ErrIssuerUnknown},
			{"prefix and suffix run into each other", "https://login.example.com/v2.0", "", ErrIssuerUnknown},
		}
		for _, tt := range tests {
			raw := p.ed.mint("EdDSA", nil, goodClaims().with(members{"iss": tt.iss, "tid": tt.tid}))
			for range 2 {
				t.Run(tt.name, func(t *testing.T) { expect(t, v, raw, tt.want) })
			}
			got, err := v.Verify(t.Context(), raw, start)
			if err == nil && (got.IssuerURL != tt.iss || got.Issuer.URL() != testTemplate || got.Cached != (cache != nil)) {
				t.Errorf("%s: %+v", tt.name, got)
			}
		}
		if cache != nil && cache.Stats().Entries != 3 {
			t.Errorf("%d tokens are cached, want the 3 good ones", cache.Stats().Entries)
		}
	}
}

// What an unverified token says becomes no name of a key set: the source is
// asked by kid alone, and only where the `iss` matches.
func TestTemplateHasOneKeySource(t *testing.T) {
	p := testPairs()
	keys := &source{set: p.set()}
	spec := templateSpec(testTemplate)
	spec.Keys = keys
	v := newTestVerifier(t, spec, NewCache(64))
	foreign := p.ed.mint("EdDSA", nil, goodClaims().with(members{"iss": "https://login.example.com/a/b/v2.0", "tid": "a/b"}))
	expect(t, v, foreign, ErrIssuerUnknown)
	if keys.asked() {
		t.Error("keys were asked for on behalf of a foreign issuer")
	}
	for _, tid := range []string{"a", "b"} {
		expect(t, v, p.edOther.mint("EdDSA", nil, goodClaims().with(members{"iss": "https://login.example.com/" + tid + "/v2.0", "tid": tid})), ErrSignature)
	}
	if v.cache.Stats().Entries != 0 {
		t.Error("a forged token is cached")
	}
}

func TestNewVerifierRefusesOverlap(t *testing.T) {
	first := must(NewIssuer(templateSpec(testTemplate)))
	for _, url := range []string{"https://login.example.com/t-1/v2.0", "https://login.example.com/{oid}/v2.0", "https://login.example.com/x-{tid}/v2.0"} {
		for _, list := range [][]*Issuer{{first, must(NewIssuer(templateSpec(url)))}, {must(NewIssuer(templateSpec(url))), first}} {
			if _, err := NewVerifier(list, nil); err == nil || !strings.Contains(err.Error(), "same identifier") {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
	if _, err := NewVerifier([]*Issuer{first, must(NewIssuer(templateSpec("https://login.example.com/t-1/v1.0")))}, nil); err != nil {
		t.Error(err)
	}
}

// TestTemplatesOverlap holds overlaps against an oracle that tries all short
// values.
func TestTemplatesOverlap(t *testing.T) {
	values := []string{}
	for level := []string{""}; len(level[0]) < 9; { // as long as both literals around one byte
		var next []string
		for _, v := range level {
			next = append(next, v+"a", v+"b")
		}
		values, level = append(values, next...), next
	}
	literal := rapid.StringMatching(`[ab/]{0,4}`)
	draw := func(t *rapid.T, name string) *template {
		form := template{prefix: "/" + literal.Draw(t, name+" prefix")}
		if rapid.IntRange(0, 4).Draw(t, name+" open") > 0 {
			form.claim, form.suffix = "c", literal.Draw(t, name+" suffix")
		}
		return &form
	}
	met := map[bool]int{}
	compare := func(t *rapid.T) {
		first, second := draw(t, "first"), draw(t, "second")
		want := false
		for _, v := range values {
			text := first.prefix + v + first.suffix
			if !first.open() {
				text = first.prefix
			}
			want = want || second.matches(text)
		}
		met[want]++
		if first.overlaps(second) != want || second.overlaps(first) != want {
			t.Fatalf("%+v and %+v: overlap %v and %v, want %v", first, second, first.overlaps(second), second.overlaps(first), want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for range 5 {
			compare(t)
		}
	})
	if met[true] < 5 || met[false] < 5 {
		t.Errorf("the drawn pairs prove little: %v", met)
	}
	long := strings.Repeat("a", 64)
	for _, tt := range []struct {
		first, second template
		want          bool
	}{
		{template{"x", "", "c"}, template{"x" + long, "", "c"}, false},
		{template{"x", "", "c"}, template{"x" + long[1:], "", "c"}, true},
		{template{"x", long, "c"}, template{"x", "", "c"}, false},
		{template{"x", long[1:], "c"}, template{"x", "", "c"}, true},
		{template{"x", long, "c"}, template{"x" + long, "", "c"}, true},
		{template{"x", long + "a", "c"}, template{"x" + long, "", "c"}, true},
		{template{"x", "/" + long, "c"}, template{"x" + long, "/", "c"}, false},
	} {
		if tt.first.overlaps(&tt.second) != tt.want || tt.second.overlaps(&tt.first) != tt.want {
			t.Errorf("%.20v and %.20v: want %v", tt.first, tt.second, tt.want)
		}
	}
}

func TestIssuersEqual(t *testing.T) {
	base := must(NewIssuer(templateSpec(testTemplate)))
	if !base.Equal(must(NewIssuer(templateSpec(testTemplate)))) {
		t.Error("equal specs make different issuers")
	}
	for name, change := range map[string]func(*IssuerSpec){
		"name": func(s *IssuerSpec) { s.Name = "x" }, "url": func(s *IssuerSpec) { s.URL = testIssuer }, "keys": func(s *IssuerSpec) { s.KeysID = "x" },
		"audiences": func(s *IssuerSpec) { s.Audiences = s.Audiences[:1] }, "types": func(s *IssuerSpec) { s.Types = nil },
		"age": func(s *IssuerSpec) { s.MaxTokenAge = 1 }, "skew": func(s *IssuerSpec) { s.ClockSkew = 1 },
	} {
		spec := templateSpec(testTemplate)
		change(&spec)
		if base.Equal(must(NewIssuer(spec))) {
			t.Errorf("another %s makes no difference", name)
		}
	}
	if !base.HasAudience("second") || base.HasAudience("third") {
		t.Error("audiences")
	}
}
