package token

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestGetFindsEachMemberAndNoOther: in an object of any size, within any other,
// each name has its own member, and a name that is like one of them has none.
func TestGetFindsEachMemberAndNoOther(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for size := range 70 {
		names := map[string]int{}
		for len(names) < size {
			names[nameLike(random)] = len(names)
		}
		inner := must(json.Marshal(names))
		for _, doc := range []string{string(inner), fmt.Sprintf(`{"before":[1,{"x":0}],"in":%s}`, inner), fmt.Sprintf(`{"in":%s,"behind":[null]}`, inner)} {
			v := must(ParseObject([]byte(doc)))
			if in := v.Get("in"); in.Kind() == Object {
				v = in
			}
			for name, n := range names {
				if got := v.Get(name); got.Written() != fmt.Sprint(n) {
					t.Fatalf("%s: %q has %q, want %d", doc, name, got.Written(), n)
				}
			}
			for range 20 {
				name := nameLike(random)
				if _, there := names[name]; !there && v.Get(name) != nil {
					t.Fatalf("%s: has no %q", doc, name)
				}
			}
		}
	}
}

// nameLike returns a name of few letters, which has the tag of many others.
func nameLike(random *rand.Rand) string {
	name := make([]byte, random.IntN(12))
	for i := range name {
		name[i] = "ab"[random.IntN(2)]
	}
	return string(name)
}

// TestGetOfASmallDocument: of members without a name, and where a document ends
// with its last member.
func TestGetOfASmallDocument(t *testing.T) {
	for _, doc := range []string{`{}`, `{"":null}`, `{"":{}}`, `{"":[]}`, `{"":{"":null}}`, `{"":[null,null,null,null,null,null,null]}`} {
		v := must(ParseObject([]byte(doc)))
		for name, want := range map[string]bool{"": doc != `{}`, "a": false, "\x00": false} {
			if got := v.Get(name) != nil; got != want {
				t.Errorf("%s: a member %q: %v", doc, name, got)
			}
		}
	}
}
