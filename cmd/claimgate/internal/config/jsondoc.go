package config

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// jsonDoc is an inline key set: a mapping, kept as JSON; "" where it is not
// written.
type jsonDoc string

// jwkTexts are the members of a JWK (RFC 7517, RFC 7518) that are texts, and
// that YAML reads as numbers when they happen to look so.
var jwkTexts = []string{"kty", "kid", "use", "alg", "crv", "n", "e", "x", "y", "x5t", "x5t#S256"}

// DecodeNode implements yamldoc.Custom. Parts of a private key may stand here
// by mistake, so nothing is quoted.
func (j *jsonDoc) DecodeNode(n yamldoc.Node) {
	if n.Kind() != yamldoc.Mapping {
		n.Mismatch("a mapping with a list of keys")
		return
	}
	var text bytes.Buffer
	if appendJSON(&text, n) {
		*j = jsonDoc(text.String())
	}
}

// Describe implements yamldoc.Custom.
func (*jsonDoc) Describe() (string, map[string]any) {
	return "JSON Web Key Set", map[string]any{yamldoc.TypeKey: "object", "required": []any{"keys"},
		"properties": map[string]any{"keys": map[string]any{yamldoc.TypeKey: "array", "items": map[string]any{yamldoc.TypeKey: "object"}}}}
}

// appendJSON writes a node as JSON, numbers as they stand.
func appendJSON(out *bytes.Buffer, n yamldoc.Node) bool {
	switch n.Kind() {
	case yamldoc.Null:
		out.WriteString("null")
	case yamldoc.Bool:
		value, _ := n.Bool()
		appendValue(out, value)
	case yamldoc.Number:
		text, ok := n.DecimalText()
		out.WriteString(text)
		return ok
	case yamldoc.Text:
		text, _ := n.Text()
		appendValue(out, text)
	case yamldoc.List:
		return appendList(out, n)
	case yamldoc.Mapping:
		return appendObject(out, n)
	default:
		return false
	}
	return true
}

func appendList(out *bytes.Buffer, n yamldoc.Node) bool {
	all := true
	out.WriteByte('[')
	for i, item := range n.Items() {
		if i > 0 {
			out.WriteByte(',')
		}
		all = appendJSON(out, item) && all
	}
	out.WriteByte(']')
	return all
}

func appendObject(out *bytes.Buffer, n yamldoc.Node) bool {
	all := true
	out.WriteByte('{')
	for i, member := range n.Fields() {
		if i > 0 {
			out.WriteByte(',')
		}
		appendValue(out, member.Name)
		out.WriteByte(':')
		if slices.Contains(jwkTexts, member.Name) && member.Kind() != yamldoc.Text {
			member.Mismatch("a text")
			all = false
			continue
		}
		all = appendJSON(out, member.Node) && all
	}
	out.WriteByte('}')
	return all
}

func appendValue(out *bytes.Buffer, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic("config: " + err.Error()) // texts and truth values always marshal
	}
	out.Write(text)
}
