package policy_test

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/policy"
)

// vocabulary bounds what is generated to few names and values, so that rules
// and requests meet often.
type vocabulary struct {
	presence bool // exists, absent and ifPresent too, and has() in expressions
	names    bool // the named conditions n0 and n1
}

var (
	anyClaim   = rapid.SampledFrom([]string{"a", "b", "c", "scope"})
	anyText    = rapid.SampledFrom([]string{"x", "y", "x y", "xy", "u1"})
	anyMapping = rapid.SampledFrom([]string{"m", "deep", "none"})
	anyPath    = rapid.SampledFrom([]string{"/", "/p", "/p/", "/p/u1", "/p/x", "/q", "/q%3Ax", "/q:x", "/p/..", "/p/u1/x"})
)

func anyPattern(t *rapid.T) string {
	return rapid.SampledFrom([]string{"/**", "/p", "/p/**", "/p/*", "/q", "/q:x", "/q%3Ax", "/p/", "/*", "/q*"}).Draw(t, "pattern")
}

func anyLiteral(t *rapid.T) any {
	return rapid.SampledFrom([]any{"x", "y", "u1", number("1"), number("2"), true}).Draw(t, "literal")
}

func anyLiterals(t *rapid.T) []any {
	out := make([]any, rapid.IntRange(1, 12).Draw(t, "size"))
	for i := range out {
		out[i] = anyLiteral(t)
	}
	return out
}

func (v vocabulary) operand(t *rapid.T, literal any) *policy.Operand {
	if _, isList := literal.([]any); isList || rapid.Bool().Draw(t, "literal") {
		if rapid.IntRange(0, 3).Draw(t, "reference") > 0 {
			return lit(literal)
		}
	}
	return claimRef(anyClaim.Draw(t, "reference"))
}

func (v vocabulary) comparison(t *rapid.T) policy.Condition {
	c := policy.Condition{Claim: claim(anyClaim.Draw(t, "claim"))}
	most := 13
	if v.presence {
		most = 15
		c.IfPresent = rapid.Bool().Draw(t, "ifPresent")
	}
	switch rapid.IntRange(0, most).Draw(t, "operator") {
	case 0:
		c.Equals = v.operand(t, anyLiteral(t))
	case 1:
		c.In = v.operand(t, anyLiterals(t))
	case 2:
		c.Contains = v.operand(t, anyLiteral(t))
	case 3:
		c.ContainsAny = v.operand(t, anyLiterals(t))
	case 4:
		c.ContainsAll = v.operand(t, anyLiterals(t))
	case 5, 6:
		c.HasScope = v.operand(t, "x")
	case 7:
		c.Prefix = v.operand(t, anyText.Draw(t, "prefix"))
	case 8:
		c.Matches = lit(rapid.SampledFrom([]string{"x.*", "x|y"}).Draw(t, "expression"))
	case 9:
		c.LessOrEqual = v.operand(t, number("1"))
	case 10:
		c.Claim, c.Header, c.IfPresent = nil, "h", false
		c.Equals = v.operand(t, "x")
	case 11:
		return v.tenantComparison(t)
	case 12:
		return policy.Condition{CEL: v.expression(t)}
	case 13:
		c.Claim, c.Mapped = nil, anyMapping.Draw(t, "mapped")
		c.ContainsAny = v.operand(t, anyLiterals(t))
	case 14:
		c.IfPresent, c.Exists = false, true
	case 15:
		c.Claim, c.Mapped, c.IfPresent, c.Absent = nil, anyMapping.Draw(t, "mapped"), false, true
	}
	return c
}

// tenantComparison reads what the configuration or the connection says.
func (v vocabulary) tenantComparison(t *rapid.T) policy.Condition {
	text := lit(anyText.Draw(t, "text"))
	return rapid.SampledFrom([]policy.Condition{
		{Tenant: "name", Equals: text}, {Tenant: "labels.l", Equals: text}, {Tenant: "labels.none", Equals: text}, {Principal: "peer", Prefix: text},
		{Claim: claim("a"), Equals: &policy.Operand{Tenant: "labels.l"}}, {Claim: claim("b"), Prefix: &policy.Operand{Tenant: "name"}},
	}).Draw(t, "tenant")
}

func (v vocabulary) expression(t *rapid.T) string {
	sources := []string{
		`claims.a == "x"`, `claims.a != "x"`, `claims.b in ["x", "y", 1]`, `"x" in claims.c`, `claims.c.exists(e, e == "u1")`, `claims.c.all(e, e != "x")`,
		`claims.a > 1`, `claims.a == claims.b`, `claims.a == "x" || claims.b == "x"`, `request.headers.h == "x"`, `request.headers.h != claims.a`,
		`request.path.startsWith("/p")`, `request.path != "/q:x"`, `claims.a.b == 1`, `tenant.labels.l == claims.a`, `tenant.labels.none != "x"`,
		`source.principal != "x"`, `issuer == "idp"`, `source.address == "192.0.2.7"`, `claims.scope.matches("x.*")`, `size(claims.c) > 2`,
	}
	if v.presence {
		sources = append(sources, `has(claims.a)`, `!has(claims.a)`, `"h" in request.headers`, `!has(request.headers.h)`, `has(claims.a) ? claims.a == "x" : claims.b == "x"`)
	}
	return rapid.SampledFrom(sources).Draw(t, "source")
}

func (v vocabulary) condition(t *rapid.T, depth int) policy.Condition {
	if depth == 0 {
		return v.comparison(t)
	}
	parts := func() []policy.Condition {
		out := make([]policy.Condition, rapid.IntRange(1, 3).Draw(t, "parts"))
		for i := range out {
			out[i] = v.condition(t, depth-1)
		}
		return out
	}
	if v.names && rapid.IntRange(0, 5).Draw(t, "use") == 0 {
		return use(rapid.SampledFrom([]string{"n0", "n1"}).Draw(t, "name"))
	}
	switch rapid.IntRange(0, 4).Draw(t, "combinator") {
	case 0:
		return policy.Condition{All: parts()}
	case 1:
		return policy.Condition{Any: parts()}
	case 2:
		return not(v.condition(t, depth-1))
	}
	return v.comparison(t)
}

func (v vocabulary) conditions(t *rapid.T, least, most int) []policy.Condition {
	var out []policy.Condition
	for range rapid.IntRange(least, most).Draw(t, "conditions") {
		out = append(out, v.condition(t, 3))
	}
	return out
}

func (v vocabulary) rule(t *rapid.T, name string, actions ...policy.Action) policy.RuleSpec {
	r := policy.RuleSpec{Name: name, Action: rapid.SampledFrom(actions).Draw(t, "action")}
	if rapid.Bool().Draw(t, "paths") {
		r.Paths = []string{anyPattern(t), anyPattern(t)}
	}
	if rapid.IntRange(0, 3).Draw(t, "notPaths") == 0 {
		r.NotPaths = []string{anyPattern(t)}
	}
	if rapid.IntRange(0, 3).Draw(t, "methods") == 0 {
		r.Methods = []string{"GET"}
	}
	if rapid.IntRange(0, 5).Draw(t, "issuers") == 0 {
		r.Issuers = []string{"idp"}
	}
	r.Shadow = v.names && rapid.IntRange(0, 4).Draw(t, "shadow") == 0
	r.When = v.conditions(t, 0, 2)
	r.AnyToken = r.Action == policy.Allow && len(r.When) == 0
	if r.Paths != nil && rapid.IntRange(0, 3).Draw(t, "capture") == 0 {
		r.Paths = []string{"/p/{id}", "/p/{id}/**"}
		r.AnyToken = false
		r.When = append(r.When, policy.Condition{Claim: claim("a"), Equals: &policy.Operand{Path: "id"}})
	}
	return r
}

func (v vocabulary) spec(t *rapid.T) policy.Spec {
	var spec policy.Spec
	if v.names {
		plain := vocabulary{presence: v.presence}
		other := policy.Condition{Any: []policy.Condition{use("n0"), plain.comparison(t)}}
		if rapid.Bool().Draw(t, "negated") {
			other = not(other)
		}
		spec.Named = []policy.NamedCondition{name("n1", other), name("n0", plain.condition(t, 1))}
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "rules") {
		spec.Rules = append(spec.Rules, v.rule(t, fmt.Sprint("r", i), policy.Allow, policy.Allow, policy.Deny))
	}
	if rapid.IntRange(0, 3).Draw(t, "require") == 0 {
		spec.Require = v.conditions(t, 1, 2)
	}
	return spec
}

func anyToken(t *rapid.T) object {
	o := object{}
	for _, name := range []string{"a", "b", "c", "scope"} {
		switch rapid.IntRange(0, 8).Draw(t, "kind of "+name) {
		case 0, 1, 2:
			o[name] = anyText.Draw(t, name)
		case 3:
			o[name] = anyLiteral(t)
		case 4, 5:
			o[name] = anyLiterals(t)
		case 6:
			o[name] = rapid.SampledFrom([]any{nil, withheld, object{}, []any{}, []any{nil, "x"}, ""}).Draw(t, name)
		}
	}
	return o
}

func anyRequest(t *rapid.T, o object) *policy.Input {
	in := request(anyPath.Draw(t, "path"), o)
	in.Method = rapid.SampledFrom([]string{"GET", "GET", "GET", "HEAD", "get"}).Draw(t, "method")
	in.Headers = headers{"h": rapid.SampledFrom([][]string{nil, {"x"}, {"y"}, {""}, {"x", "x"}}).Draw(t, "header")}
	in.IssuerName = rapid.SampledFrom([]string{"idp", "idp", "other", ""}).Draw(t, "issuer")
	in.Principal = rapid.SampledFrom([]string{"", "x", "xy"}).Draw(t, "principal")
	if rapid.IntRange(0, 5).Draw(t, "tenant") > 0 {
		in.Tenant = &tenant{"x", map[string]string{"l": anyText.Draw(t, "label")}}
	}
	wear(in, o)
	return in
}

// wear gives a request another token.
func wear(in *policy.Input, o object) {
	in.Claims = claimsOf(o)
	in.Mapped = &mappings{in.Claims, map[string][]string{"m": {"c"}, "deep": {"a", "b"}}}
}

func mustCompile(t *rapid.T, spec policy.Spec) *policy.Policy {
	p, problems := policy.Compile(spec)
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	return p
}
