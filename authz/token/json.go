package token

import (
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
// surrogates, nothing but white space after the end, at most MaxDepth levels,
// 2048 values and 64 KiB of names and texts, numbers of at most 128 bytes with exponents of at most four
// digits. Errors are ErrMalformed.
func ParseObject(data []byte) (*Value, error) {
	var w workspace
	v, _, err := w.parseObject(string(data), maxNodes)
	return v, err
}

// parseObject is ParseObject with a limit of values. It keeps nothing of src. It
// returns the bytes that the document takes, too.
func (w *workspace) parseObject(src string, nodes int) (*Value, int, error) {
	p := parser{src: src, left: nodes, open: w.open[:0], done: w.done[:0], text: w.text[:0]}
	root, ok := p.document()
	w.open, w.done, w.text = p.open, p.done, p.text
	if !ok {
		return nil, 0, ErrMalformed
	}
	return newDocument(root, p.done, p.text), documentBytes(1+len(p.done), len(p.text)), nil
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
	return p.foundText, nil
}

// workspace is what reading tokens takes, kept from one to the next.
type workspace struct {
	open    []member
	done    []cell
	text    []byte
	decoded []byte
}

// payload decodes a part of a token. The text is good until the next one.
func (w *workspace) payload(part string) (string, error) {
	text, room, err := decodePart(w.decoded[:0], part)
	w.decoded = room
	return text, err
}

// parser reads one document in a single pass. Strings without escapes are
// parts of src until they are copied to text.
type parser struct {
	src   string
	pos   int
	depth int
	left  int      // values that may still come
	open  []member // children, so far, of the containers that are still open
	done  []cell   // of the containers that are closed, the children of each in a row
	text  []byte   // of the document

	// While peeking, only one member of the outermost object is kept.
	peeking   bool
	wanted    string
	found     bool
	foundText string // of a String
	last      string // text of the String that was read last
}

// member is a child of a container that is still open.
type member struct {
	cell
	name string
}

// put adds a text to the document.
func (p *parser) put(text string) (span, bool) {
	at := len(p.text)
	if p.peeking || text == "" {
		return span{}, true
	}
	if at+len(text) > maxText {
		return span{}, false
	}
	p.text = append(p.text, text...)
	return span{uint16(at), uint16(len(text))}, true
}

// document reads an object with nothing but white space around it.
func (p *parser) document() (cell, bool) {
	if !utf8.ValidString(p.src) {
		return cell{}, false
	}
	p.space()
	if p.peek() != '{' {
		return cell{}, false
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
func (p *parser) value() (cell, bool) {
	if p.left--; p.left < 0 {
		return cell{}, false
	}
	switch p.peek() {
	case '{':
		return p.container(Object, '}')
	case '[':
		return p.container(List, ']')
	case '"':
		return p.stringValue()
	case 't':
		return cell{kind: Bool, digitsLen: 1}, p.word("true")
	case 'f':
		return cell{kind: Bool}, p.word("false")
	case 'n':
		return cell{kind: Null}, p.word("null")
	}
	return p.number()
}

func (p *parser) stringValue() (cell, bool) {
	text, ok := p.str()
	if !ok {
		return cell{}, false
	}
	p.last = text
	at, ok := p.put(text)
	return cell{kind: String, text: at}, ok
}

func (p *parser) word(w string) bool {
	if !strings.HasPrefix(p.src[p.pos:], w) {
		return false
	}
	p.pos += len(w)
	return true
}

// container reads a List or an Object from its opening bracket on.
func (p *parser) container(kind Kind, last byte) (cell, bool) {
	p.pos++
	p.depth++
	if p.depth > MaxDepth {
		return cell{}, false
	}
	p.space()
	base := len(p.open)
	if !p.take(last) && !p.elements(kind, last, base) {
		return cell{}, false
	}
	p.depth--
	n := cell{kind: kind, text: span{uint16(1 + len(p.done)), uint16(len(p.open) - base)}} // at most maxNodes
	for i := base; i < len(p.open); i++ {
		p.done = append(p.done, p.open[i].cell)
	}
	p.open = p.open[:base]
	return n, true
}

// elements reads what a container holds, one at least, and its end.
func (p *parser) elements(kind Kind, last byte, base int) bool {
	names := nameSet{}
	for {
		if !p.element(kind, base, &names) {
			return false
		}
		p.space()
		if p.take(last) {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
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
	if !ok || p.peeking {
		return ok && p.look(kind, name, v)
	}
	v.tag = tagOf(name)
	if v.name, ok = p.put(name); !ok {
		return false
	}
	p.open = append(p.open, member{v, name})
	return true
}

// look keeps a value if it is the wanted one, and refuses a second one.
func (p *parser) look(kind Kind, name string, v cell) bool {
	if p.depth > 1 || kind != Object || name != p.wanted {
		return true
	}
	if p.found {
		return false
	}
	p.found = true
	if v.kind == String {
		p.foundText = p.last
	}
	return true
}

// nameSet knows the names of one object's members so far. It compares few of
// them one by one and hashes many, so that no document costs quadratic time.
type nameSet struct{ many map[string]struct{} }

// add reports whether the name is new among the members.
func (s *nameSet) add(name string, members []member) bool {
	if len(members) < linear {
		for i := range members {
			if members[i].name == name {
				return false
			}
		}
		return true
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
