package authz

import "encoding/binary"

// What nearly all requests consist of is looked at eight bytes at a time.

// A word with the same byte eight times is that byte by ones. The high bit of a
// byte tells whether a comparison holds for it.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// between returns a word that has the high bit of each byte that is between the
// bounds, provided that all bytes of the word are ASCII: then no byte carries, and
// one above the upper bound has the bit in both sums.
func between(w, low, high uint64) uint64 { return (w + (0x80-low)*ones) ^ (w + (0x7f-high)*ones) }

// Nearly all paths and hosts are in canonical form as they come. Each byte of them
// is looked at together with the one before it.

// pairs is how many bytes show eight of them and the one before each.
const pairs = 9

// isSimplePath reports whether a path that is not very short consists of a slash
// and then letters, digits, `-`, `.`, `_` and slashes, and no slash is followed by
// another or by a dot. Nothing of it is to be decoded, and no segment is odd.
func isSimplePath(raw string) bool {
	b := []byte(raw) // no copy: nobody writes to it
	if len(b) < pairs || len(b) > MaxPathBytes || b[0] != '/' {
		return false
	}
	all := simplePath(b[len(b)-pairs:]) // the words from the front need not end here
	for ; len(b) > pairs; b = b[8:] {
		all &= simplePath(b)
	}
	return all&highs == highs
}

// simplePath returns the high bit of each of eight bytes, the first of which is
// preceded by one, that isSimplePath admits there.
func simplePath(b []byte) uint64 {
	before, w := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[1:])
	admitted := between(w|' '*ones, 'a', 'z') ^ between(w, '-', '9') ^ between(w, '_', '_')
	return admitted &^ (between(before, '/', '/') & between(w, '.', '/')) &^ w
}

// isSimpleHost reports whether a host that is not very short, and no longer than a
// label may be, consists of lower-case letters, digits, `-` and `.`, begins with a
// letter or a digit, and holds no empty label.
func isSimpleHost(raw string) bool {
	b := []byte(raw) // no copy: nobody writes to it
	// Of letters and digits only the upper-case ones lack the bit of a space.
	if len(b) < pairs || len(b) > maxLabelBytes || !isAlphanumeric(b[0]) || b[0]&' ' == 0 || b[len(b)-1] == '.' {
		return false
	}
	all := simpleHost(b[len(b)-pairs:]) // the words from the front need not end here
	for ; len(b) > pairs; b = b[8:] {
		all &= simpleHost(b)
	}
	return all&highs == highs
}

// simpleHost does as simplePath for isSimpleHost.
func simpleHost(b []byte) uint64 {
	before, w := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[1:])
	admitted := between(w, 'a', 'z') ^ between(w, '0', '9') ^ between(w, '-', '.')
	return admitted &^ (between(before, '.', '.') & between(w, '.', '.')) &^ w
}
