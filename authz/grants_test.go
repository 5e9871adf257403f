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
