package authz_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// TestP8TenantSpecBounds holds each bound on what a tenant's document lists to
// the byte: what reaches it is compiled, and what is one beyond it is a problem.
func TestP8TenantSpecBounds(t *testing.T) {
	sub := authz.SourceSpec{Claim: []string{"sub"}}
	roles := func(h authz.HeaderSpec) func(*authz.TenantSpec) {
		h.Name = "x-roles"
		return func(s *authz.TenantSpec) { s.Headers = []authz.HeaderSpec{h} }
	}
	literal := func(n int, encoding authz.Encoding) func(*authz.TenantSpec) {
		value := strings.Repeat("a", n)
		return roles(authz.HeaderSpec{Source: authz.SourceSpec{Value: &value}, Encoding: encoding})
	}
	metadata := func(n int, name string) func(*authz.TenantSpec) {
		specs := make([]authz.MetadataSpec, n)
		for i := range specs {
			specs[i] = authz.MetadataSpec{Name: fmt.Sprint(name, i), Source: sub}
		}
		return func(s *authz.TenantSpec) { s.Metadata = specs }
	}
	labels := func(n int) func(*authz.TenantSpec) {
		return func(s *authz.TenantSpec) {
			s.Labels = map[string]string{}
			for i := range n {
				s.Labels[fmt.Sprint(i)] = "x"
			}
		}
	}
	ids := func(n int) func(*authz.TenantSpec) {
		return func(s *authz.TenantSpec) {
			if s.Grants == nil {
				s.Grants, s.Issuers = []authz.IssuerGrant{{Issuer: newIssuer(t, s.Issuers[0], "org")}}, nil
			}
			s.IDs = map[string]string{"idp": strings.Repeat("a", n)}
		}
	}
	issuers := func(n int) func(*authz.TenantSpec) {
		return func(s *authz.TenantSpec) {
			s.Issuers = nil
			for i := range n {
				s.Issuers = append(s.Issuers, newIDP(t, fmt.Sprintf("https://id-%d.example.com/", i), 1).issuer(t, fmt.Sprint(i)))
			}
		}
	}
	named := func(name string) func(*authz.TenantSpec) { return func(s *authz.TenantSpec) { s.Name = name } }
	places := func(n int) func(*authz.TenantSpec) {
		return func(s *authz.TenantSpec) {
			s.Issuers, s.Grants = nil, nil
			for i := range n {
				s.Grants = append(s.Grants, authz.IssuerGrant{Issuer: newIDP(t, fmt.Sprintf("https://id-%d.example.com/", i), 1).with(t, fmt.Sprint(i), authz.IssuerSpec{
					Credentials: []authz.CredentialSpec{{Cookie: fmt.Sprint("c", i)}},
				})})
			}
		}
	}
	path := func(n int) []string { return strings.Split(strings.Repeat("a", n), "") }
	for name, row := range map[string]struct {
		at, beyond func(*authz.TenantSpec)
		path       string
	}{
		"join":            {roles(authz.HeaderSpec{Source: sub, Join: ";;;;"}), roles(authz.HeaderSpec{Source: sub, Join: ";;;;;"}), "headers[0].join"},
		"literal":         {literal(authz.MaxHeaderValueBytes, authz.Percent), literal(authz.MaxHeaderValueBytes+1, authz.Percent), "headers[0].value"},
		"encoded literal": {literal(authz.MaxHeaderValueBytes*3/4, authz.Base64URL), literal(authz.MaxHeaderValueBytes*3/4+1, authz.Base64URL), "headers[0].value"},
		"claim path": {
			roles(authz.HeaderSpec{Source: authz.SourceSpec{Claim: path(token.MaxDepth)}}),
			roles(authz.HeaderSpec{Source: authz.SourceSpec{Claim: path(token.MaxDepth + 1)}}), "headers[0].claim",
		},
		"name":           {named(strings.Repeat("a", 64)), named(strings.Repeat("a", 65)), "name"},
		"name of many":   {named("a_b-C.1"), named("a b"), "name"},
		"places":         {places(16), places(17), "issuers"},
		"ids":            {ids(256), ids(257), "ids.idp"},
		"shortest id":    {ids(1), ids(0), "ids.idp"},
		"issuers":        {issuers(authz.MaxTenantIssuers), issuers(authz.MaxTenantIssuers + 1), "issuers"},
		"labels":         {labels(authz.MaxLabels), labels(authz.MaxLabels + 1), "labels"},
		"metadata":       {metadata(authz.MaxMetadataFields, "f"), metadata(authz.MaxMetadataFields+1, "f"), "dynamicMetadata"},
		"metadata name":  {metadata(1, strings.Repeat("f", 63)), metadata(1, strings.Repeat("f", 64)), "dynamicMetadata[0].name"},
		"insecureShadow": {shadow(authz.ShadowInsecure), shadow(authz.ShadowInsecure + 1), "shadow.mode"},
	} {
		spec := newACME(t, nil).tenant
		row.at(&spec)
		if _, problems := authz.NewTenant(spec); len(problems) > 0 {
			t.Errorf("%s: at the bound: %v", name, problems)
		}
		row.beyond(&spec)
		if tenant, problems := authz.NewTenant(spec); tenant != nil || len(problems) != 1 || problems[0].Path != row.path {
			t.Errorf("%s: beyond the bound: %v, want one at %s", name, problems, row.path)
		}
	}
}

func shadow(mode authz.ShadowMode) func(*authz.TenantSpec) {
	return func(s *authz.TenantSpec) { s.Shadow = authz.ShadowSpec{Mode: mode, Until: start} }
}

// TestAudiencesOfAGrantInAnyOrder holds that each audience that a tenant names
// is good, however the list is sorted, and none of its issuer's others.
func TestAudiencesOfAGrantInAnyOrder(t *testing.T) {
	provider := newIDP(t, "https://id.example.com/", 1)
	issuer, err := token.NewIssuer(token.IssuerSpec{
		Name: "idp", URL: provider.url, Audiences: []string{"a", "b", "c", "d"}, Algorithms: []string{"EdDSA"}, Types: []string{"JWT"}, Keys: provider, KeysID: provider.url,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, audiences := range [][]string{{"a", "b", "c"}, {"c", "b", "a"}, {"b", "c", "a"}} {
		a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
			tenant.Issuers = nil
			tenant.Grants = []authz.IssuerGrant{{Issuer: newIssuer(t, issuer, ""), Audiences: audiences}}
		})
		for _, audience := range []string{"a", "b", "c", "d"} {
			want := authz.Allowed
			if audience == "d" {
				want = authz.AudienceRefused
			}
			if d := a.decide(get("/orders/7", provider.sign(t, jwt.MapClaims{"aud": audience, "scope": "orders:read"}))); d.Reason != want {
				t.Errorf("%v, token for %s: %v", audiences, audience, d.Reason)
			}
		}
	}
}

// TestP8EntriesAreBounded holds the greatest number of entries, of their
// issuers and of the segments of their prefixes to one.
func TestP8EntriesAreBounded(t *testing.T) {
	entries := func(n int) []authz.EntrySpec {
		list := make([]authz.EntrySpec, n)
		for i := range list {
			list[i] = authz.EntrySpec{Name: fmt.Sprint("e", i), ContextExtension: fmt.Sprint("k", i)}
		}
		return list
	}
	prefix := func(n int) []authz.EntrySpec {
		return []authz.EntrySpec{{Name: "e", Hosts: []string{"a.example"}, PathPrefix: strings.Repeat("/a", n-1) + "/{tenant}"}}
	}
	issuers := func(n int) []authz.EntrySpec {
		list := make([]*authz.Issuer, n)
		for i := range list {
			list[i] = newIssuer(t, newIDP(t, fmt.Sprintf("https://id-%d.example.com/", i), 1).issuer(t, fmt.Sprint(i)), "org")
		}
		return []authz.EntrySpec{{Name: "e", Hosts: []string{"a.example"}, TenantFromClaim: list}}
	}
	for path, row := range map[string]struct {
		list  func(int) []authz.EntrySpec
		bound int
	}{
		"entries": {entries, authz.MaxEntries}, "entries[0].pathPrefix": {prefix, 16}, "entries[0].tenantFromClaim": {issuers, authz.MaxTenantIssuers},
	} {
		expectProblem(t, &authz.SnapshotSpec{Entries: row.list(row.bound)}, "")
		expectProblem(t, &authz.SnapshotSpec{Entries: row.list(row.bound + 1)}, path, fmt.Sprint(row.bound))
	}
}

// What an answer to a client says in a header of ours contradicts no other
// header of it.
func TestHeaderOfDecisionIDs(t *testing.T) {
	for name, good := range map[string]bool{
		"x-decision-id": true, "x-request-decision": true, "agent": true, "dated": true, "x-content-type": true, "": true,
		"www-authenticate": false, "cache-control": false, "retry-after": false, "set-cookie": false, "location": false, "date": false, "age": false,
		"etag": false, "vary": false, "content-type": false, "content-length": false, "grpc-status": false, "access-control-allow-origin": false,
		"x_decision_id": false, "X-Decision-Id": false, "connection": false, "x-envoy-decision": false,
	} {
		path := ""
		if !good {
			path = "decisionIdHeader"
		}
		expectProblem(t, &authz.SnapshotSpec{DecisionIDHeader: name}, path)
	}
}

// TestP8ResourceMetadataIsBounded holds each bound on the metadata of a resource
// to one.
func TestP8ResourceMetadataIsBounded(t *testing.T) {
	const host = "https://a.example/"
	scopes := func(n, size int) *authz.ResourceMetadata {
		list := make([]string, n)
		for i := range list {
			list[i] = strings.Repeat("s", size)
		}
		return &authz.ResourceMetadata{Resource: host, ScopesSupported: list}
	}
	servers := func(n, size int) *authz.ResourceMetadata {
		list := make([]string, n)
		for i := range list {
			list[i] = host + strings.Repeat("s", size-len(host))
		}
		return &authz.ResourceMetadata{Resource: host, AuthorizationServers: list}
	}
	url := func(n int) *authz.ResourceMetadata {
		return &authz.ResourceMetadata{Resource: host + strings.Repeat("a", n-len(host))}
	}
	for name, row := range map[string]struct {
		at, beyond *authz.ResourceMetadata
		path       string
	}{
		"URL":      {url(1024), url(1025), ".resource"},
		"servers":  {servers(64, 30), servers(65, 30), ""},
		"server":   {servers(2, 1024), servers(1, 1025), ".authorizationServers[0]"},
		"scopes":   {scopes(256, 3), scopes(257, 3), ""},
		"scope":    {scopes(2, 256), scopes(1, 257), ".scopesSupported[0]"},
		"no scope": {scopes(1, 1), scopes(1, 0), ".scopesSupported[0]"},
	} {
		spec := newACME(t, nil).tenant
		spec.ResourceMetadata = row.at
		if _, problems := authz.NewTenant(spec); len(problems) > 0 {
			t.Errorf("%s: at the bound: %v", name, problems)
		}
		spec.ResourceMetadata = row.beyond
		if tenant, problems := authz.NewTenant(spec); tenant != nil || len(problems) != 1 || problems[0].Path != "resourceMetadata"+row.path {
			t.Errorf("%s: beyond the bound: %v, want one at resourceMetadata%s", name, problems, row.path)
		}
	}
}

// TestP8ResourceDocumentIsBounded holds the document as a whole to the byte, and
// that it names the authorization servers that it is told, not the issuers.
func TestP8ResourceDocumentIsBounded(t *testing.T) {
	const most = 16 << 10
	base, reached := 0, false
	for last := 1; last <= 256; last++ {
		list := slices.Repeat([]string{strings.Repeat("s", 256)}, 62)
		spec := newACME(t, nil).tenant
		spec.ResourceMetadata = &authz.ResourceMetadata{
			Resource: "https://api.example.com", AuthorizationServers: []string{"https://login.example.com"}, ScopesSupported: append(list, strings.Repeat("s", last)),
		}
		tenant, problems := authz.NewTenant(spec)
		if last == 1 {
			engine := newEngine(newClock().Now, nil, newSnapshot(t, authz.SnapshotSpec{Owned: spec.Owned, Tenants: []*authz.Tenant{newTenant(t, spec)}}))
			document := engine.Decide(t.Context(), get(wellKnown, "")).Document
			if base = len(document) - 1; base > most || !strings.Contains(string(document), `"authorization_servers":["https://login.example.com"]`) {
				t.Fatalf("%d bytes: %.200s", base, document)
			}
		}
		reached = reached || base+last == most
		if good := base+last <= most; (tenant != nil) != good || !good && (len(problems) != 1 || problems[0].Path != "resourceMetadata") {
			t.Fatalf("%d bytes: %v", base+last, problems)
		}
	}
	if !reached {
		t.Errorf("the bound is not reached from %d", base)
	}
}
