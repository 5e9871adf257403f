package policy_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/claimgate/claimgate/policy"
)

// undecidable are conditions that the request below cannot decide, one or more
// for each operator and each cause.
func undecidable() map[string]policy.Condition {
	type cond = policy.Condition
	type operand = policy.Operand
	out := map[string]cond{
		"equals header twice":       {Header: "twice", Equals: lit("a")},
		"exists header twice":       {Header: "twice", Exists: true},
		"absent header twice":       {Header: "twice", Absent: true},
		"exists withheld":           {Claim: claim("withheld"), Exists: true},
		"absent withheld":           {Claim: claim("withheld"), Absent: true},
		"ifPresent withheld":        {Claim: claim("withheld"), Equals: lit("a"), IfPresent: true},
		"ifPresent null":            {Claim: claim("null"), Equals: lit("a"), IfPresent: true},
		"ifPresent header twice":    {Header: "twice", Equals: lit("a"), IfPresent: true},
		"ifPresent missing right":   {Claim: claim("text"), Equals: claimRef("none"), IfPresent: true},
		"within unknown address":    {RemoteIP: "peer", Within: lit([]any{"0.0.0.0/0", "::/0"})},
		"time without clock":        {Time: "now", GreaterThan: lit(number("0"))},
		"capture is ambiguous":      {Claim: claim("text"), Equals: &operand{Path: "id"}},
		"reference header twice":    {Claim: claim("text"), Equals: &operand{Header: "twice"}},
		"reference header empty":    {Claim: claim("text"), Prefix: &operand{Header: "empty"}},
		"all of an empty reference": {Claim: claim("list"), ContainsAll: claimRef("empty")},
		"any of an empty reference": {Claim: claim("list"), ContainsAny: claimRef("empty")},
		"malformed scopes":          {Claim: claim("tabbed"), HasScope: lit("a")},
	}
	for _, left := range []string{"none", "null", "withheld", "object"} {
		for name, c := range map[string]cond{
			"equals": {Equals: lit("a")}, "in": {In: lit([]any{"a"})}, "contains": {Contains: lit("a")},
			"containsAny": {ContainsAny: lit([]any{"a"})}, "containsAll": {ContainsAll: lit([]any{"a"})},
			"hasScope": {HasScope: lit("a")}, "prefix": {Prefix: lit("a")}, "suffix": {Suffix: lit("a")},
			"matches": {Matches: lit(".*")}, "lt": {LessThan: lit(number("9"))}, "lte": {LessOrEqual: lit(number("9"))},
			"gt": {GreaterThan: lit(number("-9"))}, "gte": {GreaterOrEqual: lit(number("-9"))},
		} {
			c.Claim = claim(left)
			out[name+" "+left] = c
		}
	}
	return out
}

func undecidableRequest() *policy.Input {
	in := request("/u/a", object{
		"null": nil, "withheld": withheld, "object": object{}, "text": "a", "list": []any{"a"},
		"empty": []any{}, "tabbed": "a\tb",
	})
	in.LenientPath = "/u/b"
	in.Headers = headers{"twice": {"a", "a"}, "empty": {""}}
	in.RemoteIP, in.Now = netip.Addr{}, time.Time{}
	return in
}

func TestP1AnUndecidableConditionNeverWidensAccess(t *testing.T) {
	yes := has("text", "a")
	no := has("text", "b")
	for name, c := range undecidable() {
		for form, wrapped := range map[string]policy.Condition{
			"itself":                c,
			"not":                   not(c),
			"not not":               not(not(c)),
			"all with true":         {All: []policy.Condition{yes, c}},
			"any with false":        {Any: []policy.Condition{no, c}},
			"not all with true":     not(policy.Condition{All: []policy.Condition{c, yes}}),
			"not any with false":    not(policy.Condition{Any: []policy.Condition{c, no}}),
			"any of it and its not": {Any: []policy.Condition{c, not(c)}},
		} {
			t.Run(name+", "+form, func(t *testing.T) {
				checkNeverWidens(t, wrapped)
			})
		}
	}
}

func checkNeverWidens(t *testing.T, c policy.Condition) {
	t.Helper()
	paths := []string{"/u/{id}"}
	on := func(action policy.Action) policy.RuleSpec {
		return policy.RuleSpec{Name: "r", Action: action, Paths: paths, When: []policy.Condition{c}}
	}
	in := undecidableRequest()
	if got := compile(t, rules(on(policy.Allow))).Evaluate(in); got.Outcome == policy.Allowed || !got.Erred.Has(0) || got.Matched.Has(0) {
		t.Errorf("an allow rule: %v, erred %v", got.Outcome, got.Erred.Has(0))
	}
	if got := compile(t, rules(anyone("all"), on(policy.Deny))).Evaluate(in); got.Outcome != policy.DeniedByRule || got.Rule != 1 || !got.Erred.Has(1) {
		t.Errorf("a deny rule: %v by %d", got.Outcome, got.Rule)
	}
	spec := policy.Spec{Rules: []policy.RuleSpec{anyone("all")}, Require: []policy.Condition{c}}
	p, problems := policy.Compile(spec)
	if problems != nil { // a capture, which `require` does not have
		return
	}
	if got := p.Evaluate(in); got.Outcome != policy.RequireFailed || got.Rule != 0 {
		t.Errorf("require: %v", got.Outcome)
	}
	if got := p.EvaluatePublic(in); got.Outcome != policy.RequireFailed {
		t.Errorf("require on a public route: %v", got.Outcome)
	}
}

func TestP1NothingIsAllowedWithoutAPolicy(t *testing.T) {
	compiled := compile(t, policy.Spec{})
	everyone := compile(t, policy.Spec{Rules: []policy.RuleSpec{anyone("all")}, Public: []policy.PublicSpec{{Name: "p", Paths: []string{"/**"}}}})
	in := request("/", object{})
	for name, got := range map[string]policy.Result{
		"nil policy":                (*policy.Policy)(nil).Evaluate(in),
		"nil policy, public":        (*policy.Policy)(nil).EvaluatePublic(in),
		"zero policy":               new(policy.Policy).Evaluate(in),
		"zero policy, public":       new(policy.Policy).EvaluatePublic(in),
		"no rules":                  compiled.Evaluate(in),
		"nil input":                 everyone.Evaluate(nil),
		"nil input, public":         everyone.EvaluatePublic(nil),
		"zero input":                everyone.Evaluate(&policy.Input{}),
		"zero input, public":        everyone.EvaluatePublic(&policy.Input{}),
		"no claims":                 everyone.Evaluate(&policy.Input{Method: "GET", Path: "/"}),
		"no method":                 everyone.Evaluate(&policy.Input{Path: "/", Claims: in.Claims}),
		"no path":                   everyone.Evaluate(&policy.Input{Method: "GET", Claims: in.Claims}),
		"asterisk":                  everyone.EvaluatePublic(&policy.Input{Method: "OPTIONS", Path: "*"}),
		"upgrade on a public route": everyone.EvaluatePublic(&policy.Input{Method: "GET", Path: "/", Upgrade: "websocket"}),
		"explained nil policy":      (*policy.Policy)(nil).Explain(in, true).Result,
		"explained zero policy":     new(policy.Policy).Explain(in, true).Result,
		"explained nil input":       everyone.Explain(nil, true).Result,
		"zero result":               {Rule: -1},
	} {
		if got.Outcome != policy.NoRule || got.Rule != -1 {
			t.Errorf("%s: %v by %d", name, got.Outcome, got.Rule)
		}
	}
	if everyone.MatchPublic(nil) != nil || everyone.MatchPublic(&policy.Input{}) != nil || (*policy.Policy)(nil).MatchPublic(in) != nil {
		t.Error("a public route matches nothing")
	}
}

func TestP1ZeroValuesDeny(t *testing.T) {
	var (
		action  policy.Action
		outcome policy.Outcome
		truth   policy.Truth
	)
	if action.String() != "deny" || outcome.String() != "no_rule" || truth.String() != "unknown" {
		t.Errorf("zero values are %v, %v, %v", action, outcome, truth)
	}
	if policy.Action(7).String() != "deny" || policy.Outcome(7) == policy.Allowed || policy.Truth(7).String() != "unknown" {
		t.Error("undefined values do not deny")
	}
}

// Each of these once opened a door somewhere.
func TestP1Attacks(t *testing.T) {
	scoped := compile(t, rules(allowWhen("read", scope("read"))))
	guarded := compile(t, rules(
		anyone("all"),
		deny("admin", "/admin/**"), deny("reset", "/users:reset"), deny("exact", "/secret"),
		denyWhen("blocked", policy.Condition{Claim: claim("sub"), In: lit([]any{"evil"})}),
	))
	admins := compile(t, rules(allowWhen("admins", policy.Condition{Claim: claim("roles"), Contains: lit("admin")})))
	for _, tc := range []struct {
		name   string
		p      *policy.Policy
		method string
		path   string
		token  object
	}{
		{"scope within another", scoped, "GET", "/", object{"scope": "readall unread"}},
		{"scope behind a tab", scoped, "GET", "/", object{"scope": "x\tread"}},
		{"scope with NUL", scoped, "GET", "/", object{"scope": "read\x00"}},
		{"scope in one element", scoped, "GET", "/", object{"scope": []any{"x read"}}},
		{"scope in other case", scoped, "GET", "/", object{"scope": "Read"}},
		{"claim in other case", scoped, "GET", "/", object{"Scope": "read"}},
		{"scope in an object", scoped, "GET", "/", object{"scope": object{"read": true}}},
		{"admin with slash", guarded, "GET", "/admin/", object{"sub": "x"}},
		{"admin without slash", guarded, "GET", "/admin", object{"sub": "x"}},
		{"admin in lower-case method", guarded, "get", "/admin/x", object{"sub": "x"}},
		{"admin by an unknown method", guarded, "FOO", "/admin/x", object{"sub": "x"}},
		{"secret with slash", guarded, "GET", "/secret/", object{"sub": "x"}},
		{"encoded colon", guarded, "GET", "/users%3Areset", object{"sub": "x"}},
		{"encoded colon in lower case", guarded, "GET", "/users%3areset", object{"sub": "x"}},
		{"encoded letter", guarded, "GET", "/%61dmin/x", object{"sub": "x"}},
		{"dot segment", guarded, "GET", "/open/../admin", object{"sub": "x"}},
		{"single dot", guarded, "GET", "/./admin", object{"sub": "x"}},
		{"encoded dots", guarded, "GET", "/open/%2e%2e/admin", object{"sub": "x"}},
		{"encoded slash before admin", guarded, "GET", "/%2Fadmin", object{"sub": "evil"}},
		{"backslash", guarded, "GET", `/open\..\admin`, object{"sub": "x"}},
		{"fragment", guarded, "GET", "/open#/../admin", object{"sub": "x"}},
		{"query left on", guarded, "GET", "/admin?x", object{"sub": "x"}},
		{"NUL", guarded, "GET", "/open\x00", object{"sub": "x"}},
		{"absolute form", guarded, "GET", "http://h/open", object{"sub": "x"}},
		{"blocked subject is a list", guarded, "GET", "/", object{"sub": []any{"evil"}}},
		{"blocked subject is left out", guarded, "GET", "/", object{}},
		{"TRACE", guarded, "TRACE", "/", object{"sub": "x"}},
		{"CONNECT", guarded, "CONNECT", "/", object{"sub": "x"}},
		{"role as a string", admins, "GET", "/", object{"roles": "admin"}},
		{"role within another", admins, "GET", "/", object{"roles": "superadmin,admin"}},
		{"role in a nested list", admins, "GET", "/", object{"roles": []any{[]any{"admin"}}}},
		{"role in other case", admins, "GET", "/", object{"roles": []any{"Admin"}}},
		{"role with a look-alike", admins, "GET", "/", object{"roles": []any{"\u0430dmin"}}},
		{"role that folds", admins, "GET", "/", object{"roles": []any{"ADM\u0130N"}}},
	} {
		in := request(tc.path, tc.token)
		in.Method = tc.method
		if got := tc.p.Evaluate(in); got.Outcome == policy.Allowed {
			t.Errorf("%s: allowed by rule %d", tc.name, got.Rule)
		}
	}
}
