package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestGrammarIsAskedToTheByte holds documents that a parser with any one of its
// checks left out would take: after the fault they go on as if there were none.
func TestGrammarIsAskedToTheByte(t *testing.T) {
	docs := []string{
		`{"a":trux}`, `{"a":falsy}`, `{"a":nulL}`, `{"a":nxxx,"b":1}`, `{a":1}`, `{"a":1,b":2}`, `{:1}`, `{"a":1,:2}`, `{"a"1}`, `{"a""b"}`, `{"a" 1}`,
		"{\"a\":\"\n}", "{\"a\":\"\t,\"b\":1}", "{\"a\n:1}", "{\"a\":\"\\n\x01\"}", "{\"a\":\"\\n\x1f\"}", "{\"a\":\"\\n\n}", `{"a":"\x}`, `{"a":"\x,"b":1}`, `{"a\x:1}`,
		`{"a":"\ud800xxdc00"}`, `{"a":"\ud800dc00"}`, `{"a":"\ud800\xdc00"}`, `{"a":"\u`, `{"a":"\u1`, `{"a":"\u12`, `{"a":"\u123`, `{"a":"\u1234`, `{"a":"\ud800\u`, `{"a":"\ud800\udc0`,
		`{"a":[` + strings.Repeat("0,", maxNodes-2) + `]}`,               // at the limit of values, and a comma too many
		strings.Repeat(`{"a":`, MaxDepth) + "{" + nesting("}", MaxDepth), // at the limit of depth, and an end too few
		`{"a":1e-+1}`, `{"a":1e+-1}`, `{"a":1e--1}`, `{"a":1e++1}`,
		manyMembers(40, 30), manyMembers(40, 39), manyMembers(200, 150), // names that only the hashed part of the names knows
		`{"a":1`, `{"a":[1`, `{"a":"`, `{"a":"\`, `{"a`, `{"a":`, `{"a":1,`, `{"a":tr`, `{"a":-`, `{"a":1.`, `{"a":1e`,
	}
	for _, doc := range docs {
		if v, err := ParseObject([]byte(doc)); v != nil || !errors.Is(err, ErrMalformed) {
			t.Errorf("%.80q: got %v, %v", doc, v, err)
		}
		// The look before the signature is as strict, but for names that are
		// none of its business.
		if _, err := peekString(doc, "iss"); !errors.Is(err, ErrMalformed) && !strings.HasPrefix(doc, `{"m0"`) {
			t.Errorf("%.80q: peeking finds nothing wrong", doc)
		}
	}
}

func nesting(bracket string, depth int) string { return strings.Repeat(bracket, depth) }

// TestEveryByteOfAText tries each byte raw, after an escape, as an escape and as
// each digit of one, and holds the answer against encoding/json where that is
// strict enough to ask.
func TestEveryByteOfAText(t *testing.T) {
	for i := range 256 {
		c := string([]byte{byte(i)})
		forms := []string{"x" + c, `\n` + c, `\` + c, `\` + c + "0041"}
		for at := range 4 {
			digits := []string{"0", "0", "4", "1"}
			digits[at] = c
			forms = append(forms, `\u`+strings.Join(digits, ""))
		}
		for _, form := range forms {
			for _, doc := range []string{`{"a":"` + form + `"}`, `{"` + form + `":1}`} {
				v, err := ParseObject([]byte(doc))
				var want map[string]any
				good := json.Unmarshal([]byte(doc), &want) == nil && i < 0x80 && !strings.Contains(fmt.Sprintf("%q", want), `\ufffd`)
				if (err == nil) != good {
					t.Errorf("%q: %v", doc, err)
				}
				if err == nil && v.Len() != len(want) {
					t.Errorf("%q: %d members, want %d", doc, v.Len(), len(want))
				}
				for name, value := range want {
					if text, ok := value.(string); err == nil && ok && v.Get(name).Str() != text {
						t.Errorf("%q reads as %q, want %q", doc, v.Get(name).Str(), text)
					}
				}
			}
		}
	}
}

// TestEveryByteOfANumber tries each byte in, before and after a number.
func TestEveryByteOfANumber(t *testing.T) {
	for i := range 0x80 {
		c := string([]byte{byte(i)})
		for _, number := range []string{c, c + "1", "1" + c, "1" + c + "2", "1." + c, "1e" + c, "1e" + c + "2", "-" + c, "0" + c, "10" + c} {
			doc := `{"a":` + number + `}`
			if _, err := ParseObject([]byte(doc)); (err == nil) != json.Valid([]byte(doc)) {
				t.Errorf("%q: %v", doc, err)
			}
		}
	}
}

// TestTextsToTheByte holds documents at the limit of what their places can
// count, and the smallest ones, to what was written.
func TestTextsToTheByte(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		good       bool
	}{
		{"", "", true}, {"", "x", true}, {"x", "", true}, {"a", strings.Repeat("x", maxText-1), true}, {"a", strings.Repeat("x", maxText), false},
		{strings.Repeat("n", maxText-1), "x", true}, {strings.Repeat("n", maxText), "x", false}, {strings.Repeat("n", maxText), "", true}, {strings.Repeat("n", maxText+1), "", false},
		{"a", strings.Repeat("x", 2*maxText), false},
	} {
		v, err := ParseObject(fmt.Appendf(nil, `{%q:%q}`, tt.name, tt.text))
		if (err == nil) != tt.good {
			t.Errorf("a name of %d and a text of %d bytes: %v", len(tt.name), len(tt.text), err)
		}
		if err != nil {
			continue
		}
		if name, member := v.Member(0); name != tt.name || member.Str() != tt.text {
			t.Errorf("%.5q: %.5q reads as %.5q: %.5q", tt.name, tt.text, name, member.Str())
		}
	}
	long := strings.Repeat("9", maxNumberBytes)
	fits := maxText - len("n") - len("a") - len(long)
	for size, good := range map[int]bool{fits: true, fits + 1: false} { // a number has a text too
		v, err := ParseObject(fmt.Appendf(nil, `{"a":%q,"n":%s}`, strings.Repeat("x", size), long))
		if (err == nil) != good || good && v.Get("n").Written() != long {
			t.Errorf("%d bytes and a number: %v", size, err)
		}
	}
}

// TestNumbersToTheByte: a number counts as a text does, and is not left out where
// there is no room for it.
func TestNumbersToTheByte(t *testing.T) {
	for room, good := range map[int]bool{2: true, 1: false, 0: false} {
		v, err := ParseObject(fmt.Appendf(nil, `{"":[%q,12]}`, strings.Repeat("x", maxText-room)))
		if (err == nil) != good || good && v.Get("").At(1).Written() != "12" {
			t.Errorf("with room for %d bytes: %v, %v", room, v.Get("").At(1).Written(), err)
		}
	}
}
