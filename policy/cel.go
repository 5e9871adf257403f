package policy

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

// celExpression is a compiled condition in the Common Expression Language. It
// is immutable, and shared by whoever wrote the same source.
type celExpression struct {
	source    string
	program   cel.Program
	facts     facts
	reads     []celRead
	readsPath bool           // the path of the request as a whole
	patterns  map[string]int // instructions of its regular expressions
}

// celRead is something that an expression reads by constant names, as in
// claims.address.country.
type celRead struct {
	variable string
	names    []string
	test     bool // by has() or in, among others
}

// eval runs the expression. Where it reads a path that has two readings, both
// must come to one answer.
func (x *celExpression) eval(e *env) (Truth, cause) {
	v := newCELView(e)
	truth, why := x.run(v, e.in.Path)
	if !x.readsPath || e.plain || truth == Unknown {
		return truth, why
	}
	switch lenient, otherwise := x.run(v, e.lenient.path); lenient {
	case truth:
		return truth, why
	case Unknown:
		return Unknown, otherwise
	}
	return Unknown, causeForms
}

func (x *celExpression) run(v *celView, path string) (Truth, cause) {
	v.path = path
	out, _, err := x.program.Eval(v)
	if err != nil {
		return Unknown, causeOf(err)
	}
	truth, ok := out.(types.Bool)
	if !ok {
		return Unknown, causeExpression
	}
	return truthOf(bool(truth)), causeNone
}

// readError is the cause of an error that reading a value made.
type readError cause

// Error names the cause and no value.
func (e readError) Error() string { return cause(e).String() }

// causeOf says why an expression failed. The library's own texts quote values,
// so that they are not passed on.
func causeOf(err error) cause {
	var read readError
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &read):
		return cause(read)
	case !errors.As(err, &cancelled):
		return causeExpression
	case cancelled.Cause == interpreter.CostLimitExceeded:
		return causeCost
	}
	return causeObject
}

// seen tells what the expression read, for people.
func (x *celExpression) seen(e *env) string {
	v := newCELView(e)
	v.path = e.in.Path
	return joined(len(x.reads), shownElements, func(i int) string { return x.reads[i].text() + ": " + x.reads[i].seen(v) })
}

func (r *celRead) text() string {
	var text strings.Builder
	text.WriteString(r.variable)
	for _, name := range r.names {
		if isIdentifier(name) {
			text.WriteString("." + name)
		} else {
			text.WriteString("[" + show(name) + "]")
		}
	}
	return text.String()
}

func (r *celRead) seen(v *celView) string {
	if r.variable == varRequest && len(r.names) == 2 && v.env.isCredential(r.names[1]) {
		return notShown
	}
	if r.variable == varRequest && len(r.names) == 1 && r.names[0] == "query" && v.in.Query != "" {
		return "a query, which is not shown" // it may hold a token
	}
	if r.variable == varNow {
		return (&node{left: leftTime}).actual(&v.env)
	}
	value, why := v.value(r.variable, r.names)
	return seen(&value, why)
}
