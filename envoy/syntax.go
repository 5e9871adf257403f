package envoy

import (
	"strings"
	"unicode/utf8"
)

// isToken reports whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', c == '-', '0' <= c && c <= '9', 'A' <= c && c <= 'Z':
		return true
	default:
		return strings.IndexByte("_.!#$%&'*+^`|~", c) >= 0
	}
}

// lowerName returns a header's name in lower case, or false for what is no
// name. A name that is lower-case already is returned as it is.
func lowerName(name string) (string, bool) {
	if isLowerName(name) {
		return name, true
	}
	if !isToken(name) {
		return "", false
	}
	return strings.ToLower(name), true
}

// isLowerName reports whether a name can be sent as it is.
func isLowerName(name string) bool {
	for i := range len(name) {
		if 'A' <= name[i] && name[i] <= 'Z' || !isTokenByte(name[i]) {
			return false
		}
	}
	return name != ""
}

// isFieldValue reports whether s is a field value (RFC 9110 section 5.5) that
// a protobuf string can hold: no control bytes but an inner tab, no white space
// at its ends, UTF-8.
func isFieldValue(s string) bool {
	if s == "" {
		return true
	}
	if isBlank(s[0]) || isBlank(s[len(s)-1]) {
		return false
	}
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// breaksLine reports bytes that no header value can have carried.
func breaksLine(s string) bool {
	return strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0 || strings.IndexByte(s, 0) >= 0
}

// isQuotable reports whether s can stand between quotes in a challenge: only
// printable ASCII without `"` and `\` (RFC 6750 section 3).
func isQuotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// isScopeToken reports whether s is a scope-token (RFC 6749 section 3.3).
func isScopeToken(s string) bool {
	return s != "" && isQuotable(s) && strings.IndexByte(s, ' ') < 0
}
