package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestP2DelegatedFileBeyondItsGrant holds each thing that a delegated file may not
// say to its own place and words, beside a control that differs in that alone.
func TestP2DelegatedFileBeyondItsGrant(t *testing.T) {
	const policy = "policy: {use: [readers]}\n"
	own := func(issuer, rest string) string {
		return policy + "issuers: [{name: mine, issuer: '" + issuer + "', audiences: [https://acme.example.com], algorithms: [ES256]" + rest + "}]\n"
	}
	const jwk = `{kty: OKP, crv: Ed25519, kid: a, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}`
	plain := func(main string) string { // an issuer whose tokens name no tenant
		main = strings.Replace(main, "entries:\n", "  - {name: plain, issuer: https://plain.example.com, audiences: [https://acme.example.com, other], algorithms: [RS256]}\nentries:\n", 1)
		return strings.Replace(main, "issuers: [platform, realms]\n      headerNames", "issuers: [platform, realms, plain]\n      headerNames", 1)
	}
	for name, tt := range map[string]struct {
		edit func(string) string
		text string
		want string // "" for a control
	}{
		"an entry":                    {asItIs, policy + "entries: [own]\n", ""},
		"another entry":               {asItIs, policy + "entries: [own, partners]\n", `:2:16: entries[1]: the grant of this directory does not give the entry "partners"`},
		"issuers by name":             {asItIs, policy + "issuers: [platform, realms]\n", ""},
		"another issuer":              {plain, policy + "issuers: [platform, realmz]\n", `:2:21: issuers[1]: the grant of this directory does not give the issuer "realmz"`},
		"a part of the audiences":     {plain, policy + "issuers: [{name: plain, audiences: [https://acme.example.com]}]\n", ""},
		"another part":                {plain, policy + "issuers: [{name: plain, audiences: [https://acme.example.com, other]}]\n", `issuers[0].audiences[1]: the grant of this directory does not give the audience "other"`},
		"all audiences":               {plain, policy + "issuers: [plain]\n", "issuers[0]: the tokens of this issuer are told apart by their audiences alone"},
		"all audiences, with an end":  {plain, policy + "issuers: [{name: plain, until: 2099-01-01T00:00:00Z}]\n", "issuers[0]: the tokens of this issuer are told apart by their audiences alone"},
		"a header in any case":        {asItIs, policy + "headers: [{name: X-USER-ID, claim: sub}]\n", ""},
		"another header":              {asItIs, policy + "headers: [{name: X-Plan, value: x}]\n", `:2:18: headers[0].name: the grant of this directory does not give the header "x-plan"`},
		"a rule":                      {asItIs, "policy: {rules: [{name: a, action: deny, paths: [/a]}]}\n", ""},
		"a rule in shadow":            {asItIs, "policy: {rules: [{name: a, action: deny, paths: [/a], mode: shadow}]}\n", "policy.rules[0].mode: shadow is never for a delegated file"},
		"a field that is not given":   {func(main string) string { return strings.Replace(main, ", require, suspended]", "]", 1) }, policy + "require: []\n", ":2:10: require: the grant of this directory does not give the field require"},
		"a field that is never given": {asItIs, policy + "sharedTokens: true\n", "sharedTokens: sharedTokens is never for a delegated file"},
		"an issuer of its own":        {asItIs, own("https://id.acme.example", ", types: [JWT], clockSkew: 1s, maxTokenAge: 1h, claimMappings: {a: b}, jwksUri: https://id.acme.example/keys, until: 2099-01-01T00:00:00Z, keys: {deny: [a], uses: [sig]}"), ""},
		"keys of its own":             {asItIs, own("https://id.acme.example", ", jwks: {keys: ["+jwk+"]}"), ""},
		"an audience of another":      {asItIs, strings.Replace(own("https://id.acme.example", ""), "acme.example.com]", "acme.example.com, https://api.example.com]", 1), `issuers[0].audiences[1]: the grant of this directory does not give the audience "https://api.example.com"`},
		"in clear":                    {asItIs, own("http://id.acme.example", ""), "issuers[0].issuer: the URLs of a delegated file begin with https://"},
		"keys in clear":               {asItIs, own("https://id.acme.example", ", jwksUri: http://id.acme.example/keys"), "issuers[0].jwksUri: the URLs of a delegated file begin with https://"},
		"a template":                  {asItIs, own("https://id.acme.example/{tid}", ", jwksUri: https://id.acme.example/keys"), "issuers[0].issuer: a delegated file writes its URLs exactly"},
		"keys by template":            {asItIs, own("https://id.acme.example", ", jwksUri: 'https://id.acme.example/{tenant.name}'"), "issuers[0].jwksUri: a delegated file writes its URLs exactly"},
		"the main file's":             {asItIs, own("https://id.example.com/", ""), "issuers[0].issuer: this is an issuer of the main file (platform)"},
		"the main file's, less /":     {asItIs, own("https://ID.example.com", ""), "issuers[0].issuer: this is an issuer of the main file (platform)"},
		"of a template":               {asItIs, own("https://login.example.com/realms/globex", ""), "issuers[0].issuer: this is an issuer of the main file (realms)"},
		"of a template, its own":      {asItIs, own("https://login.example.com/realms/acme/", ""), "issuers[0].issuer: this is an issuer of the main file (realms)"},
		"beside a template":           {asItIs, own("https://login.example.com/realm/acme", ""), ""},
		"a claim that names tenants":  {asItIs, own("https://id.acme.example", ", tenantClaim: org"), "tenantClaim is never for an issuer of a delegated file"},
		"another claim for audiences": {asItIs, own("https://id.acme.example", ", audienceClaim: azp"), "audienceClaim is never for an issuer of a delegated file"},
		"keys of a file":              {asItIs, own("https://id.acme.example", ", jwksFile: keys.json"), "jwksFile is never for an issuer of a delegated file"},
		"other places of tokens":      {asItIs, own("https://id.acme.example", ", fromHeaders: [{name: x-token}]"), "fromHeaders is never for an issuer of a delegated file"},
		"other settings of keys":      {asItIs, own("https://id.acme.example", ", keys: {timeout: 1s}"), "keys.timeout is never for an issuer of a delegated file"},
		"private addresses":           {asItIs, own("https://id.acme.example", ", keys: {allowPrivateAddresses: true}"), "keys.allowPrivateAddresses is never for an issuer of a delegated file"},
		"empty names":                 {asItIs, policy + "issuers: ['']\nentries: ['']\n", "issuers[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			base, file, compiled, problems := delegated(t, tt.edit, tt.text)
			if tt.want == "" {
				if compiled == nil {
					t.Fatalf("refused: %v", problems)
				}
				return
			}
			if compiled != nil || !strings.Contains(problems.Error(), tt.want) {
				t.Errorf("got %v, want %s", problems, tt.want)
			}
			if _, unread := base.Tenant(readAsThePlatforms(t, file)); !strings.Contains(unread.Error(), tt.want) {
				t.Errorf("read before its directory was delegated: %v, want %s", unread, tt.want)
			}
			if strings.Contains(problems.Error(), `does not give the issuer ""`) || strings.Contains(problems.Error(), `does not give the entry ""`) {
				t.Errorf("what is empty is reported twice: %v", problems)
			}
		})
	}
}

// readAsThePlatforms reads a file as it was before its directory was delegated.
func readAsThePlatforms(t *testing.T, file *TenantFile) *TenantFile {
	t.Helper()
	before, _ := ReadTenantFile(file.Path())
	if before == nil || before.Delegated() {
		t.Fatal("the file is not read as one of the platform's")
	}
	return before
}

// TestDelegatedInlineTenantsAreThePlatforms: a tenant in the main file is judged by
// no grant, also where the file lies in the directory itself.
func TestDelegatedInlineTenantsAreThePlatforms(t *testing.T) {
	base, file, _, _ := delegated(t, asItIs, "policy: {use: [readers]}\n")
	inline := *file
	if base.main.delegationOf(&inline) == nil {
		t.Fatal("control: a file of the directory has a grant")
	}
	if inline.main = true; base.main.delegationOf(&inline) != nil {
		t.Error("a tenant of the main file has a grant")
	}
	below := write(t, "policy: {use: [readers]}\n", filepath.Dir(file.Path()), "below", "x.yaml")
	deeper, err := ReadTenantFile(below)
	if err != nil || base.main.delegationOf(deeper) != nil {
		t.Errorf("a file further down has the grant: %v", err)
	}
}

// TestDelegatedLabelsAreAsMany as those of any tenant.
func TestDelegatedLabelsAreAsMany(t *testing.T) {
	for n, want := range map[int]string{maxLabels: "", maxLabels + 1: "labels: a tenant has at most 64 labels"} {
		many := func(main string) string {
			var labels strings.Builder
			for k := range n - 2 {
				fmt.Fprintf(&labels, ", l%d: x", k)
			}
			return strings.Replace(main, "plan: silver}", "plan: silver"+labels.String()+"}", 1)
		}
		main := many("apiVersion: claimgate.dev/v1alpha1\ntenantDirs: [{path: customers, delegated: {fields: [policy], labels: {realm: x, plan: silver}}}]\n")
		dir := t.TempDir()
		write(t, "", dir, "customers", ".hidden.yaml")
		mistakes, _ := check(t, write(t, main, dir, "claimgate.yaml"))
		if got := mistakes.Error(); strings.Contains(got, "a tenant has at most") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%d labels: %v", n, mistakes)
		}
	}
}
