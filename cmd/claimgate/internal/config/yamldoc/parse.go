package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Position is a place in a document; lines and columns count from one, columns
// in characters.
type Position struct{ Line, Column int }

// Problem is one mistake. It never quotes a whole value of the document.
type Problem struct {
	Position
	Path    string // field path, "" for the document itself
	Message string // what is wrong
	Mend    string // how to mend it, or ""
	Meant   string // path of the field that an unknown field was taken for, or ""
}

// Limits bound a document.
type Limits struct {
	Bytes int
	Depth int // of nested mappings and lists
	Nodes int // keys, values, mappings and lists together
}

// Document is one parsed document. A nil document has no content, and every
// method works on it.
type Document struct {
	root *yaml.Node
	bad  map[*yaml.Node]bool // already reported, not to be decoded
}

// Parse reads a document that must be UTF-8 YAML. The document is nil where
// its structure cannot be trusted; else it may be decoded in spite of problems.
func Parse(data []byte, limits Limits) (*Document, []Problem) {
	if len(data) > limits.Bytes {
		return nil, failure(Position{1, 1}, fmt.Sprintf("the file has more than %d bytes", limits.Bytes), "split it")
	}
	if !utf8.Valid(data) {
		return nil, failure(first(data, broken), "the file is not UTF-8 text", "save it in UTF-8")
	}
	if at := first(data, control); at.Line > 0 {
		return nil, failure(at, "control characters are not allowed", "remove the character, or write it as an escape in double quotes")
	}
	root, problems := compose(data, limits)
	if root == nil {
		return nil, problems
	}
	document := &Document{root: root, bad: map[*yaml.Node]bool{}}
	found, ok := document.inspect(limits)
	if !ok {
		return nil, found
	}
	return document, append(problems, found...)
}

// compose builds the node tree of the only document.
func compose(data []byte, limits Limits) (*yaml.Node, []Problem) {
	loader, err := yaml.NewLoader(bytes.NewReader(data),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(limits.Depth))))
	if err != nil {
		return nil, failure(Position{1, 1}, err.Error(), "")
	}
	var first, second yaml.Node
	err = loader.Load(&first)
	if errors.Is(err, io.EOF) || err == nil && empty(&first) {
		return nil, failure(Position{1, 1}, "the file is empty", "write the document, or remove the file")
	}
	if err != nil {
		return nil, syntax(err, limits)
	}
	switch err = loader.Load(&second); {
	case errors.Is(err, io.EOF):
		return first.Content[0], nil
	case err != nil:
		return nil, syntax(err, limits)
	}
	return first.Content[0], failure(place(&second), "a second document begins here", "write one document a file")
}

func empty(document *yaml.Node) bool {
	return len(document.Content) == 0 ||
		document.Content[0].Kind == yaml.ScalarNode && document.Content[0].Tag == "!!null"
}

// syntax reports an error of the YAML parser. Its errors about aliases quote
// the document, so these are worded anew.
func syntax(err error, limits Limits) []Problem {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return failure(Position{1, 1}, "this is not YAML", "")
	}
	mark := load.Mark
	if strings.Contains(load.Message, "unexpected end of stream") && load.ContextMark.Line > 0 {
		mark = load.ContextMark // where it begins says more than where the file ends
	}
	at := Position{max(mark.Line, 1), max(mark.Column, 1)}
	if load.Stage == yaml.ComposerStage {
		return failure(at, "aliases are not supported", "write the value out, in quotes if it begins with *")
	}
	if strings.Contains(load.Message, "max depth") {
		return failure(at, fmt.Sprintf("this is nested more than %d deep", limits.Depth), "")
	}
	message := "this is not YAML: " + load.Message
	if load.ContextMsg != "" {
		message += " " + load.ContextMsg
	}
	return failure(at, message, syntaxMend(message))
}

// syntaxMend returns the likely way out of what the parser says.
func syntaxMend(message string) string {
	for _, known := range []struct{ sign, mend string }{
		{"tab character", "indent with spaces"},
		{"cannot start any token", "indent with spaces, not tabs, and quote a text that begins with @, ` or %"},
		{"quoted scalar", "close the quote"},
		{"flow sequence", "close the bracket, and quote a text that holds a comma, bracket or \": \""},
		{"flow mapping", "close the brace, and quote a text that holds a comma, brace or \": \""},
		{"block collection", "indent all elements of a list alike, and its fields below its dash"},
		{"block mapping", "indent all fields of a mapping alike"},
		{"mapping values are not allowed", "check the indentation of this line, and quote a text that holds \": \""},
	} {
		if strings.Contains(message, known.sign) {
			return known.mend
		}
	}
	return "check the indentation and the quotes around here"
}

func failure(at Position, message, mend string) []Problem {
	return []Problem{{Position: at, Message: message, Mend: mend}}
}

func place(n *yaml.Node) Position { return Position{max(n.Line, 1), max(n.Column, 1)} }

// first returns the place of the first character that is not acceptable, or
// the zero place.
func first(data []byte, unacceptable func(r rune, size int) bool) Position {
	at := Position{1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if unacceptable(r, size) {
			return at
		}
		at.Column++
		if r == '\n' {
			at = Position{at.Line + 1, 1}
		}
		data = data[size:]
	}
	return Position{}
}

func broken(r rune, size int) bool { return r == utf8.RuneError && size <= 1 }

// control knows what YAML does not let stand in a file (YAML 1.2.2, section 5.1).
func control(r rune, _ int) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85
}
