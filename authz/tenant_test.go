package authz_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

func TestNewTenantProblems(t *testing.T) {
	literal := func(s string) authz.SourceSpec { return authz.SourceSpec{Value: &s} }
	sub := authz.SourceSpec{Claim: []string{"sub"}}
	headers := func(specs ...authz.HeaderSpec) func(*authz.TenantSpec) {
		return func(s *authz.TenantSpec) { s.Headers = specs }
	}
	metadata := func(specs ...authz.MetadataSpec) func(*authz.TenantSpec) {
		return func(s *authz.TenantSpec) { s.Metadata = specs }
	}
	tests := []struct {
		name   string
		change func(*authz.TenantSpec)
		path   string
		says   string
	}{
		{"no name", func(s *authz.TenantSpec) { s.Name = "" }, "name", "tenant name"},
		{"odd name", func(s *authz.TenantSpec) { s.Name = "a b" }, "name", `"a b"`},
		{"no place", func(s *authz.TenantSpec) { s.Hosts = nil }, "hosts", "no place"},
		{"host with a port", func(s *authz.TenantSpec) { s.Hosts = []string{"API.example.com:443"} }, "hosts[0]", "write api.example.com"},
		{"no host", func(s *authz.TenantSpec) { s.Hosts = []string{"a,b"} }, "hosts[0]", "no host"},
		{"wildcard of nothing", func(s *authz.TenantSpec) { s.Hosts = []string{"*."} }, "hosts[0]", "no host"},
		{"wildcard of an address", func(s *authz.TenantSpec) { s.Hosts = []string{"*.[::1]"} }, "hosts[0]", "no host"},
		{"wildcard within", func(s *authz.TenantSpec) { s.Hosts = []string{"a.*.example"} }, "hosts[0]", "no host"},
		{"host twice", func(s *authz.TenantSpec) { s.Hosts = []string{"a", "a"} }, "hosts[1]", "twice"},
		{"entry twice", func(s *authz.TenantSpec) { s.Entries = []string{"a", "a"} }, "entries[1]", "twice"},
		{"entry without name", func(s *authz.TenantSpec) { s.Entries = []string{""} }, "entries[0]", "empty"},
		{"no issuer", func(s *authz.TenantSpec) { s.Issuers = nil }, "issuers", "no issuer"},
		{"nil issuer", func(s *authz.TenantSpec) { s.Issuers = []*token.Issuer{nil} }, "issuers[0]", "missing"},
		{"issuer twice", func(s *authz.TenantSpec) { s.Issuers = append(s.Issuers, s.Issuers[0]) }, "issuers[1]", "twice"},
		{"no policy", func(s *authz.TenantSpec) { s.Policy = nil }, "policy", "no policy"},

		{"not owned", headers(authz.HeaderSpec{Name: "x-other", Source: sub}), "headers[0].name", "add it to ownedHeaders"},
		{"never settable", headers(authz.HeaderSpec{Name: "x-envoy-foo", Source: sub}), "headers[0].name", "steers the proxy"},
		{"authorization", headers(authz.HeaderSpec{Name: "authorization", Source: sub}), "headers[0].name", "forwardOriginalToken"},
		{"twice", headers(authz.HeaderSpec{Name: "x-roles", Source: sub}, authz.HeaderSpec{Name: "x-roles", Source: sub}), "headers[1].name", "twice"},
		{"no source", headers(authz.HeaderSpec{Name: "x-roles"}), "headers[0]", "no source"},
		{"two sources", headers(authz.HeaderSpec{Name: "x-roles", Source: authz.SourceSpec{Claim: []string{"a"}, DecisionID: true}}), "headers[0]", "more than one"},
		{"empty claim path", headers(authz.HeaderSpec{Name: "x-roles", Source: authz.SourceSpec{Claim: []string{}}}), "headers[0].claim", "claim path"},
		{"empty claim name", headers(authz.HeaderSpec{Name: "x-roles", Source: authz.SourceSpec{Claim: []string{"a", ""}}}), "headers[0].claim", "empty name"},
		{"odd tenant", headers(authz.HeaderSpec{Name: "x-roles", Source: authz.SourceSpec{Tenant: "id"}}), "headers[0].tenant", `"id"`},
		{"odd issuer", headers(authz.HeaderSpec{Name: "x-roles", Source: authz.SourceSpec{Issuer: "id"}}), "headers[0].issuer", `"id"`},
		{"required and omitted", headers(authz.HeaderSpec{Name: "x-roles", Source: sub, Required: true, OmitOversize: true}), "headers[0].oversize", "required"},
		{"join of letters", headers(authz.HeaderSpec{Name: "x-roles", Source: sub, Join: "and"}), "headers[0].join", "separator"},
		{"join of percent", headers(authz.HeaderSpec{Name: "x-roles", Source: sub, Join: "%"}), "headers[0].join", "separator"},
		{"join of CR", headers(authz.HeaderSpec{Name: "x-roles", Source: sub, Join: "\r\n"}), "headers[0].join", "separator"},
		{"long join", headers(authz.HeaderSpec{Name: "x-roles", Source: sub, Join: ",,,,,"}), "headers[0].join", "separator"},
		{"join with json", headers(authz.HeaderSpec{Name: "x-roles", Source: sub, Join: ",", Encoding: authz.JSON}), "headers[0].join", "as JSON"},
		{"join of a literal", headers(authz.HeaderSpec{Name: "x-roles", Source: literal("a"), Join: ","}), "headers[0].join", "of a claim"},
		{"odd encoding", headers(authz.HeaderSpec{Name: "x-roles", Source: sub, Encoding: 9}), "headers[0].encoding", "unknown encoding"},
		{"all claims refused", headers(authz.HeaderSpec{Name: "x-roles", Source: authz.SourceSpec{Claims: true}, Encoding: authz.Refuse}), "headers[0].encoding", "object"},
		{"empty literal", headers(authz.HeaderSpec{Name: "x-roles", Source: literal("")}), "headers[0].value", "empty"},
		{"odd literal", headers(authz.HeaderSpec{Name: "x-roles", Source: literal("a\nb")}), "headers[0].value", "control"},
		{"percent literal", headers(authz.HeaderSpec{Name: "x-roles", Source: literal("100%")}), "headers[0].value", "base64url"},
		{"percent literal that is refused", headers(authz.HeaderSpec{Name: "x-roles", Source: literal("100%"), Encoding: authz.Refuse}), "headers[0].value", "base64url"},
		{"label without its prefix", func(s *authz.TenantSpec) {
			s.Labels = map[string]string{"plan": "gold"}
			headers(authz.HeaderSpec{Name: "x-roles", Source: authz.SourceSpec{Tenant: "plan"}})(s)
		}, "headers[0].tenant", `"plan"`},
		{"long literal", headers(authz.HeaderSpec{Name: "x-roles", Source: literal(strings.Repeat("a", 1025))}), "headers[0].value", "longer"},

		{"metadata name", metadata(authz.MetadataSpec{Name: "a b", Source: sub}), "dynamicMetadata[0].name", `"a b"`},
		{"metadata name of ours", metadata(authz.MetadataSpec{Name: "decision_id", Source: sub}), "dynamicMetadata[0].name", "taken"},
		{"metadata twice", metadata(authz.MetadataSpec{Name: "a", Source: sub}, authz.MetadataSpec{Name: "a", Source: sub}), "dynamicMetadata[1].name", "taken"},
		{"metadata without source", metadata(authz.MetadataSpec{Name: "a"}), "dynamicMetadata[0]", "no source"},
		{"much metadata", metadata(make([]authz.MetadataSpec, 65)...), "dynamicMetadata", "64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := newACME(t, nil).tenant
			tt.change(&spec)
			tenant, problems := authz.NewTenant(spec)
			if tenant != nil || len(problems) != 1 {
				t.Fatalf("problems: %v, want one", problems)
			}
			if p := problems[0]; p.Path != tt.path || !strings.Contains(p.Error(), tt.says) {
				t.Errorf("problem is %q, want one at %s that says %q", p.Error(), tt.path, tt.says)
			}
		})
	}
}

func TestNewTenantReportsAllProblems(t *testing.T) {
	_, problems := authz.NewTenant(authz.TenantSpec{Headers: []authz.HeaderSpec{{Name: "x-a"}, {Name: "Host"}}})
	var paths []string
	for _, p := range problems {
		paths = append(paths, p.Path)
	}
	want := []string{"name", "hosts", "policy", "issuers", "headers[0]", "headers[0].name", "headers[1]", "headers[1].name"}
	if !slices.Equal(paths, want) {
		t.Errorf("problems at %v, want %v", paths, want)
	}
}

func TestCheckHeaderName(t *testing.T) {
	for _, name := range []string{"x-user-id", "x-user", "content-type", "x-real-ip", "user", "x-1", "x-original-url"} {
		if why := authz.CheckHeaderName(name); why != "" {
			t.Errorf("%q: %s", name, why)
		}
	}
	for _, name := range []string{
		"", ":path", ":authority", "host", "cookie", "content-length", "transfer-encoding", "connection", "keep-alive", "te",
		"trailer", "upgrade", "proxy-authorization", "proxy-connection", "x-envoy-original-path", "x-forwarded-for", "x-forwarded-client-cert",
		"expect", "authorization", "x_user_id", "x-user_id", "x_forwarded_for", "X-User", "x user", "x\nuser", "x:user", "x.user", "é", "-", "---",
		"a-b-c-d-e-f-g-h", strings.Repeat("a", 65), "x-user\x00",
	} {
		if authz.CheckHeaderName(name) == "" {
			t.Errorf("%q may be injected", name)
		}
	}
}

func TestNewOwnedHeaders(t *testing.T) {
	many := make([]string, authz.MaxOwnedHeaders+1)
	for i := range many {
		many[i] = fmt.Sprintf("x-%d", i)
	}
	for name, names := range map[string][]string{"[1]": {"x-a", "host"}, "[2]": {"x-a", "x-b", "x-a"}, "[64]": many} {
		if owned, problems := authz.NewOwnedHeaders(names); owned != nil || len(problems) != 1 || problems[0].Path != name {
			t.Errorf("%.40v: %v, want one problem at %s", names, problems, name)
		}
	}
	owned := ownedHeaders(t, many[:authz.MaxOwnedHeaders]...)
	if len(owned.Names()) != authz.MaxOwnedHeaders || !slices.IsSorted(owned.Names()) {
		t.Errorf("names are %v", owned.Names())
	}
	var none *authz.OwnedHeaders
	if none.Names() != nil {
		t.Error("no set has names")
	}
}

// A tenant goes with the snapshot whose owned headers are those that it was
// compiled for, in whatever order and how often they were read.
func TestTenantsGoWithTheirOwnedHeaders(t *testing.T) {
	tenant := newTenant(t, newACME(t, nil).tenant)
	for name, row := range map[string]struct {
		owned *authz.OwnedHeaders
		good  bool
	}{
		"same":    {ownedHeaders(t, "x-tenant", "x-roles", "x-user-id"), true},
		"more":    {ownedHeaders(t, "x-tenant", "x-roles", "x-user-id", "x-a"), false},
		"fewer":   {ownedHeaders(t, "x-tenant", "x-roles"), false},
		"another": {ownedHeaders(t, "x-tenant", "x-roles", "x-user-ie"), false},
		"none":    {nil, false},
	} {
		snapshot, problems := authz.NewSnapshot(authz.SnapshotSpec{Owned: row.owned, Tenants: []*authz.Tenant{tenant}})
		if (snapshot != nil) != row.good || (len(problems) == 0) != row.good || !row.good && problems[0].Path != "tenants[0]" {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestLargestOwnedSet(t *testing.T) {
	names := make([]string, authz.MaxOwnedHeaders)
	for i := range names {
		names[i] = fmt.Sprintf("x-%d", i)
	}
	owned := ownedHeaders(t, names...)
	a := newACME(t, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		tenant.Owned, snapshot.Owned = owned, owned
		tenant.Headers = nil
		for _, name := range names {
			tenant.Headers = append(tenant.Headers, authz.HeaderSpec{Name: name, Source: authz.SourceSpec{Claim: []string{name}}})
		}
	})
	claims := jwt.MapClaims{"scope": "orders:read"}
	for i, name := range names {
		if i%3 == 0 {
			claims[name] = name
		}
	}
	d := a.decide(get("/orders/7", a.idp.sign(t, claims)))
	for i, name := range names {
		value, set := header(&d, name)
		if set != (i%3 == 0) || set && value != name || slices.Contains(d.Remove, name) == set {
			t.Errorf("%s: set %v, removed %v", name, set, slices.Contains(d.Remove, name))
		}
	}
}

// wide is a tenant with headers whose sizes tests choose.
func wide(tb testing.TB, count int, omit func(int) bool) *acme {
	tb.Helper()
	return newACME(tb, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		var names []string
		tenant.Headers = nil
		for i := range count {
			names = append(names, fmt.Sprintf("x-%d", i))
			tenant.Headers = append(tenant.Headers, authz.HeaderSpec{
				Name: names[i], Source: authz.SourceSpec{Claim: []string{fmt.Sprintf("c%d", i)}}, OmitOversize: omit(i),
			})
		}
		tenant.Owned = ownedHeaders(tb, names...)
		snapshot.Owned = tenant.Owned
	})
}

func TestHeaderLimits(t *testing.T) {
	never, first := func(int) bool { return false }, func(i int) bool { return i == 0 }
	last, three := func(i int) bool { return i == 8 }, func(i int) bool { return i < 3 }
	tests := []struct {
		name  string
		sizes []int
		omit  func(int) bool
		set   int
		want  authz.Reason
	}{
		{"eight full values", []int{1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024}, never, 8, authz.Allowed},
		{"one byte more", []int{1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1}, never, 0, authz.HeaderValueRefused},
		{"what may be left out yields", []int{1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1}, first, 8, authz.Allowed},
		{"so it does where it is written last", []int{1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1}, last, 8, authz.Allowed},
		{"the last of those yields", []int{512, 512, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024}, three, 9, authz.Allowed},
		{"a value too long is left out", []int{1025, 10}, first, 1, authz.Allowed},
		{"a value too long", []int{10, 1025}, first, 0, authz.HeaderValueRefused},
	}
	for _, tt := range tests {
		a := wide(t, len(tt.sizes), tt.omit)
		claims := jwt.MapClaims{"scope": "orders:read"}
		for i, size := range tt.sizes {
			claims[fmt.Sprintf("c%d", i)] = strings.Repeat("a", size)
		}
		d := a.decide(get("/orders/7", a.idp.sign(t, claims)))
		if d.Reason != tt.want || len(d.Set) != tt.set {
			t.Errorf("%s: %v with %d headers, want %v with %d", tt.name, d.Reason, len(d.Set), tt.want, tt.set)
		}
		if _, set := header(&d, "x-0"); tt.want == authz.Allowed && set == slices.Contains(d.Remove, "x-0") {
			t.Errorf("%s: x-0 is neither set nor removed, or both", tt.name)
		}
	}
}

func TestHeaderSources(t *testing.T) {
	plan, city := "gold", "100% Zürich"
	a := newACME(t, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		owned := ownedHeaders(t, "x-literal", "x-tenant", "x-issuer", "x-issuer-url", "x-decision", "x-claims", "x-claims-json", "x-nested", "x-city", "x-city-json")
		tenant.Owned, snapshot.Owned = owned, owned
		tenant.Headers = []authz.HeaderSpec{
			{Name: "x-literal", Source: authz.SourceSpec{Value: &plan}},
			{Name: "x-tenant", Source: authz.SourceSpec{Tenant: "name"}},
			{Name: "x-issuer", Source: authz.SourceSpec{Issuer: "name"}},
			{Name: "x-issuer-url", Source: authz.SourceSpec{Issuer: "url"}, Encoding: authz.JSON},
			{Name: "x-decision", Source: authz.SourceSpec{DecisionID: true}},
			{Name: "x-claims", Source: authz.SourceSpec{Claims: true}},
			{Name: "x-claims-json", Source: authz.SourceSpec{Claims: true}, Encoding: authz.JSON},
			{Name: "x-city", Source: authz.SourceSpec{Value: &city}, Encoding: authz.Base64URL},
			{Name: "x-city-json", Source: authz.SourceSpec{Value: &city}, Encoding: authz.JSON},
			{Name: "x-nested", Source: authz.SourceSpec{Claim: []string{"realm", "role.s"}}},
		}
		spec := ordersSpec()
		spec.Public = []policy.PublicSpec{{Name: "health", Paths: []string{"/healthz"}}}
		tenant.Policy = compilePolicy(t, spec)
	})
	d := a.decide(get("/orders/7", a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "realm": map[string]any{"role.s": "r"}})))
	want := map[string]string{
		"x-literal": "gold", "x-tenant": "acme", "x-issuer": "idp", "x-issuer-url": `"https://id.example.com/"`, "x-decision": d.ID.String(), "x-nested": "r",
		"x-city": base64.RawURLEncoding.EncodeToString([]byte(city)), "x-city-json": `"100% Z\u00fcrich"`,
	}
	for name, value := range want {
		if got, _ := header(&d, name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	claims, _ := header(&d, "x-claims")
	plain, _ := header(&d, "x-claims-json")
	if decoded, err := base64.RawURLEncoding.DecodeString(claims); err != nil || string(decoded) != plain || !strings.Contains(plain, `"scope":"orders:read"`) {
		t.Errorf("claims are %q and %q", claims, plain)
	}
	d = a.decide(get("/healthz", ""))
	if len(d.Set) != 5 {
		t.Errorf("without a token %v is set", d.Set)
	}
}

func TestMetadata(t *testing.T) {
	claimOf := func(name string) authz.SourceSpec { return authz.SourceSpec{Claim: []string{name}} }
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
		tenant.Metadata = []authz.MetadataSpec{
			{Name: "tenant", Source: authz.SourceSpec{Tenant: "name"}}, {Name: "large", Source: claimOf("large")},
			{Name: "deep", Source: claimOf("deep")}, {Name: "flat", Source: claimOf("flat")}, {Name: "none", Source: claimOf("none")},
			{Name: "sub", Source: claimOf("sub")},
		}
	})
	d := a.decide(get("/orders/7", a.idp.sign(t, jwt.MapClaims{
		"scope": "orders:read", "large": strings.Repeat("a", authz.MaxMetadataBytes), "deep": []any{[]any{[]any{[]any{1}}}}, "flat": []any{[]any{[]any{1}}},
	})))
	var names []string
	for _, field := range d.Metadata {
		names = append(names, field.Name)
	}
	if want := []string{"decision_id", "tenant", "flat", "sub"}; d.Verdict != authz.Allow || !slices.Equal(names, want) {
		t.Errorf("%v with metadata %v, want %v", d.Reason, names, want)
	}
	if d.Metadata[0].Text != d.ID.String() || d.Metadata[1].Text != "acme" || d.Metadata[3].Value.Str() != "user-1" {
		t.Errorf("metadata is %+v", d.Metadata)
	}
	d = a.decide(get("/orders/7", a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "flat": json.RawMessage("null")})))
	if len(d.Metadata) != 3 || d.Metadata[2].Name != "sub" {
		t.Errorf("with a null: %+v", d.Metadata)
	}
	d = a.decide(get("/other", a.idp.sign(t, scope)))
	if len(d.Metadata) != 2 || d.Metadata[0].Text != d.ID.String() || d.Metadata[1] != (authz.MetadataField{Name: "reason", Text: "policy_denied"}) {
		t.Errorf("metadata of a denial is %+v", d.Metadata)
	}
}

func TestAccessors(t *testing.T) {
	a := newACME(t, nil)
	snapshot := a.engine.Snapshot()
	tenant := snapshot.Tenant("acme")
	if snapshot.Generation() != 1 || !slices.Equal(snapshot.TenantNames(), []string{"acme"}) || snapshot.Tenant("other") != nil {
		t.Errorf("generation %d, tenants %v", snapshot.Generation(), snapshot.TenantNames())
	}
	if tenant.Name() != "acme" || !slices.Equal(tenant.Hosts(), []string{"api.example.com"}) || len(tenant.Entries()) != 0 ||
		tenant.Policy() != a.tenant.Policy || !slices.Equal(tenant.Issuers(), a.tenant.Issuers) {
		t.Errorf("tenant is %q on %v", tenant.Name(), tenant.Hosts())
	}
}

// Tenants are listed by name, and a realm of several words is one.
func TestAccessorsOfMany(t *testing.T) {
	p := newPlatform(t, func(p *platform) { p.spec.Realm = "the api" })
	if names := p.engine.Snapshot().TenantNames(); !slices.Equal(names, []string{"acme", "asleep", "globex", "hidden"}) || p.engine.Snapshot().Tenants() != len(names) {
		t.Errorf("tenants are %v", names)
	}
	if d := p.ask("acme.example/orders/7", ""); d.Realm != "the api" {
		t.Errorf("realm %q", d.Realm)
	}
}

func TestExplain(t *testing.T) {
	spec := ordersSpec()
	spec.Public = []policy.PublicSpec{{Name: "health", Paths: []string{"/healthz"}}}
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) { tenant.Policy = compilePolicy(t, spec) })
	for _, tt := range []struct {
		path, raw string
		want      authz.Reason
		asked     bool
		outcome   policy.Outcome
	}{
		{"/orders/7", a.idp.sign(t, scope), authz.Allowed, true, policy.Allowed},
		{"/other", a.idp.sign(t, scope), authz.PolicyDenied, true, policy.NoRule},
		{"/healthz", "", authz.PublicRoute, true, policy.Allowed},
		{"/orders/7", "", authz.NoToken, false, 0},
	} {
		d, trace := a.engine.Explain(t.Context(), get(tt.path, tt.raw))
		if d.Reason != tt.want || (trace != nil) != tt.asked {
			t.Fatalf("%s: %v, trace %v", tt.path, d.Reason, trace)
		}
		if trace != nil && (trace.Result.Outcome != tt.outcome || len(trace.Rules) != len(spec.Rules)) {
			t.Errorf("%s: trace %+v", tt.path, trace)
		}
	}
}

func TestDenialDetails(t *testing.T) {
	spec := ordersSpec()
	spec.Require = []policy.Condition{{Claim: []string{"sub"}, Exists: true}, {Not: &policy.Condition{Claim: []string{"sub"}, Equals: text("root")}}}
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) { tenant.Policy = compilePolicy(t, spec) })
	d := a.decide(get("/orders/7", a.idp.sign(t, jwt.MapClaims{"scope": "other"})))
	if d.Reason != authz.ScopeMissing || !slices.Equal(d.Scopes, []string{"orders:read"}) || d.Realm != "api" || d.Tenant != "acme" || d.Subject != "user-1" {
		t.Errorf("missing scope: %+v", d)
	}
	d = a.decide(get("/orders/7", a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "sub": "root"})))
	if d.Reason != authz.RequireFailed || d.Rule != "require[1]" {
		t.Errorf("failed require: %+v", d)
	}
	d = a.decide(get("/orders/secret/1", a.idp.sign(t, scope)))
	if d.Reason != authz.PolicyDenied || d.Rule != "secret" || d.Set != nil || d.Remove != nil {
		t.Errorf("deny rule: %+v", d)
	}
}
