package yamldoc

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// field is what the tags of a struct field say.
type field struct {
	name       string
	doc        string
	index      []int
	typ        reflect.Type
	required   bool
	preset     string        // the default, as YAML
	value      reflect.Value // the default, once it was needed
	enum       []string
	empty      bool
	emptyItems bool // texts of the list may be empty
}

// fieldsOf reads the tags of a struct type, embedded structs included.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, ok := sf.Tag.Lookup("yaml")
		if !ok {
			continue
		}
		if tag == ",inline" {
			for _, inner := range fieldsOf(sf.Type) {
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
			continue
		}
		f := field{name: tag, index: []int{i}, typ: sf.Type, doc: sf.Tag.Get("doc"), preset: sf.Tag.Get("default"),
			required: sf.Tag.Get("required") == "true", empty: sf.Tag.Get("empty") == "true", emptyItems: sf.Tag.Get("empty") == "items"}
		if _, custom := reflect.New(f.typ).Interface().(Custom); f.typ.Kind() == reflect.Bool && !custom && f.preset == "" {
			f.preset = "false"
		}
		if enum := sf.Tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, ",")
		}
		fields = append(fields, f)
	}
	return fields
}

// orRemove words a mend: what may be left out may be removed.
func (f *field) orRemove(mend, removal string) string {
	if f.required {
		return mend
	}
	return mend + ", or " + removal
}

// example is a value to show in a mend.
func (f *field) example() string {
	switch {
	case len(f.enum) > 0:
		return f.enum[0]
	case f.typ.Kind() == reflect.Slice:
		return "[...]"
	case f.typ.Kind() == reflect.Struct:
		return "{...}"
	}
	return "..."
}

// Types remembers what the tags of types say. It is not safe for concurrent
// use.
type Types struct{ fields map[reflect.Type][]field }

// NewTypes returns an empty memory.
func NewTypes() *Types { return &Types{fields: map[reflect.Type][]field{}} }

func (t *Types) of(typ reflect.Type) []field {
	fields, ok := t.fields[typ]
	if !ok {
		fields = fieldsOf(typ)
		t.fields[typ] = fields
	}
	return fields
}

// absent gives a field that is not written its default; a section that is not
// written gets the defaults of its fields.
func (t *Types) absent(v reflect.Value, f *field) {
	if f.preset != "" {
		t.setPreset(v, f)
		return
	}
	if _, custom := v.Addr().Interface().(Custom); custom || v.Kind() != reflect.Struct {
		return
	}
	fields := t.of(v.Type())
	for i := range fields {
		t.absent(v.FieldByIndex(fields[i].index), &fields[i])
	}
}

// setPreset decodes a default once. Lists are copied, so that no two documents
// share one.
func (t *Types) setPreset(v reflect.Value, f *field) {
	if !f.value.IsValid() {
		value := reflect.New(v.Type()).Elem()
		document := &Document{root: presetNode(f.preset)}
		preset := &decoder{document: document, types: t}
		preset.value(Node{decoder: preset, node: document.root}, value, field{empty: true, emptyItems: true})
		if len(preset.problems) > 0 {
			panic("yamldoc: default of " + f.name + ": " + preset.problems[0].Message)
		}
		f.value = value
	}
	v.Set(f.value)
	if v.Kind() == reflect.Slice {
		v.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, f.value.Len()), f.value))
	}
}

// presetNode parses the text of a default.
func presetNode(text string) *yaml.Node {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) != 1 {
		panic("yamldoc: default " + text + " is not YAML")
	}
	return document.Content[0]
}
