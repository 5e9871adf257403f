package envoy

import (
	"fmt"
	"math/big"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// Envoy stores what we return under its own name, so ours lies one level below.
const metadataKey = "claimgate"

const (
	maxMetadataDepth = 4        // lists and objects below it become their JSON text
	maxMetadataBytes = 16 << 10 // texts and names, with 8 for any other value; a net, wider than the engine's own limit
	maxExactInteger  = 1 << 53  // greatest integer up to which a double is exact
	maxExactDigits   = 40       // beyond it a decimal is not asked for exactness
)

// metadataFrom returns the dynamic metadata, nil without fields. Doubles are
// the only numbers that it can hold, so a number that no double equals becomes
// its text, and so does an integer beyond 2^53, whose neighbours would be equal.
func metadataFrom(fields []authz.MetadataField) (*structpb.Struct, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	b := metadataBuilder{meter{left: maxMetadataBytes}}
	inner := make(map[string]*structpb.Value, len(fields))
	for i := range fields {
		field := &fields[i]
		b.charge(field.Name)
		if field.Value == nil {
			inner[field.Name] = b.text(field.Text)
		} else {
			inner[field.Name] = b.value(field.Value, 1)
		}
	}
	if err := b.verdict(); err != nil {
		return nil, err
	}
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		metadataKey: structpb.NewStructValue(&structpb.Struct{Fields: inner}),
	}}, nil
}

// meter keeps count of the size of metadata.
type meter struct {
	left    int
	invalid bool
}

func (m *meter) charge(s string) {
	m.left -= len(s)
	m.invalid = m.invalid || !isPrintable(s) && !utf8.ValidString(s)
}

// verdict returns why what was charged must not be said, or nil.
func (m *meter) verdict() error {
	switch {
	case m.invalid:
		return fmt.Errorf("%w: a text of the dynamic metadata is not UTF-8", errUnsayable)
	case m.left < 0:
		return fmt.Errorf("%w: more than %d bytes", errMetadataOversize, maxMetadataBytes)
	default:
		return nil
	}
}

// metadataBuilder converts values to messages.
type metadataBuilder struct{ meter }

func (b *metadataBuilder) text(s string) *structpb.Value {
	b.charge(s)
	return structpb.NewStringValue(s)
}

func (b *metadataBuilder) value(v *token.Value, depth int) *structpb.Value {
	if b.left < 0 {
		return nil // refused in the end, so cost nothing more
	}
	switch v.Kind() {
	case token.Bool:
		b.left -= 8
		return structpb.NewBoolValue(v.Bool())
	case token.String:
		return b.text(v.Str())
	case token.Num:
		if f, ok := exactDouble(v.Num()); ok {
			b.left -= 8
			return structpb.NewNumberValue(f)
		}
		return b.text(string(v.AppendJSON(nil)))
	case token.List, token.Object:
		return b.nested(v, depth)
	default:
		b.left -= 8
		return structpb.NewNullValue()
	}
}

func (b *metadataBuilder) nested(v *token.Value, depth int) *structpb.Value {
	if depth > maxMetadataDepth {
		return b.text(string(v.AppendJSON(nil)))
	}
	if v.Kind() == token.List {
		list := make([]*structpb.Value, v.Len())
		for i := range list {
			b.left--
			list[i] = b.value(v.At(i), depth+1)
		}
		return structpb.NewListValue(&structpb.ListValue{Values: list})
	}
	fields := make(map[string]*structpb.Value, v.Len())
	for i := range v.Len() {
		name, member := v.Member(i)
		b.charge(name)
		fields[name] = b.value(member, depth+1)
	}
	return structpb.NewStructValue(&structpb.Struct{Fields: fields})
}

// exactDouble returns the double that equals the number, if there is one and it
// is not an integer beyond 2^53.
func exactDouble(n token.Number) (float64, bool) {
	if n.Digits == "" {
		return 0, true
	}
	exp := int(n.Exp)
	if len(n.Digits) > maxExactDigits || exp > maxExactDigits || exp < -maxExactDigits {
		return 0, false
	}
	if exp >= 0 {
		i, ok := exactInteger(n.Digits, exp)
		return signed(float64(i), n.Neg), ok
	}
	// The bounds above keep the exponent, and so the cost, small.
	r, ok := new(big.Rat).SetString(n.Digits + "e" + strconv.Itoa(exp))
	if !ok {
		return 0, false
	}
	f, exact := r.Float64()
	return signed(f, n.Neg), exact
}

// exactInteger returns the integer of the digits and so many zeros, if it is not
// beyond 2^53.
func exactInteger(digits string, zeros int) (int64, bool) {
	i := int64(0)
	for at := range len(digits) + zeros {
		i *= 10
		if at < len(digits) {
			i += int64(digits[at] - '0')
		}
		if i > maxExactInteger {
			return 0, false
		}
	}
	return i, true
}

func signed(f float64, negative bool) float64 {
	if negative {
		return -f
	}
	return f
}
