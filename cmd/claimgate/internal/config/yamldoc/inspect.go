package yamldoc

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// inspector walks the whole tree once and reports what no document may hold.
type inspector struct {
	document *Document
	limits   Limits
	nodes    int
	problems []Problem
}

// inspect reports false where the document is too large to be decoded.
func (d *Document) inspect(limits Limits) ([]Problem, bool) {
	walk := &inspector{document: d, limits: limits}
	walk.node(d.root, "", 1)
	if walk.nodes > limits.Nodes {
		return failure(Position{1, 1}, fmt.Sprintf("the file has more than %d keys and values", limits.Nodes), "split it"), false
	}
	return walk.problems, true
}

func (w *inspector) node(n *yaml.Node, path string, depth int) {
	if w.nodes++; w.nodes > w.limits.Nodes {
		return
	}
	switch {
	case depth > w.limits.Depth:
		w.refuse(n, path, fmt.Sprintf("this is nested more than %d deep", w.limits.Depth), "")
		return
	case n.Kind == yaml.AliasNode:
		w.refuse(n, path, "aliases are not supported", "write the value out, in quotes if it begins with *")
		return
	case n.Anchor != "":
		w.report(n, path, "anchors are not supported", "remove the anchor, or quote a value that begins with &")
	}
	if n.Style&yaml.TaggedStyle != 0 || n.Tag == "!" {
		w.refuse(n, path, "tags are not supported", "remove the tag, or quote a value that begins with !")
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		w.mapping(n, path, depth)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			w.node(item, index(path, i), depth+1)
		}
	default: // scalars hold nothing
	}
}

func (w *inspector) mapping(n *yaml.Node, path string, depth int) {
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		w.nodes++
		if !w.key(key, path) {
			w.document.bad[key] = true
			continue
		}
		if first := seen[key.Value]; first != nil {
			w.refuse(key, member(path, key.Value), fmt.Sprintf("%s is written twice, first on line %d", quote(key.Value), first.Line), "keep one of them")
			continue
		}
		seen[key.Value] = key
		w.node(value, member(path, key.Value), depth+1)
	}
}

func (w *inspector) key(key *yaml.Node, path string) bool {
	switch {
	case key.Kind == yaml.AliasNode:
		w.report(key, path, "aliases are not supported", "write the name out")
	case key.Tag == "!!merge":
		w.report(key, path, "merges are not supported", "write the fields out")
	case key.Anchor != "":
		w.report(key, path, "anchors are not supported", "remove the anchor")
	case key.Style&yaml.TaggedStyle != 0 || key.Tag == "!":
		w.report(key, path, "tags are not supported", "remove the tag")
	case key.Kind != yaml.ScalarNode:
		w.report(key, path, "a field name must be a text", "")
	case kindOf(key) != Text:
		w.report(key, path, "a field name must be a text, but this is "+kindOf(key).article(), "write it in quotes")
	default:
		return true
	}
	return false
}

func (w *inspector) refuse(n *yaml.Node, path, message, mend string) {
	w.document.bad[n] = true
	w.report(n, path, message, mend)
}

func (w *inspector) report(n *yaml.Node, path, message, mend string) {
	w.problems = append(w.problems, Problem{Position: place(n), Path: path, Message: message, Mend: mend})
}
