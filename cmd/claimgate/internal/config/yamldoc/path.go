package yamldoc

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Position returns the place of the longest prefix of a field path that the
// document has. An unknown path is no error: it gets the place of what would
// have held it.
func (d *Document) Position(path string) Position {
	if d == nil || d.root == nil {
		return Position{1, 1}
	}
	at, node := place(d.root), d.root
	for path != "" && node != nil {
		switch node.Kind {
		case yaml.MappingNode:
			at, node, path = enter(node, at, strings.TrimPrefix(path, "."))
		case yaml.SequenceNode:
			at, node, path = pick(node, at, path)
		default:
			node = nil
		}
	}
	return at
}

// Has reports whether the document has the field path.
func (d *Document) Has(path string) bool { return d.node(path) != nil }

// enter follows the longest member name that the path begins with; names may
// hold dots themselves.
func enter(mapping *yaml.Node, at Position, path string) (Position, *yaml.Node, string) {
	best, length := -1, 0
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		name := name(mapping.Content[i].Value)
		if len(name) > length && strings.HasPrefix(path, name) && boundary(path[len(name):]) {
			best, length = i, len(name)
		}
	}
	if best < 0 {
		return at, nil, ""
	}
	key, value := mapping.Content[best], mapping.Content[best+1]
	return fieldPlace(key, value), value, path[length:]
}

func boundary(rest string) bool { return rest == "" || rest[0] == '.' || rest[0] == '[' }

// fieldPlace is the place of the value where it stands beside its key, else
// that of the key.
func fieldPlace(key, value *yaml.Node) Position {
	if value.Line == key.Line {
		return place(value)
	}
	return place(key)
}

func pick(list *yaml.Node, at Position, path string) (Position, *yaml.Node, string) {
	number, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]")
	i, err := strconv.Atoi(number)
	if !ok || err != nil || i < 0 || i >= len(list.Content) {
		return at, nil, ""
	}
	return place(list.Content[i]), list.Content[i], rest
}

// index and member extend a field path.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func member(path, key string) string {
	if path == "" {
		return name(key)
	}
	return path + "." + name(key)
}

// PathName renders a key of a mapping as a part of a field path.
func PathName(key string) string { return name(key) }

// name renders a key as part of a path: as it is where it is plain, else
// quoted and shortened.
func name(key string) string {
	plain := key != "" && len(key) <= maxQuoted
	for _, c := range []byte(key) {
		plain = plain && c > ' ' && c < 0x7f && c != '"' && c != '['
	}
	if plain {
		return key
	}
	return quote(key)
}

const maxQuoted = 64

// quote renders a word of the document in a message.
func quote(text string) string {
	if runes := []rune(text); len(runes) > maxQuoted {
		text = string(runes[:maxQuoted]) + "..."
	}
	return strconv.Quote(text)
}
