package authz

import (
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz/token"
)

// TestP1NoReasonToRefuseAllows holds that what refuses denies with a reason of
// the closed set, whatever number it is given: also one that would allow, and
// one that is none.
func TestP1NoReasonToRefuseAllows(t *testing.T) {
	for i := range 256 {
		j := new(Decision).begin()
		j.deny(Reason(i))
		want := Reason(i)
		if !slices.Contains(Reasons(), want) || want.Verdict() == Allow {
			want = Internal
		}
		if d := j.out; d.Verdict == Allow || d.Reason != want || d.Verdict != want.Verdict() {
			t.Errorf("reason %d: %v, %v, want %v", i, d.Verdict, d.Reason, want)
		}
	}
}

// Guards of the encoder that no value of a claim reaches: nothing is text, and
// no fault.
func TestEncodeNothing(t *testing.T) {
	e := newEncoder(Percent, ",")
	for name, nothing := range map[string]sourced{"absent": {}, "no value": {value: &token.Value{}}} {
		for _, encoding := range []Encoding{Percent, Base64URL, JSON, Refuse} {
			e.encoding = encoding
			if got, ok := e.encode(nothing, &scratch{}); got != "" || !ok {
				t.Errorf("%s in encoding %d: %q, %v", name, encoding, got, ok)
			}
		}
	}
	if got, ok := e.escape("", &scratch{}); got != "" || !ok {
		t.Errorf("an empty text is %q, %v", got, ok)
	}
	if got := (&scratch{text: []byte("a")}).since(1); got != "" {
		t.Errorf("nothing since the end is %q", got)
	}
	if doc := `"` + strings.ReplaceAll(strings.ReplaceAll(printable, `\`, ""), `"`, "") + `%"`; string(appendASCII(nil, []byte(doc))) != doc {
		t.Errorf("%s becomes %s", doc, appendASCII(nil, []byte(doc)))
	}
}

// TestP8ScratchIsBounded holds that a request with much to encode leaves no more
// memory behind than the next ones need.
func TestP8ScratchIsBounded(t *testing.T) {
	for size, kept := range map[int]bool{1: true, maxScratch: true, maxScratch + 1: false, 10 * maxScratch: false} {
		s := scratch{text: make([]byte, size)}
		if s.reset(); len(s.text) != 0 || (cap(s.text) == size) != kept || !kept && s.text != nil {
			t.Errorf("%d bytes: %d are kept", size, cap(s.text))
		}
	}
}

// A tenant's labels are those it has, by their whole names.
func TestLabelsByName(t *testing.T) {
	tenant := &tenantView{labels: map[string]string{"plan": "gold", "none": ""}}
	for name, want := range map[string]bool{"plan": true, "none": true, "other": false, "": false} {
		if _, ok := tenant.Label(name); ok != want {
			t.Errorf("label %q: %v", name, ok)
		}
	}
	spec := &TenantSpec{Name: "acme", Labels: map[string]string{"plan": "gold", "name": "label", "": "x"}}
	for property, want := range map[string]string{"name": "acme", "labels.plan": "gold", "labels.name": "label", "plan": "-", "labels": "-", "labels.other": "-", "": "-"} {
		got, ok := spec.property(property)
		if ok != (want != "-") || ok && got != want {
			t.Errorf("property %q: %q, %v", property, got, ok)
		}
	}
}
