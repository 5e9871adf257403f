package authz

import (
	"slices"
	"testing"
)

func compiledPrefix(t *testing.T, text string) prefix {
	t.Helper()
	if text == "" {
		return prefix{tenant: -1}
	}
	var found problems
	p := compilePrefix(text, "pathPrefix", &found)
	if len(found.list) > 0 {
		t.Fatal(found.list)
	}
	return p
}

func TestPrefixMatch(t *testing.T) {
	for _, tt := range []struct {
		prefix, path, rest, tenant string
		ok                         bool
	}{
		{"", "/", "/", "", true}, {"", "/a/b", "/a/b", "", true},
		{"/a", "/a", "/", "", true}, {"/a", "/a/", "/", "", true}, {"/a", "/a/b/c", "/b/c", "", true}, {"/a", "/a//b", "//b", "", true},
		{"/a", "/", "", "", false}, {"/a", "/b", "", "", false}, {"/a", "/ab", "", "", false}, {"/a", "//a", "", "", false}, {"/a", "", "", "", false}, {"/a", "a", "", "", false}, {"/a", "xa", "", "", false},
		{"/{tenant}", "/acme/x", "/x", "acme", true}, {"/{tenant}", "/acme", "/", "acme", true},
		{"/{tenant}", "/", "", "", false}, {"/{tenant}", "//acme", "", "", false}, {"/{tenant}", "//", "", "", false},
		{"/t/{tenant}", "/t/acme/x", "/x", "acme", true}, {"/t/{tenant}", "/t/", "", "", false}, {"/t/{tenant}", "/t", "", "", false}, {"/t/{tenant}", "/t//acme", "", "", false},
		{"/{tenant}/v1", "/acme/v1/x", "/x", "acme", true}, {"/{tenant}/v1", "/acme/v2/x", "", "", false}, {"/{tenant}/v1", "/v1", "", "", false},
	} {
		p := compiledPrefix(t, tt.prefix)
		if rest, tenant, ok := p.match(tt.path); rest != tt.rest || tenant != tt.tenant || ok != tt.ok {
			t.Errorf("%q matches %q: %q, %q, %v", tt.prefix, tt.path, rest, tenant, ok)
		}
	}
}

// TestPrefixOrder holds the order in which places of one host are asked: this is
// what makes the longest one win, and a literal segment before the variable.
func TestPrefixOrder(t *testing.T) {
	ordered := []string{"/a/b/c", "/z/b/c", "/a/b", "/a/c", "/a/{tenant}", "/b/a", "/{tenant}/b", "/{tenant}/c", "/a", "/b", "/{tenant}", ""}
	for i := range ordered {
		for k := range ordered {
			a, b := compiledPrefix(t, ordered[i]), compiledPrefix(t, ordered[k])
			if got := comparePrefixes(&a, &b); (got < 0) != (i < k) || (got > 0) != (i > k) {
				t.Errorf("%q, %q: %d", ordered[i], ordered[k], got)
			}
		}
	}
	tilde, variable := compiledPrefix(t, "/~"), compiledPrefix(t, "/{tenant}") // a byte above the brace
	if comparePrefixes(&tilde, &variable) >= 0 || comparePrefixes(&variable, &tilde) <= 0 {
		t.Error("the variable is asked before a literal segment")
	}
	var n *node
	for _, i := range []int{5, 3, 11, 0, 9, 4, 1, 10, 7, 2, 8, 6} {
		n = n.with(&place{prefix: compiledPrefix(t, ordered[i])})
	}
	for i, p := range n.places {
		if want := compiledPrefix(t, ordered[i]); !slices.Equal(p.prefix.segments, want.segments) {
			t.Errorf("place %d is %v", i, p.prefix.segments)
		}
	}
}

func TestPrefixesMeet(t *testing.T) {
	for _, tt := range []struct {
		a, b           string
		overlap, wider bool
	}{
		{"", "", true, true}, {"", "/a", true, true}, {"/a", "", true, false}, {"/a", "/a", true, true}, {"/a", "/b", false, false},
		{"/a", "/a/b", true, true}, {"/a/b", "/a", true, false}, {"/a/b", "/a/c", false, false}, {"/a", "/b/a", false, false},
		{"/{tenant}", "/a", true, true}, {"/a", "/{tenant}", true, false}, {"/{tenant}", "/{tenant}", true, true},
		{"/{tenant}/a", "/b/{tenant}", true, false}, {"/{tenant}/a", "/b/c", false, false}, {"/t/{tenant}", "/t/a/b", true, true}, {"/t/{tenant}", "/t", true, false},
	} {
		a, b := compiledPrefix(t, tt.a), compiledPrefix(t, tt.b)
		if overlap, wider := a.meets(&b); overlap != tt.overlap || wider != tt.wider {
			t.Errorf("%q and %q: overlap %v, wider %v", tt.a, tt.b, overlap, wider)
		}
	}
}

// TestPlacesOfOneHostLeaveAlone holds that a place that leaves a host takes no
// other with it.
func TestPlacesOfOneHostLeaveAlone(t *testing.T) {
	one, two := &Tenant{name: "one"}, &Tenant{name: "two"}
	places := []*place{{prefix: compiledPrefix(t, "/a"), tenant: one}, {prefix: compiledPrefix(t, "/b"), tenant: two}, {prefix: compiledPrefix(t, "/c"), tenant: one}}
	var n *node
	for _, p := range places {
		n = n.with(p)
	}
	for i, gone := range places {
		left := n.without(gone).all()
		if len(left) != 2 || slices.Contains(left, gone) {
			t.Errorf("without %d: %d left", i, len(left))
		}
	}
	form := &entryForm{}
	equal := []*place{{tenant: one}, {tenant: two}, {tenant: one, entry: form}} // never side by side, and told apart all the same
	for i, gone := range equal {
		if left := (&node{equal}).without(gone).all(); len(left) != 2 || slices.Contains(left, gone) {
			t.Errorf("equal ones, without %d: %d left", i, len(left))
		}
	}
	if last := n.without(places[0]).without(places[1]).without(places[2]); last != nil {
		t.Errorf("%d left", len(last.places))
	}
}
