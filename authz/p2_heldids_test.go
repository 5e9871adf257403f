package authz_test

import (
	"testing"

	"github.com/claimgate/claimgate/authz"
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
