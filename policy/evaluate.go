package policy

// rule is one compiled rule. What most rules are told apart by comes first, so
// that one that does not apply is left after a look or two at memory.
type rule struct {
	action   Action
	shadow   bool
	token    bool // reads the token, or names issuers
	every    bool // every method: a deny rule that names none
	verbs    verb // the usual ones of methods
	paths    []pattern
	notPaths []pattern
	issuers  []string
	when     []node
	methods  []string
	upgrades []string
	scopes   []string // literals of its assumable conditions
	name     string
}

// mismatch says why a rule does not apply.
type mismatch uint8

const (
	applies mismatch = iota
	byNotAsked
	byNoToken
	byIssuer
	byMethod
	byUpgrade
	byOddPath
	byPath
	byNotPath
)

// mismatch decides all that is never unknown about a rule, issuers first. It
// leaves the pattern that matched in the env.
func (r *rule) mismatch(e *env) mismatch {
	e.pattern = nil
	if m := r.unasked(e); m != applies {
		return m
	}
	if len(r.issuers) > 0 && !oneOf(r.issuers, e.in.IssuerName) {
		return byIssuer
	}
	if !r.every && !e.asks(r.verbs, r.methods) {
		return byMethod
	}
	if r.action != Allow {
		return matchDeny(r.paths, r.notPaths, e)
	}
	if e.in.Upgrade != "" && !oneOf(r.upgrades, e.in.Upgrade) {
		return byUpgrade
	}
	return matchAllow(r.paths, r.notPaths, e)
}

// unasked tells whether the rule has no say in this kind of evaluation.
func (r *rule) unasked(e *env) mismatch {
	switch {
	case e.public && r.action == Allow:
		return byNotAsked
	case e.tokenless() && (r.action == Allow || e.public && r.token):
		return byNoToken
	}
	return applies
}

func matchAllow(paths, notPaths []pattern, e *env) mismatch {
	if e.odd() {
		return byOddPath
	}
	if len(paths) > 0 {
		if e.pattern = firstBoth(paths, e); e.pattern == nil {
			return byPath
		}
	}
	if firstEither(notPaths, e) != nil {
		return byNotPath
	}
	return applies
}

func matchDeny(paths, notPaths []pattern, e *env) mismatch {
	if len(paths) > 0 {
		if e.pattern = firstEither(paths, e); e.pattern == nil {
			return byPath
		}
	}
	if firstBoth(notPaths, e) != nil {
		return byNotPath
	}
	return applies
}

// oneOf reports whether s is in the list; the empty string never is.
func oneOf(list []string, s string) bool {
	if s == "" {
		return false
	}
	for i := range list {
		if list[i] == s {
			return true
		}
	}
	return false
}

// judge is the one evaluation behind Evaluate, EvaluatePublic and Explain.
func (p *Policy) judge(e *env) Result {
	res := Result{Rule: -1, Shadow: -1}
	allowing := p.judgeRules(e, &res)
	switch {
	case res.Rule >= 0:
		res.Outcome = DeniedByRule
		return res
	case p.requires(e):
		if i := p.failedRequire(e); i >= 0 {
			res.Outcome, res.Rule = RequireFailed, i
			return res
		}
	}
	switch {
	case e.public:
		if e.fitForPublic() {
			res.Outcome = Allowed
		}
	case allowing >= 0:
		res.Outcome, res.Rule = Allowed, allowing
	default:
		if res.Scopes = p.missingScopes(e); res.Scopes != nil {
			res.Outcome = ScopeMissing
		}
	}
	return res
}

// judgeRules evaluates every rule, leaves the first denying one in res.Rule
// and returns the first allow rule that held, or -1.
func (p *Policy) judgeRules(e *env, res *Result) (allowing int) {
	allowing = -1
	for i := range p.rules {
		r := p.rules[i]
		if r.mismatch(e) != applies {
			continue
		}
		truth := evalAll(r.when, e)
		switch truth {
		case True:
			res.Matched.add(i)
		case Unknown:
			res.Erred.add(i)
		}
		switch {
		case r.shadow:
			if r.action != Allow && truth != False && res.Shadow < 0 {
				res.Shadow = i
			}
		case r.action == Allow:
			if truth == True && allowing < 0 {
				allowing = i
			}
		case truth != False && res.Rule < 0:
			res.Rule = i
		}
	}
	return allowing
}

// requires reports whether `require` counts: without a token it cannot be met.
func (p *Policy) requires(e *env) bool { return !e.public || !e.tokenless() }

func (p *Policy) failedRequire(e *env) int {
	e.pattern = nil
	for i := range p.require {
		if p.require[i].eval(e) != True {
			return i
		}
	}
	return -1
}

// missingScopes returns the scopes of the first allow rule that would hold if
// only the token had them, or nil.
func (p *Policy) missingScopes(e *env) []string {
	e.assume = true
	for i := range p.rules {
		r := p.rules[i]
		if len(r.scopes) > 0 && r.action == Allow && !r.shadow && r.mismatch(e) == applies && evalAll(r.when, e) == True {
			return r.scopes
		}
	}
	return nil
}

// fitForPublic refuses what no public route ever matches, in case the caller
// asks about it all the same.
func (e *env) fitForPublic() bool { return !e.odd() && e.in.Upgrade == "" && e.in.Method != "" }
