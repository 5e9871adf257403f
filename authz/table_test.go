package authz

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// TestTableIsAMapOfVersions: every version of a table goes on holding what it
// held, whatever is done to copies of it.
func TestTableIsAMapOfVersions(t *testing.T) {
	type version struct {
		table table[int, int]
		want  map[int]int
	}
	rapid.Check(t, func(rt *rapid.T) {
		versions := []version{{want: map[int]int{}}}
		for range rapid.IntRange(1, 30).Draw(rt, "edits") {
			from := versions[rapid.IntRange(0, len(versions)-1).Draw(rt, "of")]
			next, by := version{from.table, maps.Clone(from.want)}, new(edit)
			for range rapid.IntRange(0, 200).Draw(rt, "changes") {
				key := rapid.IntRange(0, 300).Draw(rt, "key")
				if rapid.IntRange(0, 3).Draw(rt, "what") == 0 {
					next.table.remove(by, key)
					delete(next.want, key)
					continue
				}
				value := rapid.Int().Draw(rt, "value")
				next.table.set(by, key, value)
				next.want[key] = value
			}
			versions = append(versions, next)
		}
		for i := range versions {
			v := &versions[i]
			if got := maps.Collect(v.table.all()); !maps.Equal(got, v.want) || v.table.size != len(v.want) {
				rt.Fatalf("version %d holds %v (%d), want %v", i, got, v.table.size, v.want)
			}
			for key := range 300 {
				got, ok := v.table.get(key)
				if want, known := v.want[key]; got != want || ok != known {
					rt.Fatalf("version %d: %d is %v %v, want %v %v", i, key, got, ok, want, known)
				}
			}
		}
	})
}

// Who looks for one element stops there.
func TestTableVisitsNoFurther(t *testing.T) {
	var numbers table[int, int]
	by := new(edit)
	for key := range 200 {
		numbers.set(by, key, key)
	}
	seen := 0
	for range numbers.all() {
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Errorf("%d are visited", seen)
	}
}
