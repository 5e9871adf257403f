package authz

import (
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz/token"
)

// TestP8MeasureOfMetadata holds the size of values to the byte, and their depth.
func TestP8MeasureOfMetadata(t *testing.T) {
	for doc, row := range map[string]struct{ size, depth int }{
		`null`: {7, 1}, `true`: {7, 1}, `12`: {6, 1}, `""`: {2, 1}, `"abc"`: {5, 1}, `[]`: {2, 1}, `{}`: {2, 1},
		`["a"]`: {2 + 3 + 1, 2}, `["a",5]`: {2 + 3 + 1 + 5 + 1, 2}, `{"k":"a"}`: {2 + 3 + 2, 2}, `{"kk":{"l":true},"m":[[]]}`: {2 + 2 + 1 + 2 + 7 + 2 + 2 + 2 + 3, 3},
		`[[[1]]]`: {2 + 3 + 3 + 6, 4}, `[[[[]]]]`: {2 + 3 + 3 + 3, 4}, `{"a":{"b":{"c":"d"}}}`: {2 + 4 + 4 + 5, 4},
	} {
		root, err := token.ParseObject([]byte(`{"v":` + doc + `}`))
		if err != nil {
			t.Fatal(err)
		}
		v := root.Get("v")
		for _, depth := range []int{row.depth, row.depth + 1} {
			if size, ok := measure(v, depth, row.size); size != row.size || !ok {
				t.Errorf("%s: %d, %v, want %d", doc, size, ok, row.size)
			}
		}
		if _, ok := measure(v, row.depth-1, 1000); ok {
			t.Errorf("%s has depth %d", doc, row.depth-1)
		}
		if _, ok := measure(v, row.depth, row.size-1); ok {
			t.Errorf("%s fits into %d bytes", doc, row.size-1)
		}
	}
}

// TestP8MetadataFillsItsRoom fills the room for metadata to the byte, by texts
// and by values of a token; what has no room is left out, and what comes after
// it and has room is not.
func TestP8MetadataFillsItsRoom(t *testing.T) {
	room := MaxMetadataBytes - len(metadataDecisionID) - 2
	for n, want := range map[int]string{0: "label claim last", 1: "label claim", 2: "label claim"} {
		half := room / 2
		root, err := token.ParseObject([]byte(`{"c":"` + strings.Repeat("a", half-2-len("claim")) + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		rest := room - 2*half + n // for the last one
		plan := metadataPlan{
			{"label", source{kind: constant, text: strings.Repeat("a", half-len("label")-5)}},
			{"claim", source{kind: claim, path: []string{"c"}}},
			{"none", source{kind: claim, path: []string{"none"}}},
			{"last", source{kind: constant, text: strings.Repeat("a", 5-len("last")+rest)}},
		}
		j := &judgement{idText: "id", issuer: &token.Issuer{}, claims: claimView{root: root}}
		var names []string
		for _, field := range plan.apply(j, nil)[1:] {
			names = append(names, field.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%d too many: %s, want %s", n, got, want)
		}
	}
}
