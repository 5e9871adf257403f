package authz

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// foldOf is what the strictest upstream makes of a name: every byte besides
// letters and digits is a dash, and case is none.
func foldOf(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(lowerLetters+digits+"-", r) {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

// TestP5ASurveyMissesNoVariant holds that headers among which a survey finds no
// variant have none, whatever stands in their names.
func TestP5ASurveyMissesNoVariant(t *testing.T) {
	guarded := []string{"x-user-id", "x-end-", "a9", "z-0", "-", "--", strings.Repeat("ab-", 20) + "-abc"}
	var r removal
	r.guarded = map[string]struct{}{}
	r.endings.add(authorizationHeader)
	r.endings.add("connection")
	for _, name := range guarded {
		r.guarded[name] = struct{}{}
		r.endings.add(name)
	}
	const alphabet = "abdenrsuxiz09-_.:!~/ \x00\x7f\x80\xff@[`{ABDENRSUXIZ"
	source := rand.New(rand.NewPCG(1, 2))
	bare := 0
	for range 20_000 {
		name := []byte(guarded[source.IntN(len(guarded))])
		for range source.IntN(4) {
			name[source.IntN(len(name))] = alphabet[source.IntN(len(alphabet))]
		}
		text := string(name)
		_, folds := r.guarded[foldOf(text)]
		variant := folds && foldOf(text) != strings.ToLower(text)
		var sees survey
		r.survey(&Headers{Lines: []Header{{Name: "accept"}, {Name: text}, {Name: "x"}, {}}}, &sees)
		switch {
		case r.isVariant(text) != variant:
			t.Fatalf("isVariant(%q) = %v", text, !variant)
		case variant && sees.bare:
			t.Fatalf("a survey misses %q", text)
		case sees.bare:
			bare++
		}
	}
	if bare < 1000 {
		t.Errorf("only %d of the names pass without a look", bare)
	}
}

// A survey tells of every line of Authorization and of every Connection.
func TestSurvey(t *testing.T) {
	owned, _ := NewOwnedHeaders([]string{"x-user-id"})
	r := newRemoval(owned, ProxySpec{})
	for _, row := range []struct {
		names []string // and values, in turn
		want  survey
	}{
		{nil, survey{bare: true}},
		{[]string{"accept", "*/*", "x-user-id", "u"}, survey{bare: true}},
		{[]string{"authorization", "a"}, survey{bare: true, lines: 1, authorization: "a"}},
		{[]string{"authorization", "", "x-user_id", "", "authorization", "b"}, survey{lines: 2}},
		{[]string{"connection", "close, x-other"}, survey{bare: true}},
		{[]string{"connection", "close", "connection", "a,\tX-User-Id ,b", "connection", ""}, survey{bare: true, drops: true}},
		{[]string{"connection", "Authorization"}, survey{bare: true, drops: true}},
		{[]string{"connections", "x-user-id"}, survey{bare: true}},
	} {
		got := survey{lines: 7}
		r.survey(&Headers{Lines: lines(row.names...)}, &got)
		if got != row.want {
			t.Errorf("%q: %+v, want %+v", row.names, got, row.want)
		}
	}
}
