package token

import (
	"errors"
	"strings"
)

// maxTemplateValue is the greatest length of what stands in the place of a
// template's claim. Its bytes are A-Z, a-z, 0-9, `.`, `_` and `-`.
const maxTemplateValue = 64

// template is the `iss` of one issuer: a text, or a text around the value of
// a claim, as in `https://login.example.com/{tid}/v2.0`.
type template struct {
	prefix string
	suffix string
	claim  string // "" for a plain text, which is the prefix
}

// compileTemplate reads an issuer identifier. Braces stand for a template
// only: no issuer in use has them in its name.
func compileTemplate(url string) (template, error) {
	prefix, rest, open := strings.Cut(url, "{")
	claim, suffix, closed := strings.Cut(rest, "}")
	switch {
	case !strings.ContainsAny(url, "{}"):
		return template{prefix: url}, nil
	case !open || !closed || strings.Contains(prefix, "}") || strings.ContainsAny(suffix, "{}"):
		return template{}, errors.New("URL: braces hold the name of one claim, as in https://login.example.com/{tid}/v2.0")
	case !isClaimName(claim):
		return template{}, errors.New("URL: the name in braces is not 1 to 64 of A-Z, a-z, 0-9 and `_`")
	case prefix == "":
		return template{}, errors.New("URL: a template that begins with its claim could name any issuer")
	}
	return template{prefix: prefix, suffix: suffix, claim: claim}, nil
}

// open reports whether the template stands for many texts.
func (t *template) open() bool { return t.claim != "" }

// value returns what stands in the place of the claim.
func (t *template) value(iss string) (string, bool) {
	rest, begins := strings.CutPrefix(iss, t.prefix)
	value, ends := strings.CutSuffix(rest, t.suffix)
	return value, begins && ends && value != "" && len(value) <= maxTemplateValue && isTemplateText(value)
}

// matches reports whether the text is one of the template's.
func (t *template) matches(iss string) bool {
	if !t.open() {
		return iss == t.prefix
	}
	_, ok := t.value(iss)
	return ok
}

// accepts reports whether the claims of a signed token name the issuer: by the
// text itself, or by one that holds the very value of the template's claim.
func (t *template) accepts(claims *Value) bool {
	iss := claims.Get("iss").Str()
	if !t.open() {
		return iss == t.prefix
	}
	value, ok := t.value(iss)
	return ok && claims.Get(t.claim).Str() == value
}

// overlaps reports whether some text is one of both templates'.
func (t *template) overlaps(o *template) bool {
	switch {
	case !o.open():
		return t.matches(o.prefix)
	case !t.open():
		return o.matches(t.prefix)
	case len(o.prefix) < len(t.prefix):
		t, o = o, t
	}
	left, ok := strings.CutPrefix(o.prefix, t.prefix)
	if !ok {
		return false
	}
	if right, ok := strings.CutSuffix(o.suffix, t.suffix); ok {
		// All of o lies within the value of t.
		return isTemplateText(left) && isTemplateText(right) && len(left)+1+len(right) <= maxTemplateValue
	}
	right, ok := strings.CutSuffix(t.suffix, o.suffix)
	return ok && interlock(left, right)
}

// interlock reports whether there are values v and w with v+right == left+w:
// the value of one template then begins left of the other's and ends before it.
func interlock(left, right string) bool {
	if left == "" {
		return isTemplateText(right) && len(right) < maxTemplateValue // v is any byte, w that byte and right
	}
	if isValue(left) && isValue(right) {
		return true
	}
	for n := 1; n < min(len(left), len(right)); n++ {
		v, shared := left[:len(left)-n], left[len(left)-n:]
		w, ok := strings.CutPrefix(right, shared)
		if ok && isValue(v) && isValue(w) {
			return true
		}
	}
	return false
}

func isValue(s string) bool { return s != "" && len(s) <= maxTemplateValue && isTemplateText(s) }

func isTemplateText(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isWordByte(c) && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

func isClaimName(s string) bool {
	for i := range len(s) {
		if !isWordByte(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}
