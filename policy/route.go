package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSegments is the greatest number of segments of a pattern. A request path
// may have more; none beyond this number is ever compared.
const maxSegments = 32

// route is a request path cut into segments: the path "/a/b/" has the three
// segments "a", "b" and "". It lives on the stack of one evaluation.
type route struct {
	path  string
	count int  // of all segments
	odd   bool // no allow or public rule may match such a path
	ends  [maxSegments]int32
}

// split fills the route. sent says that path is the form as sent, where raw
// bytes outside printable ASCII are odd; a decoded path may hold some.
func (r *route) split(path string, sent bool) {
	r.path, r.count, r.odd = path, 0, false
	if path == "" || path[0] != '/' {
		r.odd = true
		return
	}
	start := 1
	for i := 1; i < len(path); i++ {
		switch c := path[i]; {
		case c >= 'a' && c <= 'z': // nearly all are
		case c == '/':
			r.end(start, i)
			start = i + 1
		case c < ' ' || c == '\\' || c == 0x7f:
			r.odd = true
		case sent && (c == ' ' || c == '#' || c == '?' || c >= 0x80):
			r.odd = true
		}
	}
	r.end(start, len(path))
}

func (r *route) end(start, end int) {
	if size := end - start; size == 1 || size == 2 {
		if s := r.path[start:end]; s == "." || s == ".." {
			r.odd = true
		}
	}
	if r.count < maxSegments {
		r.ends[r.count] = int32(end)
	}
	r.count++
}

// segment returns segment i, which must be below both count and maxSegments.
func (r *route) segment(i int) string {
	start := int32(1)
	if i > 0 {
		start = r.ends[i-1] + 1
	}
	return r.path[start:r.ends[i]]
}

func (r *route) endsInSlash() bool { return strings.HasSuffix(r.path, "/") }

// decodeOnce decodes each valid escape of s and leaves the rest as it is.
func decodeOnce(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		c, n := decodeByte(s[i:])
		out = append(out, c)
		i += n
	}
	return string(out)
}

// decodeByte returns the first byte of s, decoded where it is an escape, and
// how many bytes of s it took.
func decodeByte(s string) (c byte, size int) {
	if s[0] == '%' && len(s) >= 3 && isHex(s[1]) && isHex(s[2]) {
		return unhex(s[1])<<4 | unhex(s[2]), 3
	}
	return s[0], 1
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// decodesTo reports whether sent decoded once is plain, allocating nothing.
func decodesTo(sent, plain string) bool {
	for sent != "" {
		c, n := decodeByte(sent)
		if plain == "" || plain[0] != c {
			return false
		}
		sent, plain = sent[n:], plain[1:]
	}
	return plain == ""
}

// isPlainSegment reports whether a decoded segment can be read in one way
// only: anything that a second decoding, a path parameter or a cut at a
// delimiter could read as something else is refused.
func isPlainSegment(s string) bool {
	if s == "" || s == "." || s == ".." || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		switch {
		case c == '/' || c == '\\' || c == ';' || c == '?' || c == '#' || c == '%':
			return false
		case unicode.IsControl(c):
			return false
		}
	}
	return true
}
