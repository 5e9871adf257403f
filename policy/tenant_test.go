package policy_test

import (
	"slices"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

// tenant is what a fake configuration says about a tenant.
type tenant struct {
	name   string
	labels map[string]string
}

func (t *tenant) TenantName() string { return t.name }

func (t *tenant) Label(name string) (string, bool) {
	text, ok := t.labels[name]
	return text, ok
}

// mappings is a fake `claimMappings`.
type mappings struct {
	claims policy.Claims
	paths  map[string][]string
}

func (m *mappings) MappedClaim(name string) policy.Value {
	path, ok := m.paths[name]
	if !ok {
		return policy.Value{}
	}
	return policy.Lookup(m.claims, path)
}

// tenantRequest is a request to acme with mapped roles, scopes and level.
func tenantRequest(o object) *policy.Input {
	in := request("/users/u-1", o)
	in.Tenant = &tenant{"acme", map[string]string{"plan": "gold", "empty": ""}}
	in.Mapped = &mappings{in.Claims, map[string][]string{"roles": {"realm_access", "roles"}, "scopes": {"scope"}, "level": {"level"}}}
	in.Principal = "spiffe://mesh/gateway"
	return in
}

func tenantRef(text string) *policy.Operand { return &policy.Operand{Tenant: text} }

func TestTenantMappedPrincipal(t *testing.T) {
	type cond = policy.Condition
	withRoles := object{"realm_access": object{"roles": []any{"reader", "u-1"}}, "scope": "read write", "level": number("5"), "plan": "gold", "org": "acme"}
	for _, tc := range []struct {
		name  string
		c     cond
		token object
		want  policy.Truth
	}{
		{"name", cond{Tenant: "name", Equals: lit("acme")}, nil, isTrue},
		{"other name", cond{Tenant: "name", In: lit([]any{"globex"})}, nil, isFalse},
		{"label", cond{Tenant: "labels.plan", In: lit([]any{"gold", "silver"})}, nil, isTrue},
		{"label prefix", cond{Tenant: "labels.plan", Prefix: lit("gol")}, nil, isTrue},
		{"label pattern", cond{Tenant: "labels.plan", Matches: lit("ol")}, nil, isFalse},
		{"label that the tenant lacks", cond{Tenant: "labels.none", Equals: lit("x")}, nil, isUnknown},
		{"not a label that the tenant lacks", not(cond{Tenant: "labels.none", Equals: lit("x")}), nil, isUnknown},
		{"empty label", cond{Tenant: "labels.empty", Equals: lit("x")}, nil, isFalse},
		{"claim against label", cond{Claim: claim("plan"), Equals: tenantRef("labels.plan")}, withRoles, isTrue},
		{"claim against name", cond{Claim: claim("org"), Equals: tenantRef("name")}, withRoles, isTrue},
		{"claim against a label that the tenant lacks", cond{Claim: claim("plan"), Equals: tenantRef("labels.none")}, withRoles, isUnknown},
		{"prefix of an empty label", cond{Claim: claim("plan"), Prefix: tenantRef("labels.empty")}, withRoles, isUnknown},
		{"mapped list", cond{Mapped: "roles", ContainsAny: lit([]any{"reader", "admin"})}, withRoles, isTrue},
		{"mapped list without", cond{Mapped: "roles", Contains: lit("admin")}, withRoles, isFalse},
		{"mapped list with capture", cond{Mapped: "roles", Contains: &policy.Operand{Path: "id"}}, withRoles, isTrue},
		{"mapped scopes", cond{Mapped: "scopes", HasScope: lit("write")}, withRoles, isTrue},
		{"mapped number", cond{Mapped: "level", GreaterOrEqual: lit(number("5"))}, withRoles, isTrue},
		{"mapped number equals", cond{Mapped: "level", Equals: lit(number("5.0"))}, withRoles, isTrue},
		{"name that the issuer does not map", cond{Mapped: "other", Equals: lit("x")}, withRoles, isUnknown},
		{"such a name is absent", cond{Mapped: "other", Absent: true}, withRoles, isTrue},
		{"mapped claim is missing", cond{Mapped: "roles", Contains: lit("reader")}, object{}, isUnknown},
		{"mapped claim is missing, ifPresent", cond{Mapped: "roles", Contains: lit("reader"), IfPresent: true}, object{}, isFalse},
		{"mapped claim is null", cond{Mapped: "roles", Exists: true}, object{"realm_access": object{"roles": nil}}, isFalse},
		{"mapped claim is withheld", cond{Mapped: "scopes", Absent: true}, object{"scope": withheld}, isUnknown},
		{"mapped claim below a text", cond{Mapped: "roles", Absent: true}, object{"realm_access": "x"}, isUnknown},
		{"mapped claim below a withheld one", cond{Mapped: "roles", Contains: lit("x"), IfPresent: true}, object{"realm_access": withheld}, isUnknown},
		{"mapped text against list operator", cond{Mapped: "scopes", Contains: lit("read")}, withRoles, isUnknown},
		{"principal", cond{Principal: "peer", Equals: lit("spiffe://mesh/gateway")}, nil, isTrue},
		{"principal prefix", cond{Principal: "peer", Prefix: lit("spiffe://other/")}, nil, isFalse},
		{"principal exists", cond{Principal: "peer", Exists: true}, nil, isTrue},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := truthOf(t, tc.c, tenantRequest(tc.token), "/users/{id}"); got.Truth != tc.want {
				t.Errorf("%s is %v (%s), want %v", got.Text, got.Truth, got.Why, tc.want)
			}
		})
	}
}

// What the caller did not provide is never an answer.
func TestTenantMappedPrincipalThatAreNotThere(t *testing.T) {
	type cond = policy.Condition
	bare := func() *policy.Input { return request("/users/u-1", object{"plan": "gold"}) }
	for name, tc := range map[string]struct {
		c    cond
		want policy.Truth
	}{
		"tenant name":              {cond{Tenant: "name", Equals: lit("acme")}, isUnknown},
		"tenant label":             {not(cond{Tenant: "labels.plan", Equals: lit("gold")}), isUnknown},
		"claim against label":      {cond{Claim: claim("plan"), Equals: tenantRef("labels.plan")}, isUnknown},
		"mapped":                   {cond{Mapped: "roles", Contains: lit("x")}, isUnknown},
		"mapped, ifPresent":        {cond{Mapped: "roles", Contains: lit("x"), IfPresent: true}, isUnknown},
		"mapped is absent":         {cond{Mapped: "roles", Absent: true}, isUnknown},
		"principal":                {cond{Principal: "peer", Equals: lit("x")}, isUnknown},
		"principal is absent":      {cond{Principal: "peer", Absent: true}, isTrue},
		"principal, ifPresent":     {cond{Principal: "peer", Equals: lit("x"), IfPresent: true}, isFalse},
		"not principal, ifPresent": {not(cond{Principal: "peer", Equals: lit("x"), IfPresent: true}), isTrue},
	} {
		t.Run(name, func(t *testing.T) {
			if got := truthOf(t, tc.c, bare(), "/users/{id}"); got.Truth != tc.want {
				t.Errorf("%s is %v (%s), want %v", got.Text, got.Truth, got.Why, tc.want)
			}
		})
	}
}

func TestCompileTenantMappedPrincipal(t *testing.T) {
	type cond = policy.Condition
	one := func(c cond) policy.Spec { return rules(allowWhen("r", c)) }
	runProblems(t, []problemCase{
		{"labels of what", one(cond{Tenant: "plan", Equals: lit("x")}), []string{"rules[0].when[0].tenant: labels."}},
		{"label without a name", one(cond{Tenant: "labels.", Equals: lit("x")}), []string{"rules[0].when[0].tenant: labels."}},
		{"label with a space", one(cond{Claim: claim("a"), Equals: tenantRef("labels.a b")}), []string{"rules[0].when[0].equals.tenant: labels."}},
		{"label is never missing", one(cond{Tenant: "labels.plan", Equals: lit("x"), IfPresent: true}), []string{"rules[0].when[0].ifPresent: never missing"}},
		{"label has no presence", one(cond{Tenant: "labels.plan", Exists: true}), []string{"rules[0].when[0].exists: tenant"}},
		{"label is no list", one(cond{Tenant: "labels.plan", Contains: lit("x")}), []string{"rules[0].when[0].contains: tenant"}},
		{"label is no number", one(cond{Tenant: "labels.plan", Equals: lit(number("1"))}), []string{"rules[0].when[0].equals: a string"}},
		{"label against a list", one(cond{Claim: claim("a"), In: tenantRef("labels.plan")}), []string{"rules[0].when[0].in: refer to a claim"}},
		{"mapping", one(cond{Mapped: "a b", Exists: true}), []string{"rules[0].when[0].mapped: claimMappings"}},
		{"principal of whom", one(cond{Principal: "client", Exists: true}), []string{"rules[0].when[0].principal: peer"}},
		{"principal is no list", one(cond{Principal: "peer", ContainsAny: lit([]any{"x"})}), []string{"rules[0].when[0].containsAny: principal"}},
		{"two left sides", one(cond{Mapped: "a", Tenant: "name", Equals: lit("x")}), []string{"rules[0].when[0]: more than one left side"}},
		{"two right sides", one(cond{Claim: claim("a"), Equals: &policy.Operand{Tenant: "name", Path: "id"}}),
			[]string{"rules[0].when[0].equals.path: no paths", "rules[0].when[0].equals: more than one right side"}},
	})
}

func TestNeeds(t *testing.T) {
	type cond = policy.Condition
	spec := policy.Spec{
		Named: []policy.NamedCondition{
			{Name: "used", Condition: cond{Tenant: "labels.region", Equals: lit("eu")}},
			{Name: "unused", Condition: cond{Tenant: "labels.unused", Equals: lit("eu")}},
		},
		Rules: []policy.RuleSpec{
			allowWhen("a", cond{Mapped: "scopes", Exists: true}, cond{Mapped: "roles", Exists: true}, not(cond{Use: "used"})),
			denyWhen("b", cond{Mapped: "roles", Exists: true}, cond{Tenant: "name", Equals: lit("x")}),
			denyWhen("c", cond{CEL: `tenant.labels["tier"] == "1" || has(tenant.labels.optional) && tenant.labels.optional == "x" || "maybe" in tenant.labels`}),
		},
		Require: []cond{{Claim: claim("a"), Equals: tenantRef("labels.plan")}},
	}
	got := compile(t, spec).Needs()
	if want := []string{"plan", "region", "tier"}; !slices.Equal(got.Labels, want) {
		t.Errorf("labels %q, want %q", got.Labels, want)
	}
	if want := []string{"roles", "scopes"}; !slices.Equal(got.Mapped, want) {
		t.Errorf("mapped %q, want %q", got.Mapped, want)
	}
	if nothing := (*policy.Policy)(nil).Needs(); nothing.Labels != nil || nothing.Mapped != nil {
		t.Errorf("nothing needs %v", nothing)
	}
}

// A tenant may be asked about on a public route, a mapped claim may not.
func TestPublicRoutesAndTenants(t *testing.T) {
	type cond = policy.Condition
	in := tenantRequest(nil)
	in.Claims, in.Mapped = nil, nil
	for name, tc := range map[string]struct {
		c    cond
		want policy.Outcome
	}{
		"tenant":    {cond{Tenant: "labels.plan", Equals: lit("gold")}, policy.DeniedByRule},
		"principal": {cond{Principal: "peer", Exists: true}, policy.DeniedByRule},
		"mapped":    {cond{Mapped: "roles", Absent: true}, policy.Allowed},
		"claim too": {cond{Any: []cond{{Tenant: "name", Equals: lit("acme")}, {Mapped: "roles", Absent: true}}}, policy.Allowed},
	} {
		p := compile(t, rules(denyWhen("d", tc.c)))
		if got := p.EvaluatePublic(in).Outcome; got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
		if got := p.Evaluate(in).Outcome; got != policy.DeniedByRule {
			t.Errorf("%s, without a token: %v", name, got)
		}
	}
}

// TestP1NothingIsMappedWithoutAToken holds that a mapping tells nothing where no
// token is verified, whatever it would say.
func TestP1NothingIsMappedWithoutAToken(t *testing.T) {
	p := compile(t, policy.Spec{
		Public: []policy.PublicSpec{{Name: "open", Paths: []string{"/**"}}},
		Rules:  []policy.RuleSpec{denyWhen("d", policy.Condition{Any: []policy.Condition{{Mapped: "roles", Contains: lit("x")}, {Header: "x-deny", Exists: true}}})},
	})
	in := tenantRequest(object{"roles": []any{"x"}})
	in.Claims = nil
	if got := p.Explain(in, true).Rules[0]; got.Applies {
		t.Errorf("a rule that reads the token applies without one: %v", got.Truth)
	}
	q := compile(t, rules(denyWhen("d", policy.Condition{Mapped: "roles", Contains: lit("x")})))
	if got := q.Evaluate(in); got.Outcome != policy.DeniedByRule || !got.Erred.Has(0) || got.Matched.Has(0) {
		t.Errorf("without a token: %v, matched %v", got.Outcome, got.Matched.Has(0))
	}
}

// TestCELNeedsTheLabelsThatItReads, but for those that it asks for first.
func TestCELNeedsTheLabelsThatItReads(t *testing.T) {
	for source, want := range map[string][]string{
		`tenant.labels.plan == "a"`:                                                           {"plan"},
		`tenant.labels["plan"] == tenant.labels.region`:                                       {"plan", "region"},
		`tenant.labels.plan == "a" || tenant.labels.plan == "b"`:                              {"plan"},
		`has(tenant.labels.plan)`:                                                             nil,
		`"plan" in tenant.labels`:                                                             nil,
		`has(tenant.labels.plan) && tenant.labels.plan == "a"`:                                nil,
		`tenant.labels.plan == "a" || !has(tenant.labels.plan)`:                               nil,
		`has(tenant.labels.plan) && tenant.labels.plan == "a" && tenant.labels.region == "a"`: {"region"},
		`request.headers.plan == "a" && claims.labels.plan == "a" && tenant.name == "a"`:      nil,
	} {
		if got := compile(t, rules(denyWhen("r", cel(source)))).Needs().Labels; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}
