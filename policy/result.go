package policy

// Outcome is what an evaluation concluded. Its zero value denies.
type Outcome uint8

// The outcomes of an evaluation.
const (
	NoRule        Outcome = iota // no allow rule held
	DeniedByRule                 // a deny rule held or could not be decided
	RequireFailed                // a `require` condition was not true
	ScopeMissing                 // as NoRule, but some allow rule failed by scope alone
	Allowed
)

// MaxRules is the greatest number of rules of one policy.
const MaxRules = 256

// RuleSet is a set of rule indexes below MaxRules.
type RuleSet [MaxRules / 64]uint64

// Has reports whether rule i is in the set.
func (s *RuleSet) Has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

func (s *RuleSet) add(i int) { s[i>>6] |= 1 << (i & 63) }

// Result is the outcome of one evaluation. It holds no request data.
type Result struct {
	Outcome Outcome
	// Rule indexes the decisive rule in file order: the first denying rule,
	// else the first allow rule that held, else -1. For RequireFailed it
	// indexes the first failed `require` condition instead.
	Rule    int
	Matched RuleSet // rules whose conditions were true
	Erred   RuleSet // rules whose conditions were unknown
	// Shadow indexes the first shadow deny rule that held or could not be
	// decided, else -1. It is no part of the outcome.
	Shadow int
	// Scopes are the literal scopes that the first allow rule that failed by
	// scope alone asks for. Shared and read-only.
	Scopes []string
}

// Truth is one of three values. Its zero value is Unknown.
type Truth uint8

// The three truths of a condition.
const (
	Unknown Truth = iota
	False
	True
)
