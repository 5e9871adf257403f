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

// byteSet is a set of ASCII bytes.
type byteSet [2]uint64

func (s byteSet) has(c byte) bool { return c < utf8.RuneSelf && s[c>>6]>>(c&63)&1 != 0 }

// The bytes of tokens from 0 to 63, from 64 to 127, and the latter without
// upper-case letters.
const (
	tokenLow   = 0x3FF<<'0' | 1<<'!' | 1<<'#' | 1<<'$' | 1<<'%' | 1<<'&' | 1<<'\'' | 1<<'*' | 1<<'+' | 1<<'-' | 1<<'.'
	tokenLower = 0x3FFFFFF<<('a'-64) | 1<<('^'-64) | 1<<('_'-64) | 1<<('`'-64) | 1<<('|'-64) | 1<<('~'-64)
	tokenHigh  = tokenLower | 0x3FFFFFF<<('A'-64)
)

func isTokenByte(c byte) bool { return byteSet{tokenLow, tokenHigh}.has(c) }

func isLowerTokenByte(c byte) bool { return byteSet{tokenLow, tokenLower}.has(c) }

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
	if isCommonName(name) {
		return true
	}
	for i := range len(name) {
		if !isLowerTokenByte(name[i]) {
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
	if isPrintable(s) {
		return true
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// breaksLine reports bytes that no header value can have carried.
func breaksLine(s string) bool {
	return !isPrintable(s) && holdsBreak(s)
}

func holdsBreak(s string) bool {
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
