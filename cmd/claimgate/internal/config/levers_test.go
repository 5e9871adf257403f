package config

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

const leversMain = `apiVersion: claimgate.dev/v1alpha1
issuers: [{name: idp, issuer: https://id.example.com, audiences: [api], algorithms: [RS256]}]
policies: [{name: all, rules: [{name: all, action: allow, anyToken: true}]}]
tenantDirs: [{path: tenants}]
`

// leverExamples are the documents in the text, by the file that they change.
func leverExamples(t *testing.T) (main, tenant []string) {
	t.Helper()
	for _, match := range regexp.MustCompile(`(?m)^    # (.*)\n((?:    .*\n)+)`).FindAllStringSubmatch(Levers(), -1) {
		text := regexp.MustCompile(`(?m)^    `).ReplaceAllString(match[2], "")
		switch match[1] {
		case "claimgate.yaml":
			main = append(main, text)
		case "tenants/acme.yaml":
			tenant = append(tenant, text)
		default:
			t.Fatalf("an example is for %q", match[1])
		}
	}
	if len(main) != 3 || len(tenant) != 3 {
		t.Fatalf("%d examples for the main file, %d for tenants", len(main), len(tenant))
	}
	return main, tenant
}

// leverTenant compiles the tenant acme with additions to both files.
func leverTenant(t *testing.T, main, tenant string) *Tenant {
	t.Helper()
	dir := t.TempDir()
	head := leversMain
	if strings.HasPrefix(main, "issuers:") { // it stands for that of the head
		head = regexp.MustCompile(`(?m)^issuers:.*\n`).ReplaceAllString(head, "")
	}
	_, base := compileMain(t, write(t, head+main, dir, "claimgate.yaml"))
	text := "hosts: [a.example]\n" + tenant
	if !strings.Contains(text, "issuers:") && !strings.Contains(main, "until:") {
		text += "issuers: [idp]\n"
	}
	if !strings.Contains(text, "policy:") {
		text += "policy: {use: [all]}\n"
	} else {
		text = strings.Replace(text, "policy:\n", "policy:\n  use: [all]\n", 1)
	}
	return tenantOf(t, base, write(t, text, dir, "tenants", "acme.yaml"))
}

// Every example of the text is a document that loads.
func TestLeversLoad(t *testing.T) {
	main, tenant := leverExamples(t)
	for _, text := range main {
		leverTenant(t, text, "")
	}
	for _, text := range tenant {
		leverTenant(t, "", text)
	}
}

// texts are claims that are texts.
type texts map[string]string

// Claim implements policy.Claims.
func (c texts) Claim(path []string) policy.Value {
	if value, ok := c[path[0]]; ok && len(path) == 1 {
		return policy.Value{Kind: policy.String, String: value}
	}
	return policy.Value{}
}

// The rules deny whom they name and nobody else, tokens without the claim
// included.
func TestLeversDenyWhomTheyName(t *testing.T) {
	main, tenant := leverExamples(t)
	everywhere := leverTenant(t, main[slices.IndexFunc(main, func(s string) bool { return strings.Contains(s, "jti") })], "").Policy()
	here := leverTenant(t, "", tenant[slices.IndexFunc(tenant, func(s string) bool { return strings.Contains(s, "policy") })]).Policy()
	tests := []struct {
		name             string
		claims           texts
		everywhere, here policy.Outcome
	}{
		{"another subject", texts{"sub": "u-1"}, policy.Allowed, policy.Allowed},
		{"no subject", texts{}, policy.Allowed, policy.Allowed},
		{"another token", texts{"sub": "u-1", "jti": "x"}, policy.Allowed, policy.Allowed},
		{"the subject", texts{"sub": "u-17"}, policy.DeniedByRule, policy.DeniedByRule},
		{"the token", texts{"sub": "u-1", "jti": "4f1c9a7e"}, policy.DeniedByRule, policy.Allowed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := policy.Input{Method: "GET", Path: "/", Claims: tt.claims, IssuerName: "idp", IssuerURL: "https://id.example.com"}
			if got := everywhere.Evaluate(&in).Outcome; got != tt.everywhere {
				t.Errorf("for every tenant: %v, want %v", got, tt.everywhere)
			}
			if got := here.Evaluate(&in).Outcome; got != tt.here {
				t.Errorf("for one tenant: %v, want %v", got, tt.here)
			}
		})
	}
}
