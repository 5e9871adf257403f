package policy

// Limits of a policy besides MaxRules. All of them are load errors, save the
// last three, beyond which a condition is unknown.
const (
	maxPublic     = 64
	maxPatterns   = 32 // of one rule and list
	maxMethods    = 32
	maxUpgrades   = 16
	maxIssuers    = 256
	maxDepth      = 8  // of nested conditions
	maxNodes      = 64 // conditions of one rule, nested ones included
	maxElements   = 1024
	maxString     = 1 << 10 // bytes
	maxName       = 64      // bytes
	maxClaimPath  = 8
	maxExpression = 1 << 10 // instructions of a compiled expression
	maxProgram    = 1 << 13 // instructions of all expressions of a policy

	maxMatched    = 2 << 10 // bytes that an expression is run on; times maxProgram it bounds the cost of a request
	maxReferenced = 1 << 10 // elements of a list that is referred to
	maxCompared   = 1 << 14 // pairs of elements that two lists of a token make
)
