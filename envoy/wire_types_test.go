package envoy

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

type (
	fieldKind  = descriptorpb.FieldDescriptorProto_Type
	fieldLabel = descriptorpb.FieldDescriptorProto_Label
)

const (
	optional = descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
	repeated = descriptorpb.FieldDescriptorProto_LABEL_REPEATED
	required = descriptorpb.FieldDescriptorProto_LABEL_REQUIRED
)

// described returns a message type with one field. Its nested type Inner has a
// text.
func described(t *testing.T, syntax string, inner fieldLabel, field *descriptorpb.FieldDescriptorProto) protoreflect.MessageDescriptor {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("x.proto"), Package: proto.String("x"), Syntax: &syntax,
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("Outer"), Field: []*descriptorpb.FieldDescriptorProto{field},
			NestedType: []*descriptorpb.DescriptorProto{{Name: proto.String("Inner"), Field: []*descriptorpb.FieldDescriptorProto{fieldOf(1, descriptorpb.FieldDescriptorProto_TYPE_STRING, inner)}}},
		}},
		EnumType: []*descriptorpb.EnumDescriptorProto{{Name: proto.String("Kind"), Value: []*descriptorpb.EnumValueDescriptorProto{{Name: proto.String("NONE"), Number: proto.Int32(0)}}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().Get(0)
}

func fieldOf(number int32, kind fieldKind, label fieldLabel) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{Name: proto.String("inner"), Number: &number, Type: &kind, Label: &label}
	switch kind {
	case descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, descriptorpb.FieldDescriptorProto_TYPE_GROUP:
		f.TypeName = proto.String(".x.Outer.Inner")
	case descriptorpb.FieldDescriptorProto_TYPE_ENUM:
		f.TypeName = proto.String(".x.Kind")
	default: // of no named type
	}
	return f
}

// TestEveryKindOfField holds the tables to what protobuf makes of fields of each
// kind, alone and in lists, of which a CheckRequest may one day have some that
// it has not.
func TestEveryKindOfField(t *testing.T) {
	values := []string{"", "a", "\xff", "\x80\x80", "\x80\x01", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x0a\x01a", "\x0a\x01\xff", "\x0a\x05a"}
	for n := 2; n <= 17; n++ {
		values = append(values, strings.Repeat("\x01", n))
	}
	for kind := descriptorpb.FieldDescriptorProto_TYPE_DOUBLE; kind <= descriptorpb.FieldDescriptorProto_TYPE_SINT64; kind++ {
		if kind == descriptorpb.FieldDescriptorProto_TYPE_GROUP {
			continue
		}
		for _, label := range []fieldLabel{optional, repeated} {
			d := described(t, "proto3", optional, fieldOf(3, kind, label))
			table, err := newWireType(d, map[protoreflect.FullName]*wireType{})
			if err != nil {
				t.Fatalf("%v, %v: %v", label, kind, err)
			}
			for number := protowire.Number(1); number <= 4; number++ {
				for _, value := range values {
					wire := protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value)
					err := proto.Unmarshal(wire, dynamicpb.NewMessage(d))
					if got := table.valid(string(wire), 100); got != (err == nil) {
						t.Errorf("%v, %v: field %d of %q: %v, protobuf: %v", label, kind, number, value, got, err)
					}
				}
			}
		}
	}
}

// TestFieldsOfNoKnownKind are refused before anything is read, wherever they
// stand.
func TestFieldsOfNoKnownKind(t *testing.T) {
	const text, message, group = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, descriptorpb.FieldDescriptorProto_TYPE_GROUP
	for name, tc := range map[string]struct {
		inner fieldLabel
		field *descriptorpb.FieldDescriptorProto
		known bool
	}{
		"greatest number":   {optional, fieldOf(maxFieldNumber, text, optional), true},
		"greater number":    {optional, fieldOf(maxFieldNumber+1, text, optional), false},
		"message":           {optional, fieldOf(1, message, optional), true},
		"required":          {optional, fieldOf(1, text, required), false},
		"required in inner": {required, fieldOf(1, message, optional), false},
		"group":             {optional, fieldOf(1, group, optional), false},
	} {
		table, err := newWireType(described(t, "proto2", tc.inner, tc.field), map[protoreflect.FullName]*wireType{})
		if (err == nil) != tc.known || (table != nil) != tc.known {
			t.Errorf("%s: %v", name, err)
		}
	}
}
