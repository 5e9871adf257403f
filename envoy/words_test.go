package envoy

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestEveryByteOfEveryWord puts each byte at each place of texts of each length
// up to more than two words, and those at the bounds of classes into longer
// ones, among other bytes of each class, which must not change what it is taken
// for.
func TestEveryByteOfEveryWord(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for length := range 21 {
		for _, around := range []byte("a -~\x00\x1f\x7f\x80\xff") {
			tryWords(t, length, around, all)
		}
	}
	for _, length := range []int{31, 32, 33, 39, 40, 41, 63, 64, 65, 71, 72, 73} {
		for _, around := range []byte("az~") {
			tryWords(t, length, around, []byte(" !,-./09:@AZ[]^_`az{~\x00\t\n\r\x1f\x7f\x80\x9f\xa0\xfe\xff"))
		}
	}
}

// tryWords puts each of the bytes at each place of a text of others.
func tryWords(t *testing.T, length int, around byte, bytes []byte) {
	t.Helper()
	text := []byte(strings.Repeat(string([]byte{around}), length))
	compareWords(t, string(text))
	for at := range text {
		for _, c := range bytes {
			text[at] = c
			compareWords(t, string(text))
		}
		text[at] = around
	}
}

// FuzzWords holds the functions that look at words to those that look at bytes.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "x-request-id", "accept\xff", "\xff\x7f ~~~~~~", "~\x7f~\x80~\xff~\x00", strings.Repeat("a", 33) + "\x1f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { compareWords(t, s) })
}

// compareWords holds each function that looks at words to one that looks at
// bytes.
func compareWords(t *testing.T, s string) {
	t.Helper()
	printable, plain, common, lower, controls, line := true, true, len(s) >= 4, s != "", false, false
	for _, c := range []byte(s) {
		letter := '^' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.'
		printable = printable && ' ' <= c && c <= '~'
		plain = plain && ' ' <= c && c < utf8.RuneSelf
		common = common && letter
		lower = lower && (letter || c < utf8.RuneSelf && strings.IndexByte("!#$%&'*+|~", c) >= 0) // RFC 9110 section 5.6.2
		controls = controls || c < ' ' && c != '\t' || c == 0x7f
		line = line || c == '\r' || c == '\n' || c == 0
	}
	value := !controls && utf8.ValidString(s) && strings.Trim(s, " \t") == s
	if isPrintable(s) != printable || isPlain(s) != plain || isCommonName(s) != common || isLowerName(s) != lower || isFieldValue(s) != value || breaksLine(s) != line {
		t.Fatalf("%q: printable %v, plain %v, common %v, name %v, value %v, breaks a line %v", s,
			isPrintable(s), isPlain(s), isCommonName(s), isLowerName(s), isFieldValue(s), breaksLine(s))
	}
}
