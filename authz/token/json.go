package token

import (
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits on JSON documents beside MaxDepth. The size is bounded by the caller:
// a token by MaxTokenBytes.
const (
	maxNodes = 2048 // values, containers included
	linear   = 16   // members of an object up to which names are compared one by one
)

// ParseObject parses a strict, bounded JSON object (RFC 8259): UTF-8 only and
// no byte order mark, no duplicate members however they are escaped, no lone
// surrogates, nothing but white space after the end, at most MaxDepth levels
// and 2048 values, numbers as parseNumber has them. Errors are ErrMalformed.
func ParseObject(data []byte) (*Value, error) {
	if !utf8.Valid(data) {
		return nil, ErrMalformed
	}
	p := parser{src: string(data)}
	p.space()
	if p.peek() != '{' {
		return nil, ErrMalformed
	}
	v, ok := p.value()
	p.space()
	if !ok || p.pos != len(p.src) {
		return nil, ErrMalformed
	}
	return &v, nil
}

// parser reads one document in a single pass. Strings without escapes are
// parts of src.
type parser struct {
	src   string
	pos   int
	depth int
	nodes int
	open  []Value // children, so far, of the containers that are still open
}

// peek returns the next byte, 0 at the end. A NUL in the document fits nowhere
// in the grammar either.
func (p *parser) peek() byte {
	if p.pos >= len(p.src) {
		return 0
	}
	return p.src[p.pos]
}

// take consumes the next byte if it is c.
func (p *parser) take(c byte) bool {
	if p.peek() != c || p.pos >= len(p.src) {
		return false
	}
	p.pos++
	return true
}

// space skips the white space of RFC 8259 section 2.
func (p *parser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// value reads one value of any kind, without white space around it.
func (p *parser) value() (Value, bool) {
	p.nodes++
	if p.nodes > maxNodes {
		return Value{}, false
	}
	switch p.peek() {
	case '{':
		return p.container(Object, '}')
	case '[':
		return p.container(List, ']')
	case '"':
		text, ok := p.str()
		return Value{kind: String, text: text}, ok
	case 't':
		return Value{kind: Bool, truth: true}, p.word("true")
	case 'f':
		return Value{kind: Bool}, p.word("false")
	case 'n':
		return Value{kind: Null}, p.word("null")
	}
	return p.number()
}

func (p *parser) word(w string) bool {
	if !strings.HasPrefix(p.src[p.pos:], w) {
		return false
	}
	p.pos += len(w)
	return true
}

// container reads a List or an Object from its opening bracket on.
func (p *parser) container(kind Kind, last byte) (Value, bool) {
	p.pos++
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > MaxDepth {
		return Value{}, false
	}
	p.space()
	if p.take(last) {
		return Value{kind: kind}, true
	}
	base := len(p.open)
	names := nameSet{}
	for {
		if !p.element(kind, base, &names) {
			return Value{}, false
		}
		p.space()
		if p.take(last) {
			break
		}
		if !p.take(',') {
			return Value{}, false
		}
	}
	kids := slices.Clone(p.open[base:])
	p.open = p.open[:base]
	return Value{kind: kind, kids: kids}, true
}

// element reads one element or member and puts it on p.open.
func (p *parser) element(kind Kind, base int, names *nameSet) bool {
	p.space()
	name := ""
	if kind == Object {
		var ok bool
		if name, ok = p.str(); !ok || !names.add(name, p.open[base:]) {
			return false
		}
		if p.space(); !p.take(':') {
			return false
		}
		p.space()
	}
	v, ok := p.value()
	v.name = name
	p.open = append(p.open, v)
	return ok
}

// nameSet knows the names of one object's members so far. It compares few of
// them one by one and hashes many, so that no document costs quadratic time.
type nameSet struct{ many map[string]struct{} }

// add reports whether the name is new among the members.
func (s *nameSet) add(name string, members []Value) bool {
	if len(members) < linear {
		return !slices.ContainsFunc(members, func(v Value) bool { return v.name == name })
	}
	if s.many == nil {
		s.many = make(map[string]struct{}, 4*linear)
		for i := range members {
			s.many[members[i].name] = struct{}{}
		}
	}
	if _, dup := s.many[name]; dup {
		return false
	}
	s.many[name] = struct{}{}
	return true
}

// str reads a string from its opening quote on and unescapes it.
func (p *parser) str() (string, bool) {
	if !p.take('"') {
		return "", false
	}
	start := p.pos
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			p.pos++
			return p.src[start : p.pos-1], true
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", false
		}
		p.pos++
	}
	return "", false
}

// escaped goes on with a string that began at start and whose first escape is
// next.
func (p *parser) escaped(start int) (string, bool) {
	text := append(make([]byte, 0, 64), p.src[start:p.pos]...)
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		p.pos++
		switch {
		case c == '"':
			return string(text), true
		case c < 0x20:
			return "", false
		case c != '\\':
			text = append(text, c)
			continue
		}
		r, ok := p.escape()
		if !ok {
			return "", false
		}
		text = utf8.AppendRune(text, r)
	}
	return "", false
}

// escape reads what follows a backslash. Surrogates count only in pairs.
func (p *parser) escape() (rune, bool) {
	c := p.peek()
	p.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return p.unicode()
	}
	return 0, false
}

func (p *parser) unicode() (rune, bool) {
	r, ok := p.hex4()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if !p.word(`\u`) {
		return 0, false
	}
	low, ok := p.hex4()
	pair := utf16.DecodeRune(r, low)
	return pair, ok && pair != utf8.RuneError
}

func (p *parser) hex4() (rune, bool) {
	if len(p.src)-p.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.src[p.pos : p.pos+4]) {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.pos += 4
	return r, true
}
