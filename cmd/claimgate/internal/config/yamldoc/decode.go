package yamldoc

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Hinter is implemented by structs that know better than a general message
// what to do about some unknown field.
type Hinter interface {
	// UnknownField returns a mend for the field, or "".
	UnknownField(name string) string
}

// Decode fills the struct that into points to and reports every problem. What
// a problem is about keeps its zero value.
func (d *Document) Decode(into any) []Problem {
	return d.DecodeTypes(NewTypes(), into)
}

// DecodeTypes is Decode for many documents of the same types, whose tags were
// read once.
func (d *Document) DecodeTypes(types *Types, into any) []Problem {
	if d == nil {
		return nil
	}
	dec := &decoder{document: d, types: types}
	dec.into(Node{decoder: dec, node: d.root}, into)
	return dec.problems
}

type decoder struct {
	document *Document
	types    *Types
	problems []Problem
}

func (d *decoder) report(n *yaml.Node, path, message, mend string) {
	d.problems = append(d.problems, Problem{Position: place(n), Path: path, Message: message, Mend: mend})
}

func (d *decoder) into(n Node, into any) {
	d.value(n, reflect.ValueOf(into).Elem(), field{})
}

func (d *decoder) value(n Node, v reflect.Value, f field) {
	if n.Kind() == Reported {
		return
	}
	if custom, ok := v.Addr().Interface().(Custom); ok {
		custom.DecodeNode(n)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), f)
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Slice:
		d.list(n, v, f)
	case reflect.Map:
		d.mapping(n, v)
	default:
		d.scalar(n, v, f)
	}
}

func (d *decoder) scalar(n Node, v reflect.Value, f field) {
	switch v.Kind() {
	case reflect.String:
		if text, ok := n.Text(); ok && f.accepts(n, text) {
			v.SetString(text)
		}
	case reflect.Bool:
		if value, ok := n.Bool(); ok {
			v.SetBool(value)
		}
	case reflect.Int:
		text, ok := n.DecimalText()
		if !ok {
			return
		}
		value, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			n.Report("this needs a whole number below 2147483648", "")
			return
		}
		v.SetInt(value)
	default:
		panic("yamldoc: no way to read " + v.Type().String())
	}
}

// accepts checks a text against the tags of its field.
func (f *field) accepts(n Node, text string) bool {
	switch {
	case text == "" && !f.empty:
		n.Report("the text is empty", f.orRemove("write a value", "remove it"))
	case f.enum != nil && !slices.Contains(f.enum, text):
		mend := "write " + strings.Join(f.enum, " or ")
		if near := Nearest(text, f.enum); near != "" {
			mend = "did you mean " + near + "?"
		}
		n.Report(quote(text)+" is not known here", mend)
	default:
		return true
	}
	return false
}

// MaxItems is the greatest number of elements of a list of texts or of a custom
// type, such as hosts. Lists of mappings are bounded by what they are about.
const MaxItems = 1024

func bounded(element reflect.Type) bool {
	_, custom := reflect.New(element).Interface().(Custom)
	return custom || element.Kind() == reflect.String
}

func (d *decoder) list(n Node, v reflect.Value, f field) {
	if n.Kind() != List {
		n.Mismatch(List.article())
		return
	}
	items := n.Items()
	if len(items) == 0 && !f.empty {
		n.Report("the list is empty", f.orRemove("list at least one", "remove the field"))
	}
	if len(items) > MaxItems && bounded(v.Type().Elem()) {
		n.Report(fmt.Sprintf("the list has more than %d elements", MaxItems), "shorten it")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(item, v.Index(i), field{enum: f.enum, empty: f.emptyItems})
	}
}

func (d *decoder) mapping(n Node, v reflect.Value) {
	if n.Kind() != Mapping {
		n.Mismatch(Mapping.article())
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, m := range n.Fields() {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(m.Node, element, field{})
		v.SetMapIndex(reflect.ValueOf(m.Name), element)
	}
}

func (d *decoder) structure(n Node, v reflect.Value) {
	if n.Kind() != Mapping {
		n.Mismatch(Mapping.article())
		return
	}
	fields := d.types.of(v.Type())
	written := make([]bool, len(fields))
	guessed := map[string]bool{}
	for _, m := range n.Fields() {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == m.Name })
		if i < 0 {
			guessed[d.unknown(n.path, m, v, fields)] = true
			continue
		}
		written[i] = true
		d.value(m.Node, v.FieldByIndex(fields[i].index), fields[i])
	}
	for i, f := range fields {
		switch {
		case written[i] || guessed[f.name]:
		case f.required && !d.duplicated(n, f.name):
			d.report(n.node, member(n.path, f.name), "this field is missing", "write "+f.name+": "+f.example())
		default:
			d.types.absent(v.FieldByIndex(f.index), &fields[i])
		}
	}
}

// duplicated says whether a member is there in a form already reported.
func (d *decoder) duplicated(n Node, name string) bool {
	for i := 0; i+1 < len(n.node.Content); i += 2 {
		if key := n.node.Content[i]; d.document.bad[key] && key.Value == name {
			return true
		}
	}
	return false
}

// unknown reports an unknown field and returns the name that was meant, or "".
func (d *decoder) unknown(parent string, m Field, v reflect.Value, fields []field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	mend, near := "", Nearest(m.Name, names)
	if hinter, ok := v.Addr().Interface().(Hinter); ok {
		mend = hinter.UnknownField(m.Name)
	}
	if mend == "" && near != "" {
		mend = "did you mean " + near + "?"
	}
	if mend == "" {
		mend = "known are " + strings.Join(names, ", ")
	}
	d.report(m.key, m.path, fmt.Sprintf("there is no field %s here", quote(m.Name)), mend)
	if near != "" {
		d.problems[len(d.problems)-1].Meant = member(parent, near)
	}
	return near
}
