package policy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/claimgate/claimgate/policy"
)

func TestExplainSaysWhyARuleDoesNotApply(t *testing.T) {
	all := policy.RuleSpec{
		Name: "r", Action: policy.Allow, AnyToken: true, Methods: []string{"GET"}, Upgrades: []string{"websocket"},
		Paths: []string{"/x/**"}, NotPaths: []string{"/x/y"}, Issuers: []string{"idp"},
	}
	p := compile(t, rules(all))
	for _, tc := range []struct {
		name   string
		change func(*policy.Input)
		want   string
	}{
		{"it applies", func(*policy.Input) {}, ""},
		{"issuer", func(in *policy.Input) { in.IssuerName = "other" }, "issuer other is not one of idp"},
		{"issuer before method", func(in *policy.Input) { in.IssuerName, in.Method = "other", "PUT" }, "issuer other is not one of idp"},
		{"method", func(in *policy.Input) { in.Method = "PUT" }, "method PUT is not one of GET"},
		{"upgrade", func(in *policy.Input) { in.Upgrade = "h2c" }, "it does not allow the upgrade to h2c"},
		{"path", func(in *policy.Input) { in.Path = "/z" }, "path /z matches none of /x/**"},
		{"notPaths", func(in *policy.Input) { in.Path = "/x/y/" }, "path /x/y/ is excluded by one of /x/y"},
		{"odd path", func(in *policy.Input) { in.Path = "/x/../y" }, "path /x/../y is not canonical, so that nothing may be allowed there"},
		{"no token", func(in *policy.Input) { in.Claims = nil }, "it asks for a token, and there is none"},
		{"control bytes", func(in *policy.Input) { in.Method = "A\nB" }, `method "A\nB" is not one of GET`},
	} {
		in := request("/x/z", object{})
		tc.change(in)
		r := p.Explain(in, false).Rules[0]
		if r.Why != tc.want || r.Applies != (tc.want == "") {
			t.Errorf("%s: %q, want %q", tc.name, r.Why, tc.want)
		}
	}
	if got := p.Explain(request("/x/z", object{}), true).Rules[0].Why; got != "allow rules are not asked here" {
		t.Errorf("public: %q", got)
	}
}

func TestExplainConditions(t *testing.T) {
	token := object{
		"sub": "u-1", "n": number("1500"), "tiny": number("-0.00012"), "list": []any{"a", number("1"), nil, []any{"x"}, object{}},
		"yes": true, "obj": object{}, "null": nil, "odd": "a b\n", "kept": withheld,
	}
	for _, tc := range []struct {
		c                           policy.Condition
		text, expected, actual, why string
	}{
		{policy.Condition{Claim: claim("sub"), Equals: lit("u-1")}, "{claim: sub, equals: u-1}", "exactly u-1", "u-1", ""},
		{policy.Condition{Claim: claim("sub"), Equals: lit("5"), IfPresent: true}, `{claim: sub, equals: "5", ifPresent: true}`, `exactly "5"`, "u-1", ""},
		{policy.Condition{Claim: claim("odd"), Equals: lit("true")}, `{claim: odd, equals: "true"}`, `exactly "true"`, `"a b\n"`, ""},
		{policy.Condition{Claim: claim("yes"), Equals: lit(true)}, `{claim: "yes", equals: true}`, `exactly true`, `true`, ""},
		{policy.Condition{Claim: claim("obj", "x"), Exists: true}, "{claim: [obj, x], exists: true}", "a value", "missing", ""},
		{policy.Condition{Claim: claim("null"), Absent: true}, `{claim: "null", absent: true}`, "no value", "null", ""},
		{policy.Condition{Claim: claim("list"), Contains: lit("z")}, "{claim: list, contains: z}", "a list with z", "[a, 1, null, a list, an object]", "another type"},
		{policy.Condition{Claim: claim("list"), ContainsAny: lit([]any{"z", "y"})}, "{claim: list, containsAny: [z, y]}", "a list with one of [z, y]", "[a, 1, null, a list, an object]", "another type"},
		{policy.Condition{Claim: claim("list"), ContainsAll: lit([]any{"z", "y"})}, "{claim: list, containsAll: [z, y]}", "a list with all of [z, y]", "[a, 1, null, a list, an object]", "another type"},
		{policy.Condition{Claim: claim("sub"), In: lit(names("v", 20))}, "... 4 more", "one of [v-0, v-1, v-2, v-3, v-4, v-5, v-6, v-7, v-8, v-9, v-10, v-11, v-12, v-13, v-14, v-15, ... 4 more]", "u-1", ""},
		{policy.Condition{Claim: claim("n"), LessThan: lit(number("1e30"))}, "{claim: n, lt: 1e30}", "less than 1e30", "1500", ""},
		{policy.Condition{Claim: claim("tiny"), LessOrEqual: lit(number("0.5"))}, "{claim: tiny, lte: 0.5}", "at most 0.5", "-0.00012", ""},
		{policy.Condition{Claim: claim("n"), GreaterThan: lit(number("12.25"))}, "{claim: n, gt: 12.25}", "more than 12.25", "1500", ""},
		{policy.Condition{Claim: claim("n"), GreaterOrEqual: claimRef("none")}, "{claim: n, gte: {claim: none}}", "at least {claim: none} (missing)", "1500", "compare with is missing"},
		{policy.Condition{Claim: claim("sub"), Prefix: &policy.Operand{Path: "id"}}, "{claim: sub, prefix: {path: id}}", "a string that begins with {path: id} (u-1)", "u-1", ""},
		{policy.Condition{Claim: claim("sub"), Suffix: &policy.Operand{Header: "h"}}, "{claim: sub, suffix: {header: h}}", `a string that ends with {header: h} ("1")`, "u-1", ""},
		{policy.Condition{Claim: claim("sub"), Matches: lit("u-[0-9]")}, `{claim: sub, matches: "u-[0-9]"}`, `a string that matches as a whole "u-[0-9]"`, "u-1", ""},
		{policy.Condition{Claim: claim("sub"), HasScope: lit("u-1")}, "{claim: sub, hasScope: u-1}", "scopes with u-1", "u-1", ""},
		{policy.Condition{Header: "h", Equals: lit("2")}, `{header: h, equals: "2"}`, `exactly "2"`, `"1"`, ""},
		{policy.Condition{Claim: claim("kept"), Equals: lit("x")}, "{claim: kept, equals: x}", "exactly x", "withheld", "left out of the token"},
		{policy.Condition{Claim: claim("sub"), Prefix: &policy.Operand{Header: "void"}}, "{claim: sub, prefix: {header: void}}", "a string that begins with {header: void} (empty)", "u-1", "empty"},
		{policy.Condition{Header: "two", Equals: lit("x")}, "{header: two, equals: x}", "exactly x", "repeated", "more than once"},
		{policy.Condition{Issuer: "name", Equals: lit("idp")}, "{issuer: name, equals: idp}", "exactly idp", "idp", ""},
		{policy.Condition{Issuer: "url", Equals: lit("idp")}, "{issuer: url, equals: idp}", "exactly idp", "https://id.example.com/", ""},
		{policy.Condition{RemoteIP: "peer", Within: lit("10.0.0.0/8")}, "{remoteIp: peer, within: [10.0.0.0/8]}", "an address within [10.0.0.0/8]", "192.0.2.7", ""},
		{policy.Condition{Time: "now", LessThan: lit("2026-01-31T00:00:00Z")}, "{time: now, lt: 2026-01-31T00:00:00Z}", "less than 2026-01-31T00:00:00Z", "2026-03-01T12:00:00Z", ""},
	} {
		in := request("/users/u-1", token)
		in.Headers = headers{"h": {"1"}, "two": {"x", "y"}, "void": {""}}
		got := truthOf(t, tc.c, in, "/users/{id}")
		if !strings.Contains(got.Text, tc.text) || got.Expected != tc.expected || got.Actual != tc.actual || !strings.Contains(got.Why, tc.why) {
			t.Errorf("got  %q, %q, %q, %q\nwant %q, %q, %q, %q", got.Text, got.Expected, got.Actual, got.Why, tc.text, tc.expected, tc.actual, tc.why)
		}
	}
}

// TestExplainShowsRequireWhereItCounts: not without a token on a public route.
func TestExplainShowsRequireWhereItCounts(t *testing.T) {
	p := compile(t, policy.Spec{Require: []policy.Condition{has("a", "x")}})
	without := request("/", nil)
	without.Claims = nil
	for name, row := range map[string]struct {
		in     *policy.Input
		public bool
		want   int
	}{
		"a rule's":               {request("/", object{}), false, 1},
		"without a token":        {without, false, 1},
		"public, with a token":   {request("/", object{}), true, 1},
		"public without a token": {without, true, 0},
	} {
		if got := p.Explain(row.in, row.public).Require; len(got) != row.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestExplainCombinators(t *testing.T) {
	c := policy.Condition{Any: []policy.Condition{has("a", "x"), not(policy.Condition{All: []policy.Condition{has("b", "y")}})}}
	got := truthOf(t, c, request("/", object{"a": "x", "b": "y"}))
	if want := "{any: [{claim: a, equals: x}, {not: {all: [{claim: b, equals: y}]}}]}"; got.Text != want {
		t.Errorf("%s, want %s", got.Text, want)
	}
	inner := got.Parts[1].Parts[0].Parts[0]
	if got.Truth != isTrue || got.Parts[1].Truth != isFalse || inner.Actual != "y" || inner.Truth != isTrue {
		t.Errorf("every part is told, even one that decided nothing: %+v", got)
	}
}

func TestExplainWithoutContext(t *testing.T) {
	in := request("/", object{})
	in.Headers, in.RemoteIP, in.Now, in.IssuerName = nil, netip.Addr{}, time.Time{}, ""
	for name, c := range map[string]policy.Condition{
		"none were read": {Header: "h", Exists: true},
		"address":        {RemoteIP: "peer", Within: lit("10.0.0.0/8")},
		"time":           {Time: "now", LessThan: lit(number("1"))},
		"there is none":  {Issuer: "name", Equals: lit("x")},
	} {
		if got := truthOf(t, c, in); got.Truth != isUnknown || !strings.Contains(got.Why, name) || got.Actual != "unknown" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// secretHeaders have a secret of their own.
type secretHeaders struct{ headers }

func (secretHeaders) Secret(name string) bool { return name == "x-ours" }

func TestP7TracesQuoteNoCredentials(t *testing.T) {
	const secret = "c2VjcmV0"
	in := request("/", object{"sub": "a"})
	names := []string{"authorization", "proxy-authorization", "cookie", "dpop", "x-api-key", "x-forwarded-access-token", "x-amz-security-token", "x-ours"}
	secrets := secretHeaders{headers{}}
	for _, name := range names {
		secrets.headers[name] = []string{secret}
	}
	secrets.headers["x-plain"] = []string{"eu"}
	in.Headers = secrets
	if got := truthOf(t, policy.Condition{Header: "x-plain", Equals: lit("x")}, in); got.Actual != "eu" {
		t.Errorf("a header that is no secret: %s", got.Actual)
	}
	for _, name := range names {
		for _, c := range []policy.Condition{
			{Header: name, Equals: lit("x")}, {Header: name, Exists: true},
			{Claim: claim("sub"), Equals: &policy.Operand{Header: name}},
		} {
			if got := fmt.Sprintf("%+v", truthOf(t, c, in)); strings.Contains(got, secret) {
				t.Errorf("quoted: %s", got)
			}
		}
	}
}

func TestTracesAreBounded(t *testing.T) {
	in := request("/", object{"sub": strings.Repeat("é", 5000), "list": repeat(strings.Repeat("x", 2000), 1000)})
	for _, c := range []policy.Condition{has("sub", "x"), {Claim: claim("list"), Contains: lit("x")}} {
		got := truthOf(t, c, in)
		if len(got.Actual) > 17*300 || !utf8.ValidString(got.Actual) {
			t.Errorf("%d bytes: %s", len(got.Actual), got.Actual)
		}
	}
}
