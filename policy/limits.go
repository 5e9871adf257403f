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
	maxRegexInsts = 4096 // instructions of a compiled expression

	maxMatched    = 8 << 10 // bytes that an expression is run on
	maxReferenced = 1024    // elements of a list that is referred to
	maxCompared   = 1 << 16 // pairs of elements that two lists of a token make
)
