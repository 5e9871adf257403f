package yamldoc

import (
	"regexp"

	"go.yaml.in/yaml/v4"
)

// Kind is the type of a node as YAML resolves it.
type Kind uint8

// The kinds. Reported is a node about which a problem is already known.
const (
	Reported Kind = iota
	Null
	Bool
	Number
	Text
	List
	Mapping
)

func (k Kind) article() string {
	return [...]string{"unusable", "empty", "true or false", "a number", "a text", "a list", "a mapping"}[k]
}

// numeric is the form of a number whose value is exact whatever reads it: RFC
// 8259 section 6. Other numbers of YAML (octal, hexadecimal, underscores,
// infinities) are numbers too, but DecimalText refuses them.
var numeric = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func kindOf(n *yaml.Node) Kind {
	switch n.Kind {
	case yaml.MappingNode:
		return Mapping
	case yaml.SequenceNode:
		return List
	case yaml.ScalarNode:
		return scalarKind(n)
	default:
		return Reported
	}
}

func scalarKind(n *yaml.Node) Kind {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	switch n.Tag {
	case "!!null":
		return Null
	case "!!bool":
		return Bool
	case "!!int", "!!float":
		return Number
	}
	if n.Style&quoted == 0 && numeric.MatchString(n.Value) { // beyond a float's range
		return Number
	}
	return Text // timestamps are texts as written
}

// Node is one value of a document, for types that read themselves.
type Node struct {
	decoder *decoder
	node    *yaml.Node
	path    string
}

// Custom is implemented by types that read themselves.
type Custom interface {
	// DecodeNode fills the receiver and reports problems to the node.
	DecodeNode(n Node)
	// Describe returns the name of the type for people and its JSON Schema.
	Describe() (string, map[string]any)
}

// Former is implemented by custom types that read some forms as structs.
type Former interface {
	Custom
	// Forms returns a pointer to each struct that the reference shall list.
	Forms() []any
}

// Kind returns the kind of the node.
func (n Node) Kind() Kind {
	if n.decoder.document.bad[n.node] {
		return Reported
	}
	return kindOf(n.node)
}

// Report notes a problem with the node.
func (n Node) Report(message, mend string) {
	n.decoder.report(n.node, n.path, message, mend)
}

// Mismatch reports that the node is not what is needed. It quotes nothing.
func (n Node) Mismatch(needed string) {
	mend := ""
	switch kind := n.Kind(); kind {
	case Reported:
		return
	case Null:
		n.Report("there is no value", "write "+needed+", or remove the field")
		return
	case Number, Bool:
		if needed == Text.article() {
			mend = "write it in quotes"
		}
	case Text:
		if needed == Bool.article() {
			mend = "write true or false without quotes"
		}
	default:
	}
	if mend == "" {
		mend = shape(needed)
	}
	n.Report("this needs "+needed+", but is "+n.Kind().word(), mend)
}

// shape says how a kind looks that people take another one for.
func shape(needed string) string {
	switch needed {
	case List.article():
		return "write it in brackets, as in [one, two], or each element on a line after a dash"
	case Mapping.article():
		return "write each field as name: value"
	default:
		return ""
	}
}

func (k Kind) word() string {
	if k == Bool {
		return "a truth value"
	}
	return k.article()
}

// Text returns a text and reports every other kind.
func (n Node) Text() (string, bool) {
	if n.Kind() != Text {
		n.Mismatch(Text.article())
		return "", false
	}
	return n.node.Value, true
}

// Bool returns a truth value and reports every other kind.
func (n Node) Bool() (value, ok bool) {
	if n.Kind() != Bool {
		n.Mismatch(Bool.article())
		return false, false
	}
	return n.node.Value[0]|0x20 == 't', true
}

// DecimalText returns the text of a decimal number, as RFC 8259 writes it, and
// reports every other kind and other forms of numbers.
func (n Node) DecimalText() (string, bool) {
	if n.Kind() != Number {
		n.Mismatch(Number.article())
		return "", false
	}
	if !numeric.MatchString(n.node.Value) {
		n.Report("this is no plain decimal number", "write it as 123, -1.5 or 2e9, or in quotes if it is a text")
		return "", false
	}
	return n.node.Value, true
}

// Items returns the elements of a list, or nil.
func (n Node) Items() []Node {
	if n.Kind() != List {
		return nil
	}
	items := make([]Node, len(n.node.Content))
	for i, item := range n.node.Content {
		items[i] = Node{n.decoder, item, index(n.path, i)}
	}
	return items
}

// Field is one member of a mapping.
type Field struct {
	Name string
	Node
	key *yaml.Node
}

// Fields returns the members of a mapping in order, or nil. Members about
// which a problem is known are left out.
func (n Node) Fields() []Field {
	if n.Kind() != Mapping {
		return nil
	}
	fields := make([]Field, 0, len(n.node.Content)/2)
	for i := 0; i+1 < len(n.node.Content); i += 2 {
		key, value := n.node.Content[i], n.node.Content[i+1]
		if !n.decoder.document.bad[key] {
			fields = append(fields, Field{key.Value, Node{n.decoder, value, member(n.path, key.Value)}, key})
		}
	}
	return fields
}

// Decode decodes the node into a value of another type, as Document.Decode.
func (n Node) Decode(into any) { n.decoder.into(n, into) }
