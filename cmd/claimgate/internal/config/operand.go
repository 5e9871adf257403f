package config

import (
	"math"
	"strconv"
	"strings"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
	"github.com/claimgate/claimgate/policy"
)

// operand is the right side of a comparison; nil where it is not written.
type operand struct{ spec *policy.Operand }

// operandRef is a reference to another part of the request.
type operandRef struct {
	Path   string    `yaml:"path" doc:"Name of a capture of the rule's path."`
	Header string    `yaml:"header" doc:"A request header."`
	Claim  claimPath `yaml:"claim" doc:"A claim of the same token."`
	Tenant tenantRef `yaml:"tenant" doc:"The name of the tenant, or one of its labels as labels.x."`
}

// DecodeNode implements yamldoc.Custom.
func (o *operand) DecodeNode(n yamldoc.Node) {
	if n.Kind() == yamldoc.Mapping {
		o.spec = readReference(n)
		return
	}
	if literal, ok := readLiteral(n, 0); ok {
		o.spec = &policy.Operand{Literal: &literal}
	}
}

func readReference(n yamldoc.Node) *policy.Operand {
	var ref operandRef
	n.Decode(&ref)
	if len(n.Fields()) != 1 {
		n.Report("a reference names exactly one of path, header, claim and tenant", "write a value, a list, or {claim: name}")
		return nil
	}
	return &policy.Operand{Path: ref.Path, Header: strings.ToLower(ref.Header), Claim: ref.Claim, Tenant: string(ref.Tenant)}
}

func readLiteral(n yamldoc.Node, depth int) (policy.Literal, bool) {
	switch n.Kind() {
	case yamldoc.Text:
		text, ok := n.Text()
		return policy.Literal{Kind: policy.String, String: text}, ok
	case yamldoc.Bool:
		value, ok := n.Bool()
		return policy.Literal{Kind: policy.Bool, Bool: value}, ok
	case yamldoc.Number:
		number, ok := readNumber(n)
		return policy.Literal{Kind: policy.Num, Num: number}, ok
	case yamldoc.Null:
		n.Report("there is no value to compare with", "write one; for a missing claim or null use absent: true")
		return policy.Literal{}, false
	case yamldoc.List:
		if depth == 0 {
			return readList(n, depth)
		}
	default:
	}
	n.Mismatch("a text, a number, true or false")
	return policy.Literal{}, false
}

func readList(n yamldoc.Node, depth int) (policy.Literal, bool) {
	list, all := policy.Literal{Kind: policy.List, List: []policy.Literal{}}, true
	for _, item := range n.Items() {
		literal, ok := readLiteral(item, depth+1)
		list.List, all = append(list.List, literal), all && ok
	}
	return list, all
}

// maxDigits and maxExponent bound literal numbers.
const (
	maxDigits   = 64
	maxExponent = 1000
)

// readNumber reads the exact value of a number from its text.
func readNumber(n yamldoc.Node) (policy.Number, bool) {
	text, ok := n.DecimalText()
	if !ok {
		return policy.Number{}, false
	}
	number, ok := parseNumber(text)
	if !ok {
		n.Report("the number is out of bounds", "at most 64 digits and exponents from -1000 to 1000")
	}
	return number, ok
}

// parseNumber canonicalises a number in the form of RFC 8259 section 6.
func parseNumber(text string) (policy.Number, bool) {
	text, negative := strings.CutPrefix(text, "-")
	mantissa, exponent := text, int64(0)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		value, err := strconv.ParseInt(text[i+1:], 10, 32)
		exponent = value
		if err != nil {
			exponent = math.MaxInt32 // good for zero only
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent -= int64(len(fraction))
	trimmed := strings.TrimRight(digits, "0")
	exponent += int64(len(digits) - len(trimmed))
	if trimmed == "" {
		return policy.Number{}, true
	}
	if len(trimmed) > maxDigits || exponent > maxExponent || exponent < -maxExponent {
		return policy.Number{}, false
	}
	return policy.Number{Neg: negative, Digits: trimmed, Exp: int32(exponent)}, true
}

// Describe implements yamldoc.Custom.
func (*operand) Describe() (string, map[string]any) {
	scalar := map[string]any{yamldoc.TypeKey: []any{jsonString, "number", "boolean"}}
	text := map[string]any{yamldoc.TypeKey: jsonString, "minLength": 1}
	_, claim := (*claimPath)(nil).Describe()
	_, tenant := (*tenantRef)(nil).Describe()
	return "value, list or {path | header | claim | tenant: ...}", map[string]any{"oneOf": []any{
		scalar,
		map[string]any{yamldoc.TypeKey: "array", "items": scalar},
		map[string]any{yamldoc.TypeKey: "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
			"properties": map[string]any{"path": text, "header": text, "claim": claim, "tenant": tenant}},
	}}
}
