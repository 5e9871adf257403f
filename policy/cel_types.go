package policy

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The records that expressions see. A record has the fields below and no
// others, which is checked when an expression is compiled.
const (
	celRequest = "claimgate.Request"
	celSource  = "claimgate.Source"
	celTenant  = "claimgate.Tenant"
)

// The variables, and the maps within records.
const (
	varRequest = "request"
	varSource  = "source"
	varTenant  = "tenant"
	varContext = "context"
	varClaims  = "claims"
	varIssuer  = "issuer"
	varPath    = "path"
	varNow     = "now"
	mapHeaders = "headers"
	mapLabels  = "labels"
)

func celVariables() []cel.EnvOption {
	texts := cel.MapType(cel.StringType, cel.StringType)
	return []cel.EnvOption{
		cel.Variable(varRequest, cel.ObjectType(celRequest)),
		cel.Variable(varSource, cel.ObjectType(celSource)),
		cel.Variable(varTenant, cel.ObjectType(celTenant)),
		cel.Variable(varContext, texts),
		cel.Variable(varClaims, cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable(varIssuer, cel.StringType),
		cel.Variable(varPath, texts),
		cel.Variable(varNow, cel.TimestampType),
	}
}

func isCELVariable(name string) bool {
	return slices.Contains([]string{varRequest, varSource, varTenant, varContext, varClaims, varIssuer, varPath, varNow}, name)
}

// celTypes adds the records to the standard types.
type celTypes struct{ types.Provider }

func celFieldNames(record string) []string {
	switch record {
	case celRequest:
		return []string{"method", "path", "query", "host", "scheme", mapHeaders}
	case celSource:
		return []string{"principal", "address"}
	case celTenant:
		return []string{"name", mapLabels}
	}
	return nil
}

// FindStructType implements types.Provider.
func (t celTypes) FindStructType(name string) (*types.Type, bool) {
	if celFieldNames(name) == nil {
		return t.Provider.FindStructType(name)
	}
	return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
}

// FindStructFieldNames implements types.Provider.
func (t celTypes) FindStructFieldNames(name string) ([]string, bool) {
	if names := celFieldNames(name); names != nil {
		return names, true
	}
	return t.Provider.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (t celTypes) FindStructFieldType(record, field string) (*types.FieldType, bool) {
	names := celFieldNames(record)
	switch {
	case names == nil:
		return t.Provider.FindStructFieldType(record, field)
	case !slices.Contains(names, field):
		return nil, false
	case field == mapHeaders || field == mapLabels:
		return celMapField(field), true
	}
	return celTextField(celVariableOf(record), field), true
}

func celVariableOf(record string) string {
	switch record {
	case celRequest:
		return varRequest
	case celSource:
		return varSource
	}
	return varTenant
}

func celMapField(field string) *types.FieldType {
	return &types.FieldType{
		Type:  types.NewMapType(types.StringType, types.StringType),
		IsSet: func(any) bool { return true },
		GetFrom: func(target any) (any, error) {
			v, ok := target.(*celView)
			if !ok {
				return nil, readError(causeKind)
			}
			return &celMembers{view: v, variable: field}, nil
		},
	}
}

// celTextField is a field that is missing where its text is empty.
func celTextField(variable, field string) *types.FieldType {
	read := func(target any) (Value, cause) {
		if v, ok := target.(*celView); ok {
			return v.field(variable, field)
		}
		return Value{}, causeKind
	}
	return &types.FieldType{
		Type: types.StringType,
		IsSet: func(target any) bool {
			_, why := read(target)
			return why == causeNone
		},
		GetFrom: func(target any) (any, error) {
			v, why := read(target)
			if why != causeNone {
				return nil, readError(why)
			}
			return types.String(v.String), nil
		},
	}
}

// NewValue implements types.Provider. No expression makes a record.
func (t celTypes) NewValue(string, map[string]ref.Val) ref.Val { return celError(causeKind) }
