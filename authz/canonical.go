package authz

import (
	"strings"
	"unicode/utf8"
)

// MaxPathBytes is the greatest length of a path as sent, without its query.
const MaxPathBytes = 8 << 10

// Oddity is a set of reasons why a path is not canonical.
type Oddity uint16

// The oddities of a path. Each of them makes an upstream, a proxy or a
// framework somewhere read another path than the one that was sent, so the
// engine refuses every one that is not admitted; see Relaxable.
const (
	PathEmpty        Oddity = 1 << iota
	PathNotAbsolute         // no leading slash: absolute form, `*`
	PathTooLong             // over MaxPathBytes; nothing else was looked at
	PathBadEscape           // `%` without two hexadecimal digits; nothing was decoded
	PathDotSegment          // `.` or `..`, escaped too, and before parameters as in `..;x`
	PathBackslash           // raw or `%5C`
	PathControl             // a control byte or DEL, raw or escaped, or a raw space
	PathNonASCII            // a raw byte above 0x7F
	PathInvalidUTF8         // escaped bytes that are no UTF-8
	PathFragment            // `#`
	PathQuery               // `?`: the query was not cut off
	PathDoubleSlash         // an empty segment that is not the last, before or after parameters are taken off
	PathEncodedSlash        // `%2F`
	PathSemicolon           // path parameters: `;` or `%3B`
	PathDoubleEscape        // `%25` before the rest of an escape: see CanonicalPath
	PathMixed               // two or more of a raw `//`, `%2F`, `;` and `%3B`, or a `%2F` beside a slash: see Relaxable
)

// Relaxable are the oddities that a tenant or an entry may admit
// (`pathRelaxations`). A path with nothing but admitted ones is judged in two
// readings, that of what was sent and that of an upstream that is lenient
// (Forms). Upstreams that are lenient in one way only agree with one of the two,
// as long as the path gives them one kind of leniency to disagree about; so
// PathMixed is never admitted.
const Relaxable = PathDoubleSlash | PathEncodedSlash | PathSemicolon

var oddityNames = [...]string{
	"empty", "not_absolute", "too_long", "bad_escape", "dot_segment", "backslash", "control", "non_ascii",
	"invalid_utf8", "fragment", "query", "double_slash", "encoded_slash", "semicolon", "double_escape", "mixed",
}

// String lists the oddities by stable names, joined by commas.
func (o Oddity) String() string {
	var names []string
	for i, name := range oddityNames {
		if o&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// Path is a canonical path.
type Path struct {
	Canonical string // escapes of unreserved characters decoded, others upper-case
	Lenient   string // every escape decoded once; equal to Canonical where nothing differs
	Oddities  Oddity
}

// checkRelaxations wants nothing to be admitted but what can be.
func checkRelaxations(admitted Oddity, found *problems) {
	if refused := admitted &^ Relaxable; refused != 0 {
		found.add("pathRelaxations", "paths with "+refused.String()+" are never admitted", "write double-slash, encoded-slash or semicolon")
	}
}

// Forms returns the two readings of the path that rules are held against: as
// sent, and as a lenient upstream reads it, with every escape decoded once,
// the parameters of each segment taken off and slashes merged. For a path
// without oddities that is Lenient itself.
func (p *Path) Forms() (sent, lenient string) {
	if p.Oddities&Relaxable == 0 {
		return p.Canonical, p.Lenient
	}
	read := make([]byte, 0, len(p.Lenient))
	parameters := false
	for i := range len(p.Lenient) {
		switch c := p.Lenient[i]; {
		case c == '/':
			parameters = false
			if len(read) == 0 || read[len(read)-1] != '/' {
				read = append(read, c)
			}
		case c == ';':
			parameters = true
		case !parameters:
			read = append(read, c)
		}
	}
	return p.Canonical, string(read)
}

// CanonicalPath computes the canonical form of a path as sent, without its
// query (RFC 3986 sections 6.2.2.1 and 6.2.2.2). It never resolves dot
// segments or merges slashes: it notes them.
//
// An escaped percent sign is legal and kept. It is noted as PathDoubleEscape
// where a reader that decodes twice would find an ASCII character other than a
// space: `%252e`, `%2561`, `%253A`, `%252F`, `%2500`, `%2525`. A doubly escaped
// space, `%2520`, is no oddity, nor is a percent sign before digits of no ASCII
// character, as in `100%25de`: patterns of deny rules see through these.
func CanonicalPath(raw string) Path {
	p := Path{Canonical: raw, Lenient: raw}
	if !isSimplePath(raw) {
		p.examine(raw)
	}
	return p
}

// examine makes the path as sent, which both forms are to begin with, canonical.
func (p *Path) examine(raw string) {
	switch {
	case raw == "":
		p.Oddities = PathEmpty
		return
	case len(raw) > MaxPathBytes:
		p.Oddities = PathTooLong
		return
	case raw[0] != '/':
		p.Oddities = PathNotAbsolute
	}
	if !isPlainPath(raw) {
		p.decode(raw)
	}
	p.Oddities |= segmentOddities(p.Lenient)
	const merged = PathEncodedSlash | PathDoubleSlash
	if p.Oddities&Relaxable != 0 && isMixed(raw) || p.Oddities&merged == merged {
		p.Oddities |= PathMixed
	}
}

// isMixed reports whether the path as sent asks for more than one kind of
// leniency.
func isMixed(raw string) bool {
	kinds := 0
	for _, sign := range [...]string{"//", "%2F", "%3B", ";"} {
		if strings.Contains(raw, sign) || sign[0] == '%' && strings.Contains(raw, strings.ToLower(sign)) {
			kinds++
		}
	}
	return kinds > 1
}

// isPlainPath reports whether nothing in the path is to be decoded or noted
// byte by byte.
func isPlainPath(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '/' && !isUnreserved(c) && strings.IndexByte("!$&'()*+,=:@", c) < 0 {
			return false
		}
	}
	return true
}

// decode computes both forms in one pass and reuses the text as sent where it
// already is the form.
func (p *Path) decode(raw string) {
	var buffers [2][256]byte
	canonical, lenient := buffers[0][:0], buffers[1][:0]
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '%' {
			p.Oddities |= rawOddity(c)
			canonical, lenient = append(canonical, c), append(lenient, c)
			continue
		}
		decoded, ok := unescape(raw[i:])
		if !ok {
			p.Oddities |= PathBadEscape
			return
		}
		p.Oddities |= escapedOddity(decoded)
		lenient = append(lenient, decoded)
		if isUnreserved(decoded) {
			canonical = append(canonical, decoded)
		} else {
			canonical = appendEscape(canonical, decoded)
		}
		i += 2
	}
	if string(canonical) != raw {
		p.Canonical = string(canonical)
	}
	p.Lenient = p.Canonical
	if string(lenient) != p.Canonical {
		p.Lenient = string(lenient)
	}
	p.Oddities |= decodedOddities(p.Lenient)
}

// rawOddity tells what is odd about a byte that stands for itself.
func rawOddity(c byte) Oddity {
	switch {
	case c == '\\':
		return PathBackslash
	case c == '#':
		return PathFragment
	case c == '?':
		return PathQuery
	case c == ';':
		return PathSemicolon
	case c <= ' ' || c == 0x7f:
		return PathControl
	case c >= utf8.RuneSelf:
		return PathNonASCII
	}
	return 0
}

// escapedOddity tells what is odd about a byte that was escaped. `%23`, `%3F`
// and `%20` are what an escape is for.
func escapedOddity(c byte) Oddity {
	switch {
	case c == '/':
		return PathEncodedSlash
	case c == '\\':
		return PathBackslash
	case c == ';':
		return PathSemicolon
	case c < ' ' || c == 0x7f:
		return PathControl
	}
	return 0
}

// decodedOddities looks at the text after one round of decoding.
func decodedOddities(lenient string) Oddity {
	var odd Oddity
	if !utf8.ValidString(lenient) {
		odd |= PathInvalidUTF8
	}
	for i := range len(lenient) {
		if lenient[i] != '%' {
			continue
		}
		if c, ok := unescape(lenient[i:]); ok && c < utf8.RuneSelf && c != ' ' {
			odd |= PathDoubleEscape
		}
	}
	return odd
}

// segmentOddities finds empty and dot segments. It reads the decoded form and
// takes a backslash for a slash, so that no mixture of escapes hides one.
func segmentOddities(lenient string) Oddity {
	var odd Oddity
	start := 0
	for i := 0; i <= len(lenient); i++ {
		if i < len(lenient) && lenient[i] != '/' && lenient[i] != '\\' {
			continue
		}
		segment := lenient[start:i]
		if (segment == "" || segment[0] == ';') && start > 0 && i < len(lenient) {
			odd |= PathDoubleSlash
		}
		if len(segment) > 0 && segment[0] == '.' {
			segment, _, _ = strings.Cut(segment, ";")
			if segment == "." || segment == ".." {
				odd |= PathDotSegment
			}
		}
		start = i + 1
	}
	return odd
}

// isUnreserved reports whether the byte never needs an escape (RFC 3986
// section 2.3).
func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// unescape reads the escape that s begins with.
func unescape(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	high, ok1 := hexDigit(s[1])
	low, ok2 := hexDigit(s[2])
	return high<<4 | low, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// appendEscape appends %XX with upper-case digits.
func appendEscape(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&15])
}
