package authz

import "strings"

// readCookie reads one cookie (RFC 6265 section 5.4). Every line counts. A
// comma is no part of a cookie that we read: it may be how a proxy joined two
// lines, and some servers end a cookie there.
func readCookie(headers *Headers, place *CredentialSpec, r *reading) {
	for i := range headers.Lines {
		if headers.Lines[i].Name != "cookie" {
			continue
		}
		for piece := range strings.SplitSeq(headers.Lines[i].Value, ";") {
			value, found := cookiePiece(piece, place.Cookie)
			switch {
			case !found:
			case strings.IndexByte(piece, ',') >= 0:
				r.several()
			default:
				r.fill(value, place)
			}
		}
	}
}

// cookiePiece reports whether what stands between two semicolons holds the
// cookie, or may do so for a reader that ends cookies at commas.
func cookiePiece(piece, name string) (value string, found bool) {
	if !strings.Contains(piece, name) {
		return "", false
	}
	for part := range strings.SplitSeq(piece, ",") {
		key, after, _ := strings.Cut(part, "=")
		if strings.Trim(key, " \t") == name {
			return strings.Trim(after, " \t"), true
		}
	}
	return "", false
}

// readParam reads one query parameter. The name is compared as sent; what a
// reader may take for the same name is refused before (see soundQuery).
func readParam(query string, place *CredentialSpec, r *reading) {
	if !strings.Contains(query, place.Param) {
		return
	}
	for pair := range strings.SplitSeq(query, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == place.Param {
			r.fill(value, place)
		}
	}
}

// soundQuery reports false for a query that some upstream may find a credential
// in where we find none: the name escaped, in other letters, as a list, or
// after a semicolon. Proxies remove parameters by the very bytes of the name,
// so such a one would also arrive.
func (c *credentials) soundQuery(query string) bool {
	if len(c.params) == 0 || query == "" {
		return true
	}
	for pair := range strings.SplitSeq(query, "&") {
		first := true
		for part := range strings.SplitSeq(pair, ";") {
			key, _, _ := strings.Cut(part, "=")
			for _, place := range c.params {
				if (!first || key != place.Param) && mayRead(key, place.Param) {
					return false
				}
			}
			first = false
		}
	}
	return true
}

// mayRead reports whether a reader may take the key for the name: once it is
// decoded, without case, cut at a bracket, without spaces around it, and with
// the characters that PHP turns into an underscore.
func mayRead(key, name string) bool {
	if len(key) < len(name) {
		return false // decoding only shortens
	}
	for rounds := 0; ; rounds++ {
		read, _, _ := strings.Cut(key, "[")
		if sameParam(strings.Trim(read, " \t+\x00"), name) {
			return true
		}
		decoded := decodeEscapes(key)
		if decoded == key || rounds == maxDecodings {
			return false
		}
		key = decoded
	}
}

// maxDecodings is how often a reader is expected to decode a name, at most.
const maxDecodings = 3

func sameParam(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if foldParam(a[i]) != foldParam(b[i]) {
			return false
		}
	}
	return true
}

func foldParam(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case c == '.' || c == ' ' || c == '+':
		return '_'
	}
	return c
}

// decodeEscapes decodes each valid escape once.
func decodeEscapes(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if c, ok := unescape(s[i:]); ok && s[i] == '%' {
			out = append(out, c)
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}
