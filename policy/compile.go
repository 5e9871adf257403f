package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// Compile checks and compiles a policy and reports every problem at once. With
// any problem the policy is nil.
//
// Without Methods a deny rule is about every method, an allow rule or public
// route about DELETE, GET, HEAD, OPTIONS, PATCH, POST and PUT. The compiled
// policy keeps nothing that a later change of spec could reach.
//
// Whoever compiles many policies does it with one Compiler, so that equal
// expressions are compiled once.
func Compile(spec Spec) (*Policy, []Problem) { return new(Compiler).Compile(spec) }

// Compile does what the function Compile does.
func (compiler *Compiler) Compile(spec Spec) (*Policy, []Problem) {
	c := &compilation{compiler: compiler, names: map[string]string{}}
	c.namedConditions(spec.Named)
	p := &Policy{compiled: true}
	p.rules = pointers(compileEach(c, "rules", spec.Rules, MaxRules, (*compilation).rule))
	p.require = pointers(c.require(spec.Require))
	c.names = map[string]string{}
	p.public = pointers(compileEach(c, "public", spec.Public, maxPublic, (*compilation).publicRoute))
	p.facts = c.facts
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return p, nil
}

// pointers returns the places of the elements of a list.
func pointers[T any](list []T) []*T {
	out := make([]*T, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// compilation gathers problems and what is known of the whole policy.
type compilation struct {
	compiler *Compiler
	problems []Problem
	names    map[string]string // name -> place where it was first given
	named    map[string]*named
	using    []string // names of the conditions that are being compiled
	facts    facts    // of all rules and of `require`
}

func (c *compilation) addf(at, mend, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: at, Message: fmt.Sprintf(format, args...), Mend: mend})
}

func (c *compilation) addFault(at string, f *fault) {
	c.problems = append(c.problems, Problem{Path: at, Message: f.message, Mend: f.mend})
}

func element(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// compileEach compiles the elements of a list, up to its limit.
func compileEach[S, T any](c *compilation, at string, specs []S, limit int, compile func(*compilation, string, *S) T) []T {
	specs = within(c, at, specs, limit)
	out := make([]T, 0, len(specs))
	for i := range specs {
		out = append(out, compile(c, element(at, i), &specs[i]))
	}
	return out
}

// within reports a list that is too long and returns what its limit admits.
func within[T any](c *compilation, at string, list []T, limit int) []T {
	if len(list) > limit {
		c.addf(at, "shorten the list", "has %d elements, more than %d", len(list), limit)
		return list[:limit]
	}
	return list
}

func (c *compilation) name(at, name string) {
	at += ".name"
	switch first, taken := c.names[name]; {
	case name == "":
		c.addf(at, "give it a name that logs can show", "is missing")
	case !isName(name):
		c.addf(at, "use 1 to 64 letters, digits, `.`, `_` and `-`", "is not a name: %s", quote(name))
	case taken:
		c.addf(at, "give each one a name of its own", "%q is the name of %s already", name, first)
	default:
		c.names[name] = strings.TrimSuffix(at, ".name")
	}
}

func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// quote shows a value of a document, cut where it is long.
func quote(s string) string {
	if len(s) > maxName {
		return strconv.Quote(s[:maxName]) + "..."
	}
	return strconv.Quote(s)
}

func (c *compilation) require(conditions []Condition) []node {
	b := &builder{compilation: c, root: "require", scope: "require"}
	out := b.list(place{path: "require", depth: 1}, conditions)
	b.weigh()
	return out
}

// weighProgram reports, once, that the regular expressions of the policy became
// too many with the last of that size.
func (b *builder) weighProgram(at string, size int) {
	after := b.compilation.facts.program + b.facts.program
	if after > maxProgram && after-size <= maxProgram {
		b.addf(at, "use fewer or smaller expressions", "is one too many: the expressions of a policy may compile to %d instructions in all, named ones counted at each use", maxProgram)
	}
}

// weigh adds what is known of the conditions to what is known of the policy.
// The limits are reported once, where they are passed.
func (b *builder) weigh() {
	before := b.compilation.facts
	b.compilation.facts.take(&b.facts)
	after := &b.compilation.facts
	if after.nodes > maxConditions && before.nodes <= maxConditions {
		b.addf(b.root, "use fewer conditions", "goes beyond %d conditions of one policy, named ones counted at each use", maxConditions)
	}
	if after.expressions > maxCEL && before.expressions <= maxCEL {
		b.addf(b.root, "use fewer expressions", "goes beyond %d CEL expressions of one policy, named ones counted at each use", maxCEL)
	}
}

func (c *compilation) rule(at string, s *RuleSpec) rule {
	c.name(at, s.Name)
	r := rule{name: s.Name, action: s.Action, shadow: s.Shadow}
	if s.Action != Allow && s.Action != Deny {
		c.addf(at+".action", "write `allow` or `deny`", "is neither allow nor deny")
	}
	r.methods = c.methods(at+".methods", s.Methods, s.Action == Allow)
	r.verbs, r.every = verbsOf(r.methods), r.methods == nil
	r.paths, r.notPaths = c.patterns(at, s.Paths, s.NotPaths, s.Action == Allow)
	r.upgrades = c.upgrades(at+".upgrades", s)
	r.issuers = c.issuers(at+".issuers", s.Issuers)
	c.anyToken(at, s)
	b := &builder{compilation: c, root: at + ".when", scope: "a rule", paths: r.paths}
	r.when = b.list(place{path: at + ".when", depth: 1}, s.When)
	b.weigh()
	r.scopes = b.facts.scopes
	r.token = b.facts.token || len(s.Issuers) > 0
	return r
}

// anyToken holds that an allow rule states what it asks of a token.
func (c *compilation) anyToken(at string, s *RuleSpec) {
	switch {
	case s.Action == Deny && s.AnyToken:
		c.addf(at+".anyToken", "remove it; a deny rule without conditions denies whatever it matches", "has no meaning on a deny rule")
	case s.Action == Allow && s.AnyToken && len(s.When) > 0:
		c.addf(at+".anyToken", "remove it, or remove `when`", "contradicts the conditions of the rule")
	case s.Action == Allow && !s.AnyToken && len(s.When) == 0:
		c.addf(at+".when", "add conditions, or write `anyToken: true` to admit every verified token", "is missing on an allow rule")
	}
}

func (c *compilation) publicRoute(at string, s *PublicSpec) publicRoute {
	c.name(at, s.Name)
	if s.Token != TokenNone && s.Token != TokenOptional {
		c.addf(at+".token", "write `none` or `optional`", "is neither none nor optional")
	}
	if len(s.Paths) == 0 {
		c.addf(at+".paths", "name the paths; `/**` is every path", "is missing on a public route")
	}
	r := publicRoute{public: Public{Name: s.Name, Token: s.Token, ForwardAuthorization: s.ForwardAuthorization}}
	r.methods = c.methods(at+".methods", s.Methods, true)
	r.verbs = verbsOf(r.methods)
	r.paths, r.notPaths = c.patterns(at, s.Paths, s.NotPaths, true)
	return r
}
