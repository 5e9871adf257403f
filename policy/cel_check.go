package policy

import (
	"regexp/syntax"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// celCheck walks a checked expression: it refuses what cannot be bounded or
// could be decided wrongly, and notes what is read.
type celCheck struct {
	ast        *ast.AST
	expression *celExpression
}

// whole checks the expression and each part of it.
func (c *celCheck) whole() *fault {
	root := ast.NavigateAST(c.ast)
	if root.Type().Kind() != types.BoolKind {
		return c.faultf(root, "compare it, as in claims.admin == true", "yields a %s where true or false is needed", root.Type())
	}
	c.expression.facts.expressions = 1
	for _, loop := range ast.MatchDescendants(root, ast.KindMatcher(ast.ComprehensionKind)) {
		if wrong := c.loop(loop); wrong != nil {
			return wrong
		}
	}
	for _, part := range ast.MatchDescendants(root, ast.AllMatcher()) {
		if wrong := c.part(part); wrong != nil {
			return wrong
		}
	}
	c.needLabels()
	return nil
}

func (c *celCheck) faultf(at ast.NavigableExpr, mend, format string, args ...any) *fault {
	place := c.ast.SourceInfo().GetStartLocation(at.ID())
	return faultAt(max(place.Line(), 1), max(place.Column(), 0), faultf(mend, format, args...))
}

func (c *celCheck) part(part ast.NavigableExpr) *fault {
	switch part.Kind() {
	case ast.MapKind:
		return c.faultf(part, "compare with strings, numbers and lists", "makes a map, with which nothing here can be compared")
	case ast.StructKind:
		return c.faultf(part, "compare with strings, numbers and lists", "makes a message")
	case ast.CallKind:
		if wrong := c.call(part); wrong != nil {
			return wrong
		}
	case ast.IdentKind:
		if wrong := c.variable(part); wrong != nil {
			return wrong
		}
	}
	return c.members(part)
}

// loop keeps the names of the variables for the variables, and bounds the time
// that it takes to estimate what nested loops may cost.
func (c *celCheck) loop(part ast.NavigableExpr) *fault {
	loop := part.AsComprehension()
	for _, name := range []string{loop.IterVar(), loop.IterVar2()} {
		if isCELVariable(name) {
			return c.faultf(part, "give the variable of the loop another name", "gives %s a second meaning", name)
		}
	}
	depth := 1
	for parent, ok := part.Parent(); ok; parent, ok = parent.Parent() {
		if parent.Kind() == ast.ComprehensionKind {
			depth++
		}
	}
	if depth > maxCELLoops {
		return c.faultf(part, "avoid loops within loops", "nests loops deeper than %d", maxCELLoops)
	}
	return nil
}

func (c *celCheck) call(part ast.NavigableExpr) *fault {
	call := part.AsCall()
	if call.FunctionName() == "matches" {
		return c.pattern(part)
	}
	for _, overload := range c.ast.GetOverloadIDs(part.ID()) {
		if strings.HasSuffix(overload, "_with_tz") && !isFixedZone(call.Args()) {
			return c.faultf(part, "write \"UTC\" or an offset such as \"+01:00\"", "names a place or reads the zone from elsewhere")
		}
	}
	return nil
}

// isFixedZone reports whether the last argument is a constant that names no
// place, whose rules would have to be read from a file.
func isFixedZone(args []ast.Expr) bool {
	if len(args) == 0 {
		return false
	}
	zone, ok := literalText(args[len(args)-1])
	return ok && (zone == "UTC" || hasForm(strings.TrimLeft(zone, "+-"), "00:00") && len(zone) <= len("+00:00"))
}

func literalText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	return string(text), ok
}

// pattern compiles the regular expression of a match to know its size.
func (c *celCheck) pattern(part ast.NavigableExpr) *fault {
	args := part.AsCall().Args()
	if len(args) == 0 {
		return nil
	}
	source, ok := literalText(args[len(args)-1])
	if !ok {
		return c.faultf(part, "write the pattern itself", "matches by a pattern that is no constant")
	}
	if len(source) > maxString {
		return c.faultf(part, "shorten it", "the pattern is %d bytes long, more than %d", len(source), maxString)
	}
	size, wrong := expressionSize(source)
	if wrong != nil {
		return c.faultf(part, wrong.mend, "the pattern %s", wrong.message)
	}
	c.expression.patterns[source] = size
	c.expression.facts.program += size
	return nil
}

// expressionSize compiles a regular expression and counts its instructions.
func expressionSize(source string) (int, *fault) {
	const mend = "write a regular expression in the syntax of RE2"
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return 0, faultf(mend, "is not a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, faultf(mend, "is not a regular expression: %v", err)
	}
	if len(program.Inst) > maxExpression {
		return 0, faultf("use fewer or smaller repetitions", "compiles to %d instructions, more than %d", len(program.Inst), maxExpression)
	}
	return len(program.Inst), nil
}

// members holds that of maps and records single members are read, and nothing
// else is done with them.
func (c *celCheck) members(part ast.NavigableExpr) *fault {
	kind := part.Type().Kind()
	if kind != types.MapKind && kind != types.StructKind {
		return nil
	}
	parent, ok := part.Parent()
	switch {
	case !ok:
	case parent.Kind() == ast.SelectKind:
		return nil
	case parent.Kind() == ast.CallKind && kind == types.MapKind:
		call := parent.AsCall()
		if call.FunctionName() == operators.Index && call.Args()[0].ID() == part.ID() ||
			call.FunctionName() == operators.In && call.Args()[1].ID() == part.ID() {
			return nil
		}
	}
	return c.faultf(part, "read single members, as in claims.sub", "enumerates, compares or passes on what has members")
}

// variable notes what is read of one of the variables.
func (c *celCheck) variable(ident ast.NavigableExpr) *fault {
	read := celRead{variable: strings.TrimPrefix(ident.AsIdent(), ".")}
	if !isCELVariable(read.variable) {
		return nil
	}
	at := ident
	for {
		name, next, test := nextMember(at)
		if next == nil {
			break
		}
		read.names, at = append(read.names, name), next
		if read.test = test; test {
			break
		}
	}
	if wrong := c.named(ident, &read); wrong != nil {
		return wrong
	}
	c.note(&read)
	return nil
}

// nextMember returns the constant name by which the parent reads a member.
func nextMember(at ast.NavigableExpr) (name string, parent ast.NavigableExpr, test bool) {
	parent, ok := at.Parent()
	if !ok {
		return "", nil, false
	}
	switch parent.Kind() {
	case ast.SelectKind:
		return parent.AsSelect().FieldName(), parent, parent.AsSelect().IsTestOnly()
	case ast.CallKind:
		call := parent.AsCall()
		args := call.Args()
		if len(args) != 2 {
			break
		}
		if name, ok := literalText(args[1]); ok && call.FunctionName() == operators.Index && args[0].ID() == at.ID() {
			return name, parent, false
		}
		if name, ok := literalText(args[0]); ok && call.FunctionName() == operators.In && args[1].ID() == at.ID() && at.Type().Kind() == types.MapKind {
			return name, parent, true
		}
	}
	return "", nil, false
}

// named checks the names that can be checked.
func (c *celCheck) named(at ast.NavigableExpr, r *celRead) *fault {
	if r.variable == varPath && len(r.names) == 0 {
		return c.faultf(at, "name a capture, as in path.id", "reads no capture by its name")
	}
	if r.variable == varRequest && len(r.names) == 2 && !isLowerToken(r.names[1]) {
		return c.faultf(at, "write the name in lower case, as in request.headers[\"x-region\"]", "is not a lower-case header name: %s", quote(r.names[1]))
	}
	if r.variable == varClaims && len(r.names) > maxClaimPath {
		return c.faultf(at, "read a claim that lies less deep", "reads a claim through %d names, more than %d", len(r.names), maxClaimPath)
	}
	return nil
}

func (c *celCheck) note(r *celRead) {
	x := c.expression
	switch r.variable {
	case varClaims, varIssuer:
		x.facts.token = true
	case varPath:
		x.facts.captures = union(x.facts.captures, r.names[0])
	case varSource, varContext, varNow:
		x.facts.request = true
	case varRequest:
		field := ""
		if len(r.names) > 0 {
			field = r.names[0]
		}
		x.readsPath = x.readsPath || field == varPath
		x.facts.request = x.facts.request || field != varPath && field != "method"
	}
	for i := range x.reads {
		if x.reads[i].text() == r.text() {
			x.reads[i].test = x.reads[i].test || r.test
			return
		}
	}
	x.reads = append(x.reads, *r)
}

// needLabels notes the labels that are read and that no has() guards.
func (c *celCheck) needLabels() {
	x := c.expression
	for i := range x.reads {
		if r := &x.reads[i]; r.variable == varTenant && len(r.names) == 2 && !r.test {
			x.facts.labels = union(x.facts.labels, r.names[1])
		}
	}
}
