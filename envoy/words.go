package envoy

import (
	"encoding/binary"
	"unsafe"
)

// What nearly all requests and answers consist of is looked at eight bytes at a
// time. Each function here decides one class of texts, and only the text that is
// not in it is looked at byte by byte.

// A word with the same byte eight times is that byte by ones. The high bit of a
// byte tells whether a comparison holds for it.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// octets are the bytes of a text, which nobody may write to.
func octets(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) } //nolint:gosec // the length is that of the text

// isPrintable reports whether all bytes are printable ASCII, from a space to
// `~`. Such a text is UTF-8, breaks no line and holds no control byte.
func isPrintable(s string) bool {
	b := octets(s)
	if len(b) < 8 {
		for _, c := range b {
			if c < ' ' || c > '~' {
				return false
			}
		}
		return true
	}
	odd := unprintable(b[len(b)-8:]) // the words from the front need not end here
	i := 0
	for ; i+32 <= len(b) && odd == 0; i += 32 {
		w := b[i : i+32 : i+32]
		odd = unprintable(w) | unprintable(w[8:]) | unprintable(w[16:]) | unprintable(w[24:])
	}
	for ; i+8 <= len(b); i += 8 {
		odd |= unprintable(b[i : i+8 : i+8])
	}
	return odd == 0
}

// unprintable returns 0 where the first eight bytes are printable ASCII. Of
// those that are not, look at the first: none before it borrows or carries, so
// it shows its high bit in the difference where it is below a space or above
// 0x9f, and in the sum where it is from 0x7f to 0xfe.
func unprintable(b []byte) uint64 {
	w := binary.LittleEndian.Uint64(b)
	return ((w - ' '*ones) | (w + ones)) & highs
}

// isCommonName reports whether a text of four bytes at least consists of the bytes
// that nearly all names of headers consist of: lower-case letters with ^ _ ` before
// them, digits, `-` and `.`. All of them are bytes of a token (RFC 9110 section
// 5.6.2).
func isCommonName(s string) bool {
	b := octets(s)
	if len(b) < 8 {
		return len(b) >= 4 &&
			common(uint64(binary.LittleEndian.Uint32(b))|uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))<<32) == highs
	}
	all := common(binary.LittleEndian.Uint64(b[len(b)-8:])) // the words from the front need not end here
	for ; len(b) > 8; b = b[8:] {
		all &= common(binary.LittleEndian.Uint64(b))
	}
	return all == highs
}

// common returns the high bit of each byte of a word, where all are such, and
// else less.
func common(w uint64) uint64 {
	return (between(w, '^', 'z') | between(w, '0', '9') | between(w, '-', '.')) &^ w & highs
}

// between returns the high bit of each byte that is between the bounds,
// provided that all bytes of the word are ASCII.
func between(w, low, high uint64) uint64 { return (w + (0x80-low)*ones) &^ (w + (0x7f-high)*ones) }
