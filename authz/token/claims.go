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
type Value struct{}

// Kind returns the JSON type.
func (v *Value) Kind() Kind { panic("not built") }

// Bool returns the value of a Bool.
func (v *Value) Bool() bool { panic("not built") }

// Str returns the value of a String.
func (v *Value) Str() string { panic("not built") }

// Num returns the value of a Num.
func (v *Value) Num() Number { panic("not built") }

// Len returns the number of elements of a List or members of an Object.
func (v *Value) Len() int { panic("not built") }

// At returns element i of a List.
func (v *Value) At(i int) *Value { panic("not built") }

// Member returns the name and value of member i of an Object, in document order.
func (v *Value) Member(i int) (string, *Value) { panic("not built") }

// Get returns the member of an Object by its exact name, or nil.
func (v *Value) Get(name string) *Value { panic("not built") }

// Lookup follows a path of member names through nested objects, or returns nil.
func (v *Value) Lookup(path []string) *Value { panic("not built") }

// AppendJSON appends the value as JSON, numbers as they were written.
func (v *Value) AppendJSON(dst []byte) []byte { panic("not built") }

// ParseObject parses a strict, bounded JSON object: UTF-8 only, no duplicate
// members, no lone surrogates, nothing after the end. Errors are ErrMalformed.
func ParseObject(data []byte) (*Value, error) { panic("not built") }
