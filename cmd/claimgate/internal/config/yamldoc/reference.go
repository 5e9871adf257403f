package yamldoc

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Reference returns a text with every field of the type that root points to:
// path, type, default and description, a field two lines. The fields of a type
// are listed where it first occurs.
func Reference(root any) string {
	writer := &referenceWriter{listed: map[reflect.Type]string{}}
	writer.structure(reflect.TypeOf(root).Elem(), "")
	return writer.text.String()
}

type referenceWriter struct {
	text   strings.Builder
	listed map[reflect.Type]string // path of the first occurrence
}

func (w *referenceWriter) structure(t reflect.Type, path string) {
	w.listed[t] = path
	for _, f := range fieldsOf(t) {
		at := f.name
		if path != "" {
			at = path + "." + f.name
		} else {
			w.text.WriteByte('\n') // a block for each field of the root
		}
		inner, suffix := innermost(f.typ)
		first, again := w.listed[inner]
		w.field(at, f, first)
		if inner != nil && !again {
			w.structure(inner, at+suffix)
		}
		w.forms(f.typ, at)
	}
}

// forms lists the structs that a custom type may read.
func (w *referenceWriter) forms(t reflect.Type, path string) {
	for {
		if former, ok := reflect.New(t).Interface().(Former); ok {
			for _, form := range former.Forms() {
				if inner := reflect.TypeOf(form).Elem(); w.listed[inner] == "" {
					w.structure(inner, path)
				}
			}
			return
		}
		if _, ok := reflect.New(t).Interface().(Custom); ok {
			return
		}
		switch t.Kind() {
		case reflect.Slice:
			path += "[]"
		case reflect.Map:
			path += ".<name>"
		case reflect.Pointer:
		default:
			return
		}
		t = t.Elem()
	}
}

func (w *referenceWriter) field(path string, f field, as string) {
	notes := []string{typeName(f.typ)}
	if f.enum != nil {
		notes = []string{strings.Join(f.enum, " | ")}
	}
	if f.required {
		notes = append(notes, "required")
	}
	if f.preset != "" {
		notes = append(notes, "default "+f.preset)
	}
	if as != "" {
		notes = append(notes, "fields as in "+as)
	}
	fmt.Fprintf(&w.text, "%s (%s)\n    %s\n", path, strings.Join(notes, ", "), f.doc)
}

// innermost returns the struct type that a type leads to, or nil, and what the
// way there adds to a path.
func innermost(t reflect.Type) (reflect.Type, string) {
	suffix := ""
	for {
		if _, ok := reflect.New(t).Interface().(Custom); ok {
			return nil, ""
		}
		switch t.Kind() {
		case reflect.Struct:
			return t, suffix
		case reflect.Slice:
			suffix += "[]"
		case reflect.Map:
			suffix += ".<name>"
		case reflect.Pointer:
		default:
			return nil, ""
		}
		t = t.Elem()
	}
}

func typeName(t reflect.Type) string {
	if custom, ok := reflect.New(t).Interface().(Custom); ok {
		name, _ := custom.Describe()
		return name
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	case reflect.Map:
		return "mapping of names to " + typeName(t.Elem())
	case reflect.Struct:
		return "mapping"
	case reflect.Bool:
		return "true | false"
	case reflect.Int:
		return "number"
	default:
		return "text"
	}
}

// presetValue turns the node of a default into a value for JSON.
func presetValue(n *yaml.Node) any {
	var value any
	if err := n.Decode(&value); err != nil {
		panic("yamldoc: " + err.Error())
	}
	return value
}
