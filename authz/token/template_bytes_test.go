package token

import (
	"strings"
	"testing"
	"unique"
)

// TestTemplatesAlone asks a template without the checks that stand before it in
// a verification.
func TestTemplatesAlone(t *testing.T) {
	claims := func(iss, tid string) *Value {
		return must(ParseObject([]byte(members{"iss": iss, "tid": tid}.json())))
	}
	open, plain := must(compileTemplate("ab{tid}yz")), must(compileTemplate("ab"))
	long := strings.Repeat("v", maxTemplateValue)
	for _, tt := range []struct {
		template *template
		iss, tid string
		want     bool
	}{
		{&open, "abxyz", "x", true}, {&open, "ab" + long + "yz", long, true}, {&open, "aba.b-c_9yz", "a.b-c_9", true},
		{&open, "ab" + long + "vyz", long + "v", false}, {&open, "xyz", "x", false}, {&open, "abx", "x", false}, {&open, "abyz", "", false}, {&open, "abxyz", "y", false},
		{&open, "xxxyz", "xxx", false}, {&open, "abxxx", "xxx", false}, {&open, "", "", false},
		{&plain, "ab", "", true}, {&plain, "abc", "", false}, {&plain, "", "", false},
	} {
		if got := tt.template.accepts(claims(tt.iss, tt.tid)); got != tt.want {
			t.Errorf("%+v accepts %.20s with %.20s: %v", *tt.template, tt.iss, tt.tid, got)
		}
	}
	for url, good := range map[string]bool{
		"https://a/}/{x}": false, "https://a/{x}/}": false, "https://a/{" + strings.Repeat("x", 64) + "}": true, "https://a/{" + strings.Repeat("x", 65) + "}": false,
	} {
		if _, err := compileTemplate(url); (err == nil) != good {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestEveryByteOfATemplate(t *testing.T) {
	const words = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
	for i := range 256 {
		c := string([]byte{byte(i)})
		if got := isTemplateText(c); got != strings.Contains(words+".-", c) {
			t.Errorf("%q in a value: %v", c, got)
		}
		if got := isClaimName("a" + c); got != strings.Contains(words, c) {
			t.Errorf("%q in a claim's name: %v", c, got)
		}
	}
}

// TestTemplatesThatInterlock has pairs that differ from an overlap, or from
// none, by one character.
func TestTemplatesThatInterlock(t *testing.T) {
	open := func(prefix, suffix string) *template { return &template{prefix, suffix, "c"} }
	long := strings.Repeat("a", maxTemplateValue)
	for _, tt := range []struct {
		first, second *template
		want          bool
	}{
		{open("b", ""), open("aa", ""), false},
		{open("x", "/b"), open("xa/", ""), true},
		{open("x", "/b"), open("x/", ""), false},
		{open("x", "cde"), open("xa/b", ""), false},
		{open("x", "/b/"), open("xa/", ""), false},
		{open("x", "c"), open("xb"+long[1:], ""), true},
		{open("x", "c"), open("xb"+long, ""), false},
		{open("x", long[1:]+"b"), open("xc", ""), true},
		{open("x", long+"b"), open("xc", ""), false},
		{open("x", long[1:]), open("x", ""), true},
		{open("x", long), open("x", ""), false},
	} {
		if tt.first.overlaps(tt.second) != tt.want || tt.second.overlaps(tt.first) != tt.want {
			t.Errorf("%.20v and %.20v: want %v", *tt.first, *tt.second, tt.want)
		}
	}
}

// A put of the same token replaces what was there, and a scope without entries
// is forgotten.
func TestPutReplaces(t *testing.T) {
	var s shard
	s.init(4)
	one, two := unique.Make(fingerprint{1}), unique.Make(fingerprint{2})
	key := cacheKey{scope: one}
	s.put(key, &entry{origin: unique.Make(origin{kid: "old"})}, start)
	s.put(key, &entry{origin: unique.Make(origin{kid: "new"})}, start)
	if e := s.get(&key); e == nil || e.origin.Value().kid != "new" || s.len() != 1 {
		t.Errorf("got %+v", e)
	}
	heavy := &entry{identity: identity{bytes: 5 * unitBytes}}
	s.put(cacheKey{scope: two}, heavy, start)
	if len(s.scopes) != 1 || s.len() != 1 {
		t.Errorf("%d scopes, %d entries", len(s.scopes), s.len())
	}
	s.put(cacheKey{scope: one, token: [32]byte{1}}, heavy, start)
	if len(s.scopes) != 1 || s.scopes[fingerprint{1}] == nil || s.len() != 1 {
		t.Errorf("%d scopes, %d entries", len(s.scopes), s.len())
	}
	s.remove(&key)
	if len(s.scopes) != 0 {
		t.Errorf("%d scopes of nothing", len(s.scopes))
	}
}
