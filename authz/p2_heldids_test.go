package authz_test

import (
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// The id of a tenant that was in force before stays its own while its file is
// broken, wherever its tokens would be good otherwise.
func TestP2HeldIDsAreNobodyElses(t *testing.T) {
	p := newPlot(t)
	newcomer := func(id string) *authz.Tenant {
		return newTenant(t, authz.TenantSpec{
			Name: "newcomer", Hosts: []string{"newcomer.example"}, Policy: p.policy,
			Grants: []authz.IssuerGrant{{Issuer: p.shared}}, IDs: map[string]string{"shared": id},
		})
	}
	for name, tt := range map[string]struct {
		held authz.HeldSpec
		id   string
		path string
	}{
		"its id":                 {authz.HeldSpec{Name: "globex", Hosts: []string{"globex.example"}, IDs: map[string]string{"shared": "org-globex"}, Accepted: true}, "org-globex", "tenants[0].issuers[0]"},
		"its name, beside an id": {authz.HeldSpec{Name: "globex", Hosts: []string{"globex.example"}, IDs: map[string]string{"shared": "org-globex"}, Accepted: true}, "globex", ""},
		"another issuer's id":    {authz.HeldSpec{Name: "globex", Hosts: []string{"globex.example"}, IDs: map[string]string{"other": "org-globex"}, Accepted: true}, "org-globex", ""},
		"another id":             {authz.HeldSpec{Name: "globex", Hosts: []string{"globex.example"}, IDs: map[string]string{"shared": "org-globex"}, Accepted: true}, "org-new", ""},
		"never in force":         {authz.HeldSpec{Name: "globex", Hosts: []string{"globex.example"}, IDs: map[string]string{"shared": "org-globex"}}, "org-globex", ""},
	} {
		t.Run(name, func(t *testing.T) {
			spec := authz.SnapshotSpec{Tenants: []*authz.Tenant{newcomer(tt.id)}, Held: []authz.HeldSpec{tt.held}}
			expectProblem(t, &spec, tt.path, "globex")
		})
	}
}

// Another definition of the same issuer, under another name, opens no way around
// that: what counts is which tokens it admits.
func TestP2HeldIDsHoldForOtherDefinitionsToo(t *testing.T) {
	p := newPlot(t)
	shared, claim := p.shared.Token(), []string{"org"}
	own := func(name, url string, claim []string) *authz.Issuer {
		verified, err := token.NewIssuer(token.IssuerSpec{
			Name: name, URL: url, Audiences: []string{"https://api.example.com"}, Algorithms: []string{"EdDSA"}, Keys: p.idp, KeysID: name,
		})
		if err != nil {
			t.Fatal(err)
		}
		issuer, problems := authz.NewIssuer(authz.IssuerSpec{Issuer: verified, TenantClaim: claim})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return issuer
	}
	held := authz.HeldSpec{Name: "globex", Hosts: []string{"globex.example"}, IDs: map[string]string{"shared": "org-globex"}, Accepted: true}
	for name, tt := range map[string]struct {
		issuer *authz.Issuer
		id     string
		path   string
	}{
		"its id":            {own("mine", shared.URL(), claim), "org-globex", "tenants[0].issuers[0]"},
		"no claim":          {own("mine", shared.URL(), nil), "", "tenants[0].issuers[0]"},
		"another claim":     {own("mine", shared.URL(), []string{"sub"}), "org-globex", "tenants[0].issuers[0]"},
		"another id":        {own("mine", shared.URL(), claim), "org-new", ""},
		"another issuer":    {own("mine", "https://elsewhere.example/", claim), "org-globex", ""},
		"a name like it is": {own("shared", "https://elsewhere.example/", claim), "org-globex", ""},
	} {
		t.Run(name, func(t *testing.T) {
			spec := authz.TenantSpec{
				Name: "newcomer", Hosts: []string{"newcomer.example"}, Policy: p.policy,
				Grants: []authz.IssuerGrant{{Issuer: tt.issuer}},
			}
			if tt.id != "" {
				spec.IDs = map[string]string{tt.issuer.Name(): tt.id}
			}
			expectProblem(t, &authz.SnapshotSpec{
				Issuers: []*authz.Issuer{p.shared}, Tenants: []*authz.Tenant{newTenant(t, spec)}, Held: []authz.HeldSpec{held},
			}, tt.path, "globex")
		})
	}
}

// TestP2HeldIDsOfSeveral holds the ids of several tenants that were in force, of
// issuers of which one definition admits the tokens of another.
func TestP2HeldIDsOfSeveral(t *testing.T) {
	p := newPlot(t)
	far := p.exactIssuer("far", "https://far.example.com/", "org")
	exact, wide, plain := p.exactIssuer("exact", "https://one.example/", "org"), p.exactIssuer("wide", "https://{tid}.example/", "org"), p.exactIssuer("plain", "https://plain.example.com/")
	held := func(name string, ids map[string]string) authz.HeldSpec {
		return authz.HeldSpec{Name: name, Hosts: []string{name + ".x"}, IDs: ids, Accepted: true}
	}
	all := []authz.HeldSpec{
		held("acme", map[string]string{"exact": "id-acme"}), held("globex", map[string]string{"wide": "id-globex"}),
		held("initech", map[string]string{"exact": "id-initech", "gone": "id-gone", "far": "id-far"}), held("hooli", map[string]string{"plain": ""}),
	}
	for name, row := range map[string]struct {
		issuer *authz.Issuer
		id     string
		owner  string // "" for nobody
	}{
		"the first's":                {exact, "id-acme", "acme"},
		"the third's":                {exact, "id-initech", "initech"},
		"of what admits its tokens":  {exact, "id-globex", "globex"},
		"of what it admits":          {wide, "id-initech", "initech"},
		"of an issuer of that name":  {p.exactIssuer("gone", "https://gone.example.com/", "org"), "id-gone", "initech"},
		"of another issuer":          {far, "id-far", "initech"},
		"of another, at the first":   {exact, "id-far", ""},
		"nobody's":                   {exact, "id-new", ""},
		"where tokens say nothing":   {plain, "", ""},
		"of an issuer like no other": {p.exactIssuer("more", "https://more.example.com/", "org"), "id-acme", ""},
	} {
		spec := authz.TenantSpec{Name: "newcomer", Hosts: []string{"newcomer.x"}, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: row.issuer}}}
		path := ""
		if row.id != "" {
			spec.IDs = map[string]string{row.issuer.Name(): row.id}
		}
		if row.owner != "" {
			path = "tenants[0].issuers[0]"
		}
		t.Run(name, func(t *testing.T) {
			expectProblem(t, &authz.SnapshotSpec{Issuers: []*authz.Issuer{nil, exact, wide, far}, Tenants: []*authz.Tenant{newTenant(t, spec)}, Held: all}, path, `"`+row.owner+`"`)
		})
	}
}
