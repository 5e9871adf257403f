package policy

import (
	"math/big"
	"reflect"
	"slices"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	celtraits "cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// celError makes an error value. None is shared, since the library marks them.
func celError(why cause) ref.Val { return types.WrapErr(readError(why)) }

// celScalar converts a value that is neither object nor list.
func celScalar(v *Value, why cause) ref.Val {
	if why != causeNone && why != causeNull {
		return celError(why)
	}
	switch v.Kind {
	case Null:
		return types.NullValue
	case Bool:
		return types.Bool(v.Bool)
	case String:
		return types.String(v.String)
	case Num:
		return celNumber(v.Num)
	}
	return celError(causeKind)
}

// celNumber converts a number to the type that holds it exactly: int, uint or
// double. Nothing is rounded.
func celNumber(n Number) ref.Val {
	if n.Digits == "" {
		return types.Int(0)
	}
	if n.Exp >= 0 && n.magnitude() <= 20 {
		text := n.String()
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return types.Int(i)
		}
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return types.Uint(u)
		}
	}
	if m := n.magnitude(); m > 309 || m < -324 {
		return celError(causeNumber)
	}
	exact, ok := new(big.Rat).SetString(n.String())
	if !ok {
		return celError(causeNumber)
	}
	f, isExact := exact.Float64()
	if !isExact {
		return celError(causeNumber)
	}
	return types.Double(f)
}

// celListOf converts a list, or returns an error where an element cannot be
// read: an object, a number that fits no type, one too many.
func celListOf(list Elements) ref.Val {
	left := maxReferenced
	return celElements(list, &left, maxDepth)
}

func celElements(list Elements, left *int, depth int) ref.Val {
	n := list.Len()
	if *left -= n; *left < 0 || depth == 0 {
		return celError(causeLong)
	}
	out := make([]ref.Val, n)
	for i := range n {
		v := list.At(i)
		switch {
		case v.Kind == List && v.List != nil:
			out[i] = celElements(v.List, left, depth-1)
		case v.Kind == Object:
			return celError(causeObject)
		default:
			out[i] = celScalar(&v, causeNone)
		}
		if types.IsError(out[i]) {
			return out[i]
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}

// celMembers is a map of which single members can be read: an object of the
// claims, the headers, the labels. It cannot be enumerated.
type celMembers struct {
	view     *celView
	variable string
	path     []string // of the object within the claims
}

var (
	_ celtraits.Indexer     = (*celMembers)(nil)
	_ celtraits.FieldTester = (*celMembers)(nil)
	_ celtraits.Container   = (*celMembers)(nil)
)

// lookup reads a member and returns where it stands.
func (m *celMembers) lookup(key ref.Val) (Value, []string, cause) {
	name, ok := key.(types.String)
	if !ok {
		return Value{}, nil, causeKind
	}
	if m.variable != varClaims {
		v, why := m.view.member(m.variable, string(name))
		return v, nil, why
	}
	path := append(slices.Clone(m.path), string(name))
	v, why := m.view.claim(path)
	return v, path, why
}

// Get implements celtraits.Indexer.
func (m *celMembers) Get(key ref.Val) ref.Val {
	v, path, why := m.lookup(key)
	if why != causeNone {
		return celScalar(&v, why)
	}
	return m.view.convert(path, &v)
}

// IsSet implements celtraits.FieldTester. As everywhere in the language, null is
// a value.
func (m *celMembers) IsSet(key ref.Val) ref.Val {
	switch _, _, why := m.lookup(key); why {
	case causeNone, causeNull:
		return types.True
	case causeMissing:
		return types.False
	default:
		return celError(why)
	}
}

// Contains implements celtraits.Container.
func (m *celMembers) Contains(key ref.Val) ref.Val { return m.IsSet(key) }

// Equal implements ref.Val. Two objects cannot be compared; since the library
// passes over an error among the elements of a list, this ends the evaluation.
func (m *celMembers) Equal(other ref.Val) ref.Val {
	if _, both := other.(*celMembers); both {
		panic(interpreter.EvalCancelledError{Cause: interpreter.ContextCancelled, Message: "objects cannot be compared"})
	}
	return types.False
}

// Type implements ref.Val.
func (m *celMembers) Type() ref.Type {
	return types.NewObjectType("claimgate.Members", celtraits.ContainerType|celtraits.FieldTesterType|celtraits.IndexerType)
}

// ConvertToType implements ref.Val.
func (m *celMembers) ConvertToType(ref.Type) ref.Val { return celError(causeObject) }

// ConvertToNative implements ref.Val.
func (m *celMembers) ConvertToNative(reflect.Type) (any, error) { return nil, readError(causeObject) }

// Value implements ref.Val.
func (m *celMembers) Value() any { return m }

// String hides what the members are from whatever prints them.
func (m *celMembers) String() string { return m.variable }
