package token

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits on JSON documents beside MaxDepth. The size is bounded by the caller:
// a token by MaxTokenBytes.
const (
	maxNodes       = 2048 // values, containers included
	maxHeaderNodes = 64   // of a JOSE header, which is read before anything is proved
	linear         = 16   // members of an object up to which names are compared one by one
)

// ParseObject parses a strict, bounded JSON object (RFC 8259): UTF-8 only and
// no byte order mark, no duplicate members however they are escaped, no lone
// surrogates, nothing but white space after the end, at most MaxDepth levels
// and 2048 values, numbers of at most 128 bytes with exponents of at most four
// digits. Errors are ErrMalformed.
func ParseObject(data []byte) (*Value, error) { return parseObject(string(data), maxNodes) }

func parseObject(src string, nodes int) (*Value, error) {
	p := parser{src: src, left: nodes}
	v, ok := p.document()
	if !ok {
		return nil, ErrMalformed
	}
	return &v, nil
}

// peekString returns the string that an object has under a name, "" where it
// has none or another kind of value. It builds nothing, so that a forged token
// costs one look at each byte before its signature is checked; it sees the same
// grammar and limits as ParseObject, but only those duplicates that bear the
// name itself.
func peekString(src, name string) (string, error) {
	p := parser{src: src, left: maxNodes, peeking: true, wanted: name}
	if _, ok := p.document(); !ok {
		return "", ErrMalformed
	}
	return p.found.Str(), nil
}

// parser reads one document in a single pass. Strings without escapes are
// parts of src.
type parser struct {
	src   string
	pos   int
	depth int
	left  int     // values that may still come
	open  []Value // children, so far, of the containers that are still open

	// While peeking, only one member of the outermost object is kept.
	peeking bool
	wanted  string
	found   Value // Invalid until it came by
}

// document reads an object with nothing but white space around it.
func (p *parser) document() (Value, bool) {
	if !utf8.ValidString(p.src) {
		return Value{}, false
	}
	p.space()
	if p.peek() != '{' {
		return Value{}, false
	}
	v, ok := p.value()
	p.space()
	return v, ok && p.pos == len(p.src)
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
	if p.left--; p.left < 0 {
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
		if name, ok = p.str(); !ok || !p.peeking && !names.add(name, p.open[base:]) {
			return false
		}
		if p.space(); !p.take(':') {
			return false
		}
		p.space()
	}
	v, ok := p.value()
	if p.peeking {
		return ok && p.look(kind, name, v)
	}
	v.name = name
	p.open = append(p.open, v)
	return ok
}

// look keeps a value if it is the wanted one, and refuses a second one.
func (p *parser) look(kind Kind, name string, v Value) bool {
	if p.depth > 1 || kind != Object || name != p.wanted {
		return true
	}
	if p.found.kind != Invalid {
		return false
	}
	p.found = v
	return true
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
