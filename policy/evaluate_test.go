package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/claimgate/claimgate/policy"
)

func scope(s string) policy.Condition {
	return policy.Condition{Claim: claim("scope"), HasScope: lit(s)}
}

func has(name, value string) policy.Condition {
	return policy.Condition{Claim: claim(name), Equals: lit(value)}
}

func not(c policy.Condition) policy.Condition { return policy.Condition{Not: &c} }

func TestPrecedence(t *testing.T) {
	spec := policy.Spec{
		Rules: []policy.RuleSpec{
			allowWhen("scoped", scope("read")),
			allowWhen("plain", has("plain", "x")),
			denyWhen("blocked", policy.Condition{Claim: claim("sub"), In: lit([]any{"u-17"})}),
			denyWhen("odd", has("odd", "x"), policy.Condition{Claim: claim("odd"), Exists: true}),
		},
		Require: []policy.Condition{
			{Claim: claim("iss2"), Exists: true},
			{Claim: claim("email_verified"), Equals: lit(true)},
		},
	}
	p := compile(t, spec)
	good := func(more object) object {
		o := object{"iss2": "x", "email_verified": true, "sub": "u-1", "scope": "write"}
		for name, v := range more {
			o[name] = v
		}
		return o
	}
	for _, tc := range []struct {
		name  string
		token object
		want  policy.Outcome
		rule  int
	}{
		{"allowed", good(object{"scope": "read"}), policy.Allowed, 0},
		{"allowed by the second", good(object{"plain": "x"}), policy.Allowed, 1},
		{"scope missing", good(nil), policy.ScopeMissing, -1},
		{"scope malformed", good(object{"scope": "read "}), policy.ScopeMissing, -1},
		{"denied beats allowed", good(object{"scope": "read", "sub": "u-17"}), policy.DeniedByRule, 2},
		{"undecided deny beats allowed", good(object{"scope": "read", "sub": number("17")}), policy.DeniedByRule, 2},
		{"first of two denies", good(object{"sub": "u-17", "odd": "x"}), policy.DeniedByRule, 2},
		{"denied beats require", object{"sub": "u-17"}, policy.DeniedByRule, 2},
		{"require beats allowed", object{"sub": "u-1", "scope": "read", "iss2": "x"}, policy.RequireFailed, 1},
		{"require beats scope missing", object{"sub": "u-1"}, policy.RequireFailed, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := p.Evaluate(request("/x", tc.token))
			if got.Outcome != tc.want || got.Rule != tc.rule {
				t.Errorf("%v by rule %d, want %v by %d", got.Outcome, got.Rule, tc.want, tc.rule)
			}
			if (got.Scopes != nil) != (tc.want == policy.ScopeMissing) {
				t.Errorf("scopes %q", got.Scopes)
			}
		})
	}
}

func TestMatchedAndErred(t *testing.T) {
	var all []policy.RuleSpec
	for i := range 70 {
		r := denyWhen("r"+string(rune('A'+i/26))+string(rune('a'+i%26)), has("c", "no"))
		switch i {
		case 3, 69:
			r.When = []policy.Condition{has("c", "yes")}
		case 65:
			r.When = []policy.Condition{has("none", "yes")}
		}
		all = append(all, r)
	}
	got := compile(t, rules(all...)).Evaluate(request("/x", object{"c": "yes"}))
	for i := range policy.MaxRules {
		if got.Matched.Has(i) != (i == 3 || i == 69) || got.Erred.Has(i) != (i == 65) {
			t.Errorf("rule %d: matched %v, erred %v", i, got.Matched.Has(i), got.Erred.Has(i))
		}
	}
	if got.Rule != 3 {
		t.Errorf("decided by %d", got.Rule)
	}
}

func TestScopeMissing(t *testing.T) {
	either := policy.Condition{Any: []policy.Condition{scope("b"), scope("a")}}
	ref := policy.Condition{Claim: claim("scope"), HasScope: claimRef("want")}
	for _, tc := range []struct {
		name   string
		rules  []policy.RuleSpec
		token  object
		scopes []string // nil where the scope is not what is wanted
	}{
		{"one", []policy.RuleSpec{allowWhen("r", scope("a"))}, object{"scope": "x"}, []string{"a"}},
		{"claim missing", []policy.RuleSpec{allowWhen("r", scope("a"))}, object{}, []string{"a"}},
		{"all of them, in order, once", []policy.RuleSpec{allowWhen("r", scope("b"), either, scope("c"))}, object{"scope": "c"}, []string{"b", "a", "c"}},
		{"first such rule", []policy.RuleSpec{allowWhen("r", scope("a"), has("sub", "y")), allowWhen("s", scope("b")), allowWhen("u", scope("c"))}, object{"scope": "x", "sub": "x"}, []string{"b"}},
		{"another condition fails", []policy.RuleSpec{allowWhen("r", scope("a"), has("sub", "y"))}, object{"scope": "x", "sub": "x"}, nil},
		{"another condition is unknown", []policy.RuleSpec{allowWhen("r", scope("a"), has("sub", "y"))}, object{"scope": "x"}, nil},
		{"a forbidden scope", []policy.RuleSpec{allowWhen("r", not(scope("a")))}, object{"scope": "a"}, nil},
		{"a forbidden scope beside", []policy.RuleSpec{allowWhen("r", scope("b"), not(scope("a")))}, object{"scope": "a"}, nil},
		{"no forbidden scope beside", []policy.RuleSpec{allowWhen("r", scope("b"), not(scope("a")))}, object{"scope": "c"}, []string{"b"}},
		{"twice negated", []policy.RuleSpec{allowWhen("r", not(not(scope("a"))))}, object{"scope": "b"}, nil},
		{"twice negated, deeper", []policy.RuleSpec{allowWhen("r", not(not(policy.Condition{Any: []policy.Condition{scope("a")}})))}, object{"scope": "b"}, nil},
		{"reference", []policy.RuleSpec{allowWhen("r", ref)}, object{"scope": "b", "want": "a"}, nil},
		{"another path", []policy.RuleSpec{{Name: "r", Action: policy.Allow, Paths: []string{"/y"}, When: []policy.Condition{scope("a")}}}, object{"scope": "b"}, nil},
		{"deny rules ask for none", []policy.RuleSpec{denyWhen("d", scope("z")), allowWhen("r", has("sub", "x"))}, object{"scope": "b"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := compile(t, rules(tc.rules...)).Evaluate(request("/x", tc.token))
			want := policy.NoRule
			if tc.scopes != nil {
				want = policy.ScopeMissing
			}
			if got.Outcome != want || !slices.Equal(got.Scopes, tc.scopes) || got.Rule != -1 {
				t.Errorf("%v %q by %d, want %v %q", got.Outcome, got.Scopes, got.Rule, want, tc.scopes)
			}
		})
	}
}

func TestIssuers(t *testing.T) {
	allowed := anyone("a")
	allowed.Issuers = []string{"idp", "other"}
	denied := deny("d", "/closed")
	denied.Issuers = []string{"partner"}
	p := compile(t, rules(allowed, denied))
	for _, tc := range []struct {
		issuer, path string
		want         policy.Outcome
	}{
		{"idp", "/x", policy.Allowed},
		{"idp", "/closed", policy.Allowed},
		{"other", "/x", policy.Allowed},
		{"IDP", "/x", policy.NoRule},
		{"", "/x", policy.NoRule},
		{"partner", "/x", policy.NoRule},
		{"partner", "/closed", policy.DeniedByRule},
		{"", "/closed", policy.NoRule},
	} {
		in := request(tc.path, object{})
		in.IssuerName = tc.issuer
		wantOutcome(t, p, in, tc.want)
	}
}

func TestPublicRoutes(t *testing.T) {
	p := compile(t, policy.Spec{Public: []policy.PublicSpec{
		{Name: "health", Methods: []string{"GET"}, Paths: []string{"/healthz"}},
		{Name: "docs", Paths: []string{"/docs/**"}, NotPaths: []string{"/docs/internal/**"}, Token: policy.TokenOptional},
		{Name: "hooks", Methods: []string{"POST"}, Paths: []string{"/**"}, ForwardAuthorization: true},
	}})
	for _, tc := range []struct{ method, path, want string }{
		{"GET", "/healthz", "health"},
		{"HEAD", "/healthz", ""},
		{"GET", "/healthz/", ""},
		{"get", "/healthz", ""},
		{"GET", "/docs/a", "docs"},
		{"POST", "/docs/a", "docs"},
		{"GET", "/docs/internal", ""},
		{"GET", "/docs/internal/", ""},
		{"GET", "/docs/%69nternal", ""}, // the lenient form is excluded
		{"POST", "/docs/internal/a", "hooks"},
		{"POST", "/x/../y", ""},
		{"POST", "x", ""},
		{"POST", "", ""},
		{"TRACE", "/docs/a", ""},
	} {
		got := p.MatchPublic(&policy.Input{Method: tc.method, Path: tc.path})
		if (got == nil) != (tc.want == "") || got != nil && got.Name != tc.want {
			t.Errorf("%s %s: %+v, want %q", tc.method, tc.path, got, tc.want)
		}
	}
	if got := p.MatchPublic(&policy.Input{Method: "POST", Path: "/hooks"}); *got != (policy.Public{Name: "hooks", ForwardAuthorization: true}) {
		t.Errorf("hooks is %+v", got)
	}
	if got := p.MatchPublic(&policy.Input{Method: "GET", Path: "/docs/a"}); got.Token != policy.TokenOptional || got.ForwardAuthorization || got.Name != "docs" {
		t.Errorf("docs is %+v", got)
	}
}

func TestEvaluatePublic(t *testing.T) {
	issuers := deny("issuers", "/issuers")
	issuers.Issuers = []string{"idp"}
	at := func(path string, c policy.Condition) policy.RuleSpec {
		return policy.RuleSpec{Name: path[1:], Paths: []string{path}, When: []policy.Condition{c}}
	}
	p := compile(t, policy.Spec{
		Rules: []policy.RuleSpec{
			deny("path", "/path"), issuers,
			at("/claim", has("sub", "bad")),
			at("/header", policy.Condition{Header: "x-bad", Equals: lit("1"), IfPresent: true}),
			at("/strict", policy.Condition{Header: "x-bad", Equals: lit("1")}),
			at("/mixed", policy.Condition{Header: "x-bad", Equals: claimRef("sub")}),
			at("/issuer", policy.Condition{Issuer: "name", Equals: lit("idp")}),
			at("/address", policy.Condition{RemoteIP: "peer", Within: lit("192.0.2.0/24")}),
			at("/time", policy.Condition{Time: "now", GreaterThan: lit("2026-01-01T00:00:00Z")}),
			allowWhen("allow", has("sub", "x")),
		},
		Require: []policy.Condition{{Claim: claim("sub"), Exists: true}},
	})
	token := claimsOf(object{"sub": "bad"})
	for _, tc := range []struct {
		path   string
		claims policy.Claims
		issuer string
		bad    []string
		want   policy.Outcome
	}{
		{path: "/x", want: policy.Allowed},
		{path: "/path", want: policy.DeniedByRule},
		{path: "/path/", want: policy.DeniedByRule},
		{path: "/issuers", want: policy.Allowed},
		{path: "/issuers", issuer: "idp", want: policy.Allowed},
		{path: "/claim", want: policy.Allowed},
		{path: "/header", want: policy.Allowed},
		{path: "/header", bad: []string{"1"}, want: policy.DeniedByRule},
		{path: "/header", bad: []string{"1", "2"}, want: policy.DeniedByRule},
		{path: "/strict", want: policy.DeniedByRule},
		{path: "/mixed", want: policy.Allowed},
		{path: "/issuer", want: policy.Allowed},
		{path: "/address", want: policy.DeniedByRule},
		{path: "/time", want: policy.DeniedByRule},
		{path: "/x", claims: token, issuer: "idp", want: policy.Allowed},
		{path: "/claim", claims: token, issuer: "idp", want: policy.DeniedByRule},
		{path: "/issuers", claims: token, issuer: "idp", want: policy.DeniedByRule},
		{path: "/issuer", claims: token, issuer: "idp", want: policy.DeniedByRule},
		{path: "/x", claims: claimsOf(object{}), issuer: "idp", want: policy.RequireFailed},
		{path: "/path", claims: claimsOf(object{}), issuer: "idp", want: policy.DeniedByRule},
	} {
		in := request(tc.path, nil)
		in.Claims, in.IssuerName, in.Headers = tc.claims, tc.issuer, headers{"x-bad": tc.bad}
		if got := p.EvaluatePublic(in); got.Outcome != tc.want || (got.Outcome == policy.Allowed && got.Rule != -1) {
			t.Errorf("%s with claims %v, header %q: %v by %d, want %v", tc.path, tc.claims != nil, tc.bad, got.Outcome, got.Rule, tc.want)
		}
	}
}

func TestWithoutClaimsDenyRulesAreUndecided(t *testing.T) {
	in := request("/x", nil)
	in.Claims = nil
	got := compile(t, rules(anyone("all"), denyWhen("d", has("a", "b")))).Evaluate(in)
	if got.Outcome != policy.DeniedByRule || got.Rule != 1 || !got.Erred.Has(1) {
		t.Errorf("%v by %d", got.Outcome, got.Rule)
	}
}

// TestTimesBeforeTheEpoch are times like others, seconds included.
func TestTimesBeforeTheEpoch(t *testing.T) {
	p := compile(t, rules(allowWhen("r", policy.Condition{Time: "now", LessThan: lit(number("-120"))})))
	for seconds, want := range map[int64]policy.Outcome{-121: policy.Allowed, -120: policy.NoRule, 0: policy.NoRule, 119: policy.NoRule} {
		in := request("/", object{})
		in.Now = time.Unix(seconds, 0)
		wantOutcome(t, p, in, want)
	}
}

func TestReadsRequest(t *testing.T) {
	header := policy.Condition{Header: "x", Exists: true}
	for _, tc := range []struct {
		name string
		spec policy.Spec
		want bool
	}{
		{"nothing", policy.Spec{}, false},
		{"claims and paths", rules(policy.RuleSpec{Name: "r", Paths: []string{"/{id}"}, When: []policy.Condition{{Claim: claim("sub"), Equals: &policy.Operand{Path: "id"}}, {Issuer: "name", Equals: lit("x")}}}), false},
		{"header", rules(denyWhen("r", header)), true},
		{"nested header", rules(denyWhen("r", not(policy.Condition{Any: []policy.Condition{has("a", "b"), header}}))), true},
		{"header on the right", rules(denyWhen("r", policy.Condition{Claim: claim("a"), Equals: &policy.Operand{Header: "x"}})), true},
		{"address", rules(denyWhen("r", policy.Condition{RemoteIP: "peer", Within: lit("10.0.0.0/8")})), true},
		{"time", rules(denyWhen("r", policy.Condition{Time: "now", LessThan: lit(number("1"))})), true},
		{"require", policy.Spec{Require: []policy.Condition{header}}, true},
	} {
		if got := compile(t, tc.spec).ReadsRequest(); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestRuleName(t *testing.T) {
	p := compile(t, rules(anyone("a"), deny("b", "/x")))
	for i, want := range map[int]string{-1: "", 0: "a", 1: "b", 2: ""} {
		if got := p.RuleName(i); got != want {
			t.Errorf("rule %d is %q", i, got)
		}
	}
}
