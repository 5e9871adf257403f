package policy

// Policy is a compiled policy: immutable and safe for concurrent use. Only
// Compile makes one; the zero Policy and the nil Policy deny everything.
type Policy struct {
	compiled bool
	rules    []*rule // these three are shared with what they are joined into
	require  []*node
	public   []*publicRoute
	facts    facts
}

// publicRoute is one compiled public route.
type publicRoute struct {
	public   Public
	verbs    verb // the usual ones of methods
	methods  []string
	paths    []pattern
	notPaths []pattern
}

// Evaluate judges a request with a verified token: all `require` conditions
// and rules count. Without claims no allow rule holds.
func (p *Policy) Evaluate(in *Input) Result { return p.evaluate(in, false) }

// EvaluatePublic judges a request on a public route or a preflight, where
// allow rules are not asked. Without claims only deny rules that read no token
// count; with claims `require` and all deny rules do. The outcome is Allowed,
// DeniedByRule or RequireFailed. It is NoRule, a denial, for what no public
// route matches: an upgrade request, an empty method, a path that is not
// canonical.
func (p *Policy) EvaluatePublic(in *Input) Result { return p.evaluate(in, true) }

func (p *Policy) evaluate(in *Input, public bool) Result {
	if p == nil || !p.compiled || in == nil {
		return Result{Rule: -1, Shadow: -1}
	}
	var e env
	e.init(in, public)
	return p.judge(&e)
}

// Public is a compiled public route. It is shared and read-only.
type Public struct {
	Name                 string
	Token                TokenMode
	ForwardAuthorization bool
}

// MatchPublic returns the first public route in file order that matches, or
// nil. An upgrade request matches none.
func (p *Policy) MatchPublic(in *Input) *Public {
	if p == nil || in == nil || len(p.public) == 0 || in.Upgrade != "" {
		return nil
	}
	var e env
	e.init(in, true)
	for i := range p.public {
		r := p.public[i]
		if e.asks(r.verbs, r.methods) && matchAllow(r.paths, r.notPaths, &e) == applies {
			return &r.public
		}
	}
	return nil
}

// RuleName returns the name of rule i, or "" where there is none.
func (p *Policy) RuleName(i int) string {
	if p == nil || i < 0 || i >= len(p.rules) {
		return ""
	}
	return p.rules[i].name
}

// ReadsRequest reports whether a condition of the policy reads anything of the
// request besides method, path and token, or the clock. Conditions alone count:
// an upgrade is told apart by every policy, as a method is.
func (p *Policy) ReadsRequest() bool { return p != nil && p.facts.request }

// Needs is what a policy reads of its tenant and of its issuers' mappings, so
// that whoever puts them together can check that it is there.
type Needs struct {
	Labels []string // names, sorted
	Mapped []string // names, sorted
}
