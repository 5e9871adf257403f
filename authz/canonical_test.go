package authz

import (
	"regexp"
	"strings"
	"testing"
)

// pathCase is a path as sent and what becomes of it.
type pathCase struct {
	raw       string
	canonical string // "" for as sent
	lenient   string // "" for the canonical form
	odd       Oddity
}

func checkPaths(t *testing.T, cases []pathCase) {
	t.Helper()
	for _, tt := range cases {
		want := Path{Canonical: tt.canonical, Lenient: tt.lenient, Oddities: tt.odd}
		if want.Canonical == "" {
			want.Canonical = tt.raw
		}
		if want.Lenient == "" {
			want.Lenient = want.Canonical
		}
		if got := CanonicalPath(tt.raw); got != want {
			t.Errorf("CanonicalPath(%.80q) = %.200q (%v), want %.200q (%v)", tt.raw, got, got.Oddities, want, want.Oddities)
		}
	}
}

func TestCanonicalPath(t *testing.T) {
	checkPaths(t, []pathCase{
		{raw: "/"},
		{raw: "/orders/7"},
		{raw: "/orders/"},
		{raw: "/A/b"},
		{raw: "/a/.../b"},
		{raw: "/a/.b/..c"},
		{raw: "/a/b.json"},
		{raw: "/a:b@c!$&'()*+,=~_-."},
		{raw: "/%61dmin", canonical: "/admin"},
		{raw: "/%7Euser/%2D%5f", canonical: "/~user/-_"},
		{raw: "/caf%c3%a9", canonical: "/caf%C3%A9", lenient: "/café"},
		{raw: "/a%20b", lenient: "/a b"},
		{raw: "/admin%3areset", canonical: "/admin%3Areset", lenient: "/admin:reset"},
		{raw: "/what%3F%23", lenient: "/what?#"},
		{raw: "/a%25", lenient: "/a%"},
		{raw: "/100%25de", lenient: "/100%de"},
		{raw: "/a%2520b", lenient: "/a%20b"},
		{raw: "/a%25zz", lenient: "/a%zz"},
		{raw: "", odd: PathEmpty},
		{raw: "*", odd: PathNotAbsolute},
		{raw: "a", odd: PathNotAbsolute},
		{raw: "http://other.test/abs", odd: PathNotAbsolute | PathDoubleSlash},
		{raw: "/" + strings.Repeat("a", MaxPathBytes-1)},
		{raw: "/" + strings.Repeat("a", MaxPathBytes), odd: PathTooLong},
	})
}

func TestCanonicalPathDotSegments(t *testing.T) {
	checkPaths(t, []pathCase{
		{raw: "/a/../b", odd: PathDotSegment},
		{raw: "/a/..", odd: PathDotSegment},
		{raw: "/./admin/x", odd: PathDotSegment},
		{raw: "/a/.", odd: PathDotSegment},
		{raw: "/a/%2e%2e/b", canonical: "/a/../b", odd: PathDotSegment},
		{raw: "/a/.%2E/b", canonical: "/a/../b", odd: PathDotSegment},
		{raw: "/a/..;x/b", odd: PathDotSegment | PathSemicolon},
		{raw: "/a/..%3bx/b", canonical: "/a/..%3Bx/b", lenient: "/a/..;x/b", odd: PathDotSegment | PathSemicolon},
		{raw: "/a/%2e%2e%2fb", canonical: "/a/..%2Fb", lenient: "/a/../b", odd: PathDotSegment | PathEncodedSlash},
		{raw: "/a%2f..%2fb", canonical: "/a%2F..%2Fb", lenient: "/a/../b", odd: PathDotSegment | PathEncodedSlash},
		{raw: `/a\..\b`, odd: PathDotSegment | PathBackslash},
		{raw: "/a%5c..", canonical: "/a%5C..", lenient: `/a\..`, odd: PathDotSegment | PathBackslash},
	})
}

func TestCanonicalPathSegments(t *testing.T) {
	checkPaths(t, []pathCase{
		{raw: "/a%2fb", canonical: "/a%2Fb", lenient: "/a/b", odd: PathEncodedSlash},
		{raw: "/a%5cb", canonical: "/a%5Cb", lenient: `/a\b`, odd: PathBackslash},
		{raw: `/a\b`, odd: PathBackslash},
		{raw: "//a", odd: PathDoubleSlash},
		{raw: "//admin/x", odd: PathDoubleSlash},
		{raw: "/a//b", odd: PathDoubleSlash},
		{raw: "/a//", odd: PathDoubleSlash},
		{raw: "/a;b", odd: PathSemicolon},
		{raw: "/a;v=1/b", odd: PathSemicolon},
		{raw: "/a%3Bb", lenient: "/a;b", odd: PathSemicolon},
		{raw: "/a/;x", odd: PathSemicolon},
		{raw: "/a/;/b", odd: PathSemicolon | PathDoubleSlash},
		{raw: "/;/admin", odd: PathSemicolon | PathDoubleSlash},
		{raw: "/a%2f%2fb", canonical: "/a%2F%2Fb", lenient: "/a//b", odd: PathEncodedSlash | PathDoubleSlash | PathMixed},
		{raw: "/a%2f/b", canonical: "/a%2F/b", lenient: "/a//b", odd: PathEncodedSlash | PathDoubleSlash | PathMixed},
		{raw: "/a;/../b", odd: PathDotSegment | PathSemicolon},
		{raw: "/a//../b", odd: PathDotSegment | PathDoubleSlash},
		{raw: "/a/.;/b", odd: PathDotSegment | PathSemicolon},
		{raw: "/a//b;c", odd: PathDoubleSlash | PathSemicolon | PathMixed},
		{raw: "/a;x%2fb", canonical: "/a;x%2Fb", lenient: "/a;x/b", odd: PathEncodedSlash | PathSemicolon | PathMixed},
		{raw: "/a;b/c%3bd", canonical: "/a;b/c%3Bd", lenient: "/a;b/c;d", odd: PathSemicolon | PathMixed},
		{raw: "/a//b%2Fc", lenient: "/a//b/c", odd: PathDoubleSlash | PathEncodedSlash | PathMixed},
		{raw: "/a%3Bb%2fc", canonical: "/a%3Bb%2Fc", lenient: "/a;b/c", odd: PathSemicolon | PathEncodedSlash | PathMixed},
	})
}

func TestCanonicalPathBytes(t *testing.T) {
	checkPaths(t, []pathCase{
		{raw: "/a#f", odd: PathFragment},
		{raw: "/a?b", odd: PathQuery},
		{raw: "/a b", odd: PathControl},
		{raw: "/a\tb", odd: PathControl},
		{raw: "/a\x00", odd: PathControl},
		{raw: "/a\x7f", odd: PathControl},
		{raw: "/a%00", lenient: "/a\x00", odd: PathControl},
		{raw: "/a%0d%0a", canonical: "/a%0D%0A", lenient: "/a\r\n", odd: PathControl},
		{raw: "/a%7f", canonical: "/a%7F", lenient: "/a\x7f", odd: PathControl},
		{raw: "/a\xe9", odd: PathNonASCII | PathInvalidUTF8},
		{raw: "/é", odd: PathNonASCII},
		{raw: "/a%e9", canonical: "/a%E9", lenient: "/a\xe9", odd: PathInvalidUTF8},
		{raw: "/%c0%af", canonical: "/%C0%AF", lenient: "/\xc0\xaf", odd: PathInvalidUTF8},
	})
}

func TestCanonicalPathEscapes(t *testing.T) {
	checkPaths(t, []pathCase{
		{raw: "/a%", odd: PathBadEscape},
		{raw: "/a%2", odd: PathBadEscape},
		{raw: "/a%zz", odd: PathBadEscape},
		{raw: "/%u002f", odd: PathBadEscape},
		{raw: "/%%341", odd: PathBadEscape},
		{raw: "/a%252fb", lenient: "/a%2fb", odd: PathDoubleEscape},
		{raw: "/%252e%252e/b", lenient: "/%2e%2e/b", odd: PathDoubleEscape},
		{raw: "/%25%32%65/b", canonical: "/%252e/b", lenient: "/%2e/b", odd: PathDoubleEscape},
		{raw: "/%2561dmin", lenient: "/%61dmin", odd: PathDoubleEscape},
		{raw: "/a%255cb", lenient: "/a%5cb", odd: PathDoubleEscape},
		{raw: "/a%2500", lenient: "/a%00", odd: PathDoubleEscape},
		{raw: "/a%253Bb", lenient: "/a%3Bb", odd: PathDoubleEscape},
		{raw: "/a%25252fb", lenient: "/a%252fb", odd: PathDoubleEscape},
		{raw: "/admin%253Areset", lenient: "/admin%3Areset", odd: PathDoubleEscape},
		{raw: "/a%2540b", lenient: "/a%40b", odd: PathDoubleEscape},
		{raw: "/a%255bb", lenient: "/a%5bb", odd: PathDoubleEscape},
		{raw: "/a%25%320b", canonical: "/a%2520b", lenient: "/a%20b"},
		{raw: "/caf%25C3%25A9", lenient: "/caf%C3%A9"},
	})
}

func TestForms(t *testing.T) {
	for raw, want := range map[string][2]string{
		"/a/b":             {"/a/b", "/a/b"},
		"/a%20b":           {"/a%20b", "/a b"},
		"/a//b":            {"/a//b", "/a/b"},
		"//a":              {"//a", "/a"},
		"/a//":             {"/a//", "/a/"},
		"///":              {"///", "/"},
		"/a%2fb":           {"/a%2Fb", "/a/b"},
		"/a%2F%2Fb%3ac":    {"/a%2F%2Fb%3Ac", "/a/b:c"},
		"/%2f":             {"/%2F", "/"},
		"/a;v=1/b;w":       {"/a;v=1/b;w", "/a/b"},
		"/a%3Bv=1/b":       {"/a%3Bv=1/b", "/a/b"},
		"/a/;/b":           {"/a/;/b", "/a/b"},
		"/;/admin":         {"/;/admin", "/admin"},
		"/;admin":          {"/;admin", "/"},
		"/a;b;c/d":         {"/a;b;c/d", "/a/d"},
		"/a;%61/%2561%41/": {"/a;a/%2561A/", "/a/%61A/"},
	} {
		path := CanonicalPath(raw)
		if sent, lenient := path.Forms(); sent != want[0] || lenient != want[1] {
			t.Errorf("%q reads %q and %q, want %q", raw, sent, lenient, want)
		}
	}
}

func TestOddityNames(t *testing.T) {
	if got := (PathEmpty | PathDotSegment | PathDoubleEscape).String(); got != "empty,dot_segment,double_escape" {
		t.Errorf("names are %q", got)
	}
	if PathMixed != 1<<(len(oddityNames)-1) {
		t.Errorf("%d names do not cover the oddities up to %b", len(oddityNames), PathMixed)
	}
}

func TestCanonicalHost(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := strings.Join([]string{label, label, label, label[:61]}, ".")
	tests := []struct {
		raw, want string
		ok        bool
	}{
		{"h.test", "h.test", true},
		{"H.Test", "h.test", true},
		{"h.test:8080", "h.test", true},
		{"H.TEST:080", "h.test", true},
		{"h.test:", "h.test", true},
		{"h.test.", "h.test", true},
		{"h.test.:8080", "h.test", true},
		{"h_test", "h_test", true},
		{"localhost", "localhost", true},
		{"127.0.0.1:80", "127.0.0.1", true},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", true},
		{"[::1]:80", "[::1]", true},
		{"[::1]", "[::1]", true},
		{"[2001:DB8:0:0::1]", "[2001:db8::1]", true},
		{"[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", true},
		{long, long, true},

		{"", "", false},
		{".", "", false},
		{":80", "", false},
		{"h.test..", "", false},
		{".h.test", "", false},
		{"h..test", "", false},
		{"a@b", "", false},
		{"user:pw@h.test", "", false},
		{"x,y", "", false},
		{"h.test,other.test", "", false},
		{"h test", "", false},
		{" h.test", "", false},
		{"h.test\t", "", false},
		{"h.test\x00", "", false},
		{"h.test/x", "", false},
		{"h.test?x", "", false},
		{"h.test#x", "", false},
		{`h.test\x`, "", false},
		{"h%2etest", "", false},
		{"hé.test", "", false},
		{"h.test:80:80", "", false},
		{"h.test:8a", "", false},
		{"h.test:-1", "", false},
		{"h.test:000080", "", false},
		{"*.test", "", false},
		{"::1", "", false},
		{"[::1", "", false},
		{"[::1]x", "", false},
		{"[::1]:x", "", false},
		{"[fe80::1%eth0]", "", false},
		{"[127.0.0.1]", "", false},
		{"[]", "", false},
		{label + "a.test", "", false},
		{long + "a", "", false},
	}
	for _, tt := range tests {
		if got, ok := CanonicalHost(tt.raw); got != tt.want || ok != tt.ok {
			t.Errorf("CanonicalHost(%q) = %q, %v, want %q, %v", tt.raw, got, ok, tt.want, tt.ok)
		}
	}
}

func TestCanonicalFormsCostNothing(t *testing.T) {
	var path Path
	var host, address string
	allocations := testing.AllocsPerRun(100, func() {
		_ = CanonicalPath("/orders/7/items")
		path = CanonicalPath("/orders/7/items:batch")
		_, _ = CanonicalHost("api.example.com")
		host, _ = CanonicalHost("api.example.com:443")
		address, _ = CanonicalHost("[2001:db8::1]:443")
	})
	if allocations != 0 {
		t.Errorf("canonical forms of %q, %q and %q allocate %v times", path.Canonical, host, address, allocations)
	}
}

func FuzzCanonicalPath(f *testing.F) {
	for _, seed := range []string{"/", "/a/%2e%2e%2fb", "/%%341", "/a%252fb", "/caf%c3%a9", "/a/..;x", "//", `\`, "/%25%32%65",
		"/a;/../b", "/a/;/b", "/;/admin", "/a//../b", "/%2f%2f", "/a;b%2fc", "/a//b;c", "/a%3b%2f", "/a;%2e%2e/b"} {
		f.Add(seed)
	}
	lowerEscape := regexp.MustCompile(`%([0-9A-F]?[a-f]|[a-f][0-9A-Fa-f])`)
	dots := regexp.MustCompile(`(^|[/\\])(\.|%2[eE]){1,2}([;/\\]|$)`)
	f.Fuzz(func(t *testing.T, raw string) {
		compareSimple(t, raw)
		p := CanonicalPath(raw)
		again := CanonicalPath(p.Canonical)
		if p.Oddities&PathTooLong == 0 && again != p {
			t.Fatalf("%q: not idempotent: %q then %q", raw, p, again)
		}
		if p.Oddities&^Relaxable != 0 {
			return
		}
		sent, lenient := p.Forms()
		if dots.MatchString(sent) || dots.MatchString(lenient) || lenient == "" || lenient[0] != '/' ||
			strings.Contains(lenient, "//") || strings.ContainsAny(lenient, "\\;\x00\r\n\x7f") || strings.ContainsAny(sent, "\\\x00\r\n\x7f") {
			t.Fatalf("%q: readings %q and %q", raw, sent, lenient)
		}
		// Whatever a lenient upstream does after that changes nothing more.
		relaxed := Path{Lenient: lenient, Oddities: Relaxable}
		if _, again := relaxed.Forms(); again != lenient {
			t.Fatalf("%q: the lenient reading %q reads %q", raw, lenient, again)
		}
		if p.Oddities != 0 {
			return
		}
		for _, form := range []string{p.Canonical, p.Lenient} {
			if dots.MatchString(form) || strings.Contains(form, "//") || form[0] != '/' || strings.ContainsAny(form, "\\;\x00\r\n\x7f") {
				t.Fatalf("%q: odd form %q is not noted", raw, form)
			}
		}
		if escapes := strings.ReplaceAll(p.Canonical, "%25", ""); lowerEscape.MatchString(escapes) {
			t.Fatalf("%q: canonical form %q has lower-case escapes", raw, p.Canonical)
		}
	})
}

func FuzzCanonicalHost(f *testing.F) {
	for _, seed := range []string{"h.test", "H.Test.:80", "[::1]:80", "a@b", "x,y", "h..t", "[::ffff:1.2.3.4]"} {
		f.Add(seed)
	}
	plain := regexp.MustCompile(`^([a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*|\[[0-9a-f:.]+\])$`)
	f.Fuzz(func(t *testing.T, raw string) {
		compareSimple(t, raw)
		host, ok := CanonicalHost(raw)
		if !ok {
			if host != "" {
				t.Fatalf("%q: refused, yet %q", raw, host)
			}
			return
		}
		if !plain.MatchString(host) {
			t.Fatalf("%q: %q is no canonical host", raw, host)
		}
		if again, ok := CanonicalHost(host); !ok || again != host {
			t.Fatalf("%q: not idempotent: %q then %q", raw, host, again)
		}
	})
}
