package authz

import (
	"regexp"
	"strings"
	"testing"
)

// TestEveryByteOfASimpleForm puts each byte, and each pair of those that must not
// stand side by side, at each place of paths and hosts of each length.
func TestEveryByteOfASimpleForm(t *testing.T) {
	for length := range 36 {
		for _, around := range []byte("az09-_A./\xff") {
			text := []byte("/" + strings.Repeat(string([]byte{around}), length))
			for at := range text {
				before := text[at]
				for c := range 256 {
					text[at] = byte(c)
					compareSimple(t, string(text))
					compareSimple(t, string(text[1:]))
				}
				for _, pair := range []string{"//", "/.", "..", "./", "a.", ".a", "/a", "a/"} {
					if at+1 < len(text) {
						after := text[at+1]
						copy(text[at:], pair)
						compareSimple(t, string(text))
						compareSimple(t, string(text[1:]))
						text[at+1] = after
					}
				}
				text[at] = before
			}
		}
	}
	for _, length := range []int{62, 63, 64, 65, 252, 253, 254, MaxPathBytes - 1, MaxPathBytes, MaxPathBytes + 1} {
		compareSimple(t, "/"+strings.Repeat("a", length-1))
		compareSimple(t, strings.Repeat("a", length))
	}
}

var (
	simplePaths = regexp.MustCompile(`^(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+/?$`)
	simpleHosts = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]|\.[a-z0-9-])*$`)
)

// compareSimple holds the tests for simple paths and hosts to what they say they
// admit, and the shortcut for these to the way of all others.
func compareSimple(t *testing.T, raw string) {
	t.Helper()
	if got := isSimplePath(raw); got != (len(raw) >= pairs && len(raw) <= MaxPathBytes && simplePaths.MatchString(raw)) {
		t.Fatalf("path %.100q: simple %v", raw, got)
	}
	path := Path{Canonical: raw, Lenient: raw}
	path.examine(raw)
	if got := CanonicalPath(raw); got != path {
		t.Fatalf("path %.100q: %+v, want %+v", raw, got, path)
	}
	if got := isSimpleHost(raw); got != (len(raw) >= pairs && len(raw) <= maxLabelBytes && simpleHosts.MatchString(raw)) {
		t.Fatalf("host %.100q: simple %v", raw, got)
	}
	host, ok := canonicalHost(raw)
	if got, gotOK := CanonicalHost(raw); got != host || gotOK != ok {
		t.Fatalf("host %.100q: %q, %v, want %q, %v", raw, got, gotOK, host, ok)
	}
}
