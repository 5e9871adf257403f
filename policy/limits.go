package policy

// Limits of a policy besides MaxRules. All of them are load errors, save those
// at the end, beyond which a condition is unknown.
const (
	maxPublic      = 64
	maxPatterns    = 32 // of one rule and list
	maxMethods     = 32
	maxUpgrades    = 16
	maxIssuers     = 256
	maxDepth       = 8  // of nested conditions
	maxNodes       = 64 // conditions of one rule, nested ones included
	maxNamed       = 256
	maxConditions  = 4096 // of a policy, a named one counted at each use
	maxCEL         = 64   // expressions of a policy, counted likewise
	maxElements    = 1024
	maxString      = 1 << 10 // bytes
	maxName        = 64      // bytes
	maxClaimPath   = 8
	maxExpression  = 1 << 10 // instructions of a compiled expression
	maxProgram     = 1 << 13 // instructions of all expressions of a policy
	maxSource      = 2 << 10 // bytes of a CEL expression
	maxCELNesting  = 32
	maxCELLoops    = 4 // one within the other
	maxCELNodes    = 4096
	maxCELEstimate = 1 << 24 // units that a token of greatest lists could cause
	maxKnown       = 1 << 14 // expressions that a Compiler remembers

	maxCELCost    = 10_000  // units of one evaluation
	maxCELLists   = 64      // of one token that one evaluation reads
	maxMatched    = 2 << 10 // bytes that an expression is run on; times maxProgram it bounds the cost of a request
	maxReferenced = 1 << 10 // elements of a list that is referred to
	maxCompared   = 1 << 14 // pairs of elements that two lists of a token make
)
