package policy_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

// problemCase is a document with mistakes: each want is "path: part of the
// message", in order.
type problemCase struct {
	name string
	spec policy.Spec
	want []string
}

func runProblems(t *testing.T, cases []problemCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p, problems := policy.Compile(tc.spec)
			if (p == nil) != (len(problems) > 0) {
				t.Errorf("policy %v with %d problems", p != nil, len(problems))
			}
			for i, problem := range problems {
				if problem.Mend == "" {
					t.Errorf("no mend: %v", problem)
				}
				if i >= len(tc.want) {
					t.Errorf("unexpected: %v", problem)
					continue
				}
				path, message, _ := strings.Cut(tc.want[i], ": ")
				if problem.Path != path || !strings.Contains(problem.Message+"; "+problem.Mend, message) {
					t.Errorf("got  %v\nwant %s", problem, tc.want[i])
				}
			}
			if len(problems) < len(tc.want) {
				t.Errorf("missing: %q", tc.want[len(problems):])
			}
		})
	}
}

func TestCompileRules(t *testing.T) {
	many := func(n int) []policy.RuleSpec {
		out := make([]policy.RuleSpec, n)
		for i := range out {
			out[i] = deny("r" + strconv.Itoa(i))
		}
		return out
	}
	public := make([]policy.PublicSpec, 65)
	for i := range public {
		public[i] = policy.PublicSpec{Name: "p" + strconv.Itoa(i), Paths: []string{"/"}}
	}
	allow := func(change func(*policy.RuleSpec)) policy.Spec {
		r := anyone("r")
		change(&r)
		return rules(r)
	}
	denied := func(change func(*policy.RuleSpec)) policy.Spec {
		r := deny("r")
		change(&r)
		return rules(r)
	}
	type rule = policy.RuleSpec
	runProblems(t, []problemCase{
		{"nothing", policy.Spec{}, nil},
		{"as many rules as may be", rules(many(256)...), nil},
		{"too many rules", rules(many(257)...), []string{"rules: 257 elements, more than 256"}},
		{"too many public routes", policy.Spec{Public: public}, []string{"public: 65 elements, more than 64"}},
		{"names of every kind of byte", rules(deny("Az09._-"), deny(strings.Repeat("x", 64)), deny(".")), nil},
		{"names that end badly", rules(deny("a!"), deny("a b "), deny(strings.Repeat("x", 63)+" "), deny(strings.Repeat("x", 64)+" ")),
			[]string{`rules[0].name: not a name: "a!"`, `rules[1].name: not a name: "a b "`, `rules[2].name: "` + strings.Repeat("x", 63) + ` ";`, `rules[3].name: "` + strings.Repeat("x", 64) + `"...;`}},
		{"names", rules(deny("a"), deny(""), deny("a b"), deny("a"), deny(strings.Repeat("x", 65)), deny("ü")),
			[]string{"rules[1].name: missing", `rules[2].name: "a b"`, "rules[3].name: rules[0] already", "rules[4].name: not a name", "rules[5].name: not a name"}},
		{"public names", policy.Spec{Rules: []rule{deny("a")}, Public: []policy.PublicSpec{{Name: "a", Paths: []string{"/"}}, {Name: "a", Paths: []string{"/"}}}},
			[]string{"public[1].name: public[0] already"}},
		{"public paths and token", policy.Spec{Public: []policy.PublicSpec{{Name: "a", Paths: []string{"/"}}, {Name: "b", Token: 9, Methods: []string{"CONNECT"}}}},
			[]string{"public[1].token: neither", "public[1].paths: missing", "public[1].methods[0]: CONNECT"}},
		{"action", denied(func(r *rule) { r.Action = 9 }), []string{"rules[0].action: neither"}},
		{"allow without conditions", allow(func(r *rule) { r.AnyToken = false }), []string{"rules[0].when: anyToken: true"}},
		{"anyToken with conditions", allow(func(r *rule) { r.When = []policy.Condition{has("a", "b")} }), []string{"rules[0].anyToken: contradicts"}},
		{"anyToken on deny", denied(func(r *rule) { r.AnyToken = true }), []string{"rules[0].anyToken: deny rule"}},
		{"methods", allow(func(r *rule) {
			r.Methods = []string{"GET", "get", "Head", "G T", "", "CONNECT", "GET", "PURGE", "purge"}
		}),
			[]string{"rules[0].methods[1]: write GET", "rules[0].methods[2]: write HEAD", "rules[0].methods[3]: not a method", "rules[0].methods[4]: not a method", "rules[0].methods[5]: CONNECT", "rules[0].methods[6]: repeats rules[0].methods[0]"}},
		{"methods in lower case", denied(func(r *rule) { r.Methods = []string{"connect", "Trace", "query", "options", "M!~", "GET ", "G(T"} }),
			[]string{"rules[0].methods[0]: write CONNECT", "rules[0].methods[1]: write TRACE", "rules[0].methods[2]: write QUERY", "rules[0].methods[3]: write OPTIONS", "rules[0].methods[5]: not a method", "rules[0].methods[6]: not a method"}},
		{"a method repeated", denied(func(r *rule) { r.Methods = []string{"GET", "GET"} }), []string{"rules[0].methods[1]: repeats rules[0].methods[0]"}},
		{"long methods", denied(func(r *rule) { r.Methods = []string{strings.Repeat("M", 1024), strings.Repeat("M", 1025)} }), []string{"rules[0].methods[1]: not a method"}},
		{"many methods", denied(func(r *rule) {
			r.Methods = strings.Fields("A B C D E F G H I J K L M N O P Q R S T U V W X Y Z AA BB CC DD EE FF GG")
		}), []string{"rules[0].methods: 33 elements"}},
		{"long issuers", allow(func(r *rule) { r.Issuers = []string{strings.Repeat("i", 1024), strings.Repeat("i", 1025)} }), []string{"rules[0].issuers[1]: not the name of an issuer"}},
		{"CONNECT on deny", denied(func(r *rule) { r.Methods = []string{"CONNECT"} }), nil},
		{"empty lists", denied(func(r *rule) {
			r.Methods, r.Paths, r.NotPaths, r.Issuers = []string{}, []string{}, []string{}, []string{}
		}), []string{"rules[0].methods: empty", "rules[0].paths: empty", "rules[0].notPaths: empty", "rules[0].issuers: empty"}},
		{"upgrades on deny", denied(func(r *rule) { r.Upgrades = []string{"websocket"} }), []string{"rules[0].upgrades: deny rule"}},
		{"upgrades", allow(func(r *rule) { r.Upgrades = []string{"websocket", "WebSocket", "", "websocket"} }),
			[]string{"rules[0].upgrades[1]: lower-case", "rules[0].upgrades[2]: lower-case", "rules[0].upgrades[3]: repeats"}},
		{"issuers", allow(func(r *rule) { r.Issuers = []string{"idp", "", "idp"} }), []string{"rules[0].issuers[1]: name of an issuer", "rules[0].issuers[2]: repeats"}},
		{"too many patterns", allow(func(r *rule) { r.Paths = strings.Split(strings.Repeat(" /", 33)[1:], " ") }), []string{"rules[0].paths: 33 elements, more than 32"}},
		{"capture in notPaths", allow(func(r *rule) { r.NotPaths = []string{"/{id}"} }), []string{"rules[0].notPaths[0]: captures"}},
	})
}

func TestCompilePatterns(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                                   "does not begin with a slash",
		"x":                                  "does not begin with a slash",
		"*":                                  "does not begin with a slash",
		"https://a/b":                        "does not begin with a slash",
		"//x":                                "empty segment",
		"/x//y":                              "empty segment",
		"/x//":                               "empty segment",
		"/x//**":                             "empty segment",
		"//**":                               "empty segment",
		"/./x":                               "dot segment",
		"/x/..":                              "dot segment",
		"/%2e%2E/x":                          "dot segment",
		"/x%2Fy":                             "encoded slash",
		"/x%5cy":                             "backslash",
		`/x\y`:                               "backslash",
		"/x%00":                              "control byte",
		"/x\x7f":                             "control byte",
		"/x;y":                               "semicolon",
		"/x%3By":                             "semicolon",
		"/x%":                                "begins no escape",
		"/x%4":                               "begins no escape",
		"/x%zz":                              "begins no escape",
		"/x?y":                               "query",
		"/x#y":                               "query",
		"/café":                              "write /caf%C3%A9",
		"/a b":                               "write /a%20b",
		"/x/**/y":                            "whole last segment",
		"/x**":                               "whole last segment",
		"/***":                               "whole last segment",
		"/x/{id":                             "brace",
		"/x/id}":                             "brace",
		"/x/a{id}":                           "brace",
		"/x/{id}b":                           "brace",
		"/x/{a}{b}":                          "brace",
		"/x/{}":                              "name of a capture",
		"/x/{1a}":                            "name of a capture",
		"/x/{a-b}":                           "name of a capture",
		"/x/{a*}":                            "name of a capture",
		"/{a}/{a}":                           "captures {a} twice",
		"/" + strings.Repeat("x", 1024):      "1025 bytes",
		strings.Repeat("/x", 33):             "33 segments",
		"/" + strings.Repeat("{a}/", 2):      "captures {a} twice",
		"/{" + strings.Repeat("a", 65) + "}": "name of a capture",
	} {
		_, problems := policy.Compile(rules(policy.RuleSpec{Name: "r", Paths: []string{"/ok", "/ok2", pattern}}))
		if len(problems) != 1 {
			t.Errorf("%q: problems %v", pattern, problems)
			continue
		}
		if p := problems[0]; p.Path != "rules[0].paths[2]" || !strings.Contains(p.Message+p.Mend, want) || p.Mend == "" {
			t.Errorf("%q: %v, want %q", pattern, p, want)
		}
	}
}

func TestCompileConditions(t *testing.T) {
	type cond = policy.Condition
	when := func(c ...cond) policy.Spec { return rules(denyWhen("r", c...)) }
	deep := has("a", "b")
	for range 8 {
		deep = not(deep)
	}
	wide := make([]cond, 65)
	for i := range wide {
		wide[i] = has("a", "b")
	}
	circle := cond{}
	circle.Not = &circle
	a := claim("a")
	runProblems(t, []problemCase{
		{"empty", when(cond{}), []string{"rules[0].when[0]: neither a comparison nor a combinator"}},
		{"only ifPresent", when(cond{IfPresent: true}), []string{"rules[0].when[0]: neither"}},
		{"two combinators", when(cond{All: []cond{deep}, Any: []cond{deep}}), []string{"rules[0].when[0]: all, any"}},
		{"combinator and comparison", when(cond{All: []cond{has("a", "b")}, Claim: a}), []string{"rules[0].when[0]: mixes all"}},
		{"combinator and ifPresent", when(cond{All: []cond{has("a", "b")}, IfPresent: true}), []string{"rules[0].when[0].ifPresent: no meaning"}},
		{"empty combinators", when(cond{All: []cond{}}, cond{Any: []cond{}}), []string{"rules[0].when[0].all: empty", "rules[0].when[1].any: empty"}},
		{"nested place", when(has("a", "b"), cond{Any: []cond{has("a", "b"), not(cond{})}}), []string{"rules[0].when[1].any[1].not: neither"}},
		{"no left side", when(cond{Equals: lit("x")}), []string{"rules[0].when[0]: no left side"}},
		{"no operator", when(cond{Claim: a}), []string{"rules[0].when[0]: no operator"}},
		{"two left sides", when(cond{Claim: a, Header: "X", Equals: lit("x")}), []string{"rules[0].when[0]: more than one left side", "rules[0].when[0].header: lower-case"}},
		{"two operators", when(cond{Claim: a, Equals: lit("x"), Exists: true}), []string{"rules[0].when[0]: more than one operator"}},
		{"too deep", when(deep), []string{"rules[0].when[0].not.not.not.not.not.not.not.not: deeper than 8"}},
		{"as deep as may be", when(*deep.Not), nil},
		{"circle", when(circle), []string{"rules[0].when[0].not.not.not.not.not.not.not.not: deeper than 8"}},
		{"too many", when(wide...), []string{"rules[0].when: more than 64"}},
		{"too many nested", when(cond{Any: wide[:40]}, cond{All: wide[:40]}, cond{All: wide[:40]}), []string{"rules[0].when: more than 64"}},
		{"as many as may be", when(cond{Any: wide[:31]}, cond{All: wide[:31]}), nil},
		{"as many as may be by not", when(append([]cond{not(has("a", "b"))}, wide[:62]...)...), nil},
		{"one too many, nested", when(append([]cond{{All: wide[:1]}}, wide[:63]...)...), []string{"rules[0].when: more than 64"}},
		{"too many by not", when(append([]cond{not(has("a", "b"))}, wide[:63]...)...), []string{"rules[0].when: more than 64"}},
	})
}

func TestCompileComparisons(t *testing.T) {
	type cond = policy.Condition
	type operand = policy.Operand
	when := func(c ...cond) policy.Spec { return rules(denyWhen("r", c...)) }
	elements := make([]any, 1025)
	for i := range elements {
		elements[i] = "e" + strconv.Itoa(i)
	}
	a := claim("a")
	null := policy.Literal{Kind: policy.Null}
	runProblems(t, []problemCase{
		{"claim", when(cond{Claim: []string{}, Exists: true}, cond{Claim: claim("a", "", strings.Repeat("x", 1025)), Exists: true}, cond{Claim: make([]string, 9), Exists: true}),
			[]string{"rules[0].when[0].claim: empty", "rules[0].when[1].claim[1]: member", "rules[0].when[1].claim[2]: member", "rules[0].when[2].claim: 9 names, more than 8"}},
		{"claims as deep and long as may be", when(cond{Claim: slices.Repeat([]string{strings.Repeat("x", 1024)}, 8), Exists: true}), nil},
		{"a claim that is not UTF-8", when(cond{Claim: claim("\xff"), Exists: true}), []string{"rules[0].when[0].claim[0]: member"}},
		{"left sides", when(cond{Header: ":path", Exists: true}, cond{Issuer: "iss", Equals: lit("x")}, cond{RemoteIP: "xff", Within: lit("10.0.0.0/8")}, cond{Time: "then", LessThan: lit(number("1"))}),
			[]string{"rules[0].when[0].header: lower-case", "rules[0].when[1].issuer: neither name nor url", "rules[0].when[2].remoteIp: is not peer", "rules[0].when[3].time: is not now"}},
		{"operators that do not fit", when(
			cond{RemoteIP: "peer", Equals: lit("10.0.0.1")}, cond{Claim: a, Within: lit("10.0.0.0/8")}, cond{Time: "now", Equals: lit("x")},
			cond{Header: "h", Contains: lit("x")}, cond{Header: "h", LessThan: lit(number("1"))}, cond{Issuer: "name", Exists: true}, cond{Issuer: "url", HasScope: lit("x")}),
			[]string{"rules[0].when[0].equals: use within", "rules[0].when[1].within: claim", "rules[0].when[2].equals: use lt", "rules[0].when[3].contains: header; use another operator", "rules[0].when[4].lt: header; use another operator", "rules[0].when[5].exists: issuer", "rules[0].when[6].hasScope: issuer"}},
		{"ifPresent", when(cond{Claim: a, Exists: true, IfPresent: true}, cond{Time: "now", LessThan: lit(number("1")), IfPresent: true}, cond{Issuer: "name", Equals: lit("x"), IfPresent: true}, cond{Claim: a, Absent: true, IfPresent: true}),
			[]string{"rules[0].when[0].ifPresent: exists", "rules[0].when[1].ifPresent: time", "rules[0].when[2].ifPresent: issuer", "rules[0].when[3].ifPresent: absent"}},
		{"kinds of literals", when(
			cond{Claim: a, Equals: lit([]any{"x"})}, cond{Claim: a, In: lit("x")}, cond{Claim: a, Contains: lit([]any{"x"})}, cond{Claim: a, ContainsAny: lit("x")},
			cond{Claim: a, HasScope: lit([]any{"x"})}, cond{Claim: a, Prefix: lit(number("1"))}, cond{Claim: a, Matches: lit(true)}, cond{Claim: a, LessThan: lit("5")},
			cond{Header: "h", Equals: lit(number("5"))}, cond{Header: "h", In: lit([]any{"x", number("5")})}, cond{Claim: a, Equals: &operand{Literal: &null}}, cond{Time: "now", GreaterOrEqual: lit(true)}),
			[]string{"rules[0].when[0].equals: list", "rules[0].when[1].in: string", "rules[0].when[2].contains: list", "rules[0].when[3].containsAny: string",
				"rules[0].when[4].hasScope: one scope", "rules[0].when[5].prefix: number", "rules[0].when[6].matches: boolean", "rules[0].when[7].lt: needs a number",
				"rules[0].when[8].equals: needs a string", "rules[0].when[9].in[1]: number", "rules[0].when[10].equals: null", "rules[0].when[11].gte: time"}},
		{"empty literals", when(cond{Claim: a, Equals: lit("")}, cond{Claim: a, Prefix: lit("")}, cond{Claim: a, In: lit([]any{})}, cond{Claim: a, In: lit([]any{"x", "", []any{}})}),
			[]string{"rules[0].when[0].equals: empty string", "rules[0].when[1].prefix: empty string", "rules[0].when[2].in: empty list", "rules[0].when[3].in[1]: empty string", "rules[0].when[3].in[2]: list"}},
		{"literals as long as may be", when(cond{Claim: a, Equals: lit(strings.Repeat("x", 1024))}, cond{Claim: a, In: lit(elements[:1024])}), nil},
		{"long literals", when(cond{Claim: a, Equals: lit(strings.Repeat("x", 1025))}, cond{Claim: a, In: lit(elements)}, cond{Claim: a, Equals: lit("\xff")}),
			[]string{"rules[0].when[0].equals: 1025 bytes", "rules[0].when[1].in: 1025 elements", "rules[0].when[2].equals: UTF-8"}},
		{"numbers", when(cond{Claim: a, Equals: &operand{Literal: &policy.Literal{Kind: policy.Num, Num: policy.Number{Digits: "050"}}}}, cond{Claim: a, Equals: &operand{Literal: &policy.Literal{Kind: policy.Num, Num: policy.Number{Neg: true}}}}),
			[]string{"rules[0].when[0].equals: canonical", "rules[0].when[1].equals: canonical"}},
		{"scopes", when(cond{Claim: a, HasScope: lit("a b")}, cond{Claim: a, HasScope: lit("a\tb")}, cond{Claim: a, HasScope: lit(`a"`)}),
			[]string{"rules[0].when[0].hasScope: one scope", "rules[0].when[1].hasScope: one scope", "rules[0].when[2].hasScope: one scope"}},
		{"expressions", when(cond{Claim: a, Matches: lit("(")}, cond{Claim: a, Matches: lit("a)|(b")}, cond{Claim: a, Matches: lit("(?=x)")}, cond{Claim: a, Matches: lit("a{1000}b{1000}")}, cond{Claim: a, Matches: lit(`\Qa`)}),
			[]string{"rules[0].when[0].matches: missing closing", "rules[0].when[1].matches: unexpected )", "rules[0].when[2].matches: invalid", "rules[0].when[3].matches: more than 1024", "rules[0].when[4].matches: anchored"}},
		{"expressions in all", when(repeatCondition(cond{Claim: a, Matches: lit("a{1000}")}, 9)...), []string{"rules[0].when[8].matches: 8192 instructions in all"}},
		{"expressions as large as may be", when(cond{Claim: a, Matches: lit("a{1000}b{22}")}), nil},
		{"an expression one too large", when(cond{Claim: a, Matches: lit("a{1000}b{23}")}), []string{"rules[0].when[0].matches: 1025 instructions"}},
		{"expressions as large in all as may be", when(repeatCondition(cond{Claim: a, Matches: lit("a{1000}b{22}")}, 8)...), nil},
		{"expressions one too large in all are told once", when(append(repeatCondition(cond{Claim: a, Matches: lit("a{1000}b{22}")}, 7), cond{Claim: a, Matches: lit("a{1000}b{20}")}, cond{Claim: a, Matches: lit("a")}, cond{Claim: a, Matches: lit("a")})...),
			[]string{"rules[0].when[8].matches: 8192 instructions in all"}},
		{"expressions too large in all are told once", when(append(repeatCondition(cond{Claim: a, Matches: lit("a{1000}b{22}")}, 8), cond{Claim: a, Matches: lit("")}, cond{Claim: a, Matches: lit("a")}, cond{Claim: a, Matches: lit("a")})...),
			[]string{"rules[0].when[8].matches: empty string", "rules[0].when[9].matches: 8192 instructions in all"}},
		{"blocks", when(cond{RemoteIP: "peer", Within: lit([]any{"10.0.0.0/8", "10.0.0.1", "10.0.0.1/8", "x", "fe80::1%eth0", number("1")})}),
			[]string{"rules[0].when[0].within[1]: write 10.0.0.1/32", "rules[0].when[0].within[2]: write 10.0.0.0/8", "rules[0].when[0].within[3]: not a CIDR", "rules[0].when[0].within[4]: write fe80::1/128", "rules[0].when[0].within[5]: number"}},
		{"times", when(cond{Time: "now", LessThan: lit("2026-01-31")}, cond{Time: "now", LessThan: lit("2026-01-31T1:00:00Z")}, cond{Time: "now", LessThan: lit("2026-01-31T00:00:00")}, cond{Time: "now", LessThan: lit(number("1e30"))}, cond{Time: "now", LessThan: claimRef("exp")}),
			[]string{"rules[0].when[0].lt: RFC 3339", "rules[0].when[1].lt: RFC 3339", "rules[0].when[2].lt: RFC 3339", "rules[0].when[3].lt: Unix seconds", "rules[0].when[4].lt: write the value itself"}},
		{"times as they are written", when(before("2026-01-31T00:00:00Z"), before("2026-01-31T23:59:59.123456789Z"), before("2026-01-31T00:00:00+02:30"), before("2026-01-31T00:00:00.5-11:00"), before(number("0")),
			before(number("-62135596800")), before(number("253402300799")), before(number("1e9"))), nil},
		{"times as they are not", when(before("2026-13-01T00:00:00Z"), before("2026-01-31 00:00:00Z"), before("2026-01-31T00:00:00,5Z"), before("2026-01-31T00:00:00+2:00"), before("2026-01-31T00:00:00+0200"), before("2026-01-31T00:00:00.Z"),
			before("2026-01-31T00:00"), before("2026-01-31T00:00:00z"), before("2026-01-3:T00:00:00Z"), before("2026-01-3/T00:00:00Z"), before(number("-62135596801")), before(number("253402300800")), before(number("1.5")), before(number("1e12")), before(number("18446744073709551616"))),
			[]string{"rules[0].when[0].lt: RFC 3339", "rules[0].when[1].lt: RFC 3339", "rules[0].when[2].lt: RFC 3339", "rules[0].when[3].lt: RFC 3339", "rules[0].when[4].lt: RFC 3339", "rules[0].when[5].lt: RFC 3339", "rules[0].when[6].lt: RFC 3339",
				"rules[0].when[7].lt: RFC 3339", "rules[0].when[8].lt: RFC 3339", "rules[0].when[9].lt: RFC 3339", "rules[0].when[10].lt: Unix seconds", "rules[0].when[11].lt: Unix seconds", "rules[0].when[12].lt: Unix seconds", "rules[0].when[13].lt: Unix seconds", "rules[0].when[14].lt: Unix seconds"}},
		{"operands", when(cond{Claim: a, Equals: &operand{}}, cond{Claim: a, Equals: &operand{Header: "h", Claim: a}}, cond{Claim: a, Matches: &operand{Header: "h"}}, cond{Claim: a, In: &operand{Header: "h"}}, cond{Claim: a, Equals: &operand{Header: "H"}}, cond{Claim: a, Equals: &operand{Claim: []string{""}}}),
			[]string{"rules[0].when[0].equals: no right side", "rules[0].when[1].equals: more than one right side", "rules[0].when[2].matches: value itself", "rules[0].when[3].in: refer to a claim", "rules[0].when[4].equals.header: lower-case", "rules[0].when[5].equals.claim[0]: member"}},
		{"capture without paths", when(cond{Claim: a, Equals: &operand{Path: "id"}}), []string{"rules[0].when[0].equals.path: no paths"}},
		{"capture in a path that is none", rules(policy.RuleSpec{Name: "r", Paths: []string{"x"}, When: []cond{{Claim: a, Equals: &operand{Path: "id"}}}}), []string{"rules[0].paths[0]: slash"}},
		{"capture in require", policy.Spec{Require: []cond{{Claim: a, Equals: &operand{Path: "id"}}}}, []string{"require[0].equals.path: no paths"}},
		{"capture not in every path", rules(policy.RuleSpec{Name: "r", Paths: []string{"/a/{id}", "/b/{Id}"}, When: []cond{{Claim: a, Equals: &operand{Path: "id"}}}}),
			[]string{"rules[0].when[0].equals.path: /b/{Id}"}},
		{"everything at once", policy.Spec{
			Rules:   []policy.RuleSpec{{Name: "", Methods: []string{"get"}, Paths: []string{"x"}, When: []cond{{}}}},
			Require: []cond{{Claim: a}},
			Public:  []policy.PublicSpec{{}},
		}, []string{"rules[0].name: missing", "rules[0].methods[0]: GET", "rules[0].paths[0]: slash", "rules[0].when[0]: neither", "require[0]: no operator", "public[0].name: missing", "public[0].paths: missing"}},
	})
}

// before is a condition on the time.
func before(at any) policy.Condition { return policy.Condition{Time: "now", LessThan: lit(at)} }

// TestP8ConditionsOfAPolicyAreCounted to the one, those of `not`, `require` and
// named ones too; what goes beyond is told once.
func TestP8ConditionsOfAPolicyAreCounted(t *testing.T) {
	type cond = policy.Condition
	full := func(n int, when ...cond) policy.Spec {
		s := policy.Spec{Named: []policy.NamedCondition{name("two", not(has("a", "x")))}}
		for i := range n {
			s.Rules = append(s.Rules, denyWhen("r"+strconv.Itoa(i), repeatCondition(not(has("a", "x")), 32)...))
		}
		for i, c := range when {
			s.Rules = append(s.Rules, denyWhen("more"+strconv.Itoa(i), c))
		}
		return s
	}
	required := full(63, repeatCondition(has("a", "x"), 63)...)
	required.Require = []cond{has("a", "x")}
	one := has("a", "x")
	runProblems(t, []problemCase{
		{"as many as may be", full(64), nil},
		{"more, told once", full(64, one, one, one), []string{"rules[64].when: 4096 conditions"}},
		{"as many as may be with require", required, nil},
		{"more with require", func() policy.Spec { s := required; s.Require = []cond{one, one}; return s }(), []string{"require: 4096 conditions"}},
		{"as many as may be by use", full(63, append(repeatCondition(one, 61), use("two"))...), nil},
		{"more by use", full(63, append(repeatCondition(one, 62), use("two"))...), []string{"rules[125].when: 4096 conditions"}},
		{"expressions, as many as may be", rules(denyWhen("a", repeatCondition(cel("true"), 64)...)), nil},
		{"expressions, more, told once", rules(denyWhen("a", repeatCondition(cel("true"), 64)...), denyWhen("b", cel("true")), denyWhen("c", cel("true"))), []string{"rules[1].when: 64 CEL"}},
	})
}

// TestP1NoConditionIsLeftOutAtTheLimit of those that a rule may have.
func TestP1NoConditionIsLeftOutAtTheLimit(t *testing.T) {
	p := compile(t, rules(allowWhen("r", append(repeatCondition(has("a", "x"), 62), not(has("b", "x")))...)))
	wantOutcome(t, p, request("/", object{"a": "x", "b": "y"}), policy.Allowed)
	wantOutcome(t, p, request("/", object{"a": "x", "b": "x"}), policy.NoRule)
	wantOutcome(t, p, request("/", object{"a": "y", "b": "y"}), policy.NoRule)
}

func repeatCondition(c policy.Condition, n int) []policy.Condition {
	out := make([]policy.Condition, n)
	for i := range out {
		out[i] = c
	}
	return out
}

func TestProblemOnOneLine(t *testing.T) {
	p := policy.Problem{Path: "rules[0].name", Message: "is missing", Mend: "give it one"}
	if got, want := p.Error(), "rules[0].name: is missing; give it one"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A policy must not change with the document that it was made of.
func TestCompiledPolicyKeepsNothingOfTheSpec(t *testing.T) {
	r := allowWhen("r", policy.Condition{Claim: claim("sub"), In: lit([]any{"a"})})
	r.Methods, r.Paths, r.Issuers = []string{"GET"}, []string{"/x"}, []string{"idp"}
	spec := rules(r)
	p := compile(t, spec)
	r.Methods[0], r.Paths[0], r.Issuers[0] = "POST", "/y", "other"
	r.When[0].Claim[0] = "other"
	r.When[0].In.Literal.List[0].String = "b"
	spec.Rules[0].Action = policy.Deny
	wantOutcome(t, p, request("/x", object{"sub": "a"}), policy.Allowed)
}
