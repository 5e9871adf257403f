package authz

import (
	"strings"

	"github.com/claimgate/claimgate/authz/token"
)

const scheme = "bearer"

// credential returns the one bearer token of a request (RFC 6750 section 2.1).
// It trims nothing and never chooses between two: the scheme is compared
// without case, one or more spaces follow, then a token68 up to the end.
// Without a token it reports false and the reason.
func credential(headers *Headers) (raw string, reason Reason, ok bool) {
	value, count := headers.Get("authorization")
	switch {
	case count == 0:
		return "", NoToken, false
	case count > 1 || strings.IndexByte(value, ',') >= 0:
		// A proxy joins repeated lines by a comma, which no token holds.
		return "", SeveralTokens, false
	case len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme):
		return "", otherScheme(value), false
	}
	rest := value[len(scheme):]
	if rest != "" && isTokenByte(rest[0]) {
		return "", NoToken, false // a longer word, such as BearerX
	}
	raw = strings.TrimLeft(rest, " ")
	switch {
	case len(raw) == len(rest) || raw == "":
		return "", TokenMalformed, false
	case len(raw) > token.MaxTokenBytes:
		return "", TokenTooLarge, false
	case !isToken68(raw):
		return "", TokenMalformed, false
	}
	return raw, 0, true
}

// otherScheme judges a value that does not begin with our scheme: one that
// begins with another is no token of ours, one that begins with none, such as
// an empty value or one with a leading space, is a mistake.
func otherScheme(value string) Reason {
	name, _, _ := strings.Cut(value, " ")
	if !isTokenText(name) {
		return TokenMalformed
	}
	return NoToken
}

// isToken68 reports whether the text holds only bytes of RFC 9110 section 11.2.
func isToken68(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isUnreserved(c) && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return true
}

// isTokenText reports whether the text is a token of RFC 9110 section 5.6.2.
func isTokenText(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
