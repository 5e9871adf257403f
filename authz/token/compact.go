package token

import (
	"encoding/base64"
	"strings"
)

// Limits on tokens.
const (
	MaxTokenBytes = 16 << 10 // of the compact form
	MaxKIDBytes   = 256
	MaxDepth      = 16 // of JSON containers within each other
)

// compact is a token in JWS compact form (RFC 7515 section 7.1), cut at its
// dots. The parts are in the base64url alphabet and canonical: no other
// spelling of the same bytes passes.
type compact struct{ header, payload, signature, input string }

// splitCompact checks size and shape. It decodes nothing, so that the cost of
// junk is one look at each byte.
func splitCompact(raw string) (compact, error) {
	if len(raw) > MaxTokenBytes {
		return compact{}, ErrTooLarge
	}
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if !canonicalPart(header) || !canonicalPart(payload) || !canonicalPart(signature) {
		return compact{}, ErrMalformed
	}
	return compact{header, payload, signature, raw[:len(header)+1+len(payload)]}, nil
}

// canonicalPart reports whether part is the base64url form, without padding,
// of one byte or more: the alphabet alone, and zero in the bits of the last
// character that stand for nothing (RFC 4648 section 3.5).
func canonicalPart(part string) bool {
	for i := range len(part) {
		if _, ok := sextet(part[i]); !ok {
			return false
		}
	}
	if part == "" {
		return false
	}
	last, _ := sextet(part[len(part)-1])
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

// sextet returns the value of a character of the base64url alphabet.
func sextet(c byte) (byte, bool) {
	switch {
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26, true
	case 'A' <= c && c <= 'Z':
		return c - 'A', true
	case '0' <= c && c <= '9':
		return c - '0' + 52, true
	case c == '-':
		return 62, true
	case c == '_':
		return 63, true
	}
	return 0, false
}

// decodePart decodes a part that canonicalPart has seen.
func decodePart(part string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, ErrMalformed
	}
	return b, nil
}

// decodeObject decodes a part that holds a JSON object.
func decodeObject(part string) (*Value, error) {
	b, err := decodePart(part)
	if err != nil {
		return nil, err
	}
	return ParseObject(b)
}
