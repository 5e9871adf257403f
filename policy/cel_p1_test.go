package policy_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/policy"
)

// celUndecidable are expressions that the request below cannot decide.
func celUndecidable() []string {
	return []string{
		// Missing, null, withheld, of another type.
		`claims.none == "a"`, `claims.none != "a"`, `claims.none in ["a"]`, `claims["none"] == null`, `claims.none.deeper == "a"`,
		`claims.nothing > 1`, `claims.nothing.deeper == 1`, `has(claims.nothing.deeper)`, `claims.nothing.startsWith("a")`,
		`has(claims.withheld)`, `"withheld" in claims`, `claims.withheld == "a"`, `has(claims.withheld.deeper)`, `claims.withheld.deeper != "a"`,
		`has(claims.text.deeper)`, `claims.text.deeper == "a"`, `has(claims.list.deeper)`, `claims.text > 1`, `claims.number < "1"`,
		`claims.text + claims.number == "a1"`, `claims.list.startsWith("a")`, `claims.number.matches("5")`, `claims.text == "a" && claims.none == 1`,
		`claims.text in claims.text`, `claims.text in claims.number`, `claims[claims.number] == 1`, `claims[claims.none] == 1`,
		// Objects are no values.
		`claims.object == claims.object`, `claims.object != claims.other`, `claims.object in [claims.other]`, `[claims.object] == [claims.other]`,
		`claims.object.exists(k, true)`, `claims.object.all(k, true)`, `size(claims.object) > 0`, `claims.object + claims.other == []`, `string(claims.object) == ""`,
		`claims.objects.exists(o, true)`, `claims.objects == []`, `claims.objects != []`, `"a" in claims.objects`, `size(claims.objects) == 0`, `claims.objects[0].a == 1`,
		// Numbers that fit no type, or no operation.
		`claims.tenth == 0.1`, `claims.tenth != 0.1`, `claims.tenth < 1`, `claims.huge > 1`, `claims.tiny > 0`, `claims.precise == 9007199254740993.5`,
		`claims.beyond > 0u`, `claims.tenths == [0.1]`, `[0.1] != claims.tenths`, `0.1 in claims.tenths`, `size(claims.tenths) == 1`,
		`9223372036854775807 + claims.number > 0`, `claims.number / 0 == 1`, `claims.number % 0 == 1`, `-9223372036854775808 - claims.number < 0`,
		`claims.number * 9223372036854775807 > 0`, `18446744073709551615u + uint(claims.number) > 0u`, `uint(claims.negative) > 0u`, `int(claims.big) > 0`,
		`int(claims.text) == 1`, `double(claims.text) == 1.0`, `timestamp(claims.text) < timestamp("2026-01-01T00:00:00Z")`, `duration(claims.text) > duration("1s")`,
		// Lists.
		`claims.list[5] == "a"`, `claims.list[-1] == "a"`, `claims.list["a"] == "a"`, `claims.list[claims.tenth] == "a"`, `claims.list == claims.none`,
		`claims.list.exists(x, x > 1)`, `claims.list.all(x, x > 1)`, `claims.none.exists(x, true)`, `claims.text.exists(x, true)`, `claims.long == []`, `size(claims.long) > 1`,
		// The request.
		`request.headers.twice == "a"`, `"twice" in request.headers`, `has(request.headers.twice)`, `request.headers.none != "a"`,
		`request.headers[claims.upper] == "a"`, `claims.upper in request.headers`, `request.path == "/u/a"`, `path.id == "a"`, `path.id != "a"`,
		`request.scheme == "http"`, `request.scheme != "https"`, `request.host != "x"`, `source.address == "a"`, `source.address != "a"`, `source.principal != "a"`,
		`context.none != "a"`, `now > timestamp("2020-01-01T00:00:00Z")`, `tenant.name == "a"`, `tenant.labels.a != "a"`, `has(tenant.labels.a)`,
		// Too long, too costly.
		`claims.page.matches("a*b")`, `claims.page.matches("a*b") || claims.none == 1`,
		`claims.many.all(x, claims.many.all(y, x != y + 1000))`, `claims.many.map(x, claims.many.map(y, y)) == []`,
		`claims.many.exists(x, claims.page.contains("aaaaaaaaaaaaaaaaaaaab"))`, `claims.many.exists(x, claims.line.matches("(a?){20}b"))`,
	}
}

func celUndecidableRequest() *policy.Input {
	many := make([]any, 1000)
	for i := range many {
		many[i] = number(fmt.Sprint(i))
	}
	in := request("/u/a", object{
		"nothing": nil, "withheld": withheld, "text": "a", "list": []any{"a"}, "number": number("5"), "negative": number("-5"), "upper": "X-Upper",
		"object": object{"a": number("1")}, "other": object{"a": number("1")}, "objects": []any{object{"a": number("1")}},
		"tenth": number("0.1"), "tenths": []any{number("0.1")}, "huge": number("1e400"), "tiny": number("1e-400"), "precise": number("9007199254740993.5"),
		"big": number("9223372036854775808"), "beyond": number("18446744073709551617"), "long": repeat("a", 1025),
		"page": strings.Repeat("a", 4097), "line": strings.Repeat("a", 500), "many": many,
	})
	in.LenientPath = "/u/b"
	in.Headers = headers{"twice": {"a", "a"}, "x-upper": {"a"}}
	in.RemoteIP, in.Now = netip.Addr{}, time.Time{}
	return in
}

func TestP1AnUndecidableExpressionNeverWidensAccess(t *testing.T) {
	in, compiler := celUndecidableRequest(), new(policy.Compiler)
	for _, source := range celUndecidable() {
		for form, c := range map[string]policy.Condition{
			"itself":             cel(source),
			"negated inside":     cel("!(" + source + ")"),
			"negated outside":    not(cel(source)),
			"or false":           cel("false || (" + source + ")"),
			"and true":           cel("(" + source + ") && true"),
			"chosen":             cel("(" + source + ") ? true : false"),
			"chosen the other":   cel("(" + source + ") ? false : true"),
			"compared":           cel("(" + source + ") == false"),
			"in a list":          cel("(" + source + ") in [true]"),
			"any with its not":   {Any: []policy.Condition{cel(source), not(cel(source))}},
			"or its not, inside": cel("(" + source + ") || !(" + source + ")"),
		} {
			if form == "or its not, inside" && source == `request.path == "/u/a"` {
				continue // true of either reading
			}
			t.Run(source+", "+form, func(t *testing.T) {
				evaluated := checkExpressionNeverWidens(t, compiler, c, in)
				if form == "itself" && !evaluated {
					t.Error("it was refused")
				}
			})
		}
	}
}

// checkExpressionNeverWidens reports whether there was anything to evaluate.
func checkExpressionNeverWidens(t *testing.T, compiler *policy.Compiler, c policy.Condition, in *policy.Input) bool {
	t.Helper()
	on := func(action policy.Action) policy.RuleSpec {
		return policy.RuleSpec{Name: "r", Action: action, Paths: []string{"/u/{id}"}, When: []policy.Condition{c}}
	}
	p, problems := compiler.Compile(rules(on(policy.Allow)))
	if p == nil {
		if !strings.Contains(problems[0].Message, "could cost") { // doubled by the form
			t.Fatal(problems)
		}
		return false
	}
	if got := p.Evaluate(in); got.Outcome == policy.Allowed || !got.Erred.Has(0) || got.Matched.Has(0) {
		t.Errorf("an allow rule: %v, erred %v", got.Outcome, got.Erred.Has(0))
	}
	denying, _ := compiler.Compile(rules(anyone("all"), on(policy.Deny)))
	if got := denying.Evaluate(in); got.Outcome != policy.DeniedByRule || got.Rule != 1 {
		t.Errorf("a deny rule: %v by %d", got.Outcome, got.Rule)
	}
	required, _ := compiler.Compile(policy.Spec{Rules: []policy.RuleSpec{anyone("all")}, Require: []policy.Condition{c}})
	if required == nil { // it reads a capture
		return true
	}
	if got := required.Evaluate(in); got.Outcome != policy.RequireFailed {
		t.Errorf("require: %v", got.Outcome)
	}
	return true
}

// Without a token every expression that reads one is unknown.
func TestP1CELWithoutAToken(t *testing.T) {
	for _, source := range []string{`has(claims.a)`, `!has(claims.a)`, `"a" in claims`, `claims.a == null`, `issuer == ""`, `issuer != "idp"`} {
		in := celRequestOf(nil)
		in.Claims, in.IssuerName = nil, ""
		p := compile(t, rules(denyWhen("d", cel(source)), anyone("a")))
		if got := p.Evaluate(in); got.Outcome != policy.DeniedByRule || !got.Erred.Has(0) {
			t.Errorf("%s: %v", source, got.Outcome)
		}
	}
}

// faulty is a token whose claims cannot be read without a fault.
type faulty struct{}

func (faulty) Claim([]string) policy.Value { panic("a fault") }

// brokenList says that it has elements and has none.
type brokenList struct{}

func (brokenList) Len() int            { return 3 }
func (brokenList) At(int) policy.Value { return policy.Value{Kind: policy.List} }

type fixedClaims policy.Value

func (c fixedClaims) Claim([]string) policy.Value { return policy.Value(c) }

// TestP8AnExpressionReadsAListAgainForNothing holds that a list counts once,
// however often an expression reads it.
func TestP8AnExpressionReadsAListAgainForNothing(t *testing.T) {
	parts := make([]string, 100)
	for i := range parts {
		parts[i] = `claims.a==["x"]`
	}
	if got := truthOf(t, cel(strings.Join(parts, "&&")), celRequestOf(object{"a": []any{"x"}}), "/**"); got.Truth != isTrue {
		t.Errorf("%v: %s", got.Truth, got.Why)
	}
}

// TestP8WhatAnExpressionReadsIsBounded holds lists to their greatest size and
// depth, numbers to those that a double may hold, and paths to their length.
func TestP8WhatAnExpressionReadsIsBounded(t *testing.T) {
	nested := func(depth int) any {
		var v any = "x"
		for range depth {
			v = []any{v}
		}
		return v
	}
	deep := func(depth int) object {
		o := object{"a": "x"}
		for range depth - 1 {
			o = object{"a": o}
		}
		return o
	}
	with := func(o object, name string, v any) object { o[name] = v; return o }
	for name, row := range map[string]struct {
		source string
		claims object
		want   policy.Truth
	}{
		"elements":          {`size(claims.l) == 1024`, object{"l": repeat("x", 1024)}, isTrue},
		"one more":          {`size(claims.l) == 1025`, object{"l": repeat("x", 1025)}, isUnknown},
		"lists in one":      {`size(claims.l) == 8`, object{"l": repeat(repeat("x", 127), 8)}, isTrue},
		"lists in one more": {`size(claims.l) == 8`, object{"l": repeat(repeat("x", 128), 8)}, isUnknown},
		"nested":            {`size(claims.l) == 1`, object{"l": nested(8)}, isTrue},
		"nested deeper":     {`size(claims.l) == 1`, object{"l": nested(9)}, isUnknown},
		"object in a list":  {`size(claims.l) == 1`, object{"l": []any{object{}}}, isUnknown},
		"path":              {`claims` + strings.Repeat(".a", 8) + ` == "x"`, deep(8), isTrue},
		"path by names":     {`claims` + strings.Repeat(".a", 6) + `[claims.k][claims.k] == "x"`, with(deep(8), "k", "a"), isTrue},
		"longer path":       {`claims` + strings.Repeat(".a", 7) + `[claims.k][claims.k] == "x"`, with(deep(9), "k", "a"), isUnknown},
		"beyond a double":   {`claims.n > 1.0`, object{"n": number("1e309")}, isUnknown},
		"far beyond":        {`claims.n > 1.0`, object{"n": number("1e1048576")}, isUnknown},
		"far below":         {`claims.n < 1.0`, object{"n": number("1e-1048576")}, isUnknown},
		"power of two":      {`claims.n == 0.0009765625`, object{"n": number("0.0009765625")}, isTrue},
		"no exact double":   {`claims.n < 1.0`, object{"n": number("0.1")}, isUnknown},
		"no int":            {`claims.n > 1.0`, object{"n": number("18446744073709551617")}, isUnknown},
	} {
		if got := truthOf(t, cel(row.source), celRequestOf(row.claims)); got.Truth != row.want {
			t.Errorf("%s: %v (%s), want %v", name, got.Truth, got.Why, row.want)
		}
	}
}

// TestP7ExpressionsTellOfNoQuery holds that what people are told of an
// expression holds no query and no header of a credential, which may be tokens.
func TestP7ExpressionsTellOfNoQuery(t *testing.T) {
	for source, row := range map[string]struct{ query, want string }{
		`request.query == "x"`:                     {"access_token=s3cr3t", "[request.query: a query, which is not shown]"},
		`request.query == "y"`:                     {"", `[request.query: ""]`},
		`request.path == "/x"`:                     {"s3cr3t", "[request.path: /users/u-1]"},
		`request.host == "x"`:                      {"s3cr3t", "[request.host: api.example.com]"},
		`request.headers.authorization == "x"`:     {"s3cr3t", "[request.headers.authorization: a credential, which is not shown]"},
		`tenant.labels.plan == "x"`:                {"s3cr3t", "[tenant.labels.plan: gold]"},
		`claims.query == "x"`:                      {"s3cr3t", "[claims.query: mine]"},
		`claims.nested.authorization == "x"`:       {"s3cr3t", "[claims.nested.authorization: true]"},
		`context.route == "x"`:                     {"s3cr3t", "[context.route: orders]"},
		`issuer == "x"`:                            {"s3cr3t", "[issuer: idp]"},
		`tenant.name == "x"`:                       {"s3cr3t", "[tenant.name: acme]"},
		`path.id == "x"`:                           {"s3cr3t", "[path.id: u-1]"},
		`now == timestamp("2026-01-01T00:00:00Z")`: {"s3cr3t", "[now: 2026-03-01T12:00:00Z]"},
	} {
		in := celRequestOf(object{"query": "mine", "nested": object{"authorization": true}})
		in.Query = row.query
		if got := truthOf(t, cel(source), in, "/users/{id}"); got.Actual != row.want || got.Truth != isFalse || strings.Contains(fmt.Sprint(got), "s3cr3t") {
			t.Errorf("%s: %v, %q, want %q", source, got.Truth, got.Actual, row.want)
		}
	}
}

func TestP1AFaultWithinAnExpressionDenies(t *testing.T) {
	p := compile(t, rules(anyone("a"), denyWhen("d", cel(`claims.a == "x"`))))
	for name, c := range map[string]policy.Claims{
		"panic":            faulty{},
		"list of nothing":  fixedClaims{Kind: policy.List, List: brokenList{}},
		"list without one": fixedClaims{Kind: policy.List},
		"undefined kind":   fixedClaims{Kind: 99},
		"malformed number": fixedClaims{Kind: policy.Num, Num: policy.Number{Digits: "x", Exp: 3}},
	} {
		in := celRequestOf(nil)
		in.Claims = c
		if got := p.Evaluate(in); got.Outcome != policy.DeniedByRule || !got.Erred.Has(1) {
			t.Errorf("%s: %v", name, got.Outcome)
		}
	}
}

// A token is chosen by whoever signs in: no claim makes an evaluation long.
func TestP8AnExpressionIsStopped(t *testing.T) {
	in := celUndecidableRequest()
	for source, why := range map[string]string{
		`claims.many.all(x, claims.many.all(y, x != y + 1000))`:                "costs more",
		`claims.many.map(x, claims.many.map(y, y)) == []`:                      "costs more",
		`claims.line.matches("((a?){15}){15}b")`:                               "costs more",
		`claims.many.exists(x, claims.line.matches("(a?){20}b"))`:              "costs more",
		`claims.page.matches("a")`:                                             "too long",
		`claims.long == []`:                                                    "too long",
		`claims.many.exists(x, claims.page.contains("aaaaaaaaaaaaaaaaaaaab"))`: "costs more",
	} {
		if got := truthOf(t, cel(source), in, "/u/{id}"); got.Truth != isUnknown || !strings.Contains(got.Why, why) {
			t.Errorf("%s: %v %q", source, got.Truth, got.Why)
		}
	}
}

// Each list of a token that an expression reads is converted once, and no
// expression reads more of them than the limit.
func TestP8AnExpressionReadsFewLists(t *testing.T) {
	for lists, want := range map[int]policy.Truth{64: isTrue, 65: isUnknown} {
		claims, parts := object{}, make([]string, lists)
		for i := range lists {
			name := "g" + strconv.Itoa(i)
			claims[name] = []any{"a"}
			parts[i] = `claims.` + name + `==["a"]`
		}
		got := truthOf(t, cel(strings.Join(parts, "&&")), celRequestOf(claims), "/**")
		if got.Truth != want || want == isUnknown && !strings.Contains(got.Why, "too long") {
			t.Errorf("%d lists: %v %q, want %v", lists, got.Truth, got.Why, want)
		}
	}
}
