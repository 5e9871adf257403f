package yamldoc

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// Names returns the names of the fields that the mapping at a field path holds,
// "" being the document itself, in their order; none where there is none.
func (d *Document) Names(path string) []string {
	node := d.node(path)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	names := make([]string, 0, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		names = append(names, node.Content[i].Value)
	}
	return names
}

// Items counts the elements of all lists of the document.
func (d *Document) Items() int {
	if d == nil {
		return 0
	}
	return items(d.root)
}

// items recurses no deeper than the limit that the document was parsed with.
func items(n *yaml.Node) int {
	count := 0
	if n.Kind == yaml.SequenceNode {
		count = len(n.Content)
	}
	for _, inner := range n.Content {
		count += items(inner)
	}
	return count
}

// node returns what stands at a field path, or nil.
func (d *Document) node(path string) *yaml.Node {
	if d == nil {
		return nil
	}
	node := d.root
	for path != "" && node != nil {
		switch node.Kind {
		case yaml.MappingNode:
			_, node, path = enter(node, Position{}, strings.TrimPrefix(path, "."))
		case yaml.SequenceNode:
			_, node, path = pick(node, Position{}, path)
		default:
			node = nil
		}
	}
	return node
}
