package policy_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

func cel(source string) policy.Condition { return policy.Condition{CEL: source} }

// celRequestOf is a request with everything that an expression can read.
func celRequestOf(o object) *policy.Input {
	in := tenantRequest(o)
	in.Method, in.Path = "GET", "/users/u-1"
	in.Headers = headers{"x-region": {"eu"}, "empty": {""}, "twice": {"a", "a"}, "authorization": {"Bearer s3cr3t"}}
	in.Query, in.Host, in.Scheme = "a=1&b=2", "api.example.com", "https"
	in.Context = map[string]string{"route": "orders", "odd name": "x"}
	return in
}

func celToken() object {
	return object{
		"sub": "u-1", "region": "eu", "email": "someone@example.com", "level": number("5"), "half": number("0.5"), "whole": number("5.0"),
		"big": number("18446744073709551615"), "negative": number("-3"), "huge": number("1e20"), "admin": true, "guest": false, "zero": number("0"), "nothing": nil, "word": "größe",
		"roles": []any{"reader", "writer"}, "levels": []any{number("1"), number("2.5")}, "mixed": []any{"a", number("1"), nil, true}, "empty": []any{},
		"nested": []any{[]any{"a"}, []any{"b"}}, "address": object{"country": "de", "geo": object{"zone": "w"}}, "a.b": "dotted", "https://x/y": "url",
	}
}

func TestCEL(t *testing.T) {
	for source, want := range map[string]policy.Truth{
		`has(claims.region) && request.headers["x-region"] != claims.region`: isFalse,
		`claims.region == "eu"`:                                       isTrue,
		`claims["region"] in ["eu", "us"]`:                            isTrue,
		`claims.region == "e" + "u"`:                                  isTrue,
		`claims.level == 5`:                                           isTrue,
		`claims.level == 5.0 && claims.whole == 5`:                    isTrue,
		`claims.level > 4.5 && claims.level < 6u`:                     isTrue,
		`claims.half == 0.5`:                                          isTrue,
		`claims.half * 2.0 == 1.0`:                                    isTrue,
		`claims.big == 18446744073709551615u`:                         isTrue,
		`claims.big > 9223372036854775807`:                            isTrue,
		`claims.huge > claims.big`:                                    isTrue,
		`claims.huge == 100000000000000000000.0`:                      isTrue,
		`claims.negative < 0 && claims.negative < 0u`:                 isTrue,
		`claims.level == "5"`:                                         isFalse,
		`claims.admin == true`:                                        isTrue,
		`claims.nothing == null`:                                      isTrue,
		`claims.guest == false && claims.guest != true`:               isTrue,
		`claims.guest == true`:                                        isFalse,
		`claims.zero == 0 && claims.zero + 1 == 1`:                    isTrue,
		`claims.level + 1 == 6 && claims.negative - 1 == -4`:          isTrue,
		`claims.address == "x"`:                                       isFalse,
		`claims.address == 1 || claims.roles == "reader"`:             isFalse,
		`claims.region == null`:                                       isFalse,
		`has(claims.nothing)`:                                         isTrue,
		`has(claims.none)`:                                            isFalse,
		`"none" in claims || "sub" in claims`:                         isTrue,
		`has(claims.address.country) && !has(claims.address.street)`:  isTrue,
		`claims.address.geo.zone == "w"`:                              isTrue,
		`claims["a.b"] == "dotted" && claims["https://x/y"] == "url"`: isTrue,
		`"reader" in claims.roles`:                                    isTrue,
		`"admin" in claims.roles`:                                     isFalse,
		`claims.roles.exists(r, r.startsWith("wri"))`:                 isTrue,
		`claims.roles.all(r, r in ["reader", "writer"])`:              isTrue,
		`claims.roles.exists_one(r, r == "reader")`:                   isTrue,
		`claims.roles.filter(r, r != "reader") == ["writer"]`:         isTrue,
		`claims.roles.map(r, r + "s") == ["readers", "writers"]`:      isTrue,
		`claims.roles + ["x"] == ["reader", "writer", "x"]`:           isTrue,
		`size(claims.roles) == 2 && claims.roles[1] == "writer"`:      isTrue,
		`claims.levels == [1, 2.5]`:                                   isTrue,
		`claims.mixed == ["a", 1, null, true]`:                        isTrue,
		`claims.empty == [] && !claims.empty.exists(x, true)`:         isTrue,
		`["b"] in claims.nested`:                                      isTrue,
		`claims.email.endsWith("@example.com")`:                       isTrue,
		`claims.email.matches("^[a-z]+@example[.]com$")`:              isTrue,
		`matches(claims.email, "else")`:                               isFalse,
		`claims.word == "gr\u00f6\u00dfe" && size(claims.word) == 5`:  isTrue,
		`claims.region == claims.none || claims.region == "eu"`:       isTrue,
		`false && claims.none == 1`:                                   isFalse,
		`claims.level == 5 ? claims.admin == true : claims.none == 1`: isTrue,
		`request.method == "GET" && request.path == "/users/u-1"`:     isTrue,
		`request.query.contains("b=2") && request.scheme == "https"`:  isTrue,
		`request.host.endsWith(".example.com")`:                       isTrue,
		`"x-region" in request.headers && !("x" in request.headers)`:  isTrue,
		`request.headers.empty == ""`:                                 isTrue,
		`source.address == "192.0.2.7"`:                               isTrue,
		`source.principal.startsWith("spiffe://mesh/")`:               isTrue,
		`context.route == "orders" && context["odd name"] == "x"`:     isTrue,
		`has(context.other)`:                                          isFalse,
		`issuer == "idp"`:                                             isTrue,
		`tenant.name == "acme" && tenant.labels.plan == "gold"`:       isTrue,
		`tenant.labels["plan"] in ["silver"]`:                         isFalse,
		`has(tenant.labels.other)`:                                    isFalse,
		`path.id == claims.sub`:                                       isTrue,
		`now > timestamp("2026-01-01T00:00:00Z")`:                     isTrue,
		`now.getHours() == 12 && now.getHours("+02:30") == 14`:        isTrue,
		`now.getHours("UTC") == 12 && now.getHours("-02:30") == 9`:    isTrue,
		`now - timestamp("2026-03-01T11:00:00Z") == duration("1h")`:   isTrue,
		`string(claims.level) == "5" && int("7") == 7`:                isTrue,
		`type(claims.region) == string`:                               isTrue,
	} {
		t.Run(source, func(t *testing.T) {
			got := truthOf(t, cel(source), celRequestOf(celToken()), "/users/{id}")
			if got.Truth != want {
				t.Errorf("%v (%s), read %s", got.Truth, got.Why, got.Actual)
			}
			if negated := truthOf(t, cel("!("+source+")"), celRequestOf(celToken()), "/users/{id}"); negated.Truth != negation(want) {
				t.Errorf("negated %v (%s)", negated.Truth, negated.Why)
			}
		})
	}
}

func TestCompileCEL(t *testing.T) {
	one := func(source string) policy.Spec {
		return rules(policy.RuleSpec{Name: "r", Action: policy.Allow, Paths: []string{"/users/{id}"}, When: []policy.Condition{cel(source)}})
	}
	at := "rules[0].when[0].cel: "
	deep := strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100)
	runProblems(t, []problemCase{
		{"syntax", one("claims.a =="), []string{at + "wrong at character 12: Syntax error"}},
		{"second line", one("claims.a == 1 &&\n  claims.b = 2"), []string{at + "wrong at line 2, character 12: Syntax error"}},
		{"unknown variable", one(`token.sub == "x"`), []string{at + "wrong at character 1: undeclared reference to 'token'; write an expression of CEL over request"}},
		{"unknown function", one(`claims.a.lower() == "x"`), []string{at + "character 15: undeclared reference to 'lower'"}},
		{"unknown field", one(`request.url == "x"`), []string{at + "character 8: undefined field 'url'"}},
		{"unknown field of source", one(`source.port == 1`), []string{at + "undefined field 'port'"}},
		{"unknown field of tenant", one(`tenant.plan == "x"`), []string{at + "undefined field 'plan'"}},
		{"optional syntax", one(`claims.?a == "x"`), []string{at + "unsupported syntax"}},
		{"not a truth", one(`claims.a`), []string{at + "yields a dyn"}},
		{"a number", one(`1 + 1`), []string{at + "yields a int"}},
		{"types that never meet", one(`request.path == 1`), []string{at + "no matching overload"}},
		{"too long", one("true" + strings.Repeat(" ", 2045)), []string{at + "2049 bytes"}},
		{"as long as may be", one("true" + strings.Repeat(" ", 2044)), nil},
		{"not UTF-8", one("claims.a == '\xff'"), []string{at + "UTF-8"}},
		{"too deep", one(deep), []string{at + "wrong at character"}},
		{"pattern from a claim", one(`claims.a.matches(claims.b)`), []string{at + "character 17: matches by a pattern that is no constant"}},
		{"pattern put together", one(`claims.a.matches("a" + "b")`), []string{at + "no constant"}},
		{"pattern from a header", one(`matches(claims.a, request.headers["x"])`), []string{at + "no constant"}},
		{"pattern that is none", one(`claims.a.matches("(")`), []string{at + "not a regular expression"}},
		{"pattern too large", one(`claims.a.matches("(a{1,30}){1,30}")`), []string{at + "instructions, more than 1024"}},
		{"pattern too long", one(`claims.a.matches("` + strings.Repeat("a", 1025) + `")`), []string{at + "1025 bytes"}},
		{"pattern as long as may be", one(`claims.a.matches("[` + strings.Repeat("a", 1022) + `]")`), nil},
		{"pattern a byte too long", one(`claims.a.matches("[` + strings.Repeat("a", 1023) + `]")`), []string{at + "1025 bytes"}},
		{"pattern as large as may be", one(`claims.a.matches("a{1000}b{22}")`), nil},
		{"pattern one too large", one(`claims.a.matches("a{1000}b{23}")`), []string{at + "1025 instructions"}},
		{"patterns in all", rules(denyWhen("r", repeatCondition(cel(`claims.a.matches("a{1000}")`), 9)...)), []string{"rules[0].when[8].cel: 8192 instructions in all"}},
		{"names of claims in any case", one(`claims.Address.City == "x" && claims["https://X"].Y == "x"`), nil},
		{"map", one(`claims.a == {"b": 1}`), []string{at + "makes a map"}},
		{"message", one(`google.protobuf.Int32Value{value: 1} == 1`), []string{at + "makes a message"}},
		{"record of ours", one(`claimgate.Request{method: "x"}.method == "x"`), []string{at + "makes a message"}},
		{"claims enumerated", one(`claims.exists(k, k == "x")`), []string{at + "enumerates"}},
		{"headers enumerated", one(`request.headers.all(h, h != "x")`), []string{at + "enumerates"}},
		{"claims counted", one(`size(claims) > 1`), []string{at + "enumerates"}},
		{"claims compared", one(`claims == claims`), []string{at + "enumerates"}},
		{"claims in a list", one(`claims in [claims]`), []string{at + "enumerates"}},
		{"claims looked for", one(`claims in claims.a`), []string{at + "enumerates"}},
		{"claims as an index", one(`claims.a[claims] == 1`), []string{at + "enumerates"}},
		{"claims disguised", one(`dyn(claims) == dyn(claims)`), []string{at + "enumerates"}},
		{"request disguised", one(`dyn(request).method == "x"`), []string{at + "enumerates"}},
		{"claims chosen", one(`(claims.a == 1 ? claims : claims).b == 1`), []string{at + "enumerates"}},
		{"header in upper case", one(`request.headers["X-Region"] == "x"`), []string{at + "not a lower-case header name"}},
		{"header in upper case, asked for", one(`"X-Region" in request.headers`), []string{at + "not a lower-case header name"}},
		{"zone of a short place", one(`now.getHours("Cuba") < 8`), []string{at + "names a place"}},
		{"zones of other forms", rules(denyWhen("r", cel(`now.getHours("aa:bb") < 8`), cel(`now.getHours("/0:00") < 8`), cel(`now.getHours("0::00") < 8`), cel(`now.getHours("00.00") < 8`), cel(`now.getHours("00:0") < 8`), cel(`now.getHours("") < 8`))),
			[]string{"rules[0].when[0].cel: names a place", "rules[0].when[1].cel: names a place", "rules[0].when[2].cel: names a place", "rules[0].when[3].cel: names a place", "rules[0].when[4].cel: names a place", "rules[0].when[5].cel: names a place"}},
		{"zone with two signs", one(`now.getHours("+-01:00") < 8`), []string{at + "names a place"}},
		{"zone of a place", one(`now.getHours("Europe/Berlin") < 8`), []string{at + "names a place"}},
		{"zone from a claim", one(`now.getHours(claims.zone) < 8`), []string{at + "names a place"}},
		{"variable of a loop", one(`claims.a.exists(path, path == "x")`), []string{at + "second meaning"}},
		{"capture that is not there", one(`path.name == "x"`), []string{at + `"name", which path /users/{id}`}},
		{"captures by chance", one(`path[claims.a] == "x"`), []string{at + "reads no capture by its name"}},
		{"captures asked for", one(`has(path.name)`), []string{at + `"name", which path /users/{id}`}},
		{"claim too deep", one(`claims.a.b.c.d.e.f.g.h.i == 1`), []string{at + "9 names"}},
		{"three loops", one(`claims.a.all(x, claims.a.all(y, claims.a.all(z, x == y || y == z)))`), []string{at + "could cost more"}},
		{"five loops", one(`[1].all(a, [1].all(b, [1].all(c, [1].all(d, [1].all(e, a == e)))))`), []string{at + "deeper than 4"}},
		{"four loops", one(`[1].all(a, [1].all(b, [1].all(c, [1].all(d, a == d))))`), nil},
		{"beside a comparison", rules(allowWhen("r", policy.Condition{CEL: "true", Claim: claim("a"), Exists: true})), []string{"rules[0].when[0]: mixes cel"}},
		{"ifPresent", rules(allowWhen("r", policy.Condition{CEL: "true", IfPresent: true})), []string{"rules[0].when[0].ifPresent: beside cel"}},
		{"too many", rules(denyWhen("a", repeatCondition(cel("true"), 64)...), denyWhen("b", cel("true"), cel("true"))), []string{"rules[1].when: 64 CEL"}},
		{"in require", policy.Spec{Require: []policy.Condition{cel(`path.id == "x"`)}}, []string{"require[0].cel: no paths"}},
		{"in a named condition", policy.Spec{Named: []policy.NamedCondition{name("n", not(cel("1")))}}, []string{"namedConditions[0].not.cel: yields a int"}},
	})
}

func TestCELReadsRequest(t *testing.T) {
	for source, want := range map[string]bool{
		`claims.a == 1`:                                     false,
		`issuer == "a"`:                                     false,
		`tenant.labels.plan == "a"`:                         false,
		`path.id == "a"`:                                    false,
		`request.method == "GET"`:                           false,
		`request.path == "/"`:                               false,
		`request.path + request.query == ""`:                true,
		`request.query + request.path == ""`:                true, // whatever is read after it
		`now.getHours() == 1 && request.method == "GET"`:    true,
		`source.principal == "a" && request.path == "/"`:    true,
		`request.headers.a == "a" && request.path == "/"`:   true,
		`request.host + request.method + claims.a == "GET"`: true,
		`request.host == "a"`:                               true,
		`has(request.headers.a)`:                            true,
		`source.principal == "a"`:                           true,
		`context.a == "a"`:                                  true,
		`now.getHours() == 1`:                               true,
	} {
		p := compile(t, rules(policy.RuleSpec{Name: "r", Paths: []string{"/{id}"}, When: []policy.Condition{cel(source)}}))
		if got := p.ReadsRequest(); got != want {
			t.Errorf("%s: %v", source, got)
		}
	}
}

// A deny rule counts on public routes where its expression reads no token.
func TestCELOnPublicRoutes(t *testing.T) {
	in := celRequestOf(nil)
	in.Claims, in.Mapped, in.IssuerName, in.IssuerURL = nil, nil, "", ""
	for source, want := range map[string]policy.Outcome{
		`request.headers["x-region"] == "eu"`: policy.DeniedByRule,
		`request.headers["none"] == "eu"`:     policy.DeniedByRule,
		`request.headers["x-region"] == "us"`: policy.Allowed,
		`tenant.labels.plan == "gold"`:        policy.DeniedByRule,
		`has(claims.a)`:                       policy.Allowed,
		`issuer == "idp" || true`:             policy.Allowed,
	} {
		p := compile(t, rules(denyWhen("d", cel(source))))
		if got := p.EvaluatePublic(in).Outcome; got != want {
			t.Errorf("%s: %v, want %v", source, got, want)
		}
	}
}

// An expression over the path holds only where both readings of the path say
// so.
func TestCELSeesBothFormsOfAPath(t *testing.T) {
	for _, tc := range []struct {
		source, path, lenient string
		want                  policy.Truth
	}{
		{`request.path == "/a:b"`, "/a:b", "", isTrue},
		{`request.path == "/a:b"`, "/a%3Ab", "/a:b", isUnknown},
		{`request.path != "/a:b"`, "/a%3Ab", "/a:b", isUnknown},
		{`request.path == "/a:b"`, "/a%3Ab", "", isUnknown},
		{`request.path.startsWith("/a")`, "/a%3Ab", "/a:b", isTrue},
		{`request.path.startsWith("/b")`, "/a%3Ab", "/a:b", isFalse},
		{`request.path == "/a:b" && claims.none == 1`, "/a%3Ab", "/a:b", isUnknown},
		{`request.method == "GET"`, "/a%3Ab", "/a:b", isTrue},
		{`request.path != "/a:b" && request.method == "GET"`, "/a%3Ab", "/a:b", isUnknown},
		{`request.path != "/a:b" && request.host != ""`, "/a%3Ab", "/a:b", isUnknown},
		{`request.method == "GET" && request.path != "/a:b"`, "/a%3Ab", "/a:b", isUnknown},
	} {
		in := celRequestOf(nil)
		in.Path, in.LenientPath = tc.path, tc.lenient
		if got := truthOf(t, cel(tc.source), in); got.Truth != tc.want {
			t.Errorf("%s at %s: %v (%s)", tc.source, tc.path, got.Truth, got.Why)
		}
	}
}

func TestExplainCEL(t *testing.T) {
	source := `claims.address.country == "de" && request.headers["x-region"] == "us" && request.headers.authorization != "" && claims.none == null`
	got := truthOf(t, cel(source), celRequestOf(celToken()))
	want := policy.ConditionTrace{
		Text:  `{cel: "claims.address.country == \"de\" && request.headers[\"x-region\"] == \"us\" && request.headers.authorization != \"\" && claims.none == null"}`,
		Truth: isFalse, Expected: "true",
		Actual: "[claims.address.country: de, request.headers[x-region]: eu, request.headers.authorization: a credential, which is not shown, claims.none: missing]",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for source, actual := range map[string]string{
		`"admin" in claims.roles`:                      "[claims.roles: [reader, writer]]",
		`"sub" in claims`:                              "[claims.sub: u-1]",
		`claims.roles.exists(r, r == "reader")`:        "[claims.roles: [reader, writer]]",
		`claims.a == 1 || claims.a == 2`:               "[claims.a: missing]",
		`claims.address.country == "de" && now != now`: "[claims.address.country: de, now: 2026-03-01T12:00:00Z]",
	} {
		if got := truthOf(t, cel(source), celRequestOf(celToken())); got.Actual != actual {
			t.Errorf("%s read %s, want %s", source, got.Actual, actual)
		}
	}
	for source, why := range map[string]string{
		`claims.none == 1`:                       "is missing",
		`request.headers.twice == "a"`:           "more than once",
		`claims.address == claims.address`:       "object",
		`claims.sub + claims.level == "x"`:       "the expression failed",
		`tenant.labels.none == "x"`:              "is missing",
		`claims.roles.exists(r, claims[r] == 1)`: "is missing",
	} {
		if got := truthOf(t, cel(source), celRequestOf(celToken())); got.Truth != isUnknown || !strings.Contains(got.Why, why) {
			t.Errorf("%s: %v, %q", source, got.Truth, got.Why)
		}
	}
}

// What an expression fails on is named and never quoted.
func TestP7CELErrorsQuoteNothing(t *testing.T) {
	secret := "s3cr3t-value"
	in := celRequestOf(object{"a": secret, "b": number("1"), "roles": []any{secret}})
	for _, source := range []string{
		`int(claims.a) == 1`, `timestamp(claims.a) > now`, `duration(claims.a) > duration("1s")`, `claims.a + claims.b == "x"`, `claims[claims.a] == 1`,
		`request.headers[claims.a] == "x"`, `claims.roles[claims.a] == 1`, `claims.a.b == 1`, `claims.roles.map(r, int(r)) == [1]`, `claims.a < 1`,
	} {
		p := compile(t, rules(allowWhen("r", cel(source))))
		trace := p.Explain(in, false).Rules[0].When[0]
		if trace.Truth != isUnknown || trace.Why == "" || strings.Contains(trace.Why, "s3cr3t") {
			t.Errorf("%s: %v %q", source, trace.Truth, trace.Why)
		}
	}
}

// Equal expressions are compiled once by one Compiler.
func TestCompilerRemembersExpressions(t *testing.T) {
	spec := policy.Spec{}
	for i := range 64 {
		spec.Rules = append(spec.Rules, denyWhen(fmt.Sprint("r", i), cel(`claims.region == "eu" && claims.roles.exists(r, r == "reader")`)))
	}
	compiler := new(policy.Compiler)
	first := testing.AllocsPerRun(1, func() {
		if p, problems := new(policy.Compiler).Compile(spec); p == nil {
			t.Error(problems)
		}
	})
	_, _ = compiler.Compile(spec)
	again := testing.AllocsPerRun(10, func() { _, _ = compiler.Compile(spec) })
	if again > 20*64 || again > first/2 {
		t.Errorf("%v allocations, and %v at first", again, first)
	}
	for range 2 {
		if _, problems := compiler.Compile(rules(denyWhen("r", cel("1 +")))); len(problems) != 1 || problems[0].Path != "rules[0].when[0].cel" {
			t.Errorf("%v", problems)
		}
	}
}

func TestCELConcurrently(t *testing.T) {
	compiler := new(policy.Compiler)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			sub := fmt.Sprint("u-", i)
			for k := range 50 {
				p, problems := compiler.Compile(rules(allowWhen("r", cel(`claims.sub == "`+sub+`"`), cel(`claims.roles.exists(r, r == claims.sub)`), cel(fmt.Sprint(k, " < 50")))))
				if problems != nil {
					t.Error(problems)
				}
				got := p.Evaluate(celRequestOf(object{"sub": sub, "roles": []any{"x", sub}})).Outcome
				other := p.Evaluate(celRequestOf(object{"sub": "u-x", "roles": []any{"u-x"}})).Outcome
				if got != policy.Allowed || other != policy.NoRule {
					t.Errorf("%s: %v, another: %v", sub, got, other)
				}
			}
		})
	}
	wait.Wait()
}

func BenchmarkCEL(b *testing.B) {
	for name, source := range map[string]string{
		"claim":  `claims.region == "eu"`,
		"header": `has(claims.region) && request.headers["x-region"] == claims.region`,
		"list":   `claims.roles.exists(r, r == "writer")`,
		"match":  `claims.email.matches("^[a-z]+@example[.]com$")`,
	} {
		b.Run(name, func(b *testing.B) {
			p, in := compile(b, rules(allowWhen("r", cel(source)))), celRequestOf(celToken())
			b.ReportAllocs()
			for b.Loop() {
				if p.Evaluate(in).Outcome != policy.Allowed {
					b.Fatal("not allowed")
				}
			}
		})
	}
}

func BenchmarkCompileCEL(b *testing.B) {
	spec := rules(allowWhen("r", cel(`has(claims.region) && request.headers["x-region"] != claims.region`)))
	for name, shared := range map[string]*policy.Compiler{"known": new(policy.Compiler), "first": nil} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				compiler := shared
				if compiler == nil {
					compiler = new(policy.Compiler)
				}
				if p, _ := compiler.Compile(spec); p == nil {
					b.Fatal("not compiled")
				}
			}
		})
	}
}
