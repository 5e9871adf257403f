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
	value      reflect.Value // the default, decoded
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
	_, custom := reflect.New(f.typ).Interface().(Custom)
	switch {
	case len(f.enum) > 0:
		return f.enum[0]
	case custom:
		return "..."
	case f.typ.Kind() == reflect.Slice:
		return "[...]"
	case f.typ.Kind() == reflect.Struct:
		return "{...}"
	}
	return "..."
}

// Types knows what the tags of some types say. It never changes, so that it
// may be shared.
type Types struct{ fields map[reflect.Type][]field }

// NewTypes reads the tags of the types that the roots point to and of all
// types in them. Other types may be decoded too; their tags are then read each
// time.
func NewTypes(roots ...any) *Types {
	t := &Types{fields: map[reflect.Type][]field{}}
	for _, root := range roots {
		t.learn(reflect.TypeOf(root).Elem())
	}
	return t
}

func (t *Types) learn(typ reflect.Type) {
	inner, _ := innermost(typ)
	if inner == nil {
		return
	}
	if _, known := t.fields[inner]; known {
		return
	}
	fields := fieldsOf(inner)
	t.fields[inner] = fields
	for i := range fields {
		t.learn(fields[i].typ)
	}
	for i := range fields {
		if fields[i].preset != "" {
			fields[i].value = t.presetOf(&fields[i])
		}
	}
}

func (t *Types) of(typ reflect.Type) []field {
	if fields, ok := t.fields[typ]; ok {
		return fields
	}
	return fieldsOf(typ)
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

// setPreset sets a default. Lists are copied, so that no two documents share
// one.
func (t *Types) setPreset(v reflect.Value, f *field) {
	value := f.value
	if !value.IsValid() {
		value = t.presetOf(f)
	}
	v.Set(value)
	if v.Kind() == reflect.Slice {
		v.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, value.Len()), value))
	}
}

// presetOf decodes a default.
func (t *Types) presetOf(f *field) reflect.Value {
	value := reflect.New(f.typ).Elem()
	document := &Document{root: presetNode(f.preset)}
	preset := &decoder{document: document, types: t}
	preset.value(Node{decoder: preset, node: document.root}, value, field{empty: true, emptyItems: true})
	if len(preset.problems) > 0 {
		panic("yamldoc: default of " + f.name + ": " + preset.problems[0].Message)
	}
	return value
}

// presetNode parses the text of a default.
func presetNode(text string) *yaml.Node {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) != 1 {
		panic("yamldoc: default " + text + " is not YAML")
	}
	return document.Content[0]
}
