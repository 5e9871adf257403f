package token

import (
	"encoding/base64"
	"strings"
	"unsafe"
)

// Limits on tokens.
const (
	MaxTokenBytes  = 16 << 10 // of the compact form
	MaxHeaderBytes = 4 << 10  // of the header within it
	MaxKIDBytes    = 256
	MaxDepth       = 16 // of JSON containers within each other
)

// compact is a token in JWS compact form (RFC 7515 section 7.1), cut at its
// dots. The parts are in the base64url alphabet and canonical: no other
// spelling of the same bytes passes.
type compact struct {
	header, payload, signature, input string
}

// splitCompact checks size and shape. It decodes nothing, so that the cost of
// junk is one look at each byte.
func splitCompact(raw string) (compact, error) {
	if len(raw) > MaxTokenBytes {
		return compact{}, ErrTooLarge
	}
	header, rest, _ := strings.Cut(raw, ".")
	if len(header) > MaxHeaderBytes {
		return compact{}, ErrTooLarge
	}
	payload, signature, _ := strings.Cut(rest, ".")
	if !canonicalPart(header) || !canonicalPart(payload) || !canonicalPart(signature) {
		return compact{}, misshapen(raw)
	}
	return compact{header: header, payload: payload, signature: signature, input: raw[:len(header)+1+len(payload)]}, nil
}

// misshapen says what a text that is no compact JWS may be instead.
func misshapen(raw string) error {
	switch dots := strings.Count(raw, "."); {
	case dots == 0 && raw != "":
		return ErrOpaque
	case dots == 4:
		return ErrEncrypted // RFC 7516 section 7.1
	}
	return ErrMalformed
}

// canonicalPart reports whether part is the base64url form, without padding,
// of one byte or more: the alphabet alone, and zero in the bits of the last
// character that stand for nothing (RFC 4648 section 3.5).
func canonicalPart(part string) bool {
	var all byte
	for i := range len(part) {
		all |= sextets[part[i]]
	}
	if part == "" || all > 63 {
		return false
	}
	last := sextets[part[len(part)-1]]
	switch len(part) % 4 {
	case 1:
		return false
	case 2:
		return last&0x0f == 0
	case 3:
		return last&0x03 == 0
	}
	return true
}

// sextets has the value of each character of the base64url alphabet at its
// byte, and 0xff at all other bytes.
const (
	invalid = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	sextets = "" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x3e\xff\xff" +
		"\x34\x35\x36\x37\x38\x39\x3a\x3b\x3c\x3d\xff\xff\xff\xff\xff\xff" +
		"\xff\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e" +
		"\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\xff\xff\xff\xff\x3f" +
		"\xff\x1a\x1b\x1c\x1d\x1e\x1f\x20\x21\x22\x23\x24\x25\x26\x27\x28" +
		"\x29\x2a\x2b\x2c\x2d\x2e\x2f\x30\x31\x32\x33\xff\xff\xff\xff\xff" +
		invalid + invalid + invalid + invalid + invalid + invalid + invalid + invalid
)

// decodePart decodes a part that canonicalPart has seen, in the room given if
// there is enough. It returns the room that the text
// lies in.
func decodePart(room []byte, part string) (text string, _ []byte, err error) {
	b, err := base64.RawURLEncoding.AppendDecode(room, unsafe.Slice(unsafe.StringData(part), len(part))) //nolint:gosec // read only
	if err != nil {
		return "", room, ErrMalformed
	}
	return unsafe.String(unsafe.SliceData(b), len(b)), b, nil //nolint:gosec // not written to any more
}
