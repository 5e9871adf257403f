package policy

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// celView shows one request to one expression. It holds a copy of the state of
// the evaluation, so that the original can stay on the stack.
type celView struct {
	env   env
	in    Input
	path  string // the reading at hand
	lists []celList
}

// celList is a claim that was converted already.
type celList struct {
	path  []string
	value ref.Val
}

func newCELView(e *env) *celView {
	v := &celView{env: *e, in: *e.in}
	v.env.in = &v.in
	return v
}

// Parent implements interpreter.Activation.
func (v *celView) Parent() interpreter.Activation { return nil }

// ResolveName implements interpreter.Activation. What is not known is an error
// where it is read.
func (v *celView) ResolveName(name string) (any, bool) {
	switch name {
	case varRequest, varSource:
		return v, true
	case varTenant:
		return v.orError(v, v.in.Tenant != nil, causeNoTenant), true
	case varClaims:
		return v.orError(&celMembers{view: v, variable: name}, !v.env.tokenless(), causeNoToken), true
	case varContext, varPath:
		return &celMembers{view: v, variable: name}, true
	case varIssuer:
		value, why := v.value(name, nil)
		return celScalar(&value, why), true
	case varNow:
		return v.orError(types.Timestamp{Time: v.in.Now}, !v.in.Now.IsZero(), causeNoClock), true
	}
	return nil, false
}

func (v *celView) orError(value any, ok bool, why cause) any {
	if !ok {
		return celError(why)
	}
	return value
}

// value reads what stands at a place of constant names.
func (v *celView) value(variable string, names []string) (Value, cause) {
	switch {
	case variable == varClaims:
		return v.claim(names)
	case variable == varIssuer && len(names) == 0:
		return v.env.issuer(v.in.IssuerName)
	case len(names) == 1 && (variable == varContext || variable == varPath):
		return v.member(variable, names[0])
	case len(names) == 2 && (names[0] == mapHeaders || names[0] == mapLabels):
		return v.member(names[0], names[1])
	case len(names) == 1:
		return v.field(variable, names[0])
	}
	return Value{}, causeKind
}

func (v *celView) claim(names []string) (Value, cause) {
	switch {
	case len(names) == 0:
		return Value{Kind: Object}, causeNone
	case len(names) > maxClaimPath:
		return Value{}, causeLong
	}
	var value Value
	why := v.env.claim(names, &value)
	return value, why
}

// member reads an entry of a map.
func (v *celView) member(variable, name string) (Value, cause) {
	switch variable {
	case mapHeaders:
		if name != strings.ToLower(name) {
			return Value{}, causeKind // it would be missing always
		}
		return v.env.header(name)
	case mapLabels:
		return v.env.label(name)
	case varPath:
		return v.env.capture(name)
	case varContext:
		if text, ok := v.in.Context[name]; ok {
			return Value{Kind: String, String: text}, causeNone
		}
	}
	return Value{}, causeMissing
}

// field reads a field of a record. Only a query may be empty.
func (v *celView) field(variable, name string) (Value, cause) {
	var text string
	switch variable + "." + name {
	case "request.method":
		text = v.in.Method
	case "request.path":
		text = v.path
	case "request.host":
		text = v.in.Host
	case "request.scheme":
		text = v.in.Scheme
	case "request.query":
		return Value{Kind: String, String: v.in.Query}, causeNone
	case "source.principal":
		text = v.in.Principal
	case "source.address":
		if !v.in.RemoteIP.IsValid() {
			return Value{}, causeNoAddress
		}
		text = v.in.RemoteIP.Unmap().WithZone("").String()
	case "tenant.name":
		return v.env.tenantName()
	}
	if text == "" {
		return Value{}, causeMissing
	}
	return Value{Kind: String, String: text}, causeNone
}

// convert makes a value of the language. A list is converted whole, once, so
// that an element that cannot be read spoils it and not a comparison with it.
func (v *celView) convert(path []string, value *Value) ref.Val {
	switch value.Kind {
	case Object:
		return &celMembers{view: v, variable: varClaims, path: path}
	case List:
		for i := range v.lists {
			if slices.Equal(v.lists[i].path, path) {
				return v.lists[i].value
			}
		}
		if len(v.lists) >= maxCELLists {
			return celError(causeLong)
		}
		list := celListOf(value.List)
		v.lists = append(v.lists, celList{path, list})
		return list
	}
	return celScalar(value, causeNone)
}
