package authz_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/policy"
)

// with returns the issuer with what the configuration says about its tokens.
func (p *idp) with(tb testing.TB, name string, spec authz.IssuerSpec) *authz.Issuer {
	tb.Helper()
	spec.Issuer = p.issuer(tb, name)
	issuer, problems := authz.NewIssuer(spec)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return issuer
}

// anywhere are places of every kind.
func anywhere() []authz.CredentialSpec {
	return []authz.CredentialSpec{
		{Header: "authorization", Prefix: "Bearer"}, {Header: "x-access-token"}, {Cookie: "session"}, {Param: "access_token"},
	}
}

// placed is acme with tokens in all places, and public routes.
func placed(tb testing.TB, forward bool, change func(*authz.TenantSpec, *authz.SnapshotSpec)) *acme {
	tb.Helper()
	spec := ordersSpec()
	spec.Public = []policy.PublicSpec{
		{Name: "health", Paths: []string{"/healthz"}},
		{Name: "hook", Paths: []string{"/hook"}, ForwardAuthorization: true},
		{Name: "maybe", Paths: []string{"/maybe"}, Token: policy.TokenOptional},
	}
	provider := newIDP(tb, "https://id.example.com/", 1)
	return newACME(tb, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		tenant.Issuers = nil
		tenant.Grants = []authz.IssuerGrant{{Issuer: provider.with(tb, "idp", authz.IssuerSpec{Credentials: anywhere()})}}
		tenant.Policy, tenant.ForwardOriginalToken = compilePolicy(tb, spec), forward
		if change != nil {
			change(tenant, snapshot)
		}
	})
}

// in puts a token in one place of a request.
func in(place, path, raw string) *authz.Request {
	req := get(path, "", authz.Header{Name: "accept", Value: "*/*"})
	switch place {
	case "authorization":
		req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: place, Value: "Bearer " + raw})
	case "x-access-token":
		req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: place, Value: raw})
	case "session":
		req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: "cookie", Value: "a=1; session=" + raw + ";  b=2"})
	case "access_token":
		req.Query = "b=2&access_token=" + raw + "&a=1"
	}
	return req
}

// places lists where a token may stand.
func places() []string { return []string{"authorization", "x-access-token", "session", "access_token"} }

// leaves is what the upstream sees of a request, as one text.
func leaves(req *authz.Request, d *authz.Decision) string {
	var text strings.Builder
	for name, values := range upstream(req, d) {
		text.WriteString(name + ": " + strings.Join(values, "|") + "\n")
	}
	for pair := range strings.SplitSeq(req.Query, "&") {
		if key, _, _ := strings.Cut(pair, "="); !slices.Contains(d.RemoveParams, key) {
			text.WriteString("?" + pair + "\n")
		}
	}
	return text.String()
}

func TestP7TokensAreWithheld(t *testing.T) {
	for _, forward := range []bool{false, true} {
		a := placed(t, forward, nil)
		raw := a.idp.sign(t, scope)
		for _, place := range places() {
			for path, want := range map[string]struct {
				reason authz.Reason
				kept   bool
			}{
				"/orders/7": {authz.Allowed, forward},
				"/maybe":    {authz.PublicRoute, forward},
				"/healthz":  {authz.PublicRoute, false},
				"/hook":     {authz.PublicRoute, place == "authorization"},
			} {
				req := in(place, path, raw)
				d := a.decide(req)
				seen := leaves(req, &d)
				if d.Reason != want.reason || strings.Contains(seen, raw) != want.kept {
					t.Errorf("forward %v, %s at %s: %v, kept %v\n%s", forward, place, path, d.Reason, !want.kept, seen)
				}
				if !strings.Contains(seen, "accept: */*") || place == "session" && !strings.Contains(seen, "a=1; ") ||
					place == "access_token" && (!strings.Contains(seen, "?b=2") || !strings.Contains(seen, "?a=1")) {
					t.Errorf("%s at %s: more than the token is gone:\n%s", place, path, seen)
				}
				if place != "access_token" && d.RemoveParams != nil {
					t.Errorf("%s at %s: removes %v from a query without", place, path, d.RemoveParams)
				}
			}
		}
	}
}

// The upstream never gets a credential that nobody verified, even where the one
// that was verified is forwarded.
func TestP5UnverifiedCredentialsAreWithheld(t *testing.T) {
	a := placed(t, true, nil)
	raw := a.idp.sign(t, scope)
	for _, place := range places()[1:] {
		req := in(place, "/orders/7", raw)
		req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: "authorization", Value: "Basic forged"},
			authz.Header{Name: "x_access_token", Value: "forged"}, authz.Header{Name: "x-access_token", Value: "forged"})
		d := a.decide(req)
		if seen := leaves(req, &d); d.Reason != authz.Allowed || strings.Contains(seen, "forged") || !strings.Contains(seen, raw) {
			t.Errorf("%s: %v\n%s", place, d.Reason, seen)
		}
		hidden := hide(req)
		d = a.decide(hidden)
		if seen := leaves(req, &d); d.Verdict == authz.Allow && strings.Contains(seen, "x_access_token") {
			t.Errorf("%s: a hidden variant reaches the upstream\n%s", place, seen)
		}
	}
	for name, tt := range map[string]struct {
		query, cookie string
		want          authz.Reason
	}{
		"control":                {"a=1", "b=2", authz.PublicRoute},
		"two parameters":         {"access_token=x&access_token=y", "", authz.PublicRoute},
		"two cookies":            {"", "session=x; c=3; session=y", authz.PublicRoute},
		"cookies with a comma":   {"", "c=3,session=x", authz.PublicRoute},
		"only ours":              {"", "session=x", authz.PublicRoute},
		"escaped name":           {"access%5ftoken=x", "", authz.RequestInvalid},
		"cookie with a NUL":      {"", "session=x; c=\x00", authz.HeaderValueRefused},
		"cookie that is no text": {"", "session=x; c=\xff", authz.HeaderValueRefused},
		"endless cookie":         {"", "session=x; c=" + strings.Repeat("a", 16<<10), authz.HeaderValueRefused},
		"endless cookie alone":   {"", "c=" + strings.Repeat("a", 16<<10), authz.PublicRoute},
	} {
		req := get("/healthz", "")
		req.Query = tt.query
		if tt.cookie != "" {
			req.Headers.Lines = []authz.Header{{Name: "cookie", Value: tt.cookie}}
		}
		d := a.decide(req)
		seen := leaves(req, &d)
		if d.Reason != tt.want || d.Verdict == authz.Allow && (strings.Contains(seen, "session") || strings.Contains(seen, "access_token")) {
			t.Errorf("%s: %v\n%s", name, d.Reason, seen)
		}
		if name == "only ours" && !slices.Contains(d.Remove, "cookie") {
			t.Errorf("%s: removes %v", name, d.Remove)
		}
		if cookie, set := header(&d, "cookie"); set && cookie != "c=3" {
			t.Errorf("%s: cookie %q", name, cookie)
		}
	}
}

// A cookie that the proxy hides from us may hold a token, which goes no further.
func TestP7HiddenCookieGoesNoFurther(t *testing.T) {
	a := placed(t, false, nil)
	for _, hidden := range []bool{false, true} {
		req := in("authorization", "/orders/7", a.idp.sign(t, scope))
		req.Filtered = hidden
		if d := a.decide(req); d.Verdict != authz.Allow || slices.Contains(d.Remove, "cookie") != hidden {
			t.Errorf("hidden %v: %v removes %v", hidden, d.Reason, d.Remove)
		}
	}
	req := in("session", "/orders/7", a.idp.sign(t, scope))
	req.Filtered = true // but the cookie is sent
	d := a.decide(req)
	if cookie, _ := header(&d, "cookie"); d.Verdict != authz.Allow || cookie != "a=1; b=2" || slices.Contains(d.Remove, "cookie") {
		t.Errorf("%v sets the cookie %q, removes %v", d.Reason, cookie, d.Remove)
	}
	plain := newACME(t, nil)
	req = get("/orders/7", plain.idp.sign(t, scope))
	req.Filtered = true
	if d := plain.decide(req); d.Verdict != authz.Allow || slices.Contains(d.Remove, "cookie") {
		t.Errorf("no issuer reads cookies: %v removes %v", d.Reason, d.Remove)
	}
}

// A token is good only where its own issuer says that it stands.
func TestP2PlacesOfIssuersAreApart(t *testing.T) {
	browser, machine := newIDP(t, "https://browser.example.com/", 2), newIDP(t, "https://machine.example.com/", 3)
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
		tenant.Issuers = nil
		tenant.Grants = []authz.IssuerGrant{
			{Issuer: browser.with(t, "browser", authz.IssuerSpec{Credentials: []authz.CredentialSpec{{Cookie: "session"}}})},
			{Issuer: machine.with(t, "machine", authz.IssuerSpec{})},
		}
	})
	for range 2 { // fresh and cached
		for place, want := range map[string][2]authz.Reason{
			"session": {authz.Allowed, authz.NoToken}, "authorization": {authz.NoToken, authz.Allowed},
			"x-access-token": {authz.NoToken, authz.NoToken}, "access_token": {authz.NoToken, authz.NoToken},
		} {
			for i, provider := range []*idp{browser, machine} {
				d := a.decide(in(place, "/orders/7", provider.sign(t, scope)))
				if d.Reason != want[i] || (d.Subject != "") != (want[i] == authz.Allowed) {
					t.Errorf("%s in %s: %v of %q, want %v", provider.url, place, d.Reason, d.Subject, want[i])
				}
			}
		}
	}
}

func TestP1PreflightCarriesNoCredential(t *testing.T) {
	a := placed(t, false, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) { tenant.Preflight = true })
	for _, place := range append(places(), "none") {
		req := in(place, "/orders/7", a.idp.sign(t, scope))
		req.Method = "OPTIONS"
		req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: "origin", Value: "https://a"}, authz.Header{Name: "access-control-request-method", Value: "GET"})
		if d := a.decide(req); (d.Reason == authz.PreflightPassed) != (place == "none") {
			t.Errorf("%s: %v", place, d.Reason)
		}
	}
}

func TestOwnedCredentialHeaderIsAProblem(t *testing.T) {
	provider := newIDP(t, "https://id.example.com/", 1)
	owned := ownedHeaders(t, "x-user-id")
	issuer := provider.with(t, "idp", authz.IssuerSpec{Credentials: []authz.CredentialSpec{{Header: "x-user-id"}}})
	tenant, problems := authz.NewTenant(authz.TenantSpec{
		Name: "acme", Hosts: []string{"api.example.com"}, Grants: []authz.IssuerGrant{{Issuer: issuer}}, Policy: ordersPolicy(t), Owned: owned,
	})
	if tenant != nil || len(problems) != 1 || problems[0].Path != "issuers" || !strings.Contains(problems[0].Message, "x-user-id") {
		t.Errorf("problems are %v", problems)
	}
}

func TestLabelsAndMappings(t *testing.T) {
	one, two := newIDP(t, "https://one.example.com/", 1), newIDP(t, "https://two.example.com/", 2)
	a := newACME(t, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		owned := ownedHeaders(t, "x-plan", "x-roles", "x-scopes", "x-empty")
		tenant.Owned, snapshot.Owned = owned, owned
		tenant.Issuers = nil
		tenant.Grants = []authz.IssuerGrant{
			{Issuer: one.with(t, "one", authz.IssuerSpec{Mappings: map[string][]string{"roles": {"realm", "roles"}, "scopes": {"scope"}}})},
			{Issuer: two.with(t, "two", authz.IssuerSpec{Mappings: map[string][]string{"roles": {"permissions"}}})},
		}
		tenant.Labels = map[string]string{"plan": "gold é", "empty": ""}
		tenant.Headers = []authz.HeaderSpec{
			{Name: "x-plan", Source: authz.SourceSpec{Tenant: "labels.plan"}}, {Name: "x-empty", Source: authz.SourceSpec{Tenant: "labels.empty"}},
			{Name: "x-roles", Source: authz.SourceSpec{Mapped: "roles"}, Join: ","}, {Name: "x-scopes", Source: authz.SourceSpec{Mapped: "scopes"}},
		}
		tenant.Metadata = []authz.MetadataSpec{
			{Name: "plan", Source: authz.SourceSpec{Tenant: "labels.plan"}}, {Name: "roles", Source: authz.SourceSpec{Mapped: "roles"}},
		}
		spec := ordersSpec()
		spec.Rules = append(spec.Rules,
			policy.RuleSpec{Name: "mapped", Action: policy.Allow, Paths: []string{"/mapped"}, When: []policy.Condition{{Mapped: "roles", Contains: text("admin")}}},
			policy.RuleSpec{Name: "unmapped", Action: policy.Deny, Paths: []string{"/mapped"}, When: []policy.Condition{{Mapped: "scopes", HasScope: text("none"), IfPresent: true}}},
			policy.RuleSpec{Name: "label", Action: policy.Allow, Paths: []string{"/label"}, When: []policy.Condition{{Tenant: "labels.plan", Equals: text("gold é")}}},
			policy.RuleSpec{Name: "peer", Action: policy.Allow, Paths: []string{"/peer"}, When: []policy.Condition{{Principal: "peer", Equals: text("spiffe://a/b")}}},
		)
		tenant.Policy = compilePolicy(t, spec)
	})
	claims := jwt.MapClaims{"scope": "orders:read", "realm": map[string]any{"roles": []string{"admin", "b"}}, "permissions": []string{"c"}}
	for provider, want := range map[*idp][3]string{one: {"admin,b", "orders:read", "allowed"}, two: {"c", "", "policy_denied"}} {
		req := get("/orders/7", provider.sign(t, claims), authz.Header{Name: "x-scopes", Value: "forged"})
		d := a.decide(req)
		seen := upstream(req, &d)
		if d.Reason != authz.Allowed || strings.Join(seen["x-roles"], "|") != want[0] || strings.Join(seen["x-scopes"], "|") != want[1] ||
			strings.Join(seen["x-plan"], "|") != "gold %C3%A9" || len(seen["x-empty"]) > 0 {
			t.Errorf("%s: %v %v", provider.url, d.Reason, seen)
		}
		if len(d.Metadata) != 3 || d.Metadata[1].Text != "gold é" || d.Metadata[2].Value == nil {
			t.Errorf("%s: metadata %+v", provider.url, d.Metadata)
		}
		if d := a.decide(get("/mapped", provider.sign(t, claims))); d.Reason.String() != want[2] {
			t.Errorf("%s: mapped claim in a rule: %v", provider.url, d.Reason)
		}
		if d := a.decide(get("/label", provider.sign(t, claims))); d.Reason != authz.Allowed {
			t.Errorf("%s: label in a rule: %v", provider.url, d.Reason)
		}
	}
	for principal, want := range map[string]authz.Reason{"spiffe://a/b": authz.Allowed, "spiffe://a/c": authz.PolicyDenied, "": authz.PolicyDenied} {
		req := get("/peer", one.sign(t, claims))
		req.Principal = principal
		if d := a.decide(req); d.Reason != want {
			t.Errorf("principal %q: %v", principal, d.Reason)
		}
	}
	// Before a token is verified there is no mapped claim, but the labels are there.
	public := a.decide(get("/orders/7", ""))
	if public.Reason != authz.NoToken {
		t.Errorf("no token: %v", public.Reason)
	}
}

func TestLabelAndMappingProblems(t *testing.T) {
	provider := newIDP(t, "https://id.example.com/", 1)
	mapping := func(tenant *authz.TenantSpec) {
		tenant.Issuers = nil
		tenant.Grants = []authz.IssuerGrant{{Issuer: provider.with(t, "idp", authz.IssuerSpec{Mappings: map[string][]string{"roles": {"r"}}})}}
	}
	reads := func(condition policy.Condition) func(*authz.TenantSpec) {
		return func(tenant *authz.TenantSpec) {
			spec := ordersSpec()
			spec.Rules[0].When = append(spec.Rules[0].When, condition)
			tenant.Policy = compilePolicy(t, spec)
		}
	}
	from := func(source authz.SourceSpec) func(*authz.TenantSpec) {
		return func(tenant *authz.TenantSpec) {
			tenant.Headers = []authz.HeaderSpec{{Name: "x-roles", Source: source}}
			tenant.Metadata = []authz.MetadataSpec{{Name: "m", Source: source}}
		}
	}
	many := map[string]string{}
	for i := range authz.MaxLabels + 1 {
		many[strings.Repeat("a", i%64+1)+strings.Repeat("b", i/64)] = "x"
	}
	tests := []struct {
		name   string
		change func(*authz.TenantSpec)
		paths  []string
	}{
		{"label that is there", func(s *authz.TenantSpec) {
			s.Labels = map[string]string{"plan": "x"}
			from(authz.SourceSpec{Tenant: "labels.plan"})(s)
		}, nil},
		{"mapping that is there", func(s *authz.TenantSpec) { mapping(s); from(authz.SourceSpec{Mapped: "roles"})(s) }, nil},
		{"mapping of nobody", from(authz.SourceSpec{Mapped: "roles"}), nil}, // defaults may be for other tenants' issuers
		{"rule with a mapping of nobody", reads(policy.Condition{Mapped: "roles", Exists: true}), nil},
		{"rule with a mapping that is there", func(s *authz.TenantSpec) { mapping(s); reads(policy.Condition{Mapped: "roles", Exists: true})(s) }, nil},

		{"unknown label", from(authz.SourceSpec{Tenant: "labels.plan"}), []string{"headers[0].tenant", "dynamicMetadata[0].tenant"}},
		{"label without a name", from(authz.SourceSpec{Tenant: "labels."}), []string{"headers[0].tenant", "dynamicMetadata[0].tenant"}},
		{"rule reads an unknown label", reads(policy.Condition{Tenant: "labels.plan", Equals: text("x")}), []string{"policy"}},
		{"name of a label", func(s *authz.TenantSpec) { s.Labels = map[string]string{"a b": "x"} }, []string{"labels"}},
		{"empty name of a label", func(s *authz.TenantSpec) { s.Labels = map[string]string{"": "x"} }, []string{"labels"}},
		{"long name of a label", func(s *authz.TenantSpec) { s.Labels = map[string]string{strings.Repeat("a", 65): "x"} }, []string{"labels"}},
		{"control byte", func(s *authz.TenantSpec) { s.Labels = map[string]string{"a": "x\r\ny"} }, []string{"labels.a"}},
		{"no UTF-8", func(s *authz.TenantSpec) { s.Labels = map[string]string{"a": "\xff"} }, []string{"labels.a"}},
		{"long value", func(s *authz.TenantSpec) { s.Labels = map[string]string{"a": strings.Repeat("x", 1025)} }, []string{"labels.a"}},
		{"too many", func(s *authz.TenantSpec) { s.Labels = many }, []string{"labels"}},
	}
	a := newACME(t, nil)
	for _, tt := range tests {
		spec := a.tenant
		tt.change(&spec)
		_, problems := authz.NewTenant(spec)
		var paths []string
		for _, p := range problems {
			paths = append(paths, p.Path)
		}
		if !slices.Equal(paths, tt.paths) {
			t.Errorf("%s: problems %v, want at %v", tt.name, problems, tt.paths)
		}
	}
}

// What tenants put into an allow beyond headers allocates nothing on the way to
// the policy.
func TestCredentialsInCookiesAllocateLittle(t *testing.T) {
	const most = 14
	a := placed(t, false, nil)
	req := in("session", "/orders/7", a.idp.sign(t, scope))
	a.decide(req)
	if got := testing.AllocsPerRun(200, func() { a.decide(req) }); got > most {
		t.Errorf("a cached decision on a cookie allocates %v times, more than %d", got, most)
	}
}

// TestP5VariantsOfACredentialAreListedWhereTheyMayHide holds that every spelling
// of a header of credentials is removed unseen where the proxy hides headers,
// and only there: not where all are seen, and not where it refuses them itself.
func TestP5VariantsOfACredentialAreListedWhereTheyMayHide(t *testing.T) {
	variants := []string{"x_access-token", "x-access_token", "x_access_token"}
	for name, row := range map[string]struct {
		proxy authz.ProxySpec
		want  bool
	}{
		"all are seen": {authz.ProxySpec{}, false},
		"hides":        {authz.ProxySpec{FiltersHeaders: true}, true},
		"refuses":      {authz.ProxySpec{RejectsUnderscores: true}, false},
		"hides others": {authz.ProxySpec{FiltersHeaders: true, RejectsUnderscores: true}, false},
	} {
		a := placed(t, false, func(_ *authz.TenantSpec, snapshot *authz.SnapshotSpec) { snapshot.Proxy = row.proxy })
		for _, req := range []*authz.Request{get("/orders/7", a.idp.sign(t, scope)), get("/healthz", "")} {
			d := a.decide(req)
			if d.Verdict != authz.Allow || !slices.Contains(d.Remove, "x-access-token") {
				t.Errorf("%s: %v removes %v", name, d.Reason, d.Remove)
			}
			for _, variant := range variants {
				if slices.Contains(d.Remove, variant) != row.want {
					t.Errorf("%s: removes %v", name, d.Remove)
				}
			}
		}
	}
}
