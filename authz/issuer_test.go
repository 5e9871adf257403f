package authz

import (
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz/token"
)

func verifiedIssuer(t *testing.T, url string) *token.Issuer {
	t.Helper()
	issuer, err := token.NewIssuer(token.IssuerSpec{
		Name: "idp", URL: url, Audiences: []string{"a"}, Algorithms: []string{"RS256"}, Types: []string{"JWT"}, Keys: noKeys{}, KeysID: url,
	})
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

func TestNewIssuerProblems(t *testing.T) {
	idp := verifiedIssuer(t, "https://id.example.com/")
	long := strings.Split(strings.Repeat("a", token.MaxDepth+1), "")
	for name, row := range map[string]struct {
		spec IssuerSpec
		path string // of the one problem
		says string
	}{
		"no issuer":          {IssuerSpec{}, "", "missing"},
		"empty tenant claim": {IssuerSpec{Issuer: idp, TenantClaim: []string{}}, "tenantClaim", "claim path"},
		"no claim":           {IssuerSpec{Issuer: idp, TenantClaim: []string{"org", ""}}, "tenantClaim", "empty name"},
		"deep tenant claim":  {IssuerSpec{Issuer: idp, TenantClaim: long}, "tenantClaim", "claim path"},
		"unnamed mapping":    {IssuerSpec{Issuer: idp, Mappings: map[string][]string{"": {"a"}}}, "claimMappings", "no name"},
		"empty mapping":      {IssuerSpec{Issuer: idp, Mappings: map[string][]string{"a": {}}}, "claimMappings.a", "claim path"},
		"deep mapping":       {IssuerSpec{Issuer: idp, Mappings: map[string][]string{"a": long, "b": long[1:]}}, "claimMappings.a", "claim path"},
		"credential":         {IssuerSpec{Issuer: idp, Credentials: []CredentialSpec{{}}}, "credentials[0]", "exactly one"},
	} {
		issuer, problems := NewIssuer(row.spec)
		if issuer != nil || len(problems) != 1 || problems[0].Path != row.path || !strings.Contains(problems[0].Error(), row.says) {
			t.Errorf("%s: %v, want one problem at %q that says %q", name, problems, row.path, row.says)
		}
	}
	if issuer, problems := NewIssuer(IssuerSpec{Issuer: idp, TenantClaim: long[1:], Mappings: map[string][]string{"a": long[1:]}}); issuer == nil {
		t.Errorf("at the bounds: %v", problems)
	}
}

// Tenants meet at an entry by issuers of one definition: the same settings, and
// the same claim that names the tenant.
func TestP2SameIssuer(t *testing.T) {
	url, other := "https://id.example.com/", "https://other.example.com/"
	compile := func(url string, claim ...string) *Issuer {
		issuer, problems := NewIssuer(IssuerSpec{Issuer: verifiedIssuer(t, url), TenantClaim: claim})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return issuer
	}
	org := compile(url, "org")
	for name, row := range map[string]struct {
		other *Issuer
		want  bool
	}{
		"itself":               {org, true},
		"compiled twice":       {compile(url, "org"), true},
		"another issuer":       {compile(other, "org"), false},
		"another claim":        {compile(url, "tid"), false},
		"a longer path":        {compile(url, "org", "id"), false},
		"no claim":             {compile(url), false},
		"nothing in common":    {compile(other, "tid"), false},
		"another, of no claim": {compile(other), false},
	} {
		if org.same(row.other) != row.want || row.other.same(org) != row.want {
			t.Errorf("%s: want %v", name, row.want)
		}
	}
}

// A token is good only in a place of its own issuer, so places differ by kind,
// name and scheme.
func TestP2SamePlace(t *testing.T) {
	specs := []CredentialSpec{
		{Header: "a", Prefix: "Bearer"}, {Header: "b", Prefix: "Bearer"}, {Header: "a", Prefix: "Token"}, {Header: "a"}, {Header: "b"},
		{Cookie: "a"}, {Cookie: "b"}, {Cookie: "A"}, {Param: "a"}, {Param: "b"}, {Param: "A"},
	}
	for i := range specs {
		for k := range specs {
			if specs[i].same(&specs[k]) != (i == k) {
				t.Errorf("%+v and %+v: %v", specs[i], specs[k], i != k)
			}
			issuer := &Issuer{credentials: []CredentialSpec{specs[i]}}
			if issuer.admits(&specs[k]) != (i == k) {
				t.Errorf("an issuer of %+v admits %+v: %v", specs[i], specs[k], i != k)
			}
		}
	}
	if upper := (CredentialSpec{Header: "a", Prefix: "BEARER"}); !specs[0].same(&upper) {
		t.Error("the case of a scheme counts")
	}
}
