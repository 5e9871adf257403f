// Package policy compiles and evaluates claim policies.
//
// A policy is a list of allow and deny rules, conditions that every token must
// meet (require), and public routes. It is pure: it reads no clock, opens no
// file, logs nothing and imports nothing else of claimgate.
//
//	compiled, problems := policy.Compile(spec)
//	if len(problems) > 0 { ... } // every problem at once, each with its place
//	result := compiled.Evaluate(&policy.Input{Method: "GET", Path: "/orders/7", Claims: claims})
//	if result.Outcome == policy.Allowed { ... }
//
// All rules are evaluated, so their order never changes a verdict. A deny rule
// that holds, or whose conditions cannot be decided, wins over every allow
// rule; where no allow rule holds, the answer is a denial. Conditions have
// three values, true, false and unknown, and unknown never widens access.
//
// Paths are matched by segment, in two forms: as sent, and as a lenient
// upstream may read them. What allows must hold in both, what denies in one.
// An escape in a pattern is text too: `/a%3Ab` is that spelling, and a rule
// that denies it denies `/a:b` with it.
//
// A condition may be an expression of the Common Expression Language, as in
// `claims.level >= 3 && "admin" in claims.roles`. It sees the variables
//
//	request  method, path, query, host, scheme, headers (names in lower case)
//	source   principal, address
//	context  the proxy's context extensions
//	claims   the claims of the verified token
//	issuer   the configured name of its issuer
//	tenant   name, labels
//	path     the captures of the rule's path
//	now      the time of the request
//
// Whatever cannot be read is an error, and an error is unknown: a claim that is
// missing or withheld, a header that repeats, a number that no type holds
// exactly. has() asks whether a member is there; null is a value. Claims,
// headers and labels cannot be enumerated, patterns of matches() are constants
// (and, unlike those of the operator `matches`, not anchored), and an
// evaluation ends in an error where it costs more than 10,000 units.
//
// Rules in shadow mode are evaluated and reported, and decide nothing. Join
// makes one policy of several without copying them.
//
// Every list, string, depth and expression has a limit, which Compile reports;
// a value of a request that is too long to compare is unknown.
package policy
