package authz

import (
	"testing"

	"github.com/claimgate/claimgate/authz/token"
)

// A grant without an id is nobody's, and a token without the claim is for nobody.
func TestP2NoIDIsNoMatch(t *testing.T) {
	for _, tt := range []struct {
		id, doc string
		want    bool
	}{
		{"acme", `{"org":"acme"}`, true},
		{"acme", `{"org":"globex"}`, false},
		{"acme", `{"org":""}`, false},
		{"acme", `{"org":["acme"]}`, false},
		{"acme", `{}`, false},
		{"", `{}`, false},
		{"", `{"org":""}`, false},
		{"", `{"org":7}`, false},
	} {
		claims, err := token.ParseObject([]byte(tt.doc))
		if err != nil {
			t.Fatal(err)
		}
		g := grant{issuer: &Issuer{tenantClaim: []string{"org"}}, id: tt.id}
		if got := g.mine(claims); got != tt.want {
			t.Errorf("id %q, token %s: %v, want %v", tt.id, tt.doc, got, tt.want)
		}
	}
}

// What has no name and no id is nobody: neither a token without an id, whoever
// may be listed for none, nor a place without a tenant where somebody yields to
// none.
func TestP2NobodyIsNobody(t *testing.T) {
	verified := &token.Issuer{}
	e := newEntry(&entryForm{issuers: []*Issuer{{issuer: verified, tenantClaim: []string{"org"}}}})
	by := new(edit)
	acme := &Tenant{name: "acme"}
	e.claimed[0].set(by, "", claimed{tenant: acme})
	e.claimed[0].set(by, "org-1", claimed{tenant: acme})
	for doc, want := range map[string]Reason{`{}`: TenantUnknown, `{"org":""}`: TenantUnknown, `{"org":["org-1"]}`: TenantUnknown, `{"org":"x"}`: TenantUnknown, `{"org":"org-1"}`: 0} {
		claims, err := token.ParseObject([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if found, reason, ok := e.findTenant(&token.Verified{Issuer: verified, Claims: claims}); ok != (want == 0) || reason != want || ok && found.tenant != acme {
			t.Errorf("%s: %v, %v", doc, reason, ok)
		}
		if _, reason, ok := e.findTenant(&token.Verified{Issuer: &token.Issuer{}, Claims: claims}); ok || reason != Internal {
			t.Errorf("%s of another issuer: %v, %v", doc, reason, ok)
		}
	}
	if set := namesOf([]string{"", "a"}); set.has("") || !set.has("a") {
		t.Errorf("%v holds nobody", set)
	}
}

// The id of a grant is what its issuer's tokens have to say: that of the
// document, else the tenant's name, and none where they say nothing.
func TestIDOfAGrant(t *testing.T) {
	verified, err := token.NewIssuer(token.IssuerSpec{
		Name: "idp", URL: "https://id.example.com/", Audiences: []string{"a"}, Algorithms: []string{"EdDSA"}, Keys: noKeys{}, KeysID: "k",
	})
	if err != nil {
		t.Fatal(err)
	}
	for want, row := range map[string]struct {
		claim []string
		ids   map[string]string
	}{
		"acme": {[]string{"org"}, nil}, "org-1": {[]string{"org"}, map[string]string{"idp": "org-1"}}, "": {nil, nil},
	} {
		issuer, bad := NewIssuer(IssuerSpec{Issuer: verified, TenantClaim: row.claim})
		if len(bad) > 0 {
			t.Fatal(bad)
		}
		var found problems
		if g := compileGrant(&TenantSpec{Name: "acme", IDs: row.ids}, &IssuerGrant{Issuer: issuer}, "issuers[0]", &found); g.id != want || len(found.list) > 0 {
			t.Errorf("id %q, want %q, problems %v", g.id, want, found.list)
		}
	}
}
