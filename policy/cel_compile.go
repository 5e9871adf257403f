package policy

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Compiler compiles policies and remembers CEL expressions, so that equal ones
// are compiled once. The zero Compiler is ready for use, and it may be used
// concurrently. It holds no policy. One that is kept for good forgets what it
// knows when that grows beyond 16,384 expressions; policies keep theirs.
type Compiler struct {
	mu    sync.Mutex
	env   *cel.Env
	known map[string]celOutcome
}

type celOutcome struct {
	expression *celExpression
	wrong      *fault
}

// cel compiles a condition that is an expression.
func (b *builder) cel(at place, source string) node {
	field := at.path + ".cel"
	x, wrong := b.compiler.expression(source)
	if wrong != nil {
		b.addFault(field, wrong)
		return node{}
	}
	b.facts.take(&x.facts)
	for _, name := range x.facts.captures {
		b.captured(field, name)
	}
	b.weighProgram(field, x.facts.program)
	return node{op: opCEL, left: leftCEL, cel: x}
}

// expression compiles a source, or says what is wrong with it.
func (compiler *Compiler) expression(source string) (*celExpression, *fault) {
	switch {
	case len(source) > maxSource:
		return nil, faultf("split it, or use conditions", "is %d bytes long, more than %d", len(source), maxSource)
	case !utf8.ValidString(source):
		return nil, faultf("write it in UTF-8", "is not UTF-8")
	}
	if out, ok := compiler.recall(source); ok {
		return out.expression, out.wrong
	}
	env, err := compiler.environment()
	if err != nil {
		return nil, faultf("report this", "cannot be compiled here: %v", err)
	}
	x, wrong := compileCEL(env, source)
	out := compiler.remember(source, celOutcome{x, wrong})
	return out.expression, out.wrong
}

func (compiler *Compiler) recall(source string) (celOutcome, bool) {
	compiler.mu.Lock()
	defer compiler.mu.Unlock()
	out, ok := compiler.known[source]
	return out, ok
}

// remember keeps an outcome and returns the one to use: of two that were made
// at the same time the first.
func (compiler *Compiler) remember(source string, out celOutcome) celOutcome {
	compiler.mu.Lock()
	defer compiler.mu.Unlock()
	if first, ok := compiler.known[source]; ok {
		return first
	}
	if compiler.known == nil || len(compiler.known) >= maxKnown {
		compiler.known = map[string]celOutcome{}
	}
	compiler.known[source] = out
	return out
}

// environment makes the environment when it is first needed.
func (compiler *Compiler) environment() (*cel.Env, error) {
	compiler.mu.Lock()
	defer compiler.mu.Unlock()
	if compiler.env != nil {
		return compiler.env, nil
	}
	env, err := newCELEnv()
	compiler.env = env
	return env, err
}

// newCELEnv declares the variables and the standard functions.
func newCELEnv() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	options := append(celVariables(),
		cel.StdLib(),
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(celTypes{registry}),
		cel.EnableErrorOnBadPresenceTest(true),
		cel.DefaultUTCTimeZone(true),
		cel.StrictTimestampParsing(true),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserRecursionLimit(maxCELNesting),
		cel.ParserErrorRecoveryLimit(1),
		cel.ParserExpressionSizeLimit(maxSource),
		cel.ExpressionNodeLimit(maxCELNodes),
	)
	return cel.NewCustomEnv(options...)
}

// compileCEL compiles a source. A fault of the library is a fault of the
// source, not of the process.
func compileCEL(env *cel.Env, source string) (x *celExpression, wrong *fault) {
	defer func() {
		if recover() != nil {
			x, wrong = nil, faultf("write it in another way", "cannot be compiled")
		}
	}()
	checked, issues := env.Compile(source)
	if issues != nil && len(issues.Errors()) > 0 {
		first := issues.Errors()[0]
		wrong := &fault{message: celMessage(first.Message), mend: "write an expression of CEL over request, source, context, claims, issuer, tenant, path and now"}
		return nil, faultAt(max(first.Location.Line(), 1), max(first.Location.Column(), 0), wrong)
	}
	x = &celExpression{source: source, patterns: map[string]int{}}
	c := &celCheck{ast: checked.NativeRep(), expression: x}
	if wrong := c.whole(); wrong != nil {
		return nil, wrong
	}
	units, wrong := bounded(env, checked)
	if wrong != nil {
		return nil, wrong
	}
	x.facts.units = units
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCELCost),
		cel.OptimizeRegex(x.matches("matches"), x.matches("matches_string")),
		cel.CostTrackerOptions(x.matchCost("matches"), x.matchCost("matches_string")))
	if err != nil {
		return nil, faultf("simplify it", "cannot be compiled: %s", celMessage(err.Error()))
	}
	x.program = program
	return x, nil
}

// faultAt adds the place within the expression; columns of the library count
// from zero.
func faultAt(line, column int, wrong *fault) *fault {
	where := fmt.Sprintf("character %d", column+1)
	if line > 1 {
		where = fmt.Sprintf("line %d, character %d", line, column+1)
	}
	return faultf(wrong.mend, "is wrong at %s: %s", where, wrong.message)
}

// celMessage makes one line of a message of the library.
func celMessage(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	text = strings.TrimSuffix(text, " (in container '')")
	if len(text) > shownBytes {
		text = strings.ToValidUTF8(text[:shownBytes], "") + "..."
	}
	return text
}

// bounded refuses what could cost far more than an evaluation may, before a
// token is there to try it with. It returns what an evaluation costs at most.
func bounded(env *cel.Env, checked *cel.Ast) (units int, wrong *fault) {
	estimate, err := env.EstimateCost(checked, celSizes{})
	switch {
	case err != nil:
		return 0, faultf("simplify it", "has no bound: %s", celMessage(err.Error()))
	case estimate.Min > maxCELCost:
		return 0, faultf("simplify it", "costs %d units or more, and an evaluation may cost %d", estimate.Min, maxCELCost)
	case estimate.Max > maxCELEstimate:
		return 0, faultf("look for one thing in one list; avoid loops within loops", "could cost more than %d units with a large token", maxCELEstimate)
	}
	return int(min(estimate.Max, maxCELCost)), nil
}

// celSizes tells the library how large a value of a request may be.
type celSizes struct{}

// EstimateSize implements cost.Estimator.
func (celSizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	levels := 0
	for _, name := range node.Path() {
		if strings.HasPrefix(name, "@") {
			levels++
		}
	}
	if len(node.Path()) == 0 || levels > maxDepth {
		return nil
	}
	size := cost.RangedSizeEstimate(0, maxReferenced)
	return &size
}

// EstimateCallCost implements cost.Estimator: a conversion to a string makes
// none that is longer than what it converts.
func (celSizes) EstimateCallCost(function, _ string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	if function != "string" && function != "bytes" {
		return nil
	}
	size := cost.RangedSizeEstimate(0, maxReferenced)
	return cost.NewCallEstimate(cost.RangedCostEstimate(1, maxReferenced), &size)
}

// matchUnit is how many steps of a regular expression, bytes times
// instructions, are one unit of cost.
const matchUnit = 32

// matchCost charges a match by its greatest number of steps, which the length
// of a pattern says little about.
func (x *celExpression) matchCost(overload string) cost.TrackerOption {
	return cost.OverloadTracker(overload, func(args []ref.Val, _ ref.Val) *uint64 {
		units := uint64(1)
		text, ok := args[0].(types.String)
		pattern, constant := args[1].(types.String)
		if ok && constant {
			units += uint64(len(text)*x.patterns[string(pattern)]) / matchUnit
		}
		return &units
	})
}

// matches runs a pattern that was compiled beforehand, and on short texts only:
// the cost of a call is charged when it is over.
func (x *celExpression) matches(overload string) *interpreter.RegexOptimization {
	return &interpreter.RegexOptimization{
		Function: "matches", OverloadID: overload, RegexIndex: 1,
		Factory: func(call interpreter.InterpretableCall, pattern string) (interpreter.InterpretableCall, error) {
			expr, err := regexp.Compile(pattern)
			if err != nil {
				return nil, err
			}
			run := func(values ...ref.Val) ref.Val {
				text, ok := values[0].(types.String)
				switch {
				case !ok:
					return types.MaybeNoSuchOverloadErr(values[0])
				case len(text) > maxMatched:
					return celError(causeLong)
				case len(text)*x.patterns[pattern] > maxCELCost*matchUnit:
					return celError(causeCost)
				}
				return types.Bool(expr.MatchString(string(text)))
			}
			return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), run), nil
		},
	}
}
