package e2e

import (
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
)

// The corpus of the differential test, and how upstreams read a path.

// reading is a path as an upstream could come to see it.
type reading struct {
	path    string
	decoded bool // escapes are decoded once at most
}

// readings returns every path that an upstream could act on which gets the path
// as sent: it may decode escapes once, take a backslash for a slash, take off
// the parameters of segments, stop at a NUL, and clean as net/http.ServeMux
// does, any of these and in any order.
func readings(sent string) []string {
	sent, _, _ = strings.Cut(sent, "?")
	sent, _, _ = strings.Cut(sent, "#")
	all := []reading{{path: sent}}
	seen := map[reading]bool{all[0]: true}
	for i := 0; i < len(all); i++ {
		at := all[i]
		beforeNUL, _, _ := strings.Cut(at.path, "\x00")
		next := []reading{
			{strings.ReplaceAll(at.path, `\`, "/"), at.decoded},
			{withoutParameters(at.path), at.decoded},
			{beforeNUL, at.decoded},
			{cleaned(at.path), at.decoded},
		}
		if !at.decoded {
			next = append(next, reading{decodedOnce(at.path), true})
		}
		for _, r := range next {
			if !seen[r] {
				seen[r] = true
				all = append(all, r)
			}
		}
	}
	paths := make([]string, 0, len(all))
	for _, r := range all {
		paths = append(paths, r.path)
	}
	return paths
}

// cleaned is what net/http.ServeMux makes of a path.
func cleaned(p string) string {
	if p == "" || p[0] != '/' {
		p = "/" + p
	}
	clean := path.Clean(p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

func withoutParameters(p string) string {
	segments := strings.Split(p, "/")
	for i := range segments {
		segments[i], _, _ = strings.Cut(segments[i], ";")
	}
	return strings.Join(segments, "/")
}

// decodedOnce decodes what can be decoded and leaves the rest.
func decodedOnce(p string) string { return decodedWhere(p, func(byte) bool { return true }) }

// withoutIdleEscapes decodes the escapes of characters that need none (RFC 3986
// section 2.3).
func withoutIdleEscapes(p string) string {
	return decodedWhere(p, func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
	})
}

func decodedWhere(p string, wanted func(byte) bool) string {
	var out strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) {
			const digits = "0123456789abcdef"
			lower := strings.ToLower(p[i+1 : i+3])
			high, low := strings.IndexByte(digits, lower[0]), strings.IndexByte(digits, lower[1])
			if c := byte(high<<4 | low); high >= 0 && low >= 0 && wanted(c) {
				out.WriteByte(c)
				i += 2
				continue
			}
		}
		out.WriteByte(p[i])
	}
	return out.String()
}

// below reports whether a path is that of a folder or of something in it.
func below(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, folder+"/")
}

// TestReadings holds that the test sees what upstreams make of a path.
func TestReadings(t *testing.T) {
	for sent, want := range map[string]string{
		"/public/../admin":      "/admin",
		"/public/%2e%2E/admin":  "/admin",
		"/public/..%2fadmin":    "/admin",
		`/public/..\admin`:      "/admin",
		"/public/..%5Cadmin/x":  "/admin/x",
		"/public/..;x=1/admin":  "/admin",
		"/public/..%3bx/admin":  "/admin",
		"//admin//x":            "/admin/x",
		"/%61dmin":              "/admin",
		"/admin%00.png":         "/admin",
		"/admin;x/y":            "/admin/y",
		"/;/admin":              "/admin",
		"/%2fadmin":             "/admin",
		"/public/x?/../../admi": "/public/x",
	} {
		if got := readings(sent); !slices.Contains(got, want) {
			t.Errorf("%s: %q lack %s", sent, got, want)
		}
	}
	for _, sent := range []string{"/public/%252e%252e/admin", "/Admin", "/adminx", "/public/admin", "/public?x=/../admin", "/%2561dmin"} {
		if got := readings(sent); slices.ContainsFunc(got, func(p string) bool { return below(p, "/admin") }) {
			t.Errorf("%s: %q have /admin, which is nobody's reading", sent, got)
		}
	}
}

// What the corpus is made of.
var (
	segmentsOfCorpus = []string{
		"admin", "public", "orders", "..", ".", "%2e", "%2e%2e", "%2E.", ".%2e", "..;", "..;x", ".;x=1", "..%3b", ";x", ";", "%3b", "%3Bx", "x;v=1",
		"%00", "%61dmin", "adm%69n", "%41dmin", "ADMIN", "Public", "%70ublic", "publi%63", "%252e%252e", "%252e", "%252f", "%2561dmin", "%25", "%zz",
		"%c0%ae", "%c0%af", "%E2%80%A5", "", "", "admin;x", "public;x", "admin%00", "admin.", "admin%20", "..%2f", "..%5c", "%2f..", "%5c..", "%5Cadmin",
		"..admin", "...", "~", "x%2Fadmin", ";%2fx", "x;%2F", "%3b%2Fx", "x?y", "%3f", "%23", "%09", "%0a", "a:b", "@", "*",
	}
	rawSegments = []string{"é", "\xc0\xae\xc0\xae", "\xff", "\uff0e\uff0e", "\u2025", "admi\uff4e", "\xc3"}
	separators  = []string{"/", "/", "/", "/", "/", "//", "///", "%2f", "%2F", "%5c", `\`, "%2f%2f", "/./", "/../", "/;/", `\/`, `/\`, "/%2f", "%252f", "\uff0f"}
	beginnings  = []string{
		"", "/public", "/public", "/public/x", "/admin", "/orders", "//", "/%70ublic", "/public;v=1", "/public%2f", "/public//", "/./public", `/public\`, "/Public",
	}
	stepsUp = []string{
		"..", "..", "%2e%2e", ".%2E", "%2e.", "..;", "..;x=1", "..;/", "%2e%2e;x", "..%3b", "..%3Bx", "..%00", ".%00.", "..%20", "..%09", "%252e%252e", ".%252e", "..%252f",
		"%c0%ae%c0%ae", "...", "../.", "./..", "x/../..", "x/..;/..", "..//..",
	}
	destinations = []string{"admin", "admin/", "admin/x", "%61dmin/x", "adm%69n", "admin;x/y", "admin%3bx", "admin%2fx", "admin%00", "public/x", "orders", "admin?x=/public", "admin#/public"}
	leads        = []string{"/", "//", "///", `/\`, "/%5c", "/%2f", "/./", "/%2e/", "/;/", "/;x/", "/%3b/", "/;%2f", "/.;/", "/x/../", "/x/..;/", "/..;/", "/../", `/.\`, "/%00/", "/\uff0f"}
)

// trapPaths are the beginning of the corpus.
var trapPaths = []string{
	"/public/../admin", "/public/%2e%2e/admin", "/public/..%2fadmin", `/public/..\admin`, "/public/..%5cadmin", "/public/..;/admin", "/public/..;x=1/admin", "/public/..%3bx/admin",
	"/public/x/..;/..;/admin", "/public/%252e%252e/admin", "/public/..%252fadmin", "/public/.%00./admin", "//admin", "///admin/x", `/\admin`, "/%5cadmin", "/%2fadmin", "/%2f%2fadmin", "/;/admin",
	"/;x/admin", "/%3bx/admin", "/./admin", "/.;/admin", "/admin;x", "/admin;x/y", "/admin%3bx/y", "/admin%2fx", "/admin%00", "/%61dmin", "/admin%20", "/admin//x", "/public;/../admin", "/public%2f..%2fadmin",
	"/public/%2fx", "/public/%2f%2fx", "/public/;%2fx", "/public/;%2f", "/public/x%2f;y", "/public/x;y%2fz", "/public/%3b%2fx", "/public//;x", "/public/;/x", "/public/x;v=1", "/public/x%2fy", "/public//x", `/public/x\y`,
}

// corpusOfPaths returns n different paths that two readers may read
// differently, always the same ones: known traps, paths that lead out of /public, paths that
// lead to /admin, and any mixture.
func corpusOfPaths(n int) []string {
	random := rand.New(rand.NewPCG(9110, 3986))
	one := func(of []string) string { return of[random.IntN(len(of))] }
	makers := []func() string{
		func() string {
			return one(beginnings[:4]) + one(separators) + one(stepsUp) + one(separators[:12]) + one(destinations)
		},
		func() string { return one(leads) + one(destinations) },
		func() string { return mixture(random, one) },
		func() string { return mixture(random, one) },
	}
	seen := make(map[string]bool, n)
	all := append(make([]string, 0, n), trapPaths...)
	for _, p := range all {
		seen[p] = true
	}
	for i := 0; len(all) < n; i++ {
		p := makers[i%len(makers)]()
		if !strings.HasPrefix(p, "/") {
			p = "/" + p
		}
		if random.IntN(4) == 0 {
			p = escapedSomewhere(random, p)
		}
		if !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	return all
}

func mixture(random *rand.Rand, one func([]string) string) string {
	var text strings.Builder
	text.WriteString(one(beginnings))
	for range random.IntN(4) {
		text.WriteString(one(separators) + one(segmentsOfCorpus))
		if random.IntN(40) == 0 {
			text.WriteString(one(rawSegments))
		}
	}
	return text.String()
}

// escapedSomewhere escapes one byte behind the first.
func escapedSomewhere(random *rand.Rand, p string) string {
	if len(p) < 2 {
		return p
	}
	const digits = "0123456789abcdefABCDEF"
	i := 1 + random.IntN(len(p)-1)
	low := digits[p[i]&15]
	if p[i]&15 > 9 && random.IntN(2) == 0 {
		low = digits[p[i]&15+6]
	}
	return p[:i] + string([]byte{'%', digits[p[i]>>4], low}) + p[i+1:]
}
