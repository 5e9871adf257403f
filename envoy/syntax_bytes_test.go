package envoy

import (
	"strings"
	"testing"
)

// TestEveryByteOfTheSyntax tries each byte in names, values and challenges, at
// each place of a word of the machine, against the sets as the RFCs write them.
func TestEveryByteOfTheSyntax(t *testing.T) {
	const lower, upper, digits = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	const token = "!#$%&'*+-.^_`|~" + digits + lower // RFC 9110 section 5.6.2, in lower case
	for i := range 256 {
		c := string([]byte{byte(i)})
		if got := isToken("a" + c); got != strings.Contains(token+upper, c) {
			t.Errorf("%q in a token: %v", c, got)
		}
		if got := isLowerName("a" + c); got != strings.Contains(token, c) {
			t.Errorf("%q in a name that is sent: %v", c, got)
		}
		name, ok := lowerName("X" + c)
		if want := strings.Contains(token+upper, c); ok != want || ok && name != strings.ToLower("X"+c) {
			t.Errorf("%q in a name: %q, %v", c, name, ok)
		}
		control := i < ' ' || i == 0x7f
		if got := isFieldValue("a" + c + "b"); got != (c == "\t" || !control && i < 0x80) {
			t.Errorf("%q in a value: %v", c, got)
		}
		if got := isFieldValue(c + "b"); got != (!control && i < 0x80 && c != " ") {
			t.Errorf("%q before a value: %v", c, got)
		}
		if got := isFieldValue("b" + c); got != (!control && i < 0x80 && c != " ") {
			t.Errorf("%q after a value: %v", c, got)
		}
		if got := isFieldValue("\u00e9" + c + "\u00e9"); got != (c == "\t" || !control && i < 0x80) {
			t.Errorf("%q in a value beyond ASCII: %v", c, got)
		}
		quotable := i >= ' ' && i <= '~' && c != `"` && c != `\`
		if got := isQuotable("a" + c); got != quotable {
			t.Errorf("%q between quotes: %v", c, got)
		}
		if got := isScopeToken("a" + c); got != (quotable && c != " ") {
			t.Errorf("%q in a scope: %v", c, got)
		}
		if got := isScopeToken(c + "a"); got != (quotable && c != " ") {
			t.Errorf("%q begins a scope: %v", c, got)
		}
		for at := range 20 {
			line := strings.Repeat("a", at) + c + strings.Repeat("\u00e9", 20-at)
			if got := breaksLine(line); got != (c == "\r" || c == "\n" || c == "\x00") {
				t.Errorf("%q at %d breaks a line: %v", c, at, got)
			}
		}
	}
	if isToken("") || isLowerName("") || !isFieldValue("") || !isFieldValue("\u00e9") || breaksLine("") || isScopeToken("") || !isQuotable("") {
		t.Error("what is empty")
	}
}
