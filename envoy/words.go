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
	b := []byte(s) // no copy: nobody writes to it
	if len(b) < 8 {
		for _, c := range b {
			if c < ' ' || c > '~' {
				return false
			}
		}
		return true
	}
	odd := unprintable(b[len(b)-8:]) // the words from the front need not end here
	for ; len(b) > 32; b = b[32:] {
		odd |= unprintable(b) | unprintable(b[8:]) | unprintable(b[16:]) | unprintable(b[24:])
	}
	for ; len(b) > 8; b = b[8:] {
		odd |= unprintable(b)
	}
	return odd&highs == 0
}

// unprintable returns no high bit where the first eight bytes are printable ASCII.
// Of those that are not, look at the first: none before it borrows or carries, so
// it shows its high bit in the difference where it is below a space or above
// 0x9f, and in the sum where it is from 0x7f to 0xfe.
func unprintable(b []byte) uint64 {
	w := binary.LittleEndian.Uint64(b)
	return (w - ' '*ones) | (w + ones)
}

// isPlain reports whether all bytes are ASCII and none is below a space, which
// leaves the printable ones and DEL. Such a text is UTF-8 and breaks no line.
func isPlain(s string) bool {
	b := []byte(s) // no copy: nobody writes to it
	if len(b) < 8 {
		return isPlainShort(b)
	}
	odd := special(binary.LittleEndian.Uint64(b[len(b)-8:])) // the words from the front need not end here
	for ; len(b) > 32; b = b[32:] {
		odd |= special(binary.LittleEndian.Uint64(b)) | special(binary.LittleEndian.Uint64(b[8:])) |
			special(binary.LittleEndian.Uint64(b[16:])) | special(binary.LittleEndian.Uint64(b[24:]))
	}
	for ; len(b) > 8; b = b[8:] {
		odd |= special(binary.LittleEndian.Uint64(b))
	}
	return odd&highs == 0
}

func isPlainShort(b []byte) bool {
	if len(b) >= 4 {
		return special(edges(b))&highs == 0
	}
	for _, c := range b {
		if c < ' ' || c >= 0x80 {
			return false
		}
	}
	return true
}

// edges returns the first four and the last four bytes of a text that has four at
// least, so that none of up to eight is missing.
func edges(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))<<32
}

// special returns no high bit where all bytes of a word are ASCII and none is
// below a space. The first one that is below it shows its high bit in the
// difference: no byte before it borrows.
func special(w uint64) uint64 { return (w - ' '*ones) | w }

// isCommonName reports whether a text of four bytes at least consists of the bytes
// that nearly all names of headers consist of: lower-case letters with ^ _ ` before
// them, digits, `-` and `.`. All of them are bytes of a token (RFC 9110 section
// 5.6.2).
func isCommonName(s string) bool {
	b := []byte(s) // no copy: nobody writes to it
	if len(b) < 8 {
		return len(b) >= 4 && isCommon(edges(b))
	}
	w := binary.LittleEndian.Uint64(b[len(b)-8:]) // the words from the front need not end here
	all, some := common(w), w
	for ; len(b) > 8; b = b[8:] {
		w = binary.LittleEndian.Uint64(b)
		all, some = all&common(w), some|w
	}
	return all&^some&highs == highs
}

// isCommon does as isCommonName for one word.
func isCommon(w uint64) bool { return common(w)&^w&highs == highs }

// common returns a word that has the high bit of each byte that is common,
// provided that all bytes of the word are ASCII. No byte is in two of the ranges.
func common(w uint64) uint64 {
	return between(w, '^', 'z') ^ between(w, '0', '9') ^ between(w, '-', '.')
}

// between returns a word that has the high bit of each byte that is between the
// bounds, provided that all bytes of the word are ASCII: then no byte carries, and
// one above the upper bound has the bit in both sums.
func between(w, low, high uint64) uint64 { return (w + (0x80-low)*ones) ^ (w + (0x7f-high)*ones) }
