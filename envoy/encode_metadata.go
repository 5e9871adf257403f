package envoy

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// Numbers of the fields of google.protobuf.Struct, Value and ListValue.
const (
	structFields protowire.Number = 1
	entryKey     protowire.Number = 1
	entryValue   protowire.Number = 2
	listValues   protowire.Number = 1

	valueNull   protowire.Number = 1
	valueNumber protowire.Number = 2
	valueText   protowire.Number = 3
	valueBool   protowire.Number = 4
	valueStruct protowire.Number = 5
	valueList   protowire.Number = 6
)

// What comes before the fields: the Struct of the response, its one entry of the
// name metadataKey, the Value of that and the Struct in it, all of length 0.
const metadataHead = "\x22\x00" + "\x0a\x00" + "\x0a\x09" + metadataKey + "\x12\x00" + "\x2a\x00"

// appendMetadata appends the dynamic metadata, encoded as metadataFrom makes it.
func appendMetadata(dst []byte, fields []authz.MetadataField) ([]byte, error) {
	if len(fields) == 0 {
		return dst, nil
	}
	dst = append(dst, metadataHead...)
	start := len(dst)
	e := metadataEncoder{meter: meter{left: maxMetadataBytes}, dst: dst}
	for i := range fields {
		e.field(&fields[i])
	}
	e.dst = closed(closed(e.dst, start), start-2)
	start -= 2 + 2 + 2 + len(metadataKey)
	e.dst = closed(closed(e.dst, start), start-2)
	return e.dst, e.verdict()
}

// metadataEncoder appends values, in step with metadataBuilder.
type metadataEncoder struct {
	meter

	dst []byte
}

func (e *metadataEncoder) field(f *authz.MetadataField) {
	if f.Value != nil {
		e.member(f.Name, f.Value, 1)
		return
	}
	e.charge(f.Name)
	e.charge(f.Text)
	if e.left >= 0 {
		e.dst = appendTextMember(e.dst, f.Name, f.Text)
	}
}

// appendTextMember appends one entry of a Struct, which is a text.
func appendTextMember(dst []byte, name, text string) []byte {
	value := 2 + len(text) // where all sizes take one byte
	entry := 2 + len(name) + 2 + value
	if entry >= 0x80 {
		return appendLongMember(dst, name, text)
	}
	dst = append(dst, tagOf(structFields), byte(entry), tagOf(entryKey), byte(len(name)))
	dst = append(dst, name...)
	dst = append(dst, tagOf(entryValue), byte(value), tagOf(valueText), byte(len(text)))
	return append(dst, text...)
}

func appendLongMember(dst []byte, name, text string) []byte {
	dst, entry := open(dst, structFields)
	dst = appendText(dst, entryKey, name)
	dst, value := open(dst, entryValue)
	dst = appendText(dst, valueText, text)
	return closed(closed(dst, value), entry)
}

// member appends one entry of a Struct.
func (e *metadataEncoder) member(name string, v *token.Value, depth int) {
	e.charge(name)
	var entry, value int
	e.dst, entry = open(e.dst, structFields)
	e.dst = appendText(e.dst, entryKey, name)
	e.dst, value = open(e.dst, entryValue)
	e.value(v, depth)
	e.dst = closed(closed(e.dst, value), entry)
}

func (e *metadataEncoder) text(s string) {
	e.charge(s)
	if e.left >= 0 {
		e.dst = appendText(e.dst, valueText, s)
	}
}

// json appends the JSON text of a value.
func (e *metadataEncoder) json(v *token.Value) {
	var at int
	e.dst, at = open(e.dst, valueText)
	e.dst = v.AppendJSON(e.dst)
	e.charge(alias(e.dst[at:]))
	e.dst = closed(e.dst, at)
}

// value appends the one field of a Value.
func (e *metadataEncoder) value(v *token.Value, depth int) {
	if e.left < 0 {
		return // refused in the end, so cost nothing more
	}
	switch v.Kind() {
	case token.Bool:
		e.number(valueBool, protowire.EncodeBool(v.Bool()))
	case token.String:
		e.text(v.Str())
	case token.Num:
		if f, ok := exactDouble(v.Num()); ok {
			e.left -= 8
			e.dst = protowire.AppendTag(e.dst, valueNumber, protowire.Fixed64Type)
			e.dst = protowire.AppendFixed64(e.dst, math.Float64bits(f))
			return
		}
		e.json(v)
	case token.List, token.Object:
		e.nested(v, depth)
	default:
		e.number(valueNull, 0)
	}
}

func (e *metadataEncoder) number(number protowire.Number, v uint64) {
	e.left -= 8
	e.dst = protowire.AppendTag(e.dst, number, protowire.VarintType)
	e.dst = protowire.AppendVarint(e.dst, v)
}

func (e *metadataEncoder) nested(v *token.Value, depth int) {
	switch {
	case depth > maxMetadataDepth:
		e.json(v)
	case v.Kind() == token.List:
		e.list(v, depth)
	default:
		var at int
		e.dst, at = open(e.dst, valueStruct)
		for i := range v.Len() {
			name, member := v.Member(i)
			e.member(name, member, depth+1)
		}
		e.dst = closed(e.dst, at)
	}
}

func (e *metadataEncoder) list(v *token.Value, depth int) {
	var list, value int
	e.dst, list = open(e.dst, valueList)
	for i := range v.Len() {
		e.left--
		e.dst, value = open(e.dst, listValues)
		e.value(v.At(i), depth+1)
		e.dst = closed(e.dst, value)
	}
	e.dst = closed(e.dst, list)
}
