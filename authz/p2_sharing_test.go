package authz_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

func TestP2SharedIssuersAreProblems(t *testing.T) {
	provider, p := newIDP(t, "https://id.example.com/", 1), newPlot(t)
	issuer := func(name, url, claim string, audiences ...string) *authz.Issuer {
		verified, err := token.NewIssuer(token.IssuerSpec{Name: name, URL: url, Audiences: audiences, Algorithms: []string{"EdDSA"}, Keys: provider, KeysID: "k"})
		if err != nil {
			t.Fatal(err)
		}
		return newIssuer(t, verified, claim)
	}
	const url, form = "https://id.example.com/", "https://id.example.com/{tid}"
	plain, twin := issuer("plain", url, "", "a", "b", "c"), issuer("plain", url, "", "a", "b", "c")
	other := issuer("other", url, "", "b", "z")
	org, orgOther, tid := issuer("org", url, "org", "a"), issuer("org-2", url, "org", "b"), issuer("tid", url, "tid", "a")
	open, openTid, exact := issuer("open", form, "", "a"), issuer("open-tid", form, "tid", "a"), issuer("exact", "https://id.example.com/x", "", "a")
	part := func(i *authz.Issuer, audiences ...string) authz.IssuerGrant {
		return authz.IssuerGrant{Issuer: i, Audiences: audiences}
	}
	shared := func(i *authz.Issuer, audiences ...string) authz.IssuerGrant {
		return authz.IssuerGrant{Issuer: i, Audiences: audiences, SharedTokens: true}
	}
	tests := []struct {
		name   string
		ids    []string
		grants []authz.IssuerGrant
		bad    int // index of the tenant with the problem, 0 for none
		says   string
	}{
		{"whole", nil, []authz.IssuerGrant{part(plain), part(plain)}, 1, "both admit"},
		{"whole, compiled twice", nil, []authz.IssuerGrant{part(plain), part(twin)}, 1, "both admit"},
		{"parts", nil, []authz.IssuerGrant{part(plain, "a"), part(twin, "b"), part(plain, "c")}, 0, ""},
		{"parts that meet", nil, []authz.IssuerGrant{part(plain, "a"), part(plain, "b", "c"), part(plain, "c")}, 2, `"c"`},
		{"a part and the whole", nil, []authz.IssuerGrant{part(plain, "a"), part(plain)}, 1, "both admit"},
		{"parts of two definitions", nil, []authz.IssuerGrant{part(plain, "a"), part(other, "z")}, 1, "both admit"},
		{"all share", nil, []authz.IssuerGrant{shared(plain), shared(other), shared(plain, "a"), shared(tid)}, 0, ""},
		{"one does not share", nil, []authz.IssuerGrant{shared(plain), shared(plain), part(plain)}, 2, "both admit"},
		{"one does not share, first", nil, []authz.IssuerGrant{part(plain), shared(plain)}, 1, "both admit"},
		{"a part among those who share", nil, []authz.IssuerGrant{shared(plain, "a"), shared(plain, "a"), part(plain, "b")}, 0, ""},
		{"a part among those who share it", nil, []authz.IssuerGrant{shared(plain, "a"), shared(plain, "a", "b"), part(plain, "b")}, 2, `"b"`},
		{"claim", nil, []authz.IssuerGrant{part(org), part(org), part(orgOther)}, 0, ""},
		{"claim, one id", []string{"x", "y", "x"}, []authz.IssuerGrant{part(org), part(org), part(org)}, 2, `id "x"`},
		{"claim, one id of two definitions", []string{"x", "x"}, []authz.IssuerGrant{part(org), part(orgOther)}, 1, `id "x"`},
		{"claim, one id though they share", []string{"x", "x"}, []authz.IssuerGrant{shared(org), shared(org)}, 1, `id "x"`},
		{"two claims", nil, []authz.IssuerGrant{part(org), part(tid)}, 1, "both admit"},
		{"claim and whole", nil, []authz.IssuerGrant{part(org), part(plain)}, 1, "both admit"},
		{"claim and part", nil, []authz.IssuerGrant{part(org), part(plain, "a")}, 1, "both admit"},
		{"template and text", nil, []authz.IssuerGrant{part(open), part(exact)}, 1, "both admit"},
		{"text and template", nil, []authz.IssuerGrant{part(exact), part(open)}, 1, "both admit"},
		{"template twice", nil, []authz.IssuerGrant{part(open), part(open)}, 1, "both admit"},
		{"two templates", nil, []authz.IssuerGrant{part(openTid), part(open)}, 1, "both admit"},
		{"template with claim", nil, []authz.IssuerGrant{part(openTid), part(openTid)}, 0, ""},
		{"template beside the bare text", nil, []authz.IssuerGrant{part(open), part(plain)}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var spec authz.SnapshotSpec
			for i, grant := range tt.grants {
				name := string(rune('a' + i))
				tenant := authz.TenantSpec{Name: name, Hosts: []string{name + ".example"}, Policy: p.policy, Grants: []authz.IssuerGrant{grant}}
				if tt.ids != nil {
					tenant.IDs = map[string]string{grant.Issuer.Name(): tt.ids[i]}
				}
				spec.Tenants = append(spec.Tenants, newTenant(t, tenant))
			}
			path := ""
			if tt.bad > 0 {
				path = "tenants[" + string(rune('0'+tt.bad)) + "].issuers[0]"
			}
			expectProblem(t, &spec, path, tt.says, `"`+string(rune('a'+tt.bad))+`"`)
		})
	}
}

func TestP2TooManyTemplates(t *testing.T) {
	provider, p := newIDP(t, "https://id.example.com/", 1), newPlot(t)
	var spec authz.SnapshotSpec
	for i := range authz.MaxIssuerTemplates + 1 {
		name := "t" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		verified, err := token.NewIssuer(token.IssuerSpec{
			Name: "own", URL: "https://id.example.com/" + name + "/{tid}", Audiences: []string{"a"}, Algorithms: []string{"EdDSA"}, Keys: provider, KeysID: "k",
		})
		if err != nil {
			t.Fatal(err)
		}
		spec.Tenants = append(spec.Tenants, newTenant(t, authz.TenantSpec{Name: name, Hosts: []string{name}, Policy: p.policy, Issuers: []*token.Issuer{verified}}))
	}
	expectProblem(t, &spec, "tenants[256].issuers[0]", "there are more than 256 different issuer templates; name the issuer exactly")
	if _, problems := authz.NewSnapshot(spec); !errors.Is(problems[0], authz.ErrConflict) {
		t.Errorf("it is %#v", problems[0].Cause)
	}
	spec.Tenants = spec.Tenants[:authz.MaxIssuerTemplates]
	expectProblem(t, &spec, "")
}

func TestNewTenantGrantProblems(t *testing.T) {
	g := newGranted(t)
	plain := newIssuer(t, newIDP(t, "https://plain.example.com", 2).issuer(t, "plain"), "")
	open := newIssuer(t, newIDP(t, "https://{any}.example.com/", 3).issuer(t, "open"), "")
	tests := []struct {
		name   string
		change func(*authz.TenantSpec)
		path   string
	}{
		{"missing", func(s *authz.TenantSpec) { s.Grants = append(s.Grants, authz.IssuerGrant{}) }, "issuers[1]"},
		{"twice", func(s *authz.TenantSpec) { s.Grants = append(s.Grants, s.Grants[0]) }, "issuers[1]"},
		{"both ways", func(s *authz.TenantSpec) { s.Issuers = []*token.Issuer{plain.Token()} }, "issuers"},
		{"many", func(s *authz.TenantSpec) { s.Grants = slices.Repeat(s.Grants, authz.MaxTenantIssuers+1) }, "issuers"},
		{"no audience", func(s *authz.TenantSpec) { s.Grants[0].Audiences = []string{} }, "issuers[0].audiences"},
		{"foreign audience", func(s *authz.TenantSpec) { s.Grants[0].Audiences = []string{"one", "four"} }, "issuers[0].audiences[1]"},
		{"audience twice", func(s *authz.TenantSpec) { s.Grants[0].Audiences = []string{"one", "one"} }, "issuers[0].audiences[1]"},
		{"one that matches another", func(s *authz.TenantSpec) { s.Grants = append(s.Grants, authz.IssuerGrant{Issuer: open}) }, "issuers"},
		{"id of nobody", func(s *authz.TenantSpec) { s.IDs = map[string]string{"x": "y"} }, "ids.x"},
		{"empty id", func(s *authz.TenantSpec) { s.IDs = map[string]string{"shared": ""} }, "ids.shared"},
		{"id without claim", func(s *authz.TenantSpec) {
			s.Grants[0].Issuer, s.IDs = plain, map[string]string{"plain": "y"}
		}, "ids.plain"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := authz.TenantSpec{Name: "a", Hosts: []string{"a"}, Policy: ordersPolicy(t), Grants: []authz.IssuerGrant{{Issuer: g.shared}}}
			tt.change(&spec)
			tenant, problems := authz.NewTenant(spec)
			if tenant != nil || len(problems) != 1 || problems[0].Path != tt.path {
				t.Errorf("problems %v, want one at %s", problems, tt.path)
			}
		})
	}
}
