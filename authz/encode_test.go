package authz

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz/token"
)

// jsonValue parses the JSON of one claim.
func jsonValue(tb testing.TB, doc string) sourced {
	tb.Helper()
	root, err := token.ParseObject([]byte(`{"v":` + doc + `}`))
	if err != nil {
		tb.Fatalf("%s: %v", doc, err)
	}
	return sourced{value: root.Get("v")}
}

func TestEncode(t *testing.T) {
	tests := []struct {
		name     string
		encoding Encoding
		join     string
		doc      string
		want     string
		refused  bool
	}{
		{"text", Percent, "", `"a b"`, "a b", false},
		{"number as written", Percent, "", `1.50e1`, "1.50e1", false},
		{"large number", Percent, "", `12345678901234567890123`, "12345678901234567890123", false},
		{"true", Percent, "", `true`, "true", false},
		{"false", Percent, "", `false`, "false", false},
		{"null", Percent, "", `null`, "", false},
		{"list without separator", Percent, "", `["a"]`, "", true},
		{"empty list without separator", Percent, "", `[]`, "", false},
		{"object", Percent, ",", `{}`, "", true},
		{"list", Percent, ",", `["a","b"]`, "a,b", false},
		{"separator in an element", Percent, ",", `["a,b","c%2Cd"]`, "a%2Cb,c%252Cd", false},
		{"separator in a number", Percent, ".", `[1.5,2]`, "1%2E5.2", false},
		{"separator in a scalar", Percent, ";", `"a;b"`, "a%3Bb", false},
		{"long separator", Percent, ", ", `["a b","c"]`, "a%20b, c", false},
		{"spaces of elements", Percent, ",", `[" a","b "]`, "%20a,b%20", false},
		{"null in a list", Percent, ",", `["a",null]`, "", true},

		{"refuse plain", Refuse, ",", `["a","b"]`, "a,b", false},
		{"refuse separator", Refuse, ",", `["a,b"]`, "", true},
		{"refuse percent", Refuse, "", `"100%"`, "", true},
		{"refuse control", Refuse, "", `"a\nb"`, "", true},
		{"refuse non-ASCII", Refuse, "", `"é"`, "", true},

		{"base64url text", Base64URL, "", `"é"`, base64.RawURLEncoding.EncodeToString([]byte("é")), false},
		{"base64url object", Base64URL, "", `{"a":[1,null]}`, base64.RawURLEncoding.EncodeToString([]byte(`{"a":[1,null]}`)), false},
		{"base64url empty", Base64URL, "", `""`, "", false},

		{"json text", JSON, "", `"é\u0000\"\ud83d\ude00\u007f"`, `"\u00e9\u0000\"\ud83d\ude00\u007f"`, false},
		{"json list", JSON, "", `[["a"],{"b":1.0}]`, `[["a"],{"b":1.0}]`, false},
		{"unknown encoding", 99, "", `"a"`, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEncoder(tt.encoding, tt.join)
			got, ok := e.encode(jsonValue(t, tt.doc), &scratch{})
			if got != tt.want || ok == tt.refused {
				t.Errorf("encode(%s) = %q, %v, want %q", tt.doc, got, ok, tt.want)
			}
		})
	}
}

func TestEncodeOwnText(t *testing.T) {
	e := newEncoder(JSON, "")
	if got, _ := e.encode(sourced{text: "a\"\\\n"}, &scratch{}); got != `"a\"\\\u000a"` {
		t.Errorf("JSON of a text is %s", got)
	}
}

// Different texts and different lists have different headers, whatever the
// encoding, and a reader gets back what was put in.
func TestP5EncodingsAreInjective(t *testing.T) {
	list := rapid.SliceOfN(rapid.StringN(1, 6, -1), 1, 4)
	rapid.Check(t, func(t *rapid.T) {
		join := rapid.SampledFrom([]string{",", ";", " ", ", ", "||", "-.-", "_"}).Draw(t, "join")
		encoding := rapid.SampledFrom([]Encoding{Percent, Base64URL, JSON}).Draw(t, "encoding")
		a, b := list.Draw(t, "a"), list.Draw(t, "b")
		e := newEncoder(encoding, join)
		left, right := encodeList(t, e, a), encodeList(t, e, b)
		if (left == right) != slices.Equal(a, b) {
			t.Fatalf("%q and %q read %q and %q", a, b, left, right)
		}
		checkFieldValue(t, left)
		if encoding == Percent {
			if back := splitPercent(t, left, join); !slices.Equal(back, a) {
				t.Fatalf("%q reads back as %q", a, back)
			}
		}
	})
}

func encodeList(t *rapid.T, e *encoder, list []string) string {
	doc, err := json.Marshal(map[string]any{"v": list})
	if err != nil {
		t.Fatal(err)
	}
	root, err := token.ParseObject(doc)
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	encoded, ok := e.encode(sourced{value: root.Get("v")}, &scratch{})
	if !ok {
		t.Fatalf("%q is refused", list)
	}
	return encoded
}

func splitPercent(t *rapid.T, value, join string) []string {
	var list []string
	for _, element := range strings.Split(value, join) {
		decoded, err := url.PathUnescape(element)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, decoded)
	}
	return list
}

// checkFieldValue checks that a proxy forwards the value as it is.
func checkFieldValue(t interface{ Fatalf(string, ...any) }, value string) {
	for i := range len(value) {
		if value[i] < ' ' || value[i] >= 0x7f {
			t.Fatalf("value %q holds byte %#x", value, value[i])
		}
	}
	if strings.Trim(value, " ") != value {
		t.Fatalf("value %q has spaces at an end", value)
	}
}

func FuzzHeaderValue(f *testing.F) {
	for _, seed := range []string{`"a"`, `["a,b"," "]`, `{"a":"\u0000é"}`, `1e400`, `null`, `"%41"`, `[[]]`, `"\ud83d\ude00"`} {
		f.Add(seed, uint8(0), ",")
		f.Add(seed, uint8(2), "")
	}
	f.Fuzz(func(t *testing.T, doc string, encoding uint8, join string) {
		root, err := token.ParseObject([]byte(`{"v":` + doc + `}`))
		if err != nil || !isSeparator(join) || len(join) > maxJoinBytes {
			return
		}
		e := newEncoder(Encoding(encoding%4), join)
		value, ok := e.encode(sourced{value: root.Get("v")}, &scratch{})
		if !ok && value != "" {
			t.Fatalf("refused, yet %q", value)
		}
		checkFieldValue(t, value)
		if e.encoding == JSON && value != "" && !json.Valid([]byte(value)) {
			t.Fatalf("%q is no JSON", value)
		}
		if v := root.Get("v"); e.encoding == Percent && ok && v.Kind() == token.String {
			if back, err := url.PathUnescape(value); err != nil || back != v.Str() {
				t.Fatalf("%q reads back as %q", v.Str(), back)
			}
		}
	})
}

// TestP5EveryByteIsToldAtEveryPlace holds that looking at eight bytes at once
// tells what looking at each tells: with every byte at every place of short and
// long texts, alone and beside another.
func TestP5EveryByteIsToldAtEveryPlace(t *testing.T) {
	for _, join := range []string{"", ",", "|", "; ", ",,", "~", " "} {
		e := newEncoder(Percent, join)
		safe := func(text []byte) bool {
			for _, c := range text {
				if c < ' ' || c >= 0x7f || c == '%' || strings.IndexByte(join, c) >= 0 {
					return false
				}
			}
			return len(text) == 0 || text[0] != ' ' && text[len(text)-1] != ' '
		}
		for size := range 27 {
			for at := range size {
				for c := range 256 {
					for _, beside := range []byte{'a', 0x00, ' ', '!', '~', 0x7f, 0x80, 0xff, '%' - 1, '%', '%' + 1, ',', ',' + 1} {
						text := bytes.Repeat([]byte{'a'}, size)
						text[(at+1)%size], text[at] = beside, byte(c)
						if got, want := e.isSafe(string(text)), safe(text); got != want {
							t.Fatalf("join %q: isSafe(%q) = %v", join, text, got)
						}
					}
				}
			}
		}
	}
}
