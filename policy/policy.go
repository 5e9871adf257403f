package policy

// Policy is a compiled policy: immutable and safe for concurrent use.
type Policy struct{}

// Compile checks and compiles a policy and reports every problem at once. With
// any problem the policy is nil.
func Compile(spec Spec) (*Policy, []Problem) { panic("not built") }

// Evaluate judges a request with a verified token: all `require` conditions
// and rules count.
func (p *Policy) Evaluate(in *Input) Result { panic("not built") }

// EvaluatePublic judges a request on a public route or a preflight, where
// allow rules are not asked. Without claims only deny rules that read no token
// count; with claims `require` and all deny rules do. The outcome is Allowed,
// DeniedByRule or RequireFailed.
func (p *Policy) EvaluatePublic(in *Input) Result { panic("not built") }

// Public is a compiled public route.
type Public struct {
	Name                 string
	Token                TokenMode
	ForwardAuthorization bool
}

// MatchPublic returns the first public route in file order that matches, or
// nil. An upgrade request matches none.
func (p *Policy) MatchPublic(in *Input) *Public { panic("not built") }

// RuleName returns the name of rule i, or "" where there is none.
func (p *Policy) RuleName(i int) string { panic("not built") }

// ReadsRequest reports whether a condition of the policy reads anything of the
// request besides method, path and token, or the clock.
func (p *Policy) ReadsRequest() bool { panic("not built") }

// Explain evaluates like Evaluate (like EvaluatePublic when public is set) and
// tells, from the same compiled form, about each rule whether it matched, why
// not, and what was expected and seen. It is for people, not for the hot path.
func (p *Policy) Explain(in *Input, public bool) Trace { panic("not built") }

// Trace is the complete account of one evaluation. It quotes claim values, so
// it is shown only to whoever holds the token.
type Trace struct {
	Result  Result
	Rules   []RuleTrace
	Require []ConditionTrace
}

// RuleTrace is the account of one rule.
type RuleTrace struct {
	Name    string
	Action  Action
	Applies bool   // methods, paths, upgrades and issuers matched
	Why     string // why the rule does not apply, "" where it does
	Truth   Truth  // of the conditions together; only where it applies
	When    []ConditionTrace
}

// ConditionTrace is the account of one condition and of its parts.
type ConditionTrace struct {
	Text     string // the condition as a person would write it
	Truth    Truth
	Expected string
	Actual   string
	Why      string // why it is unknown
	Parts    []ConditionTrace
}

// Truth is one of three values. Its zero value is Unknown.
type Truth uint8

// The three truths of a condition.
const (
	Unknown Truth = iota
	False
	True
)
