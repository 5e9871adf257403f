package yamldoc

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Schema returns the JSON Schema (draft 2020-12) of the type that root points
// to, indented and ending in a line feed. It knows shapes and fixed words, not
// what one field says about another. Further types become definitions beside
// those that root needs.
func Schema(root any, id, title string, further ...Extra) []byte {
	maker := &schemaMaker{definitions: map[string]any{}}
	schema := maker.structure(reflect.TypeOf(root).Elem())
	for _, extra := range further {
		maker.definitions[extra.Name] = maker.structure(reflect.TypeOf(extra.Type).Elem())
	}
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["$id"], schema["title"], schema["$defs"] = id, title, maker.definitions
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic("yamldoc: " + err.Error()) // only maps, lists and texts are in it
	}
	return append(text, '\n')
}

// Extra is a further type of a schema, given by a pointer to it.
type Extra struct {
	Name string
	Type any
}

// TypeKey is the keyword of JSON Schema that names a type.
const TypeKey = "type"

type schemaMaker struct{ definitions map[string]any }

func (m *schemaMaker) structure(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range fieldsOf(t) {
		properties[f.name] = m.property(f)
		if f.required {
			required = append(required, f.name)
		}
	}
	schema := map[string]any{TypeKey: "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

func (m *schemaMaker) property(f field) map[string]any {
	schema := m.value(f.typ, f)
	schema["description"] = f.doc
	if f.preset != "" {
		schema["default"] = presetValue(presetNode(f.preset))
	}
	return schema
}

func (m *schemaMaker) value(t reflect.Type, f field) map[string]any {
	if custom, ok := reflect.New(t).Interface().(Custom); ok {
		_, schema := custom.Describe()
		return schema
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.value(t.Elem(), f)
	case reflect.Struct:
		return m.reference(t)
	case reflect.Slice:
		schema := map[string]any{TypeKey: "array", "items": m.value(t.Elem(), field{enum: f.enum, empty: f.emptyItems})}
		if !f.empty {
			schema["minItems"] = 1
		}
		if bounded(t.Elem()) {
			schema["maxItems"] = MaxItems
		}
		return schema
	case reflect.Map:
		return map[string]any{TypeKey: "object", "additionalProperties": m.value(t.Elem(), field{})}
	case reflect.Bool:
		return map[string]any{TypeKey: "boolean"}
	case reflect.Int:
		return map[string]any{TypeKey: "integer"}
	default:
		return textSchema(f)
	}
}

func textSchema(f field) map[string]any {
	schema := map[string]any{TypeKey: "string"}
	if f.enum != nil {
		schema["enum"] = f.enum
	} else if !f.empty {
		schema["minLength"] = 1
	}
	return schema
}

// reference makes one definition a struct type, since conditions hold
// conditions.
func (m *schemaMaker) reference(t reflect.Type) map[string]any {
	name := strings.TrimSuffix(t.Name(), "Doc")
	if _, known := m.definitions[name]; !known {
		m.definitions[name] = nil
		m.definitions[name] = m.structure(t)
	}
	return map[string]any{"$ref": "#/$defs/" + name}
}
