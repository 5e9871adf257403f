package authz

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	digits       = "0123456789"
	letters      = lowerLetters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	printable    = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~" + letters + digits // without %
)

// TestEveryByteOfAHeaderName tries each byte in names that are to be set, in
// spellings of them, and at their greatest lengths.
func TestEveryByteOfAHeaderName(t *testing.T) {
	longest := "x-" + strings.Repeat("a", maxHeaderNameBytes-2)
	owned, _ := NewOwnedHeaders([]string{"x-y", longest})
	r := newRemoval(owned, ProxySpec{})
	for i := range 256 {
		c := string([]byte{byte(i)})
		if got := CheckHeaderName("x" + c + "y"); (got == "") != strings.Contains(lowerLetters+digits+"-", c) {
			t.Errorf("%q in a name: %q", c, got)
		}
		variant := !strings.Contains(letters+digits+"-", c)
		for name, want := range map[string]bool{"x" + c + "y": variant, "X" + c + "Y": variant, "x" + c + "z": false, "x" + c: false, longest[:1] + c + longest[2:]: variant} {
			if got := r.isVariant(name); got != want {
				t.Errorf("%.10q is a variant: %v", name, got)
			}
		}
		for name, want := range map[string]bool{"x" + c + "y": !strings.Contains(letters+digits, c), "x" + c + "z": false, "x" + c: false} {
			if got := foldsTo(name, "x-y"); got != want {
				t.Errorf("%q folds: %v", name, got)
			}
		}
		for _, letter := range lowerLetters {
			if c != "-" && isDashed(c+string(letter)) != strings.Contains(lowerLetters+digits, c) {
				t.Errorf("%q is dashed", c)
			}
		}
	}
	if r.isVariant(longest+"_") || r.isVariant(strings.Repeat("_", 10*maxHeaderNameBytes)) || r.isVariant("") {
		t.Error("a name longer than any is a variant")
	}
	for name, good := range map[string]bool{
		longest: true, longest + "a": false, "a" + strings.Repeat("-a", maxHeaderNameDashes): true, "a" + strings.Repeat("-a", maxHeaderNameDashes+1): false, "-": false, "--": false, "-a": true, "": false,
	} {
		if got := CheckHeaderName(name); (got == "") != good {
			t.Errorf("%.20q: %q", name, got)
		}
	}
	for name, says := range map[string]string{":path": "colon", "x_y": "dash", "http2-settings": "steers", "http2_settings": "steers", "authorization": "governed", "te": "steers", "x-envoy-a": "steers", "x_envoy_a": "steers"} {
		if got := CheckHeaderName(name); !strings.Contains(got, says) {
			t.Errorf("%s: %q, want %q", name, got, says)
		}
	}
}

// TestEveryByteOfAHeaderValue tries each byte in each encoding.
func TestEveryByteOfAHeaderValue(t *testing.T) {
	for i := range 256 {
		c := string([]byte{byte(i)})
		plain := strings.Contains(printable, c)
		percent, refuse := newEncoder(Percent, ","), newEncoder(Refuse, ",")
		value, ok := percent.encode(sourced{text: "a" + c + "b"}, &scratch{})
		if !ok || (value == "a"+c+"b") != (plain && c != ",") {
			t.Errorf("%q is escaped as %q", c, value)
		}
		if _, ok := refuse.encode(sourced{text: "a" + c + "b"}, &scratch{}); ok != (plain && c != ",") {
			t.Errorf("%q is not refused: %v", c, ok)
		}
		if got := isSeparator(c); got != (plain && !strings.Contains(letters+digits, c)) {
			t.Errorf("%q separates: %v", c, got)
		}
		if got := isQuotable(c); got != (plain && c != `"` && c != `\` || c == "%") {
			t.Errorf("%q in a quoted string: %v", c, got)
		}
		if got := isLabelName(c); got != strings.Contains(letters+digits+"._-", c) {
			t.Errorf("%q in a label's name: %v", c, got)
		}
		if got := isSendable("a" + c); got != (plain || c == "%" || c == "\t") {
			t.Errorf("%q in a cookie: %v", c, got)
		}
	}
	for text, good := range map[string]bool{
		strings.Repeat("a", maxCookieBytes): true, strings.Repeat("a", maxCookieBytes+1): false, "\u00e9": true, "a\xff": false, "": true,
	} {
		if isSendable(text) != good {
			t.Errorf("a line of %d bytes: %v", len(text), !good)
		}
	}
	for text, good := range map[string]bool{
		strings.Repeat("a", maxLabelNameBytes): true, strings.Repeat("a", maxLabelNameBytes+1): false, "": false,
	} {
		if isLabelName(text) != good {
			t.Errorf("a label's name of %d bytes: %v", len(text), !good)
		}
	}
	for text, good := range map[string]bool{
		strings.Repeat("a", maxLabelValueBytes): true, strings.Repeat("a", maxLabelValueBytes+1): false, "\u00e9": true, "\xff": false, "a\n": false, "\n": false, "\u2028": false, "": true,
	} {
		if isLabelValue(text) != good {
			t.Errorf("a label of %d bytes, %.5q: %v", len(text), text, !good)
		}
	}
}

// TestEveryCharacterOfJSON writes characters around each bound as ASCII.
func TestEveryCharacterOfJSON(t *testing.T) {
	for r := range rune(utf8.MaxRune + 1) {
		if r > 0x300 && r < 0xd700 || r > 0xe100 && r < 0xff00 || r > 0x10100 && r < 0x10ff00 || !utf8.ValidRune(r) {
			continue
		}
		doc, err := json.Marshal(string(r))
		if err != nil {
			t.Fatal(err)
		}
		ascii := appendASCII(nil, doc)
		var back string
		if err := json.Unmarshal(ascii, &back); err != nil || back != string(r) {
			t.Fatalf("%U is written as %q: %v", r, ascii, err)
		}
		for _, c := range ascii {
			if c < ' ' || c > '~' {
				t.Fatalf("%U is written as %q", r, ascii)
			}
		}
	}
}

// TestEveryByteOfACredential tries each byte in tokens, schemes and the names
// of parameters and metadata.
func TestEveryByteOfACredential(t *testing.T) {
	for i := range 256 {
		c := string([]byte{byte(i)})
		for what, row := range map[string]struct {
			got  bool
			with string // besides letters and digits
		}{
			"token68":   {isToken68(c), "-._~+/="},
			"token":     {isTokenText(c), "!#$%&'*+-.^_`|~"},
			"parameter": {isParamName(c), "_-~"},
			"metadata":  {isMetadataName(c), "_-."},
		} {
			if row.got != strings.Contains(letters+digits+row.with, c) {
				t.Errorf("%q in a %s: %v", c, what, row.got)
			}
		}
		for k := range 256 {
			other := string([]byte{byte(k)})
			want := c == other || strings.Contains(letters, c) && strings.EqualFold(c, other) && k < utf8.RuneSelf ||
				strings.Contains("_. +", c) && strings.Contains("_. +", other)
			if sameParam(c, other) != want {
				t.Errorf("%q reads like %q: %v", c, other, !want)
			}
		}
	}
	for n, good := range map[int]bool{0: false, 1: true, maxMetadataNameBytes: true, maxMetadataNameBytes + 1: false} {
		if isMetadataName(strings.Repeat("a", n)) != good {
			t.Errorf("a name of %d bytes: %v", n, !good)
		}
	}
}
