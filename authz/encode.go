package authz

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf8"
	"unsafe"

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
	plain    bool   // Percent or Refuse: a text may stand as it is
	words    bool   // marks tells of all bytes that join makes special
	marks    uint64 // eight times the byte of join, or `%`
	join     string
	special  [256]bool // bytes that may not stand for themselves
}

func newEncoder(encoding Encoding, join string) *encoder {
	e := &encoder{encoding: encoding, join: join, plain: encoding == Percent || encoding == Refuse}
	for c := range e.special {
		e.special[c] = c == '%' || c < ' ' || c >= 0x7f || strings.IndexByte(join, byte(c)) >= 0
	}
	e.marks, e.words = '%'*ones, len(join) <= 1
	if len(join) == 1 {
		e.marks = uint64(join[0]) * ones
	}
	return e
}

// encode returns the header text, "" for an absent value. It reports false
// for a value that this encoding cannot carry. A text that needs no encoding is
// the value's own; another one lies in the scratch.
func (e *encoder) encode(v sourced, to *scratch) (string, bool) {
	if !e.plain {
		return e.encodeOther(v, to)
	}
	text := v.text // the common cases of what follows
	switch v.value.Kind() {
	case token.Invalid:
	case token.String:
		text = v.value.Str()
	case token.List:
		return e.list(v.value, to)
	default:
		return e.encodeOther(v, to)
	}
	if e.isSafe(text) {
		return text, true
	}
	return e.encodeOther(v, to)
}

// encodeOther is encode for every value.
func (e *encoder) encodeOther(v sourced, to *scratch) (string, bool) {
	if isBlank(v) {
		return "", true
	}
	switch e.encoding {
	case Base64URL:
		from := len(to.text)
		to.text = appendRaw(to.text, v)
		raw := to.text[from:]
		from = len(to.text)
		to.text = base64.RawURLEncoding.AppendEncode(to.text, raw)
		return to.since(from), true
	case JSON:
		from := len(to.text)
		to.text = appendJSON(to.text, v)
		doc := to.text[from:]
		from = len(to.text)
		to.text = appendASCII(to.text, doc)
		return to.since(from), true
	case Percent, Refuse:
		return e.encodePlain(v, to)
	}
	return "", false
}

// scratch holds the texts that are made for one request. It is kept for the
// next one, which overwrites them.
type scratch struct{ text []byte }

// maxScratch is how much of it is kept: more than the headers of one request
// take, with what they are made from.
const maxScratch = 4 * MaxHeaderTotalBytes

func (s *scratch) reset() {
	if s.text = s.text[:0]; cap(s.text) > maxScratch {
		s.text = nil
	}
}

// since returns the text from a place on. Where the scratch grows afterwards,
// the text stays where it was.
func (s *scratch) since(from int) string {
	if from == len(s.text) {
		return ""
	}
	return unsafe.String(&s.text[from], len(s.text)-from) //nolint:gosec // overwritten only by the next request
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

// encodePlain encodes a scalar, or a list of scalars where a separator is known.
func (e *encoder) encodePlain(v sourced, to *scratch) (string, bool) {
	if v.value == nil {
		return e.escape(v.text, to)
	}
	if v.value.Kind() != token.List {
		text, ok := scalarText(v.value)
		if !ok {
			return "", false
		}
		return e.escape(text, to)
	}
	return e.list(v.value, to)
}

// list encodes the elements of a list with the separator between them.
func (e *encoder) list(list *token.Value, to *scratch) (string, bool) {
	from, text, count := len(to.text), to.text, list.Len()
	if e.join == "" && count > 0 {
		return "", false
	}
	for i := range count {
		element := list.At(i)
		scalar, ok := element.Str(), true
		if scalar == "" {
			scalar, ok = scalarText(element)
		}
		if !ok || scalar == "" {
			return "", false // an empty element and none at all would read alike
		}
		if i > 0 {
			text = append(text, e.join...)
		}
		if text, ok = e.appendEscaped(text, scalar); !ok {
			return "", false
		}
	}
	to.text = text
	return to.since(from), true
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
		return v.Written(), true
	}
	return "", false
}

// escape escapes one text, or refuses to.
func (e *encoder) escape(text string, to *scratch) (string, bool) {
	if e.isSafe(text) {
		return text, true
	}
	from := len(to.text)
	escaped, ok := e.appendEscaped(to.text, text)
	if !ok {
		return "", false
	}
	to.text = escaped
	return to.since(from), true
}

// isSafe reports whether the text may stand as it is. It looks at eight bytes at
// once, the last ones perhaps twice.
func (e *encoder) isSafe(text string) bool {
	b := []byte(text) // no copy: nobody writes to it
	if len(b) < 8 || !e.words {
		return e.isSafeByBytes(text)
	}
	if b[0] == ' ' || b[len(b)-1] == ' ' {
		return false
	}
	odd := e.odd(binary.LittleEndian.Uint64(b[len(b)-8:]))
	for ; len(b) > 8; b = b[8:] {
		odd |= e.odd(binary.LittleEndian.Uint64(b))
	}
	return odd == 0
}

// isSafeByBytes is isSafe for every text.
func (e *encoder) isSafeByBytes(text string) bool {
	for i := range len(text) {
		if e.special[text[i]] {
			return false
		}
	}
	return text == "" || text[0] != ' ' && text[len(text)-1] != ' '
}

// odd returns 0 where none of eight bytes is special. A byte below a space, or
// above `~`, shows its high bit in a difference or sum: the first such byte at
// least, since none before it borrows or carries. One that equals a mark is zero
// where it is taken from it, and so is the first to borrow.
func (e *encoder) odd(w uint64) uint64 {
	escape, mark := w^'%'*ones, w^e.marks
	return ((w - ' '*ones) | (w + ones) | (escape-ones)&^escape | (mark-ones)&^mark) & highs
}

func (e *encoder) appendEscaped(dst []byte, text string) ([]byte, bool) {
	if e.isSafe(text) {
		return append(dst, text...), true
	}
	if e.encoding == Refuse {
		return dst, false
	}
	for i := range len(text) {
		c := text[i]
		if e.special[c] || c == ' ' && (i == 0 || i == len(text)-1) {
			dst = appendEscape(dst, c)
		} else {
			dst = append(dst, c)
		}
	}
	return dst, true
}

// appendRaw appends the UTF-8 bytes of a text, or the JSON of anything else.
func appendRaw(dst []byte, v sourced) []byte {
	switch {
	case v.value == nil:
		return append(dst, v.text...)
	case v.value.Kind() == token.String:
		return append(dst, v.value.Str()...)
	}
	return v.value.AppendJSON(dst)
}

func appendJSON(dst []byte, v sourced) []byte {
	if v.value == nil {
		return appendQuoted(dst, v.text)
	}
	return v.value.AppendJSON(dst)
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

// appendASCII rewrites JSON so that it holds printable ASCII only. Bytes outside
// of that occur within strings alone, where \uXXXX means the same (RFC 8259
// section 7).
func appendASCII(out, doc []byte) []byte {
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
	return out
}

// appendUnit appends one UTF-16 code unit as \uXXXX.
func appendUnit(dst []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
