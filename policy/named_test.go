package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

func use(name string) policy.Condition { return policy.Condition{Use: name} }

func name(name string, c policy.Condition) policy.NamedCondition {
	return policy.NamedCondition{Name: name, Condition: c}
}

func TestUse(t *testing.T) {
	type cond = policy.Condition
	spec := func(c cond) policy.Spec {
		return policy.Spec{
			Named: []policy.NamedCondition{
				name("outer", cond{All: []cond{use("machine"), scope("write")}}),
				name("machine", cond{Claim: claim("gty"), Equals: lit("client-credentials"), IfPresent: true}),
				name("own", cond{Claim: claim("sub"), Equals: &policy.Operand{Path: "id"}}),
				name("unused", cond{Header: "x", Exists: true}),
			},
			Rules: []policy.RuleSpec{{Name: "r", Action: policy.Allow, Paths: []string{"/users/{id}"}, When: []cond{c}}},
		}
	}
	for _, tc := range []struct {
		name  string
		c     cond
		token object
		want  policy.Truth
	}{
		{"holds", use("machine"), object{"gty": "client-credentials"}, isTrue},
		{"does not hold", use("machine"), object{}, isFalse},
		{"is unknown", use("machine"), object{"gty": nil}, isUnknown},
		{"negated", not(use("machine")), object{}, isTrue},
		{"negated and unknown", not(use("machine")), object{"gty": withheld}, isUnknown},
		{"within another", use("outer"), object{"gty": "client-credentials", "scope": "write"}, isTrue},
		{"twice", cond{All: []cond{use("outer"), use("machine")}}, object{"gty": "client-credentials", "scope": "write"}, isTrue},
		{"capture", use("own"), object{"sub": "u1"}, isTrue},
		{"other capture", use("own"), object{"sub": "u2"}, isFalse},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := compile(t, spec(tc.c))
			if p.ReadsRequest() {
				t.Error("an unused condition counts")
			}
			if got := p.Explain(request("/users/u1", tc.token), false).Rules[0]; got.Truth != tc.want {
				t.Errorf("%+v, want %v", got, tc.want)
			}
		})
	}
}

func TestExplainShowsWhatIsUsed(t *testing.T) {
	p := compile(t, policy.Spec{Named: []policy.NamedCondition{name("writer", scope("write"))}, Rules: []policy.RuleSpec{allowWhen("r", not(use("writer")))}})
	got := p.Explain(request("/", object{"scope": "write"}), false).Rules[0].When[0].Parts[0]
	if got.Text != "{use: writer}" || got.Truth != isTrue || len(got.Parts) != 1 || got.Parts[0].Text != "{claim: scope, hasScope: write}" {
		t.Errorf("%+v", got)
	}
}

// The scopes of a named condition count as if they stood where it is used.
func TestScopesOfNamedConditions(t *testing.T) {
	named := []policy.NamedCondition{name("write", scope("write")), name("idle", not(scope("write")))}
	for _, tc := range []struct {
		name   string
		when   []policy.Condition
		scopes []string
	}{
		{"used", []policy.Condition{use("write")}, []string{"write"}},
		{"beside", []policy.Condition{scope("read"), use("write")}, []string{"read", "write"}},
		{"negated there", []policy.Condition{not(use("write")), scope("read")}, []string{"read"}},
		{"negated inside", []policy.Condition{use("idle"), scope("read")}, []string{"read"}},
		{"forbidden and held", []policy.Condition{not(use("idle")), scope("read")}, nil},
		{"below a not", []policy.Condition{not(policy.Condition{All: []policy.Condition{scope("write")}}), scope("read")}, []string{"read"}},
		{"of a header", []policy.Condition{{Header: "x-scope", HasScope: lit("write")}}, nil},
		{"of a header, beside", []policy.Condition{{Header: "x-scope", HasScope: lit("write")}, scope("read")}, nil},
	} {
		p := compile(t, policy.Spec{Named: named, Rules: []policy.RuleSpec{allowWhen("r", tc.when...)}})
		in := request("/", object{"scope": "other"})
		in.Headers = headers{"x-scope": {"other"}}
		got := p.Evaluate(in)
		if !slices.Equal(got.Scopes, tc.scopes) || (got.Outcome == policy.ScopeMissing) != (tc.scopes != nil) {
			t.Errorf("%s: %v %q, want %q", tc.name, got.Outcome, got.Scopes, tc.scopes)
		}
	}
}

func chain(n int) []policy.NamedCondition {
	out := []policy.NamedCondition{name("c0", has("a", "x"))}
	for i := 1; i < n; i++ {
		out = append(out, name(fmt.Sprint("c", i), use(fmt.Sprint("c", i-1))))
	}
	return out
}

func TestCompileNamed(t *testing.T) {
	type cond = policy.Condition
	own := cond{Claim: claim("sub"), Equals: &policy.Operand{Path: "id"}}
	with := func(named []policy.NamedCondition, when ...cond) policy.Spec {
		return policy.Spec{Named: named, Rules: []policy.RuleSpec{allowWhen("r", when...)}}
	}
	at := func(paths ...string) policy.Spec {
		s := with([]policy.NamedCondition{name("own", own), name("mine", not(use("own")))}, use("mine"))
		s.Rules[0].Paths = paths
		return s
	}
	required := with([]policy.NamedCondition{name("own", own)}, has("a", "x"))
	required.Require = []cond{use("own")}
	runProblems(t, []problemCase{
		{"unknown name, none known", with(nil, use("machine")), []string{"rules[0].when[0].use: define it"}},
		{"unknown name, one is near", with([]policy.NamedCondition{name("machine", has("a", "x"))}, use("machines")), []string{"rules[0].when[0].use: write machine"}},
		{"unknown name, none is near", with([]policy.NamedCondition{name("machine", has("a", "x"))}, use("reader")), []string{"rules[0].when[0].use: one of [machine]"}},
		{"unused mistakes count", with([]policy.NamedCondition{name("m", cond{Claim: claim("a")})}, has("a", "x")), []string{"namedConditions[0]: no operator"}},
		{"mistakes are told once", with([]policy.NamedCondition{name("m", cond{Claim: claim("a")}), name("n", use("m"))}, use("m"), use("n")), []string{"namedConditions[0]: no operator"}},
		{"names", with([]policy.NamedCondition{name("", has("a", "x")), name("a b", has("a", "x")), name("m", has("a", "x")), name("m", has("a", "x"))}, use("m")),
			[]string{"namedConditions[0].name: missing", "namedConditions[1].name: not a name", "namedConditions[3].name: namedConditions[2] already"}},
		{"a rule may have the same name", with([]policy.NamedCondition{name("r", has("a", "x"))}, use("r")), nil},
		{"unknown name, several are not near", with([]policy.NamedCondition{name("gamma", has("a", "x")), name("alpha", has("a", "x")), name("b a d", has("a", "x")), name("delta", has("a", "x"))}, use("reader")),
			[]string{"namedConditions[2].name: not a name", "rules[0].when[0].use: one of [alpha, delta, gamma]"}},
		{"a circle behind others", with([]policy.NamedCondition{name("a", cond{All: []cond{use("leaf"), use("b")}}), name("b", cond{All: []cond{use("leaf"), use("a")}}), name("leaf", has("a", "x"))}, has("a", "x")),
			[]string{"namedConditions[1].all[1].use: a -> b -> a;"}},
		{"mistakes of one hide no mistakes of its use", with([]policy.NamedCondition{name("m", cond{All: []cond{own, {}}})}, use("m")), []string{"namedConditions[0].all[1]: neither"}},
		{"too many conditions in one", with([]policy.NamedCondition{name("m", cond{All: repeatCondition(has("a", "x"), 65)})}, has("a", "x")), []string{"namedConditions[0]: more than 64"}},
		{"itself", with([]policy.NamedCondition{name("m", not(use("m")))}, use("m")), []string{"namedConditions[0].not.use: m -> m"}},
		{"circle", with([]policy.NamedCondition{name("a", use("b")), name("b", cond{Any: []cond{use("c")}}), name("c", use("a"))}, has("a", "x")),
			[]string{"namedConditions[2].use: a -> b -> c -> a"}},
		{"beside a comparison", with(chain(1), cond{Use: "c0", Claim: claim("a"), Equals: lit("x")}), []string{"rules[0].when[0]: mixes use"}},
		{"beside a combinator", with(chain(1), cond{Use: "c0", All: []cond{use("c0")}}), []string{"rules[0].when[0]: all, use"}},
		{"ifPresent", with(chain(1), cond{Use: "c0", IfPresent: true}), []string{"rules[0].when[0].ifPresent: beside use"}},
		{"as deep as may be", with(chain(7), use("c6")), nil},
		{"too deep by uses", with(chain(8), use("c7")), []string{"rules[0].when[0].use: deeper than 8"}},
		{"too deep under not", with(chain(7), not(use("c6"))), []string{"rules[0].when[0].not.use: deeper than 8"}},
		{"capture", at("/users/{id}", "/people/{id}/**"), nil},
		{"capture in some paths", at("/users/{id}", "/users"), []string{`rules[0].when[0].use: "id", which path /users`}},
		{"capture without paths", at(), []string{"rules[0].when[0].use: no paths"}},
		{"capture in require", required, []string{"require[0].use: no paths"}},
	})
}

// TestANearNameIsMeant: one that differs in a third of its letters at most.
func TestANearNameIsMeant(t *testing.T) {
	for written, want := range map[string]string{
		"abcdefgxy": "write abcdefghi", "xbcdefghi": "write abcdefghi", "abcefghi": "write abcdefghi", "aabcdefghij": "write abcdefghi", "ABCDEFGHI": "write abcdefghi",
		"abcxyzghi": "write abcdefghi", "abwxyzghi": "define it", "abcdefghiklmn": "write abcdefghi", "abcdefghiklmno": "define it", "abcde": "define it",
		"kl": "define it", "klm": "write klmn", "mnkl": "define it", "lkmn": "define it", "klmo": "write klmn",
	} {
		_, problems := policy.Compile(policy.Spec{Named: []policy.NamedCondition{name("klmn", has("a", "x")), name("abcdefghi", has("a", "x"))}, Rules: []policy.RuleSpec{denyWhen("r", use(written))}})
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Mend, want) {
			t.Errorf("%s: %v, want %s", written, problems, want)
		}
	}
}

// Names that use names that use names: small to write, and a bomb.
func TestP8UsesDoNotMultiply(t *testing.T) {
	named := []policy.NamedCondition{name("b0", has("a", "x"))}
	for i := 1; i <= 3; i++ {
		named = append(named, name(fmt.Sprint("b", i), policy.Condition{All: repeatCondition(use(fmt.Sprint("b", i-1)), 50)}))
	}
	p, problems := policy.Compile(policy.Spec{Named: named, Rules: []policy.RuleSpec{allowWhen("r", use("b3"))}})
	if p != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, "4096") || problems[0].Path != "rules[0].when" {
		t.Errorf("%v", problems)
	}
	p, problems = policy.Compile(policy.Spec{Named: named, Rules: []policy.RuleSpec{allowWhen("r", use("b1"))}})
	if p == nil {
		t.Errorf("%v", problems)
	}
	wide := policy.Spec{}
	for i := range 65 {
		wide.Rules = append(wide.Rules, denyWhen(fmt.Sprint("r", i), repeatCondition(has("a", "x"), 64)...))
	}
	if _, problems := policy.Compile(wide); len(problems) != 1 || problems[0].Path != "rules[64].when" {
		t.Errorf("%v", problems)
	}
	many := make([]policy.NamedCondition, 257)
	for i := range many {
		many[i] = name(fmt.Sprint("n", i), has("a", "x"))
	}
	if _, problems := policy.Compile(policy.Spec{Named: many}); len(problems) != 1 || problems[0].Path != "namedConditions" {
		t.Errorf("%v", problems)
	}
}

func TestNamedExpressionsAreCountedAtEachUse(t *testing.T) {
	big := policy.Condition{Claim: claim("a"), Matches: lit("(a{1,20}){1,20}b")}
	spec := policy.Spec{Named: []policy.NamedCondition{name("big", big)}}
	for i := range 20 {
		spec.Rules = append(spec.Rules, denyWhen(fmt.Sprint("r", i), use("big")))
	}
	_, problems := policy.Compile(spec)
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "instructions in all") || !strings.HasSuffix(problems[0].Path, ".when[0].use") {
		t.Errorf("%v", problems)
	}
}
