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
	if !hasControl(s) {
		return false
	}
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

// hasControl reports whether there is a byte below a space. It looks at eight
// bytes at a time.
func hasControl(s string) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for ; len(s) >= 8; s = s[8:] {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if (w-each*' ')&^w&high != 0 {
			return true
		}
	}
	for i := range len(s) {
		if s[i] < ' ' {
			return true
		}
	}
	return false
}
