package authz

import (
	"bytes"
	"reflect"
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
		if name := Reason(i).String(); name != want.String() && !slices.Contains(Reasons(), Reason(i)) {
			t.Errorf("number %d is called %s", i, name)
		}
		if d := j.out; d.Verdict == Allow || d.Reason != want || d.Verdict != want.Verdict() {
			t.Errorf("reason %d: %v, %v, want %v", i, d.Verdict, d.Reason, want)
		}
	}
}

// TestP1ATokenOfAnIssuerWithoutAGrantIsNone holds that a tenant admits no token
// of an issuer that it does not list, whatever its verifier says.
func TestP1ATokenOfAnIssuerWithoutAGrantIsNone(t *testing.T) {
	own := &token.Issuer{}
	j := &judgement{tenant: &Tenant{grants: []grant{{issuer: &Issuer{issuer: own}}}}}
	for issuer, want := range map[*token.Issuer]bool{own: true, {}: false, nil: false} {
		if _, g, reason, ok := j.granted(&token.Verified{Issuer: issuer}); ok != want || (g != nil) != want || reason != Internal {
			t.Errorf("%v: %v, %v", want, reason, ok)
		}
	}
}

// The closed sets are whole.
func TestReasonsAndVerdicts(t *testing.T) {
	if all := Reasons(); len(all) != int(reasonCount) || all[0] != Internal || all[len(all)-1] != reasonCount-1 {
		t.Errorf("reasons are %v", all)
	}
	for verdict, want := range map[Verdict]string{Deny: "deny", Allow: "allow", Challenge: "challenge", Unavailable: "unavailable", 99: "deny"} {
		if verdict.String() != want {
			t.Errorf("verdict %d is called %s", verdict, verdict)
		}
	}
}

// A decision that is filled again begins empty: of the one before it keeps room,
// and nothing to do.
func TestP1ADecisionBeginsEmpty(t *testing.T) {
	d := &Decision{}
	first := d.begin()
	first.room.removing, first.room.scratch.text = true, make([]byte, 10, maxScratch+1)
	first.req, first.tenant, first.place = &Request{}, &Tenant{}, &CredentialSpec{}
	d.Verdict, d.Rule, d.Set = Allow, "x", []Header{{"a", "b"}}
	second := d.begin()
	if second.room != first.room || d.room != second.room {
		t.Error("the room is not kept")
	}
	if second.room.removing || second.room.scratch.text != nil || !reflect.DeepEqual(*second, judgement{out: d, room: d.room}) || !reflect.DeepEqual(*d, Decision{room: d.room}) {
		t.Errorf("it begins as %+v with %+v", d, second)
	}
}

// A decision that is refused or reset keeps its room for the next one.
func TestDecisionsKeepTheirRoom(t *testing.T) {
	d := &Decision{}
	room := d.begin().room
	if d.Refuse(NoToken); d.room != room {
		t.Error("a refusal loses it")
	}
	if d.Reset(); d.room != room {
		t.Error("a reset loses it")
	}
}

// TestP7NothingOfARequestIsKept holds that a decision which is kept to be filled
// again holds on to nothing of its request once it is made.
func TestP7NothingOfARequestIsKept(t *testing.T) {
	engine := NewEngine(Options{})
	var d Decision
	for range 2 {
		engine.DecideInto(t.Context(), &Request{Headers: Headers{Lines: []Header{{"authorization", "Bearer x"}}}}, &d)
		if d.Reason != TenantUnavailable || !reflect.DeepEqual(d.room.judgement, judgement{}) {
			t.Errorf("%v, and of the judgement %+v is left", d.Reason, d.room.judgement)
		}
	}
}

// Randomness is handed out whole, and each byte of it once.
func TestRandomBlock(t *testing.T) {
	var block randomBlock
	seen := map[DecisionID]bool{{}: true}
	for i := range 100 {
		id := block.id()
		if seen[id] {
			t.Fatalf("id %d is zero, or was given before", i)
		}
		seen[id] = true
		if bytes.Contains(block.bytes[:], id[:]) {
			t.Fatalf("id %d is kept", i)
		}
	}
}

// The text of an id in a room is that which the id itself has.
func TestTextsOfIDs(t *testing.T) {
	var r room
	for b := range 256 {
		for at := range len(DecisionID{}) {
			var id DecisionID
			id[at], id[(at+5)%len(id)] = byte(b), byte(b+1)
			if got := r.hex(&id); got != id.String() {
				t.Fatalf("%q, want %q", got, id.String())
			}
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
