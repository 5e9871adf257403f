package policy

import (
	"net/netip"
	"regexp"
	"time"
)

type opcode uint8

const (
	opNone opcode = iota
	opAll
	opAny
	opNot
	opEquals
	opIn
	opContains
	opContainsAny
	opContainsAll
	opHasScope
	opPrefix
	opSuffix
	opMatches
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opWithin
	opExists
	opAbsent
	opUse // a named condition, which is the only part
	opCEL
)

type leftKind uint8

const (
	leftNone leftKind = iota
	leftClaim
	leftHeader
	leftIssuerName
	leftIssuerURL
	leftRemoteIP
	leftTime
	leftMapped
	leftTenantName
	leftTenantLabel
	leftPrincipal
	leftCEL
)

func (l leftKind) isClaim() bool { return l == leftClaim || l == leftMapped }

type rightKind uint8

const (
	rightNone rightKind = iota
	rightLiteral
	rightCapture
	rightHeader
	rightClaim
	rightTenantName
	rightTenantLabel
)

// node is one compiled condition. One concrete type serves all of them, so
// that evaluating needs no interface and nothing escapes to the heap.
type node struct {
	op        opcode
	left      leftKind
	ifPresent bool
	// assumable marks a hasScope of a claim with a literal: where it stands
	// under no `not`, more scopes in the token could only help it.
	assumable bool
	claim     []string // of leftClaim
	name      string   // of a header, mapping, label or named condition
	right     *operand
	cel       *celExpression
	kids      []node // shared where a condition is used by name
}

// operand is a compiled right side.
type operand struct {
	kind    rightKind
	name    string   // of a capture, header or label
	claim   []string // of a claim
	scalar  Value    // literal: a string, number or boolean; the source of matches
	set     literalSet
	expr    *regexp.Regexp
	blocks  []netip.Prefix
	at      time.Time
	written string // a time as it was written
}

// scalarKey is a scalar value as a map key.
type scalarKey struct {
	kind Kind
	b    bool
	s    string
	n    Number
}

func keyOf(v *Value) scalarKey {
	switch v.Kind {
	case Bool:
		return scalarKey{kind: Bool, b: v.Bool}
	case Num:
		return scalarKey{kind: Num, n: v.Num}
	case String:
		return scalarKey{kind: String, s: v.String}
	}
	return scalarKey{kind: v.Kind}
}

// literalSet is a literal list: distinct scalars in file order.
type literalSet struct {
	elements []Value
	index    map[scalarKey]int // nil for a short list
	kinds    kindSet
}

// shortList is the longest list that is searched element by element.
const shortList = 8

func newLiteralSet(values []Value) literalSet {
	var set literalSet
	index := make(map[scalarKey]int, len(values))
	for i := range values {
		key := keyOf(&values[i])
		if _, known := index[key]; known {
			continue
		}
		index[key] = len(set.elements)
		set.elements = append(set.elements, values[i])
		set.kinds = set.kinds.with(values[i].Kind)
	}
	if len(set.elements) > shortList {
		set.index = index
	}
	return set
}

// find returns the place of an equal element, or -1.
func (s *literalSet) find(v *Value) int {
	if s.index != nil {
		if i, ok := s.index[keyOf(v)]; ok && v.isScalar() {
			return i
		}
		return -1
	}
	for i := range s.elements {
		if equalScalars(v, &s.elements[i]) {
			return i
		}
	}
	return -1
}

// kindSet is a set of kinds.
type kindSet uint16

func (s kindSet) with(k Kind) kindSet { return s | 1<<(k&15) }

func (s kindSet) has(k Kind) bool { return s&(1<<(k&15)) != 0 }

// beyond reports whether anything but k is in the set.
func (s kindSet) beyond(k Kind) bool { return s&^(1<<(k&15)) != 0 }

func (v *Value) isScalar() bool { return v.Kind == Bool || v.Kind == Num || v.Kind == String }

// equalScalars reports whether both are scalars of one kind and value.
func equalScalars(a, b *Value) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case Bool:
		return a.Bool == b.Bool
	case Num:
		return a.Num == b.Num
	case String:
		return a.String == b.String
	}
	return false
}
