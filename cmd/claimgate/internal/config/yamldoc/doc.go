// Package yamldoc reads strict YAML documents and keeps the place of
// everything in them.
//
//	document, problems := yamldoc.Parse(data, yamldoc.Limits{Bytes: 1 << 20, Depth: 64, Nodes: 100_000})
//	problems = append(problems, document.Decode(&spec)...)
//	line := document.Position("rules[0].when[1].claim").Line
//
// Strict means: one document, no aliases, anchors, merges or tags, no
// duplicate keys, no unknown fields, no value of another type than asked for,
// nothing empty where a value is needed. Every problem of a document is
// reported, not the first alone.
//
// The fields of a struct carry everything in their tags, and the JSON Schema
// and the reference text are made from the same tags:
//
//	yaml      name of the field; `yaml:",inline"` on an embedded struct
//	doc       what it is, for people
//	required  "true" where it must be written
//	default   the value, as YAML, of a field that is not written; false for switches
//	enum      the values that a text may have, separated by commas
//	empty     "true" where an empty text or list may be written
//
// A type that reads itself implements Custom.
package yamldoc
