package authz

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// unreserved are the characters that never need an escape, written out (RFC 3986
// section 2.3).
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// oddityOf says in other words than canonical.go what is odd about a byte within
// a segment, escaped or raw.
func oddityOf(c byte, escaped bool) Oddity {
	switch {
	case c == '/':
		return PathEncodedSlash
	case c == '\\':
		return PathBackslash
	case c == ';':
		return PathSemicolon
	case strings.IndexByte("\x00\x01\x02\x03\x04\x05\x06\x07\b\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f", c) >= 0, c == ' ' && !escaped:
		return PathControl
	case c > 127 && escaped:
		return PathInvalidUTF8 // alone
	case c > 127:
		return PathNonASCII | PathInvalidUTF8
	case c == '#' && !escaped:
		return PathFragment
	case c == '?' && !escaped:
		return PathQuery
	}
	return 0
}

// TestEveryByteOfAPath tries each byte raw, escaped and escaped twice. An escaped
// letter stands before it, so that no shortcut for plain paths is taken.
func TestEveryByteOfAPath(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		if c != '%' && c != '/' {
			raw := "/a%62" + string([]byte{c}) + "c"
			want := Path{Canonical: "/ab" + string([]byte{c}) + "c", Oddities: oddityOf(c, false)}
			want.Lenient = want.Canonical
			if got := CanonicalPath(raw); got != want {
				t.Errorf("raw %#02x: %+v, want %+v", c, got, want)
			}
			if got := CanonicalPath("/a" + string([]byte{c}) + "c"); got.Oddities != want.Oddities {
				t.Errorf("raw %#02x in a plain path: %v, want %v", c, got.Oddities, want.Oddities)
			}
		}
		for _, format := range []string{"%%%02x", "%%%02X"} {
			escape := fmt.Sprintf(format, c)
			lenient, err := url.PathUnescape("/a" + escape + "c")
			if err != nil {
				t.Fatal(err)
			}
			want := Path{Canonical: "/a" + strings.ToUpper(escape) + "c", Lenient: lenient, Oddities: oddityOf(c, true)}
			if strings.IndexByte(unreserved, c) >= 0 {
				want.Canonical = lenient
			}
			if got := CanonicalPath("/a" + escape + "c"); got != want {
				t.Errorf("%s: %+v, want %+v", escape, got, want)
			}
			twice := Path{Canonical: "/a%25" + escape[1:] + "c", Lenient: "/a" + escape + "c"}
			if c != ' ' && c < utf8.RuneSelf {
				twice.Oddities = PathDoubleEscape
			}
			if got := CanonicalPath("/a%25" + escape[1:] + "c"); got != twice {
				t.Errorf("%s escaped again: %+v, want %+v", escape, got, twice)
			}
		}
	}
}

// TestEveryDigitOfAnEscape tries each byte in either place.
func TestEveryDigitOfAnEscape(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		bad := strings.IndexByte("0123456789abcdefABCDEF", c) < 0
		for _, raw := range []string{"/%" + string([]byte{c}) + "1", "/%4" + string([]byte{c})} {
			if got := CanonicalPath(raw); got.Oddities&PathBadEscape != 0 != bad {
				t.Errorf("%q: %v", raw, got.Oddities)
			}
		}
	}
	for raw, want := range map[string]Oddity{"/%zz%2f%3b": PathBadEscape, "/%2f%3b%zz": PathBadEscape | PathEncodedSlash | PathSemicolon | PathMixed} {
		if got := CanonicalPath(raw).Oddities; got != want {
			t.Errorf("%q: %v, want %v", raw, got, want)
		}
	}
}

// TestEveryByteOfAHost tries each byte in a name, at its start and in a port.
func TestEveryByteOfAHost(t *testing.T) {
	const letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	for i := range 256 {
		c := string([]byte{byte(i)})
		lower := c
		if at := strings.Index(strings.ToUpper(letters), c); at >= 0 {
			lower = letters[at : at+1]
		}
		want, good := "", strings.Contains(letters+digits+"-_", lower)
		if good {
			want = lower + "x.test"
		}
		if got, ok := CanonicalHost(c + "x.test"); got != want || ok != good {
			t.Errorf("%q begins a host: %q, %v", c, got, ok)
		}
		if c == "." || c == ":" {
			continue
		}
		if _, ok := CanonicalHost("x" + c + "y.test"); ok != good {
			t.Errorf("%q in a host: %v", c, ok)
		}
		for _, host := range []string{"x.test:8" + c, "x.test:" + c + "8", "[::1]:8" + c} {
			if _, ok := CanonicalHost(host); ok != strings.Contains(digits, c) {
				t.Errorf("%q: %v", host, ok)
			}
		}
	}
	for host, good := range map[string]bool{"x.test:65535": true, "x.test:00080": true, "x.test:000080": false, "[::1]:65535": true, "[::1]:000080": false} {
		if _, ok := CanonicalHost(host); ok != good {
			t.Errorf("%q: %v, want %v", host, ok, good)
		}
	}
}
