package policy_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/policy"
)

func join(t testing.TB, parts ...*policy.Policy) *policy.Policy {
	t.Helper()
	p, problems := policy.Join(parts...)
	if p == nil || problems != nil {
		t.Fatalf("%v", problems)
	}
	return p
}

func TestJoin(t *testing.T) {
	first := compile(t, policy.Spec{
		Named:   []policy.NamedCondition{name("known", has("known", "yes"))},
		Rules:   []policy.RuleSpec{{Name: "read", Action: policy.Allow, Paths: []string{"/a/**"}, When: []policy.Condition{use("known")}}, deny("closed", "/a/closed")},
		Require: []policy.Condition{has("tier", "1")},
		Public:  []policy.PublicSpec{{Name: "health", Paths: []string{"/healthz"}}},
	})
	second := compile(t, policy.Spec{
		Named:   []policy.NamedCondition{name("known", has("sub", "u"))}, // a name is known to its own part alone
		Rules:   []policy.RuleSpec{denyWhen("blocked", use("known")), shadow(denyWhen("soon", has("none", "x"))), anyone("rest", "/b/**")},
		Require: []policy.Condition{has("region", "eu"), {Mapped: "roles", Absent: true}},
		Public:  []policy.PublicSpec{{Name: "docs", Paths: []string{"/healthz", "/docs"}, Token: policy.TokenOptional}},
	})
	both := join(t, first, second)
	good := func() object { return object{"known": "yes", "tier": "1", "region": "eu", "sub": "v"} }
	for _, tc := range []struct {
		name, path string
		change     func(object)
		outcome    policy.Outcome
		rule       int
	}{
		{"allowed by the first", "/a/x", func(object) {}, policy.Allowed, 0},
		{"allowed by the second", "/b/x", func(object) {}, policy.Allowed, 4},
		{"denied by the first", "/a/closed", func(object) {}, policy.DeniedByRule, 1},
		{"denied by the second", "/a/x", func(o object) { o["sub"] = "u" }, policy.DeniedByRule, 2},
		{"condition of the first", "/a/x", func(o object) { o["tier"] = "2" }, policy.RequireFailed, 0},
		{"condition of the second", "/a/x", func(o object) { o["region"] = "us" }, policy.RequireFailed, 1},
		{"no rule", "/c", func(object) {}, policy.NoRule, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := good()
			tc.change(o)
			in := tenantRequest(o)
			in.Path = tc.path
			got := both.Evaluate(in)
			if got.Outcome != tc.outcome || got.Rule != tc.rule || got.Shadow != 3 || !got.Erred.Has(3) {
				t.Errorf("%v by %d, shadow %d", got.Outcome, got.Rule, got.Shadow)
			}
			trace := both.Explain(in, false)
			if !reflect.DeepEqual(trace.Result, got) || len(trace.Rules) != 5 || len(trace.Require) != 3 || trace.Rules[4].Name != "rest" {
				t.Errorf("%+v", trace)
			}
		})
	}
	for path, want := range map[string]string{"/healthz": "health", "/docs": "docs"} {
		if got := both.MatchPublic(request(path, nil)); got == nil || got.Name != want {
			t.Errorf("%s is %v", path, got)
		}
	}
	if got := both.RuleName(2); got != "blocked" {
		t.Errorf("rule 2 is %q", got)
	}
	if got := both.Needs(); len(got.Mapped) != 1 || first.Needs().Mapped != nil {
		t.Errorf("needs %v", got)
	}
}

func TestJoinOfFew(t *testing.T) {
	one := compile(t, rules(anyone("a")))
	if join(t, one) != one {
		t.Error("one policy alone is not itself")
	}
	in := request("/", object{})
	if got := join(t).Evaluate(in); got.Outcome != policy.NoRule {
		t.Errorf("nothing allows: %v", got.Outcome)
	}
	if got := join(t, compile(t, policy.Spec{}), one).Evaluate(in); got.Outcome != policy.Allowed || got.Rule != 0 {
		t.Errorf("%+v", got)
	}
}

func TestJoinReadsWhatItsPartsRead(t *testing.T) {
	plain, clock := compile(t, rules(anyone("a"))), compile(t, rules(denyWhen("d", policy.Condition{CEL: "now < timestamp('2020-01-01T00:00:00Z')"})))
	if !join(t, plain, clock).ReadsRequest() || join(t, plain, compile(t, policy.Spec{})).ReadsRequest() || plain.ReadsRequest() {
		t.Error("the parts do not tell what the whole reads")
	}
}

func TestJoinProblems(t *testing.T) {
	many := func(prefix string, n int, when ...policy.Condition) *policy.Policy {
		spec := policy.Spec{}
		for i := range n {
			spec.Rules = append(spec.Rules, denyWhen(fmt.Sprint(prefix, i), when...))
		}
		return compile(t, spec)
	}
	public := func(name string, n int) *policy.Policy {
		spec := policy.Spec{}
		for i := range n {
			spec.Public = append(spec.Public, policy.PublicSpec{Name: fmt.Sprint(name, i), Paths: []string{"/"}})
		}
		return compile(t, spec)
	}
	cel := policy.Condition{CEL: `claims.a == "x"`}
	big := policy.Condition{Claim: claim("a"), Matches: lit("(a{1,20}){1,20}b")}
	for _, tc := range []struct {
		name  string
		parts []*policy.Policy
		want  []string // nil: none
	}{
		{"names of rules", []*policy.Policy{many("a", 2), many("b", 1), many("a", 1)}, []string{"parts[2].rules[0].name: earlier part"}},
		{"names of public routes", []*policy.Policy{public("a", 1), public("a", 2)}, []string{"parts[1].public[0].name: earlier part"}},
		{"a rule and a route of one name", []*policy.Policy{many("a", 1), public("a", 1)}, nil},
		{"nil", []*policy.Policy{many("a", 1), nil}, []string{"parts[1]: not a compiled policy"}},
		{"nil alone", []*policy.Policy{nil}, []string{"parts[0]: not a compiled policy"}},
		{"zero", []*policy.Policy{{}}, []string{"parts[0]: not a compiled policy"}},
		{"as many rules as may be", []*policy.Policy{many("a", 255), many("b", 1)}, nil},
		{"too many rules", []*policy.Policy{many("a", 255), many("b", 2)}, []string{"parts[1]: 257 rules, more than 256"}},
		{"too many public routes", []*policy.Policy{public("a", 64), public("b", 1)}, []string{"parts[1]: 65 public routes"}},
		{"too many conditions", []*policy.Policy{many("a", 64, repeatCondition(has("a", "x"), 64)...), many("b", 1, has("a", "x"))}, []string{"parts[1]: 4097 conditions"}},
		{"too many expressions", []*policy.Policy{many("a", 64, cel), many("b", 1, cel)}, []string{"parts[1]: 65 CEL expressions"}},
		{"too many instructions", []*policy.Policy{many("a", 9, big), many("b", 9, big)}, []string{"parts[1]: instructions"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, problems := policy.Join(tc.parts...)
			if (p == nil) != (len(problems) > 0) || len(problems) != len(tc.want) {
				t.Fatalf("%v", problems)
			}
			for i, problem := range problems {
				path, message, _ := strings.Cut(tc.want[i], ": ")
				if problem.Path != path || !strings.Contains(problem.Message, message) || problem.Mend == "" {
					t.Errorf("%v", problem)
				}
			}
		})
	}
}

// Joining is what putting the documents together is, and leaves its parts as
// they were.
func TestJoinIsOneDocument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := vocabulary{presence: true}
		specs := []policy.Spec{v.spec(t), v.spec(t), v.spec(t)}
		var whole policy.Spec
		parts := make([]*policy.Policy, len(specs))
		for i := range specs {
			for k := range specs[i].Rules {
				specs[i].Rules[k].Name += fmt.Sprint("-of-", i)
				specs[i].Rules[k].Shadow = rapid.IntRange(0, 3).Draw(t, "shadow") == 0
			}
			parts[i] = mustCompile(t, specs[i])
			whole.Rules = append(whole.Rules, specs[i].Rules...)
			whole.Require = append(whole.Require, specs[i].Require...)
		}
		in := anyRequest(t, anyToken(t))
		before := parts[0].Evaluate(in)
		joined, problems := policy.Join(parts...)
		if problems != nil {
			t.Fatal(problems)
		}
		if got, want := joined.Evaluate(in), mustCompile(t, whole).Evaluate(in); !reflect.DeepEqual(got, want) {
			t.Fatalf("joined %+v, written as one %+v", got, want)
		}
		if after := parts[0].Evaluate(in); !reflect.DeepEqual(before, after) {
			t.Fatalf("the part is %+v and was %+v", after, before)
		}
	})
}

// Thousands of tenants join one large policy with a small one of their own.
func TestP8JoinSharesItsParts(t *testing.T) {
	large := realistic(t, 20)
	small := compile(t, rules(denyWhen("blocked", policy.Condition{Claim: claim("sub"), In: lit([]any{"u-17"})})))
	before, other := large.Evaluate(realisticRequest()), small.Evaluate(realisticRequest())
	var joined *policy.Policy
	const joins = 3000
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	for range joins {
		joined, _ = policy.Join(large, small)
	}
	runtime.ReadMemStats(&end)
	if each := (end.TotalAlloc - start.TotalAlloc) / joins; each > 2048 {
		t.Errorf("joining takes %d bytes", each)
	}
	if got := joined.Evaluate(realisticRequest()); got.Outcome != before.Outcome || got.Rule != before.Rule {
		t.Errorf("%+v, and the large part alone %+v", got, before)
	}
	if got := large.Evaluate(realisticRequest()); !reflect.DeepEqual(got, before) {
		t.Errorf("the large part became %+v", got)
	}
	if got := small.Evaluate(realisticRequest()); !reflect.DeepEqual(got, other) || large.RuleName(20) != "" || small.RuleName(1) != "" {
		t.Errorf("the small part became %+v", got)
	}
}

func BenchmarkJoin(b *testing.B) {
	large, small := realistic(b, 20), compile(b, rules(deny("blocked", "/x")))
	b.ReportAllocs()
	for b.Loop() {
		if p, _ := policy.Join(large, small); p == nil {
			b.Fatal("not joined")
		}
	}
}
