package config

import (
	"fmt"
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

// TestP2NobodyTakesAFixedIssuerOfTheMainFile: a tenant file does not define what
// the main file defines, whoever uses that already, unless both tell their tenants
// apart by one claim.
func TestP2NobodyTakesAFixedIssuerOfTheMainFile(t *testing.T) {
	const rest = ", audiences: [a], algorithms: [ES256]"
	dir := t.TempDir()
	_, base := compileMain(t, write(t, `apiVersion: claimgate.dev/v1alpha1
listen: {address: 127.0.0.1:9191}
issuers:
  - {name: plain, issuer: https://plain.example`+rest+`}
  - {name: claimed, issuer: https://claimed.example, tenantClaim: org`+rest+`}
  - {name: realms, issuer: https://realms.example, jwksUri: "https://realms.example/{tenant.name}"`+rest+`}
  - {name: many, issuer: "https://many.example/{tid}/v2", jwksUri: https://many.example/keys, tenantClaim: tid`+rest+`}
  - {name: twice, issuer: https://twice.example, tenantClaim: org`+rest+`}
  - {name: again, issuer: https://twice.example`+rest+`}
entries: [{name: mesh, contextExtension: tenant}]
tenantDefaults: {entries: [mesh], policy: {rules: [{name: all, action: allow, anyToken: true}]}}
`, dir, "claimgate.yaml"))
	for name, tt := range map[string]struct{ file, issuer, claim, by string }{
		"to the byte":                {"", "https://plain.example", "", "plain"},
		"claim on one side":          {"", "https://plain.example", "org", "plain"},
		"claim on the other":         {"", "https://claimed.example", "", "claimed"},
		"another claim":              {"", "https://claimed.example", "sub", "claimed"},
		"a path, not its name":       {"", "https://claimed.example", "[org, id]", "claimed"},
		"made of a label":            {"labels: {x: plain}\n", "https://{tenant.labels.x}.example", "", "plain"},
		"keys by template":           {"", "https://realms.example", "", "realms"},
		"one of many":                {"", "https://many.example/1234/v2", "", "many"},
		"one of two":                 {"", "https://twice.example", "org", "again"},
		"says that it does not":      {"sharedTokens: false\n", "https://plain.example", "", "plain"},
		"shares tokens":              {"sharedTokens: true\n", "https://plain.example", "", "plain"},
		"shares tokens of many":      {"sharedTokens: true\n", "https://many.example/1234/v2", "", "many"},
		"control: one claim":         {"", "https://claimed.example", "org", ""},
		"control: one of many, tid":  {"", "https://many.example/1234/v2", "tid", ""},
		"control: another":           {"", "https://plain.example/", "", ""},
		"control: below many":        {"", "https://many.example/1234/v2/x", "", ""},
		"control: another, by label": {"labels: {x: other}\n", "https://{tenant.labels.x}.example", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			claim := ""
			if tt.claim != "" {
				claim = ", tenantClaim: " + tt.claim
			}
			text := tt.file + "issuers:\n  - {name: own, issuer: '" + tt.issuer + "'" + claim + rest + "}\n"
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
			if compiled != nil || len(held) != 0 {
				t.Fatalf("compiled %v, held %v", compiled != nil, held)
			}
			where := fmt.Sprintf("eve.yaml:%d:25: issuers[0].issuer: this issuer is %s of the main file", 2+strings.Count(tt.file, "\n"), tt.by)
			if len(problems) != 1 || !strings.Contains(problems[0].String(), where) || !strings.Contains(problems[0].Mend, "issuers: ["+tt.by+"]") {
				t.Errorf("problems %v, want %s", problems, where)
			}
		})
	}
}

// TestP2TheMainFileMayDefineATenantsIssuerAgain: who writes the main file decides
// for its tenants, so that what it defines there is compared as ever.
func TestP2TheMainFileMayDefineATenantsIssuerAgain(t *testing.T) {
	const rest = ", audiences: [a], algorithms: [ES256]"
	_, base := compileMain(t, write(t, `apiVersion: claimgate.dev/v1alpha1
listen: {address: 127.0.0.1:9191}
issuers: [{name: plain, issuer: https://plain.example`+rest+`}]
entries: [{name: mesh, contextExtension: tenant}]
tenants:
  - name: acme
    entries: [mesh]
    issuers: [{name: own, issuer: https://plain.example`+rest+`}]
    policy: {rules: [{name: all, action: allow, anyToken: true}]}
`, t.TempDir(), "claimgate.yaml"))
	for _, file := range base.Main().Inline() {
		if compiled, problems := base.Tenant(file); compiled == nil {
			t.Errorf("refused: %v", problems)
		}
	}
}
