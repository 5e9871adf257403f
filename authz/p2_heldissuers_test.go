package authz_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// exactIssuer is an issuer of the plot under a name and identifier of its own.
func (p *plot) exactIssuer(name, url string, claim ...string) *authz.Issuer {
	p.tb.Helper()
	verified, err := token.NewIssuer(token.IssuerSpec{
		Name: name, URL: url, Audiences: []string{"a1", "a2"}, Algorithms: []string{"EdDSA"}, Keys: p.idp, KeysID: name,
	})
	if err != nil {
		p.tb.Fatal(err)
	}
	issuer, problems := authz.NewIssuer(authz.IssuerSpec{Issuer: verified, TenantClaim: claim})
	if len(problems) > 0 {
		p.tb.Fatal(problems)
	}
	return issuer
}

// TestP2HeldIssuersAreNobodyElses: the tokens of a tenant without a good version
// are good for nobody else, by the rules by which tenants in force share them.
func TestP2HeldIssuersAreNobodyElses(t *testing.T) {
	p := newPlot(t)
	const url = "https://own.example/"
	whole := []string(nil)
	plain, claim, other := p.exactIssuer("idp", url), p.exactIssuer("idp", url, "org"), p.exactIssuer("idp", "https://other.example/")
	template := p.exactIssuer("many", "https://{tid}.example/", "tid")
	local := func(claim ...string) authz.HeldIssuer {
		return authz.HeldIssuer{Name: "own", URL: url, TenantClaim: claim}
	}
	tests := []struct {
		name    string
		known   *authz.Issuer
		held    authz.HeldIssuer
		ids     map[string]string // of the held tenant
		asks    authz.IssuerGrant
		refused bool
	}{
		{"its own", nil, local(), nil, authz.IssuerGrant{Issuer: plain}, true},
		{"its own, shared by one", nil, local(), nil, authz.IssuerGrant{Issuer: plain, SharedTokens: true}, true},
		{"its own, by a claim that it has not", nil, local(), nil, authz.IssuerGrant{Issuer: claim}, true},
		{"its own, by a template", nil, local(), nil, authz.IssuerGrant{Issuer: template}, true},
		{"by claim, the id", nil, local("org"), map[string]string{"own": "new"}, authz.IssuerGrant{Issuer: claim}, true},
		{"by claim, the name for want of an id", nil, local("org"), map[string]string{"own": "held"}, authz.IssuerGrant{Issuer: claim}, false},
		{"by another claim", nil, local("sub"), nil, authz.IssuerGrant{Issuer: claim}, true},
		{"of the main file", plain, authz.HeldIssuer{Name: "idp", URL: url}, nil, authz.IssuerGrant{Issuer: plain}, true},
		{"of the main file, which says something else now", other, authz.HeldIssuer{Name: "idp", URL: url}, nil, authz.IssuerGrant{Issuer: other}, true},
		{"what the main file said before", other, authz.HeldIssuer{Name: "idp", URL: url}, nil, authz.IssuerGrant{Issuer: p.exactIssuer("x", url)}, true},
		{"its audience", plain, authz.HeldIssuer{Name: "idp", URL: url, Audiences: []string{"a1"}}, nil, authz.IssuerGrant{Issuer: plain, Audiences: []string{"a1"}}, true},
		{"all audiences", plain, authz.HeldIssuer{Name: "idp", URL: url, Audiences: []string{"a1"}}, nil, authz.IssuerGrant{Issuer: plain, Audiences: whole}, true},
		{"its template", template, authz.HeldIssuer{Name: "many", URL: template.Token().URL()}, nil, authz.IssuerGrant{Issuer: plain}, true},

		{"control: another issuer", nil, local(), nil, authz.IssuerGrant{Issuer: other}, false},
		{"control: both share", nil, authz.HeldIssuer{Name: "own", URL: url, SharedTokens: true}, nil, authz.IssuerGrant{Issuer: plain, SharedTokens: true}, false},
		{"control: another id", nil, local("org"), nil, authz.IssuerGrant{Issuer: claim}, false},
		{"control: another part of the audiences", plain, authz.HeldIssuer{Name: "idp", URL: url, Audiences: []string{"a1"}}, nil, authz.IssuerGrant{Issuer: plain, Audiences: []string{"a2"}}, false},
		{"control: a template of another definition", nil, authz.HeldIssuer{Name: "gone", URL: "https://{tid}.example/"}, nil, authz.IssuerGrant{Issuer: plain}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			newcomer := newTenant(t, authz.TenantSpec{Name: "new", Hosts: []string{"new.example"}, Policy: p.policy, Grants: []authz.IssuerGrant{tt.asks}})
			held := authz.HeldIssuers{Known: []*authz.Issuer{tt.known}, Held: []authz.HeldSpec{{Name: "held", IDs: tt.ids, Issuers: []authz.HeldIssuer{tt.held}}}}
			problems := authz.ContestHeldIssuers([]*authz.Tenant{newcomer}, held)
			if !tt.refused {
				if len(problems) > 0 {
					t.Errorf("problems %v", problems)
				}
				return
			}
			if len(problems) != 1 || problems[0].Path != "tenants[0].issuers[0]" || !strings.Contains(problems[0].Message, `"held" has no good version`) {
				t.Errorf("problems %v", problems)
			}
			held.Came = []int{0} // the tenant came after it
			if problems := authz.ContestHeldIssuers([]*authz.Tenant{newcomer}, held); len(problems) != 1 {
				t.Errorf("who came after it: %v", problems)
			}
			held.Came = []int{1} // the tenant came first
			if problems := authz.ContestHeldIssuers([]*authz.Tenant{newcomer}, held); len(problems) > 0 {
				t.Errorf("who came first is the newcomer: %v", problems)
			}
		})
	}
}

// TestP2HeldIssuersCountFromWhereTheyCame holds that of several tenants those
// that came after a held one are asked, and that without an id of its own a held
// tenant has its name.
func TestP2HeldIssuersCountFromWhereTheyCame(t *testing.T) {
	p := newPlot(t)
	claim := p.exactIssuer("idp", "https://own.example/", "org")
	tenant := func(name string) *authz.Tenant {
		return newTenant(t, authz.TenantSpec{Name: name, Hosts: []string{name + ".example"}, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: claim}}})
	}
	tenants := []*authz.Tenant{tenant("first"), tenant("second"), tenant("third")}
	held := func(name string) authz.HeldSpec {
		return authz.HeldSpec{Name: name, Issuers: []authz.HeldIssuer{{Name: "own", URL: claim.Token().URL(), TenantClaim: []string{"org"}}}}
	}
	for name, row := range map[string]struct {
		held []string
		came []int
		bad  []string
	}{
		"all of them":       {[]string{"first", "second"}, nil, []string{"tenants[0].issuers[0]", "tenants[1].issuers[0]"}},
		"before all":        {[]string{"second", "third"}, []int{0, 0}, []string{"tenants[1].issuers[0]", "tenants[2].issuers[0]"}},
		"after the second":  {[]string{"second", "third"}, []int{2, 2}, []string{"tenants[2].issuers[0]"}},
		"one after another": {[]string{"third", "second"}, []int{0, 2}, []string{"tenants[2].issuers[0]"}},
		"after all":         {[]string{"second", "third"}, []int{3, 3}, nil},
		"others":            {[]string{"other", "another"}, []int{0, 0}, nil},
	} {
		var specs []authz.HeldSpec
		for _, name := range row.held {
			specs = append(specs, held(name))
		}
		var bad []string
		for _, problem := range authz.ContestHeldIssuers(tenants, authz.HeldIssuers{Held: specs, Came: row.came}) {
			bad = append(bad, problem.Path)
		}
		if !slices.Equal(bad, row.bad) {
			t.Errorf("%s: problems at %v, want %v", name, bad, row.bad)
		}
	}
}
