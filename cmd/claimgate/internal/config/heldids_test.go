package config

import (
	"maps"
	"testing"
)

// The name is an id too, wherever none is written, so that nobody takes it while
// the tenant has no good version.
func TestP2PlacesHoldTheIDsOfTheName(t *testing.T) {
	const issuer = ", audiences: [a], algorithms: [ES256]"
	dir := t.TempDir()
	_, base := compileMain(t, write(t, `apiVersion: claimgate.dev/v1alpha1
listen: {address: 127.0.0.1:9191}
issuers:
  - {name: org, issuer: https://org.example`+issuer+`, tenantClaim: org_id}
  - {name: plain, issuer: https://plain.example`+issuer+`}
entries: [{name: mesh, contextExtension: tenant}]
tenantDefaults: {issuers: [org, plain]}
`, dir, "claimgate.yaml"))
	for name, tt := range map[string]struct {
		text string
		want map[string]string
	}{
		"by default":   {"entries: [mesh]\n", map[string]string{"org": "acme"}},
		"written":      {"entries: [mesh]\nids: {org: o-1}\n", map[string]string{"org": "o-1"}},
		"not admitted": {"entries: [mesh]\nissuers: [plain]\n", map[string]string{}},
		"of its own": {"hosts: [a.example]\nissuers: [{name: own, issuer: https://own.example" + issuer + ", tenantClaim: t}, {name: org}]\npolicy: 5\n",
			map[string]string{"own": "acme", "org": "acme"}},
		"places unknown": {"ids: {org: o-1}\n", map[string]string{"org": "o-1"}},
		"nothing known":  {"hosts: 5\n", map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			file, _ := ReadTenantFile(write(t, tt.text, dir, "acme.yaml")) // some are bad on purpose
			if got := base.Places(file).IDs; !maps.Equal(got, tt.want) {
				t.Errorf("ids %v, want %v", got, tt.want)
			}
		})
	}
}
