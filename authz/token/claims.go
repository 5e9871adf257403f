package token

// Kind is the JSON type of a Value.
type Kind uint8

// The JSON types. Invalid is the zero value.
const (
	Invalid Kind = iota
	Null
	Bool
	Num
	String
	List
	Object
)

// Number is an exact decimal number in canonical form: the value is
// (-1)^Neg * Digits * 10^Exp, Digits has neither leading nor trailing zeros,
// and zero is the zero Number.
type Number struct {
	Neg    bool
	Digits string
	Exp    int32
}

// Value is one node of the bounded tree of a JSON document. It is immutable.
// The methods of a nil Value are those of an Invalid one, and a method that
// does not fit the Kind returns the zero value, so that a missing or foreign
// claim never passes for a real one. A Value is used by its pointer: a copy
// could not find its document.
type Value struct {
	_ noCopy
	cell
}

// Kind returns the JSON type.
func (v *Value) Kind() Kind {
	if v == nil {
		return Invalid
	}
	return v.kind
}

// Bool returns the value of a Bool.
func (v *Value) Bool() bool { return v.Kind() == Bool && v.digitsLen == 1 }

// Str returns the value of a String.
func (v *Value) Str() string {
	if v.Kind() != String {
		return ""
	}
	return v.textOf(v.text)
}

// Num returns the value of a Num.
func (v *Value) Num() Number {
	if v.Kind() != Num {
		return Number{}
	}
	at := span{at: v.text.at + uint16(v.digitsAt), n: uint16(v.digitsLen)}
	neg := at.n > 0 && v.textOf(v.text)[0] == '-' // zero has no sign
	return Number{Neg: neg, Digits: v.textOf(at), Exp: int32(v.exp)}
}

// Written returns a Num as the document has it.
func (v *Value) Written() string {
	if v.Kind() != Num {
		return ""
	}
	return v.textOf(v.text)
}

// Len returns the number of elements of a List or members of an Object.
func (v *Value) Len() int {
	if kind := v.Kind(); kind != List && kind != Object {
		return 0
	}
	return int(v.text.n)
}

// At returns element i of a List, or nil.
func (v *Value) At(i int) *Value {
	if v.Kind() != List || i < 0 || i >= int(v.text.n) {
		return nil
	}
	return v.kid(i)
}

// Member returns the name and value of member i of an Object, in document
// order, or "" and nil.
func (v *Value) Member(i int) (string, *Value) {
	if v.Kind() != Object || i < 0 || i >= int(v.text.n) {
		return "", nil
	}
	kid := v.kid(i)
	return kid.textOf(kid.name), kid
}

// Get returns the member of an Object by its exact name, or nil.
func (v *Value) Get(name string) *Value {
	if v.Kind() != Object {
		return nil
	}
	kids, tag := v.kids(), tagOf(name)
	for i := range kids {
		if kid := &kids[i]; kid.tag == tag && int(kid.name.n) == len(name) && kid.textOf(kid.name) == name {
			return kid
		}
	}
	return nil
}

// Lookup follows a path of member names through nested objects, or returns
// nil. The empty path leads nowhere.
func (v *Value) Lookup(path []string) *Value {
	if len(path) == 0 {
		return nil
	}
	for _, name := range path {
		v = v.Get(name)
	}
	return v
}

// AppendJSON appends the value as JSON, numbers as they were written. It
// appends `null` for an Invalid value.
func (v *Value) AppendJSON(dst []byte) []byte {
	switch v.Kind() {
	case Bool:
		if v.digitsLen == 1 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case Num:
		return append(dst, v.textOf(v.text)...)
	case String:
		return appendString(dst, v.textOf(v.text))
	case List, Object:
		return v.appendContainer(dst)
	}
	return append(dst, "null"...)
}

func (v *Value) appendContainer(dst []byte) []byte {
	first, last := byte('['), byte(']')
	if v.kind == Object {
		first, last = '{', '}'
	}
	dst = append(dst, first)
	kids := v.kids()
	for i := range kids {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v.kind == Object {
			dst = append(appendString(dst, kids[i].textOf(kids[i].name)), ':')
		}
		dst = kids[i].AppendJSON(dst)
	}
	return append(dst, last)
}

// appendString appends s with the escapes that RFC 8259 section 7 demands, and
// no others.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
