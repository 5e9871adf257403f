package config

import (
	"fmt"
	"testing"
)

// The issuers that a bad file names are told as far as they can be read.
func TestP2PlacesHoldTheIssuersOfAFile(t *testing.T) {
	const rest = ", audiences: [a, b], algorithms: [ES256]"
	dir := t.TempDir()
	_, base := compileMain(t, write(t, `apiVersion: claimgate.dev/v1alpha1
listen: {address: 127.0.0.1:9191}
issuers:
  - {name: org, issuer: https://org.example`+rest+`, tenantClaim: org_id}
  - {name: realm, issuer: "https://id.example/{tenant.labels.realm}"`+rest+`}
entries: [{name: mesh, contextExtension: tenant}]
tenantDefaults: {issuers: [realm], entries: [mesh]}
`, dir, "claimgate.yaml"))
	const org, own = `{org https://org.example [org_id] [] false}`, `{own https://own.example [] [] false}`
	for name, tt := range map[string]struct{ text, want string }{
		"by default":         {"labels: {realm: r1}\nnonsense: 1\n", "[{realm https://id.example/r1 [] [] false}]"},
		"without its label":  {"nonsense: 1\n", "[]"},
		"of the main file":   {"issuers: [org]\nnonsense: 1\n", "[" + org + "]"},
		"a part of it":       {"issuers: [{name: org, audiences: [b]}]\nsharedTokens: true\n", "[{org https://org.example [org_id] [b] true}]"},
		"of its own":         {"issuers: [{name: own, issuer: https://own.example" + rest + "}, org, none]\npolicy: 5\n", "[" + own + " " + org + "]"},
		"badly written":      {"issuers: [{name: org, audience: [b]}]\n", "[]"},
		"badly shared":       {"issuers: [org]\nsharedTokens: 5\n", "[]"},
		"nothing to be read": {"]", "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			file, _ := ReadTenantFile(write(t, tt.text, dir, "acme.yaml")) // some are bad on purpose
			if got := fmt.Sprint(base.Places(file).Issuers); got != tt.want {
				t.Errorf("issuers %s, want %s", got, tt.want)
			}
		})
	}
}
