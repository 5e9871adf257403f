package authz_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

const (
	wellKnown    = "/.well-known/oauth-protected-resource"
	metadataURL  = "https://api.example.com/.well-known/oauth-protected-resource/mcp"
	metadataPath = wellKnown + "/mcp"
)

func mcp() *authz.ResourceMetadata {
	return &authz.ResourceMetadata{Resource: "https://api.example.com/mcp", ScopesSupported: []string{"orders:read", "orders:write"}}
}

func protected(tb testing.TB) *acme {
	tb.Helper()
	return newACME(tb, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		tenant.ResourceMetadata = mcp()
		tenant.Preflight = true
		snapshot.Tenants = append(snapshot.Tenants, newTenant(tb, authz.TenantSpec{
			Name: "plain", Hosts: []string{"plain.example.com"}, Policy: ordersPolicy(tb), Owned: tenant.Owned,
			Issuers: []*token.Issuer{newIDP(tb, "https://plain.example.com/", 3).issuer(tb, "plain")},
		}))
	})
}

func TestMetadataDocument(t *testing.T) {
	a := protected(t)
	for _, method := range []string{"GET", "HEAD"} {
		req := get(metadataPath, "")
		req.Method = method
		d := a.decide(req)
		if d.Verdict != authz.Deny || d.Reason != authz.MetadataDocument || d.ResourceMetadata != "" || d.Set != nil || d.Remove != nil {
			t.Fatalf("%s: %+v", method, d)
		}
		var got map[string]any
		if err := json.Unmarshal(d.Document, &got); err != nil {
			t.Fatal(err)
		}
		want := `{"authorization_servers":["https://id.example.com/"],"bearer_methods_supported":["header"],` +
			`"resource":"https://api.example.com/mcp","scopes_supported":["orders:read","orders:write"]}`
		if text, _ := json.Marshal(got); string(text) != want {
			t.Errorf("document %s, want %s", text, want)
		}
	}
	for name, change := range map[string]func(*authz.Request){
		"another method":  func(r *authz.Request) { r.Method = "POST" },
		"preflight":       func(r *authz.Request) { r.Method = "OPTIONS" },
		"longer":          func(r *authz.Request) { r.Path = authz.CanonicalPath(metadataPath + "/x") },
		"shorter":         func(r *authz.Request) { r.Path = authz.CanonicalPath(wellKnown) },
		"trailing slash":  func(r *authz.Request) { r.Path = authz.CanonicalPath(metadataPath + "/") },
		"another case":    func(r *authz.Request) { r.Path = authz.CanonicalPath(wellKnown + "/MCP") },
		"encoded slash":   func(r *authz.Request) { r.Path = authz.CanonicalPath(wellKnown + "%2fmcp") },
		"double slash":    func(r *authz.Request) { r.Path = authz.CanonicalPath("/" + metadataPath) },
		"upgrade":         func(r *authz.Request) { r.Upgrade = "websocket" },
		"another tenant":  func(r *authz.Request) { r.Host = "plain.example.com" },
		"nobody":          func(r *authz.Request) { r.Host = "nobody.example.com" },
		"a fault":         func(r *authz.Request) { r.Fault = authz.HostInvalid },
		"escaped letters": func(r *authz.Request) { r.Path = authz.CanonicalPath(metadataPath + "%3Ax") },
	} {
		req := get(metadataPath, "")
		change(req)
		if d := a.decide(req); d.Reason == authz.MetadataDocument || d.Document != nil || d.Verdict == authz.Allow {
			t.Errorf("%s: %v", name, d.Reason)
		}
	}
	// An escape of a letter is that letter.
	if d := a.decide(get("/.well-known/oauth-protected-resource/%6dcp", "")); d.Reason != authz.MetadataDocument {
		t.Errorf("escaped letter: %v", d.Reason)
	}
}

// A shadow has nothing to pass here: the answer is the document.
func TestMetadataDocumentInShadow(t *testing.T) {
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
		tenant.ResourceMetadata = mcp()
		tenant.Shadow = authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: start.Add(1)}
	})
	if d := a.decide(get(metadataPath, "")); d.Reason != authz.MetadataDocument {
		t.Errorf("%v", d.Reason)
	}
}

func TestChallengesNameTheMetadata(t *testing.T) {
	a := protected(t)
	for name, tt := range map[string]struct {
		host, raw string
		reason    authz.Reason
		want      string
	}{
		"no token":      {"api", "", authz.NoToken, metadataURL},
		"malformed":     {"api", "x", authz.TokenMalformed, metadataURL},
		"expired":       {"api", a.idp.sign(t, jwt.MapClaims{"exp": start.Unix() - 60}), authz.Expired, metadataURL},
		"scope":         {"api", a.idp.sign(t, jwt.MapClaims{"scope": "x"}), authz.ScopeMissing, metadataURL},
		"unknown place": {"nobody", "", authz.PlaceUnknown, ""},
		"plain tenant":  {"plain", "", authz.NoToken, ""},
	} {
		req := get("/orders/7", tt.raw)
		req.Host = tt.host + ".example.com"
		if d := a.decide(req); d.Reason != tt.reason || d.ResourceMetadata != tt.want {
			t.Errorf("%s: %v with %q, want %q", name, d.Reason, d.ResourceMetadata, tt.want)
		}
	}
	if d := a.decide(get("/other", a.idp.sign(t, scope))); d.Reason != authz.PolicyDenied || d.ResourceMetadata != "" {
		t.Errorf("a refusal without a challenge: %v with %q", d.Reason, d.ResourceMetadata)
	}
}

func TestMetadataOfEntriesAndPrefixes(t *testing.T) {
	owned := ownedHeaders(t)
	tenant := func(name string, seed byte, change func(*authz.TenantSpec)) *authz.Tenant {
		spec := authz.TenantSpec{
			Name: name, Policy: ordersPolicy(t), Owned: owned,
			Issuers: []*token.Issuer{newIDP(t, "https://id.example.com/"+name, seed).issuer(t, name)},
		}
		change(&spec)
		return newTenant(t, spec)
	}
	below := func(name string) func(*authz.TenantSpec) {
		return func(spec *authz.TenantSpec) {
			spec.Entries = []string{"partners"}
			if name != "" {
				spec.ResourceMetadata = &authz.ResourceMetadata{Resource: "https://partners.example.com/t/" + name}
			}
		}
	}
	engine := newEngine(newClock().Now, nil, newSnapshot(t, authz.SnapshotSpec{
		Owned: owned,
		Entries: []authz.EntrySpec{
			{Name: "partners", Hosts: []string{"partners.example.com"}, PathPrefix: "/t/{tenant}"},
			{Name: "mesh", ContextExtension: "tenant", ResourceMetadata: &authz.ResourceMetadata{Resource: "https://mesh.example.com"}},
		},
		Tenants: []*authz.Tenant{
			tenant("a", 1, below("a")), tenant("b", 2, below("")), tenant("c", 3, below("a/c")), // c claims what is a's
			tenant("d", 4, func(spec *authz.TenantSpec) { below("d")(spec); spec.Suspended = true }),
			tenant("m", 5, func(spec *authz.TenantSpec) { spec.Entries = []string{"mesh"} }),
			tenant("o", 6, func(spec *authz.TenantSpec) {
				spec.Entries = []string{"mesh"}
				spec.ResourceMetadata = &authz.ResourceMetadata{Resource: "https://own.example.com/"}
			}),
		},
	}))
	for _, tt := range []struct {
		host, path, mesh string
		want             authz.Reason
		url              string
	}{
		{"partners", wellKnown + "/t/a", "", authz.MetadataDocument, ""},
		{"partners", "/t/a/x", "", authz.NoToken, "https://partners.example.com" + wellKnown + "/t/a"},
		{"partners", wellKnown + "/t/b", "", authz.PlaceUnknown, ""},
		{"partners", "/t/b/x", "", authz.NoToken, ""},
		{"partners", wellKnown + "/t/a/c", "", authz.PlaceUnknown, ""},
		{"partners", wellKnown + "/t/c", "", authz.PlaceUnknown, ""},
		{"partners", wellKnown + "/t/nobody", "", authz.PlaceUnknown, ""},
		{"partners", wellKnown + "/t/a/x", "", authz.PlaceUnknown, ""},
		{"partners", wellKnown + "//t/a", "", authz.PlaceUnknown, ""},
		{"partners", wellKnown + "/t/d", "", authz.TenantSuspended, ""},
		{"other", wellKnown + "/t/a", "", authz.PlaceUnknown, ""},
		{"partners", wellKnown + "/t/a", "m", authz.NoToken, "https://mesh.example.com" + wellKnown},
		{"mesh", wellKnown, "m", authz.MetadataDocument, ""},
		{"mesh", "/x", "m", authz.NoToken, "https://mesh.example.com" + wellKnown},
		{"mesh", wellKnown, "o", authz.MetadataDocument, ""},
		{"mesh", "/x", "o", authz.NoToken, "https://own.example.com" + wellKnown},
		{"mesh", wellKnown, "nobody", authz.PlaceUnknown, ""},
	} {
		req := get(tt.path, "")
		req.Host = tt.host + ".example.com"
		if tt.mesh != "" {
			req.Context = map[string]string{"tenant": tt.mesh}
		}
		if d := engine.Decide(t.Context(), req); d.Reason != tt.want || d.ResourceMetadata != tt.url {
			t.Errorf("%s%s (%s): %v with %q, want %v with %q", tt.host, tt.path, tt.mesh, d.Reason, d.ResourceMetadata, tt.want, tt.url)
		}
	}
}

func TestBearerMethods(t *testing.T) {
	provider := newIDP(t, "https://id.example.com/", 1)
	for want, places := range map[string][]authz.CredentialSpec{
		`["header"]`:         nil,
		`["header","query"]`: anywhere(),
		`[]`:                 {{Cookie: "session"}, {Header: "x-token"}, {Param: "jwt"}, {Header: "authorization", Prefix: "Token"}},
	} {
		a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
			tenant.ResourceMetadata, tenant.Issuers = mcp(), nil
			tenant.Grants = []authz.IssuerGrant{{Issuer: provider.with(t, "idp", authz.IssuerSpec{Credentials: places})}}
		})
		if d := a.decide(get(metadataPath, "")); !strings.Contains(string(d.Document), `"bearer_methods_supported":`+want) {
			t.Errorf("%s, want methods %s", d.Document, want)
		}
	}
}

// TestMetadataBelowPrefixes asks for documents of places that lie below a prefix
// beside others of the same host: each is answered by its own place alone.
func TestMetadataBelowPrefixes(t *testing.T) {
	p := newPlot(t)
	claims := []*authz.Issuer{p.shared}
	const host = "https://api.example.com"
	at := func(path string) *authz.ResourceMetadata { return &authz.ResourceMetadata{Resource: host + path} }
	tenant := func(name string, entry, resource string) *authz.Tenant {
		spec := authz.TenantSpec{Name: name, Entries: []string{entry}, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: p.shared}}}
		if resource != "" {
			spec.ResourceMetadata = &authz.ResourceMetadata{Resource: resource}
		}
		return newTenant(t, spec)
	}
	engine := newEngine(newClock().Now, nil, newSnapshot(t, authz.SnapshotSpec{
		Entries: []authz.EntrySpec{
			{Name: "whole", Hosts: []string{"api.example.com"}, TenantFromClaim: claims, YieldsTo: []string{"named", "other", "fixed", "deep"}},
			{Name: "named", Hosts: []string{"api.example.com"}, PathPrefix: "/t/{tenant}", ResourceMetadata: at("/t")},
			{Name: "other", Hosts: []string{"api.example.com"}, PathPrefix: "/u/{tenant}", ResourceMetadata: at("/u/x")},
			{Name: "fixed", Hosts: []string{"api.example.com"}, PathPrefix: "/f", TenantFromClaim: claims, ResourceMetadata: at("/f")},
			{Name: "deep", Hosts: []string{"api.example.com"}, PathPrefix: "/v/w", TenantFromClaim: claims, ResourceMetadata: at("/v")},
			{Name: "label", Hosts: []string{"{tenant}.l.example.com"}, PathPrefix: "/p"},
			{Name: "root", Hosts: []string{"root.example.com"}, PathPrefix: "/{tenant}", ResourceMetadata: &authz.ResourceMetadata{Resource: "https://root.example.com"}},
		},
		Tenants: []*authz.Tenant{
			tenant("a", "named", host+"/t/a"), tenant("b", "other", ""), tenant("l", "label", "https://l.l.example.com/p"), tenant("m", "label", ""),
			tenant("r", "root", "https://root.example.com/r"),
		},
		Held: []authz.HeldSpec{{Name: "h", Entries: []string{"label"}}},
	}))
	for _, row := range []struct {
		host, path string
		want       authz.Reason
	}{
		{"api", wellKnown + "/t", authz.MetadataDocument},
		{"api", wellKnown + "/t/a", authz.MetadataDocument},
		{"api", wellKnown + "/t/nobody", authz.NoToken},
		{"api", wellKnown + "/u/x", authz.NoToken}, // nobody is called x
		{"api", wellKnown + "/u/b", authz.NoToken},
		{"api", wellKnown + "/f", authz.MetadataDocument},
		{"api", wellKnown + "/f/x", authz.NoToken},
		{"api", wellKnown + "/v", authz.NoToken}, // above a place that names no tenant
		{"api", "/t", authz.NoToken},
		{"root", wellKnown + "/r", authz.MetadataDocument},
		{"root", wellKnown + "/s", authz.PlaceUnknown},
		{"root", wellKnown, authz.MetadataDocument},
		{"l.l", wellKnown + "/p", authz.MetadataDocument},
		{"m.l", wellKnown + "/p", authz.PlaceUnknown},
		{"h.l", wellKnown + "/p", authz.PlaceUnknown},
		{"nobody.l", wellKnown + "/p", authz.PlaceUnknown},
	} {
		req := get(row.path, "")
		req.Host = row.host + ".example.com"
		d := engine.Decide(t.Context(), req)
		if d.Reason != row.want || row.want == authz.MetadataDocument && !strings.Contains(string(d.Document), `"bearer_methods_supported":["header"]`) {
			t.Errorf("%s%s: %v, want %v\n%s", req.Host, row.path, d.Reason, row.want, d.Document)
		}
	}
}

func TestResourceProblems(t *testing.T) {
	long := make([]string, 300)
	for i := range long {
		long[i] = strings.Repeat("s", 100)
	}
	tests := []struct {
		name string
		spec authz.ResourceMetadata
		path string // "" for none
	}{
		{"host alone", authz.ResourceMetadata{Resource: "https://api.example.com"}, ""},
		{"slash", authz.ResourceMetadata{Resource: "https://api.example.com/"}, ""},
		{"port", authz.ResourceMetadata{Resource: "https://api.example.com:8443/mcp"}, ""},
		{"servers", authz.ResourceMetadata{Resource: "https://a.example/x", AuthorizationServers: []string{"https://id.example.com"}}, ""},

		{"none", authz.ResourceMetadata{}, "resourceMetadata.resource"},
		{"http", authz.ResourceMetadata{Resource: "http://api.example.com"}, "resourceMetadata.resource"},
		{"no host", authz.ResourceMetadata{Resource: "https:///x"}, "resourceMetadata.resource"},
		{"user", authz.ResourceMetadata{Resource: "https://u:p@a.example/"}, "resourceMetadata.resource"},
		{"query", authz.ResourceMetadata{Resource: "https://a.example/?a"}, "resourceMetadata.resource"},
		{"empty query", authz.ResourceMetadata{Resource: "https://a.example/?"}, "resourceMetadata.resource"},
		{"fragment", authz.ResourceMetadata{Resource: "https://a.example/#"}, "resourceMetadata.resource"},
		{"upper case", authz.ResourceMetadata{Resource: "https://A.example/"}, "resourceMetadata.resource"},
		{"dot segment", authz.ResourceMetadata{Resource: "https://a.example/x/../y"}, "resourceMetadata.resource"},
		{"double slash", authz.ResourceMetadata{Resource: "https://a.example//y"}, "resourceMetadata.resource"},
		{"escape", authz.ResourceMetadata{Resource: "https://a.example/a%20b"}, "resourceMetadata.resource"},
		{"needless escape", authz.ResourceMetadata{Resource: "https://a.example/%61"}, "resourceMetadata.resource"},
		{"semicolon", authz.ResourceMetadata{Resource: "https://a.example/a;b"}, "resourceMetadata.resource"},
		{"quote", authz.ResourceMetadata{Resource: `https://a.example/"`}, "resourceMetadata.resource"},
		{"control", authz.ResourceMetadata{Resource: "https://a.example/\n"}, "resourceMetadata.resource"},
		{"no scheme", authz.ResourceMetadata{Resource: "a.example/x"}, "resourceMetadata.resource"},
		{"no URL", authz.ResourceMetadata{Resource: "https://a.example/%zz"}, "resourceMetadata.resource"},
		{"empty server", authz.ResourceMetadata{Resource: "https://a.example", AuthorizationServers: []string{""}}, "resourceMetadata.authorizationServers[0]"},
		{"server with a quote", authz.ResourceMetadata{Resource: "https://a.example", AuthorizationServers: []string{`https://a.example/"`}}, "resourceMetadata.authorizationServers[0]"},
		{"scope with a quote", authz.ResourceMetadata{Resource: "https://a.example", ScopesSupported: []string{`a"`}}, "resourceMetadata.scopesSupported[0]"},
		{"trailing dot", authz.ResourceMetadata{Resource: "https://a.example./"}, "resourceMetadata.resource"},
		{"no host of ours", authz.ResourceMetadata{Resource: "https://a..example/"}, "resourceMetadata.resource"},
		{"server", authz.ResourceMetadata{Resource: "https://a.example", AuthorizationServers: []string{"idp"}}, "resourceMetadata.authorizationServers[0]"},
		{"scope", authz.ResourceMetadata{Resource: "https://a.example", ScopesSupported: []string{"a", "b c"}}, "resourceMetadata.scopesSupported[1]"},
		{"scopes", authz.ResourceMetadata{Resource: "https://a.example", ScopesSupported: long}, "resourceMetadata"},
		{"length", authz.ResourceMetadata{Resource: "https://a.example", ScopesSupported: long[:200]}, "resourceMetadata"},
	}
	a := newACME(t, nil)
	for _, tt := range tests {
		spec := a.tenant
		spec.ResourceMetadata = &tt.spec
		_, problems := authz.NewTenant(spec)
		var want []string
		if tt.path != "" {
			want = []string{tt.path}
		}
		var got []string
		for _, p := range problems {
			got = append(got, p.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want at %v", tt.name, problems, want)
		}
	}
}
