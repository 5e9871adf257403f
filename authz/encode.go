package authz

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/claimgate/claimgate/authz/token"
)

// Encoding says how a header value is made safe. The zero value is Percent.
type Encoding uint8

// The encodings. None of them strips: different texts, and different lists of
// texts, stay different. The JSON type is not part of a value, save in JSON:
// the text "5" and the number 5 read alike.
const (
	// Percent writes `%`, control bytes, DEL, bytes above 0x7F, a leading or
	// trailing space and, in a list, the bytes of the separator as escapes of
	// RFC 3986 section 2.1.
	Percent Encoding = iota
	// Base64URL is RFC 4648 section 5 without padding: of a text its UTF-8
	// bytes, of anything else its JSON.
	Base64URL
	// JSON is JSON in ASCII, a text in its quotes. Objects and nested lists
	// are sent only so or in Base64URL.
	JSON
	// Refuse denies the request where Percent would have to escape.
	Refuse
)

// Limits on what one request has injected.
const (
	MaxHeaderValueBytes = 1 << 10 // of one value
	MaxHeaderTotalBytes = 8 << 10 // of all values
)

// encoder turns a value into header text.
type encoder struct {
	encoding Encoding
	join     string
}

// encode returns the header text, "" for an absent value. It reports false
// for a value that this encoding cannot carry.
func (e *encoder) encode(v sourced) (string, bool) {
	if isBlank(v) {
		return "", true
	}
	switch e.encoding {
	case Base64URL:
		return base64.RawURLEncoding.EncodeToString(rawBytes(v)), true
	case JSON:
		return asciiJSON(jsonBytes(v)), true
	case Percent, Refuse:
		return e.plain(v)
	}
	return "", false
}

// isBlank reports whether the value is nothing, "" or [].
func isBlank(v sourced) bool {
	if v.value == nil {
		return v.text == ""
	}
	switch v.value.Kind() {
	case token.String:
		return v.value.Str() == ""
	case token.List:
		return v.value.Len() == 0
	case token.Null, token.Invalid:
		return true
	}
	return false
}

// plain encodes a scalar, or a list of scalars where a separator is known.
func (e *encoder) plain(v sourced) (string, bool) {
	if v.value == nil {
		return e.escape(v.text)
	}
	if v.value.Kind() != token.List {
		text, ok := scalarText(v.value)
		if !ok {
			return "", false
		}
		return e.escape(text)
	}
	if e.join == "" {
		return "", false
	}
	var joined []byte
	for i := range v.value.Len() {
		text, ok := scalarText(v.value.At(i))
		if !ok || text == "" {
			return "", false // an empty element and none at all would read alike
		}
		if text, ok = e.escape(text); !ok {
			return "", false
		}
		if i > 0 {
			joined = append(joined, e.join...)
		}
		joined = append(joined, text...)
	}
	return string(joined), true
}

// scalarText is the text of a string, number or boolean.
func scalarText(v *token.Value) (string, bool) {
	switch v.Kind() {
	case token.String:
		return v.Str(), true
	case token.Bool:
		if v.Bool() {
			return "true", true
		}
		return "false", true
	case token.Num:
		return string(v.AppendJSON(nil)), true
	}
	return "", false
}

// escape escapes one text, or refuses to.
func (e *encoder) escape(text string) (string, bool) {
	safe := true
	for i := range len(text) {
		safe = safe && !e.mustEscape(text, i)
	}
	if safe {
		return text, true
	}
	if e.encoding == Refuse {
		return "", false
	}
	escaped := make([]byte, 0, len(text)+16)
	for i := range len(text) {
		if e.mustEscape(text, i) {
			escaped = appendEscape(escaped, text[i])
		} else {
			escaped = append(escaped, text[i])
		}
	}
	return string(escaped), true
}

// mustEscape reports whether byte i of the text may not stand for itself.
func (e *encoder) mustEscape(text string, i int) bool {
	c := text[i]
	return c == '%' || c < ' ' || c >= 0x7f ||
		c == ' ' && (i == 0 || i == len(text)-1) ||
		strings.IndexByte(e.join, c) >= 0
}

// rawBytes are the UTF-8 bytes of a text, or the JSON of anything else.
func rawBytes(v sourced) []byte {
	switch {
	case v.value == nil:
		return []byte(v.text)
	case v.value.Kind() == token.String:
		return []byte(v.value.Str())
	}
	return v.value.AppendJSON(nil)
}

func jsonBytes(v sourced) []byte {
	if v.value == nil {
		return appendQuoted(nil, v.text)
	}
	return v.value.AppendJSON(nil)
}

// appendQuoted quotes a text of our own, which holds no control byte.
func appendQuoted(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i := range len(text) {
		if c := text[i]; c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}

// asciiJSON rewrites JSON so that it holds printable ASCII only. Bytes outside
// of that occur within strings alone, where \uXXXX means the same (RFC 8259
// section 7).
func asciiJSON(doc []byte) string {
	out := make([]byte, 0, len(doc))
	for len(doc) > 0 {
		c := doc[0]
		r, size := utf8.DecodeRune(doc)
		doc = doc[size:]
		switch {
		case r >= ' ' && r < 0x7f:
			out = append(out, c)
		case r <= 0xffff:
			out = appendUnit(out, r)
		default:
			r -= 0x10000
			out = appendUnit(out, 0xd800+r>>10)
			out = appendUnit(out, 0xdc00+r&0x3ff)
		}
	}
	return string(out)
}

// appendUnit appends one UTF-16 code unit as \uXXXX.
func appendUnit(dst []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
