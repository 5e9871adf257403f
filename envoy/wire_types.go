package envoy

import (
	"fmt"
	"unicode/utf8"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// wireKind is what protobuf wants of a length-delimited value. Values of other
// wire types are well-formed or not, whatever the field.
type wireKind uint8

const (
	wireAny     wireKind = iota // bytes, a field of another wire type, an unknown field
	wireText                    // UTF-8
	wireMessage                 // a message
	wireMap                     // the entry of a map
	wireVarints                 // packed
	wireFixed32                 // packed
	wireFixed64                 // packed
)

// wireField is one field of a message type.
type wireField struct {
	kind    wireKind
	message *wireType // of a message, or of a map's entry
}

// wireType is a message type: its fields by number.
type wireType struct {
	name   protoreflect.FullName
	fields []wireField
}

// maxFieldNumber bounds the table of one type. Those of a CheckRequest are far
// below it.
const maxFieldNumber = 255

// newWireType returns the table of a message type, made from its descriptor, so
// that what nobody reads is held to the same rules as generated code holds it
// to, fields that come with a later version of the API included.
func newWireType(d protoreflect.MessageDescriptor, known map[protoreflect.FullName]*wireType) (*wireType, error) {
	if t, ok := known[d.FullName()]; ok {
		return t, nil
	}
	t := &wireType{name: d.FullName()}
	known[t.name] = t
	fields := d.Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		number := int(fd.Number())
		if number > maxFieldNumber || fd.Kind() == protoreflect.GroupKind || fd.Cardinality() == protoreflect.Required {
			return nil, fmt.Errorf("envoy: field %s is of no kind that the codec knows", fd.FullName())
		}
		f := wireField{kind: kindOf(fd)}
		if fd.Message() != nil {
			var err error
			if f.message, err = newWireType(fd.Message(), known); err != nil {
				return nil, err
			}
		}
		for len(t.fields) <= number {
			t.fields = append(t.fields, wireField{})
		}
		t.fields[number] = f
	}
	return t, nil
}

func kindOf(fd protoreflect.FieldDescriptor) wireKind {
	switch kind := fd.Kind(); kind {
	case protoreflect.StringKind:
		return wireText
	case protoreflect.MessageKind:
		if fd.IsMap() {
			return wireMap
		}
		return wireMessage
	case protoreflect.BytesKind, protoreflect.GroupKind:
		return wireAny
	default:
		if !fd.IsList() {
			return wireAny
		}
		return packedKind(kind)
	}
}

func packedKind(kind protoreflect.Kind) wireKind {
	switch kind {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return wireFixed32
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return wireFixed64
	default:
		return wireVarints
	}
}

// wireTypes are the types of messages of which something is read.
type wireTypes struct {
	check, attributes, peer, address, socket, request, http, headerMap, header, entry *wireType
}

// newWireTypes returns the tables of everything that a CheckRequest can hold.
// It panics where a dependency turned into what this code was not made for,
// which a test finds.
func newWireTypes() *wireTypes {
	known := map[protoreflect.FullName]*wireType{}
	if _, err := newWireType((&authv3.CheckRequest{}).ProtoReflect().Descriptor(), known); err != nil {
		panic(err)
	}
	const auth, core = "envoy.service.auth.v3.", "envoy.config.core.v3."
	return &wireTypes{
		check:      known[auth+"CheckRequest"],
		attributes: known[auth+"AttributeContext"],
		peer:       known[auth+"AttributeContext.Peer"],
		address:    known[core+"Address"],
		socket:     known[core+"SocketAddress"],
		request:    known[auth+"AttributeContext.Request"],
		http:       known[auth+"AttributeContext.HttpRequest"],
		headerMap:  known[core+"HeaderMap"],
		header:     known[core+"HeaderValue"],
		entry:      known[auth+"AttributeContext.HttpRequest.HeadersEntry"],
	}
}

// valid reports whether generated code would decode the message. depth is how
// deep messages may still nest.
func (t *wireType) valid(b string, depth int) bool {
	if depth--; depth < 0 {
		return false
	}
	for b != "" {
		tag, start, end := next(b)
		if end == 0 || !t.admits(tag, b[start:end], depth) {
			return false
		}
		b = b[end:]
	}
	return true
}

// admits reports whether generated code would decode a field with this tag and
// this value.
func (t *wireType) admits(tag uint32, value string, depth int) bool {
	number := int(tag >> 3)
	if number >= len(t.fields) {
		return true
	}
	is := &t.fields[number]
	if is.kind == wireMap && depth <= 0 {
		return false // an entry is one level, whatever comes in its place
	}
	if protowire.Type(tag&7) != protowire.BytesType {
		return true
	}
	switch is.kind {
	case wireText:
		return isPlain(value) || utf8.ValidString(value)
	case wireMessage, wireMap:
		return is.message.valid(value, depth)
	case wireVarints:
		return validVarints(octets(value))
	case wireFixed32:
		return len(value)%4 == 0
	case wireFixed64:
		return len(value)%8 == 0
	default:
		return true
	}
}

func validVarints(b []byte) bool {
	for len(b) > 0 {
		_, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return false
		}
		b = b[n:]
	}
	return true
}
