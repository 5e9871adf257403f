package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"strings"
	"testing"
)

func TestParseObjectAccepts(t *testing.T) {
	rows := map[string]string{ // document: as AppendJSON writes it
		`{}`:                               `{}`,
		" {\t\"a\" :\r\n1 , \"b\": [ ] } ": `{"a":1,"b":[]}`,
		`{"a":[1,-0,1.50,1e5,"x",null,true,false,{"":{}}]}`:     `{"a":[1,-0,1.50,1e5,"x",null,true,false,{"":{}}]}`,
		`{"\u0061\/\b\f\n\r\t\"\\":"\u00e9\ud83d\ude00\u0000"}`: `{"a/\u0008\u000c\u000a\u000d\u0009\"\\":"é😀\u0000"}`,
		"{\"\u2028\ufeff\x7f\":\"\ufffd\uffff\"}":               "{\"\u2028\ufeff\x7f\":\"\ufffd\uffff\"}",
		`{"a":1,"A":2,"a ":3}`:                                  `{"a":1,"A":2,"a ":3}`,
		`{"\ufffd":"\uFFFD"}`:                                   `{"` + "\ufffd" + `":"` + "\ufffd" + `"}`,
		`{"a":` + strings.Repeat("9", 128) + `}`:                `{"a":` + strings.Repeat("9", 128) + `}`,
		`{"a":1e9999,"b":1E-9999,"c":1e+0000}`:                  `{"a":1e9999,"b":1E-9999,"c":1e+0000}`,
	}
	for doc, want := range rows {
		v, err := ParseObject([]byte(doc))
		if err != nil {
			t.Errorf("%q: %v", doc, err)
			continue
		}
		if got := string(v.AppendJSON(nil)); got != want {
			t.Errorf("%q: got %q, want %q", doc, got, want)
		}
	}
}

func TestParseObjectRefuses(t *testing.T) {
	docs := []string{
		"", " ", "{", "}", "[]", "1", `"a"`, "null", "true", "{}{}", "{},", "{}x", "{}\x00", "\x00", "\v{}", "\u00a0{}", "\ufeff{}",
		`{a:1}`, `{'a':1}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{"a":1;"b":2}`, `{"a"=1}`, `{"a":1,,"b":2}`, `{1:1}`, `{null:1}`,
		`{"a":[1,]}`, `{"a":[,]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":[1}`, `{"a":{]}`, `{"a":1]`,
		`{"a":tru}`, `{"a":truex}`, `{"a":True}`, `{"a":nul}`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":undefined}`,
		`{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":01}`, `{"a":-01}`, `{"a":-}`, `{"a":--1}`, `{"a":1e}`, `{"a":1e+}`, `{"a":1e+-1}`, `{"a":0x1}`, `{"a":1_0}`, `{"a":1.2.3}`, `{"a":١}`,
		`{"a":1e10000}`, `{"a":1e00000}`, `{"a":` + strings.Repeat("9", 129) + `}`,
		`{"a":"}`, `{"a":"\"}`, `{"a":"\x41"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\u"}`, `{"a":"\U0041"}`, `{"a":"\'"}`, "{\"a\":\"\t\"}", "{\"a\":\"\x1f\"}", "{\"a\":\"\\\n\"}",
		`{"a":"\ud800"}`, `{"a":"\udc00"}`, `{"a":"\ud800\u0041"}`, `{"a":"\ud800x"}`, `{"a":"\ud800\ud800"}`, `{"a":"\ud800\n"}`, `{"\udfff":1}`,
		"{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf4\x90\x80\x80\"}", "{\"a\":\"\xe2\x82\"}", "{\"\xff\":1}", "\xff\xfe{}",
		`{"a":1,"a":1}`, `{"a":1,"\u0061":1}`, `{"":1,"":1}`, `{"b":{"a":1,"a":2}}`, `{"b":[{"a":1,"a":2}]}`, `{"\ud83d\ude00":1,"😀":2}`,
		manyMembers(40, 3), manyMembers(17, 0), manyMembers(16, 15), manyMembers(2, 1),
		`{"a":[` + strings.Repeat("0,", maxNodes) + `0]}`,
		nested(MaxDepth + 1), nested(100_000), "{}//x", "{}#", "/**/{}",
	}
	for _, doc := range docs {
		if v, err := ParseObject([]byte(doc)); v != nil || !errors.Is(err, ErrMalformed) {
			t.Errorf("%.80q: got %v, %v", doc, v, err)
		}
	}
	for _, doc := range []string{manyMembers(200, -1), nested(MaxDepth), `{"a":[` + strings.Repeat("0,", maxNodes-3) + `0]}`} {
		if _, err := ParseObject([]byte(doc)); err != nil {
			t.Errorf("control %.80q: %v", doc, err)
		}
	}
}

// manyMembers is an object of n members, and of one more that has the name of
// member dup, unless dup is negative.
func manyMembers(n, dup int) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range n {
		fmt.Fprintf(&b, `"m%d":%d,`, i, i)
	}
	name := "last"
	if dup >= 0 {
		name = fmt.Sprint("m", dup)
	}
	return b.String() + `"` + name + `":0}`
}

// nested is an object of the given depth.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

func TestPeekString(t *testing.T) {
	rows := map[string]struct {
		want string
		err  error
	}{
		`{"iss":"x"}`: {"x", nil}, `{"\u0069ss":"\u0078"}`: {"x", nil}, `{"a":{"iss":"y"},"iss":"x"}`: {"x", nil}, `{"a":[{"iss":"y"}]}`: {"", nil},
		`{"iss":{"iss":"y"}}`: {"", nil}, `{"iss":["x"]}`: {"", nil}, `{"iss":null}`: {"", nil}, `{}`: {"", nil}, `{"Iss":"x"}`: {"", nil},
		`{"iss":"x","iss":"y"}`: {"", ErrMalformed}, `{"iss":"x","\u0069ss":"y"}`: {"", ErrMalformed}, `{"iss":1,"iss":"y"}`: {"", ErrMalformed},
		`["iss","x"]`: {"", ErrMalformed}, `{"iss":"x"`: {"", ErrMalformed}, `{"iss":"x"}}`: {"", ErrMalformed}, "{\"iss\":\"x\",\"a\":\"\xff\"}": {"", ErrMalformed},
		`{"iss":"x","a":1,"a":2}`: {"x", nil}, // the signature is asked first, then the whole is read
	}
	for doc, row := range rows {
		got, err := peekString(doc, "iss")
		if got != row.want || !errors.Is(err, row.err) {
			t.Errorf("%s: got %q, %v", doc, got, err)
		}
	}
}

func TestNumbersAreExact(t *testing.T) {
	rows := map[string]Number{
		"0": {}, "-0": {}, "0.000": {}, "0e99": {}, "-0.0e-5": {},
		"5": {Digits: "5"}, "5.0": {Digits: "5"}, "5e0": {Digits: "5"}, "0.5e1": {Digits: "5"}, "50e-1": {Digits: "5"}, "500000e-5": {Digits: "5"},
		"-5": {Neg: true, Digits: "5"}, "10": {Digits: "1", Exp: 1}, "1200": {Digits: "12", Exp: 2}, "0.012": {Digits: "12", Exp: -3}, "12.50": {Digits: "125", Exp: -1},
		"9007199254740993": {Digits: "9007199254740993"}, "0.1": {Digits: "1", Exp: -1}, "1e9999": {Digits: "1", Exp: 9999}, "1e-9999": {Digits: "1", Exp: -9999},
		"100000000000000000000000000000001": {Digits: "100000000000000000000000000000001"},
	}
	for text, want := range rows {
		v, err := ParseObject([]byte(`{"n":` + text + `}`))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := v.Get("n").Num(); got != want {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

// TestValueOfAnotherKind holds that asking a value for what it is not yields
// nothing, and never panics.
func TestValueOfAnotherKind(t *testing.T) {
	v := must(ParseObject([]byte(`{"null":null,"bool":true,"num":-7,"text":"s","list":[1],"object":{"a":1}}`)))
	kinds := map[string]Kind{"null": Null, "bool": Bool, "num": Num, "text": String, "list": List, "object": Object, "missing": Invalid}
	for name, kind := range kinds {
		m := v.Get(name)
		if m.Kind() != kind {
			t.Errorf("%s is of kind %d", name, m.Kind())
		}
		if m.Bool() != (kind == Bool) || (m.Str() != "") != (kind == String) || (m.Num() != Number{}) != (kind == Num) || (m.Written() != "") != (kind == Num) {
			t.Errorf("%s passes for another kind", name)
		}
		if (m.At(0) != nil) != (kind == List) || m.At(1) != nil || m.At(-1) != nil {
			t.Errorf("%s: At is wrong", name)
		}
		key, member := m.Member(0)
		if (key == "a" && member != nil) != (kind == Object) || (m.Get("a") != nil) != (kind == Object) {
			t.Errorf("%s: Member or Get is wrong", name)
		}
		if _, member := m.Member(1); member != nil {
			t.Errorf("%s has a second member", name)
		}
		if (m.Len() == 1) != (kind == List || kind == Object) {
			t.Errorf("%s: Len is %d", name, m.Len())
		}
	}
	for path, found := range map[string]bool{"object a": true, "object": true, "object b": false, "object a b": false, "list 0": false, "text a": false, "x y": false} {
		if got := v.Lookup(strings.Fields(path)); (got != nil) != found {
			t.Errorf("Lookup(%s): %v", path, got)
		}
	}
	if v.Lookup(nil) != nil {
		t.Error("the empty path leads somewhere")
	}
	if got := string((*Value)(nil).AppendJSON(nil)); got != "null" {
		t.Errorf("a nil value as JSON: %s", got)
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":[1,2.50,-0,1e5,{"b":null}],"c":"\u00e9\ud83d\ude00\n"}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, "\ufeff{}", "{\"a\":\"\xff\"}",
		`{"a":1e9999}`, ` {"iss":"x","exp":1.5} `, manyMembers(30, -1), nested(16), nested(17), `{"\u0061":0}`, `{"":{"":[[]]}}`, `[1]`, `{"a":tru`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ParseObject(data)
		samePeek(t, string(data), v)
		if err != nil {
			if v != nil || !errors.Is(err, ErrMalformed) {
				t.Fatalf("got %v, %v", v, err)
			}
			return
		}
		want, err := decodeStandard(data)
		if err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		sameMeaning(t, v, want)
		written := v.AppendJSON(nil)
		again, err := ParseObject(written)
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Fatalf("%q written as %q, which reads as %+v, %v", data, written, again, err)
		}
	})
}

// samePeek holds that looking for one member finds what reading the document
// finds, and refuses nothing else.
func samePeek(t *testing.T, doc string, v *Value) {
	t.Helper()
	for _, name := range []string{"iss", "a", ""} {
		got, err := peekString(doc, name)
		if v != nil && (err != nil || got != v.Get(name).Str()) {
			t.Fatalf("%q: peeked %q, %v; want %q", doc, got, err, v.Get(name).Str())
		}
	}
}

// decodeStandard reads one document, and nothing after it, by encoding/json.
func decodeStandard(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something after the end")
	}
	return v, nil
}

// sameMeaning compares a tree with what encoding/json made of the document.
func sameMeaning(t *testing.T, v *Value, want any) {
	t.Helper()
	switch want := want.(type) {
	case nil:
		if v.Kind() != Null {
			t.Fatalf("null became kind %d", v.Kind())
		}
	case bool:
		if v.Kind() != Bool || v.Bool() != want {
			t.Fatalf("%v became %+v", want, v)
		}
	case string:
		if v.Kind() != String || v.Str() != want {
			t.Fatalf("%q became %+v", want, v)
		}
	case json.Number:
		sameNumber(t, v, want)
	case []any:
		if v.Kind() != List || v.Len() != len(want) {
			t.Fatalf("list of %d became %+v", len(want), v)
		}
		for i := range want {
			sameMeaning(t, v.At(i), want[i])
		}
	case map[string]any:
		if v.Kind() != Object || v.Len() != len(want) {
			t.Fatalf("object of %d became %+v", len(want), v)
		}
		for name := range want {
			sameMeaning(t, v.Get(name), want[name])
		}
	}
}

func sameNumber(t *testing.T, v *Value, want json.Number) {
	t.Helper()
	n := v.Num()
	if v.Kind() != Num || strings.HasPrefix(n.Digits, "0") || strings.HasSuffix(n.Digits, "0") {
		t.Fatalf("%s became %+v", want, v)
	}
	text := fmt.Sprintf("%se%d", n.Digits, n.Exp)
	if n.Digits == "" {
		text = "0"
	}
	got, ok := new(big.Rat).SetString(text)
	exact, okWant := new(big.Rat).SetString(string(want))
	if n.Neg {
		got.Neg(got)
	}
	if !ok || !okWant || got.Cmp(exact) != 0 {
		t.Fatalf("%s became %+v", want, n)
	}
}

// TestGetTellsNamesOfOneTagApart asks for members whose names have length, first
// and last byte in common, and for the signs of numbers.
func TestGetTellsNamesOfOneTagApart(t *testing.T) {
	v, err := ParseObject([]byte(`{"aab":-1.50,"abb":true,"acb":-0.0,"":false,"b":-0.05e1,"ab":5,"ba":-7,"\u0061db":null}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"aab": "-1.50", "abb": "true", "acb": "-0.0", "": "false", "b": "-0.05e1", "ab": "5", "ba": "-7", "adb": "null"} {
		if got := string(v.Get(name).AppendJSON(nil)); v.Get(name) == nil || got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"aeb", "a", "bb", "aa", "abbb", "a\x00b"} {
		if got := v.Get(name); got != nil {
			t.Errorf("%q is %s, though it is not there", name, got.AppendJSON(nil))
		}
	}
	for name, want := range map[string]Number{"aab": {Neg: true, Digits: "15", Exp: -1}, "acb": {}, "b": {Neg: true, Digits: "5", Exp: -1}, "ab": {Digits: "5"}} {
		if got := v.Get(name).Num(); got != want {
			t.Errorf("%q is %+v, want %+v", name, got, want)
		}
	}
	if !v.Get("abb").Bool() || v.Get("").Bool() || v.Get("ab").Bool() {
		t.Error("true, false or a number is taken for another")
	}
}
