package token

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// header is what verification reads of a JOSE header (RFC 7515 section 4).
type header struct {
	alg    string
	kid    string // "" without one
	typ    string // lower case, without "application/"
	hasTyp bool
	nonce  bool // has a nonce, as tokens for Microsoft Graph have
}

// parseHeader reads a JOSE header strictly. Parameters that would change how
// the token is to be read (`crit`, `b64`, `zip`, `enc`, `cty`) or that offer a
// key of the token's own (`jwk`, `jku`, `x5u`, `x5c`) are refused, whatever
// their value, and so are more than 64 values. Certificate digests (`x5t`) and unknown parameters are ignored,
// as section 4 demands.
func (w *workspace) parseHeader(part string) (header, error) {
	text, err := w.payload(part)
	if err != nil {
		return header{}, err
	}
	v, _, err := w.parseObject(text, maxHeaderNodes)
	if err != nil {
		return header{}, err
	}
	for i := range v.Len() {
		switch name, _ := v.Member(i); name {
		case "crit", "b64", "zip", "enc", "cty", "jwk", "jku", "x5u", "x5c":
			return header{}, ErrMalformed
		}
	}
	h := header{nonce: v.Get("nonce") != nil, alg: v.Get("alg").Str(), kid: v.Get("kid").Str()}
	if v.Get("alg").Kind() != String || v.Get("kid") != nil && !validKID(h.kid) {
		return header{}, ErrMalformed
	}
	if typ := v.Get("typ"); typ != nil {
		if typ.Kind() != String {
			return header{}, ErrMalformed
		}
		h.typ, h.hasTyp = mediaType(typ.Str()), true
	}
	return h, nil
}

// validKID reports whether a kid is 1 to MaxKIDBytes of UTF-8 without control
// characters.
func validKID(kid string) bool {
	return kid != "" && len(kid) <= MaxKIDBytes && utf8.ValidString(kid) && !strings.ContainsFunc(kid, unicode.IsControl)
}

// mediaType returns typ as it is compared: ASCII letters in lower case and one
// leading "application/" removed (RFC 7515 section 4.1.9). Letters beyond
// ASCII that fold to ASCII ones stay what they are.
func mediaType(typ string) string {
	lower := []byte(typ)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + ('a' - 'A')
		}
	}
	return strings.TrimPrefix(string(lower), "application/")
}
