package config

import (
	"strings"
	"testing"
)

// TestP2NobodyTakesAnIssuerOfATemplateBeforeItsTenant: a tenant file does not
// define what a template of the main file makes of another tenant, also of one
// that does not exist yet.
func TestP2NobodyTakesAnIssuerOfATemplateBeforeItsTenant(t *testing.T) {
	const rest = ", audiences: [a], algorithms: [ES256]"
	dir := t.TempDir()
	_, base := compileMain(t, write(t, `apiVersion: claimgate.dev/v1alpha1
listen: {address: 127.0.0.1:9191}
issuers:
  - {name: realm, issuer: "https://id.example/realms/{tenant.labels.realm}"`+rest+`}
  - {name: host, issuer: "https://{tenant.name}.id.example"`+rest+`}
  - {name: both, issuer: "https://two.example/{tenant.name}/{tid}/v2", jwksUri: https://two.example/keys, tenantClaim: tid`+rest+`}
  - {name: keys, issuer: https://fixed.example, jwksUri: "https://fixed.example/{tenant.name}", tenantClaim: org`+rest+`}
entries: [{name: mesh, contextExtension: tenant}]
tenantDefaults: {entries: [mesh], policy: {rules: [{name: all, action: allow, anyToken: true}]}}
`, dir, "claimgate.yaml"))
	for name, tt := range map[string]struct{ labels, issuer, by string }{
		"a label":                      {"", "https://id.example/realms/bob", "realm"},
		"another label than its own":   {"realm: eve", "https://id.example/realms/bob", "realm"},
		"a name":                       {"", "https://bob.id.example", "host"},
		"made of its label":            {"x: bob", "https://{tenant.labels.x}.id.example", "host"},
		"a name and any claim":         {"", "https://two.example/bob/1234/v2", "both"},
		"control: its own label":       {"realm: bob", "https://id.example/realms/bob", ""},
		"control: its own name":        {"", "https://eve.id.example", ""},
		"control: deeper":              {"", "https://id.example/realms/bob/x", ""},
		"control: a dot is a dot":      {"", "https://bobXid.example", ""},
		"control: elsewhere":           {"", "https://idp.example/realms/bob", ""},
		"control: a fixed issuer":      {"", "https://fixed.example", ""},
		"control: longer than a value": {"", "https://id.example/realms/" + strings.Repeat("b", 65), ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := "labels: {" + tt.labels + "}\nissuers: [{name: own, issuer: '" + tt.issuer + "', tenantClaim: org" + rest + "}]\n"
			file, err := ReadTenantFile(write(t, text, dir, "eve.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			compiled, problems := base.Tenant(file)
			held := base.Places(file).Issuers
			if tt.by == "" {
				if compiled == nil || len(held) != 1 {
					t.Errorf("refused: %v; held %v", problems, held)
				}
				return
			}
			if compiled != nil || len(problems) != 1 || problems[0].Path != "issuers[0].issuer" || !strings.Contains(problems[0].Message, "by "+tt.by+" of") {
				t.Errorf("compiled %v, problems %v", compiled != nil, problems)
			}
			if len(held) != 0 {
				t.Errorf("a file that is bad for it holds it: %v", held)
			}
		})
	}
}
