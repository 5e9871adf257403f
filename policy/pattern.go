package policy

import (
	"fmt"
	"strings"
)

// fault is what is wrong with one value: a Problem without a place.
type fault struct{ message, mend string }

func faultf(mend, format string, args ...any) *fault {
	return &fault{message: fmt.Sprintf(format, args...), mend: mend}
}

// parsePattern compiles one path pattern, or says what is wrong with it.
func parsePattern(text string) (pattern, *fault) {
	canonical, wrong := canonicalPattern(text)
	if wrong != nil {
		return pattern{}, wrong
	}
	p := pattern{text: canonical, differs: strings.IndexByte(canonical, '%') >= 0}
	rest, tail := strings.CutSuffix(canonical, "/**")
	p.tail = tail
	if rest == "" && tail {
		return p, nil
	}
	names := strings.Split(rest[1:], "/")
	if len(names) > maxSegments {
		return pattern{}, faultf("cover the rest with `/**`", "has %d segments, more than %d", len(names), maxSegments)
	}
	for i, name := range names {
		if name == "" && (i < len(names)-1 || tail) {
			return pattern{}, faultf("write a single slash", "holds an empty segment (`//`)")
		}
		if wrong := p.addSegment(name); wrong != nil {
			return pattern{}, wrong
		}
	}
	return p, nil
}

func (p *pattern) addSegment(name string) *fault {
	sent, captured, wrong := parseSegment(name)
	if wrong != nil {
		return wrong
	}
	if captured != "" {
		if _, twice := p.captureIndex(captured); twice {
			return faultf("give each capture a name of its own", "captures {%s} twice", captured)
		}
		p.captures = append(p.captures, capture{captured, len(p.sent)})
	}
	lenient := segment{kind: sent.kind, text: decodeOnce(sent.text)}
	for _, part := range sent.parts {
		lenient.parts = append(lenient.parts, decodeOnce(part))
	}
	p.sent = append(p.sent, sent)
	p.lenient = append(p.lenient, lenient)
	return nil
}

// parseSegment compiles the canonical text of one segment and returns the name
// that it captures, if any.
func parseSegment(name string) (s segment, captured string, wrong *fault) {
	switch {
	case name == "." || name == "..":
		return s, "", faultf("write the path that it resolves to", "holds the dot segment %q, which no request may hold", name)
	case strings.ContainsAny(name, "{}"):
		captured, wrong = captureName(name)
		return segment{kind: anySegment}, captured, wrong
	case strings.Contains(name, "**"):
		return s, "", faultf("end the pattern with `/**`, or write a single `*`", "has `**` elsewhere than as its whole last segment")
	case name == "*":
		return segment{kind: anySegment}, "", nil
	case strings.Contains(name, "*"):
		return segment{kind: globSegment, parts: strings.Split(name, "*")}, "", nil
	}
	return segment{text: name}, "", nil
}

func captureName(segment string) (string, *fault) {
	name, ok := strings.CutPrefix(segment, "{")
	if ok {
		name, ok = strings.CutSuffix(name, "}")
	}
	if !ok || strings.ContainsAny(name, "{}") {
		return "", faultf("write a capture as a whole segment, as in `/users/{id}`; a literal brace is %7B or %7D",
			"has a brace in segment %q that does not enclose it whole", segment)
	}
	if !isIdentifier(name) {
		return "", faultf("use letters, digits and `_`, not beginning with a digit, at most 64", "has %q as the name of a capture", name)
	}
	return name, nil
}

func isIdentifier(s string) bool {
	if s == "" || len(s) > maxName || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '_' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// canonicalPattern decodes the escapes of unreserved characters (RFC 3986
// section 6.2.2.2), upper-cases the others and refuses what no request path
// can hold.
func canonicalPattern(text string) (string, *fault) {
	if text == "" || text[0] != '/' {
		return "", faultf("begin it with `/`", "is not a path pattern: it does not begin with a slash")
	}
	if len(text) > maxString {
		return "", faultf("shorten it", "is %d bytes long, more than %d", len(text), maxString)
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		c, n := decodeByte(text[i:])
		if wrong := faultOfByte(text, c, n == 3); wrong != nil {
			return "", wrong
		}
		if n == 3 && !isUnreserved(c) {
			out.WriteString(strings.ToUpper(text[i : i+3]))
		} else {
			out.WriteByte(c)
		}
		i += n
	}
	return out.String(), nil
}

func isUnreserved(c byte) bool {
	return isAlnum(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

// faultOfByte says what is wrong with byte c of a pattern, if anything.
func faultOfByte(text string, c byte, escaped bool) *fault {
	switch {
	case c < ' ' || c == 0x7f:
		return faultf("remove it", "holds the control byte %#02x, which no request may hold", c)
	case c == '\\' || escaped && c == '/':
		return faultf("write `/` between segments", "holds a backslash or an encoded slash, which no request may hold")
	case c == ';':
		return faultf("remove it", "holds a semicolon, which no request may hold")
	case escaped:
		return nil
	case c == '%':
		return faultf("write two hexadecimal digits after each `%`, and %25 for the sign itself", "holds a percent sign that begins no escape")
	case c == '?' || c == '#':
		return faultf("patterns match the path without its query; a literal mark is %3F or %23", "holds %q", c)
	case c == ' ' || c >= 0x80:
		return faultf("write "+escapeRaw(text), "holds a raw space or a byte outside ASCII, which no request may hold")
	}
	return nil
}

// escapeRaw encodes spaces and bytes outside ASCII.
func escapeRaw(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if c := text[i]; c == ' ' || c >= 0x80 {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}
