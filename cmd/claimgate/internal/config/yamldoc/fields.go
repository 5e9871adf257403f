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
	preset     string // the default, as YAML
	enum       []string
	empty      bool
	emptyItems bool // texts of the list may be empty
}

func (d *decoder) fieldsOf(t reflect.Type) []field {
	fields, ok := d.fields[t]
	if !ok {
		fields = fieldsOf(t)
		d.fields[t] = fields
	}
	return fields
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

// absent gives a field that is not written its default; a section that is not
// written gets the defaults of its fields.
func (d *decoder) absent(v reflect.Value, f field) {
	if f.preset != "" {
		document := &Document{root: presetNode(f.preset)}
		preset := &decoder{document: document, fields: d.fields}
		preset.value(Node{decoder: preset, node: document.root}, v, field{empty: true, emptyItems: true})
		if len(preset.problems) > 0 {
			panic("yamldoc: default of " + f.name + ": " + preset.problems[0].Message)
		}
		return
	}
	if _, custom := v.Addr().Interface().(Custom); custom || v.Kind() != reflect.Struct {
		return
	}
	for _, inner := range d.fieldsOf(v.Type()) {
		d.absent(v.FieldByIndex(inner.index), inner)
	}
}

// presetNode parses the text of a default. Single values need no parser.
func presetNode(text string) *yaml.Node {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) != 1 {
		panic("yamldoc: default " + text + " is not YAML")
	}
	return document.Content[0]
}
