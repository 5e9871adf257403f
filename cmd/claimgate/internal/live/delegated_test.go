package live

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// delegatedMain is a platform with a directory of its own and one that its
// customers write. Of the issuers, realms and entra are templates, and private
// is for the platform's tenants alone.
const delegatedMain = `apiVersion: claimgate.dev/v1alpha1
realm: arena
ownedHeaders: [x-version, x-role]
issuers:
  - name: idp
    issuer: https://id.example.com
    audiences: [arena]
    algorithms: [EdDSA]
    tenantClaim: org
    claimMappings: {roles: groups}
    jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}
  - {name: realms, issuer: "https://login.example.com/realms/{tenant.labels.realm}", audiences: [arena], algorithms: [EdDSA], jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}}
  - {name: entra, issuer: "https://login.example.net/{tid}/v2.0", audiences: [arena], algorithms: [EdDSA], tenantClaim: org, jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}}
  - {name: private, issuer: https://private.example.com, audiences: [arena], algorithms: [EdDSA], jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}}
  - {name: parts, issuer: https://parts.example.com, audiences: [part-victim, part-mallory], algorithms: [EdDSA], jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}}
entries:
  - {name: own, hosts: ["{tenant}.api.example.com"]}
  - {name: internal, hosts: ["{tenant}.internal.example.com"]}
tenantDefaults:
  entries: [own]
  issuers: [idp]
  require: [{claim: sub, exists: true}]
  policy: {rules: [{name: vault, action: deny, paths: [/vault/**]}]}
  headers: [{name: x-tenant, tenant: name}]
tenants:
  - name: inline
    labels: {realm: head-office}
    issuers: [idp, realms]
    policy: {rules: [{name: all, action: allow, anyToken: true}]}
tenantDirs:
  - path: tenants
  - path: customers
    delegated:
      fields: [entries, headers, issuers, policy, require]
      entries: [own]
      issuers: [idp, parts]
      headerNames: [x-version]
      audiences: ["https://{tenant.name}.example.com", "part-{tenant.name}"]
      labels: {realm: "{tenant.name}", plan: silver, version: v1}
`

// delegatedTenant is what the customers say before anybody attacks.
const delegatedTenant = `headers: [{name: x-version, tenant: labels.version}]
policy:
  rules:
    - {name: read, action: allow, methods: [GET], paths: ["/**"], anyToken: true}
`

const victimTenant = delegatedTenant + `issuers:
  - idp
  - {name: mine, issuer: https://id.victim.example, audiences: [https://victim.example.com], algorithms: [EdDSA], jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}]}}
`

// newDelegated starts with two tenants of the platform and two customers, of
// which mallory is the attacker.
func newDelegated(t *testing.T) *arena {
	t.Helper()
	a := newArena(t, 0)
	a.main(delegatedMain)
	if err := os.Mkdir(a.path("customers"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.tenant("platform", "labels: {realm: hall}\nissuers: [idp, realms]\nids: {idp: org-platform}\nhosts: [platform.example]\n"+strings.ReplaceAll(delegatedTenant, "tenant: labels.version", "value: v1"))
	a.customer("victim", victimTenant)
	a.customer("mallory", delegatedTenant)
	a.open()
	a.onLaterClock()
	a.neighbours("before")
	a.answers("before", "mallory.api.example.com", "mallory", "allowed x-tenant=mallory x-version=v1")
	return a
}

func (a *arena) customer(name, text string) {
	a.t.Helper()
	a.replace(a.path("customers", name+".yaml"), text)
}

// wait lets the time pass in which a file may be in the making, and the keys of
// a new version be fetched.
func (a *arena) wait() {
	maps.Copy(a.live.waited, a.live.pending)
	then := a.live.opts.Now().Add(settleMost)
	a.live.opts.Now, a.live.disk.now = func() time.Time { return then }, func() time.Time { return then }
}

func (a *arena) answers(when, host, org, want string) {
	a.t.Helper()
	if got := a.ask(host, "/orders/1", a.token(org)); got != want {
		a.t.Errorf("%s: %s with a token of %q: %q, want %q", when, host, org, got, want)
	}
}

// neighbours holds that everybody but mallory is served as ever.
func (a *arena) neighbours(when string) {
	a.t.Helper()
	a.answers(when, "platform.example", "org-platform", "allowed x-tenant=platform x-version=v1")
	a.answers(when, "victim.api.example.com", "victim", "allowed x-tenant=victim x-version=v1")
	a.answers(when, "inline.api.example.com", "inline", "allowed x-tenant=inline")
	a.answers(when, "victim.api.example.com", "mallory", "tenant_mismatch")
	a.answers(when, "platform.example", "mallory", "tenant_mismatch")
}

// troubleOf returns what is wrong with a tenant's file, and its state.
func (a *arena) troubleOf(name string) (State, string) {
	status := a.live.Status()
	i := slices.IndexFunc(status.Troubled, func(t Troubled) bool { return t.Name == name })
	if i < 0 {
		return "", ""
	}
	return status.Troubled[i].State, status.Troubled[i].Text
}

// TestDelegatedFileIsRefused is the table of what the administrator of a tenant
// may write to get at something that is not the tenant's. Each row is written as
// a new version of a tenant in force, which keeps its last good one, and as the
// first version of another, which never comes into force. Nobody else notices.
func TestDelegatedFileIsRefused(t *testing.T) {
	a := newDelegated(t)
	for k, attack := range delegatedAttacks() {
		fresh := fmt.Sprintf("new%04d", k) // as long as the other name, for the columns
		for name, state := range map[string]State{"mallory": Stale, fresh: Quarantined} {
			when := attack.what + " (" + string(state) + ")"
			a.customer(name, strings.ReplaceAll(attack.file, "NAME", name))
			a.live.reload(ask{})
			a.wait()
			a.live.reload(ask{})
			got, text := a.troubleOf(name)
			path := a.path("customers", name+".yaml")
			if want := path + ":" + strings.ReplaceAll(attack.want, "NAME", name); got != state || !strings.HasPrefix(text, want) {
				t.Errorf("%s: %s\n%s\nwant\n%s", when, got, text, want)
			}
			for line := range strings.Lines(text) {
				if !strings.HasPrefix(line, path+":") {
					t.Errorf("%s: a problem elsewhere: %s", when, line)
				}
			}
			a.neighbours(when)
			a.answers(when, "mallory.api.example.com", "mallory", "allowed x-tenant=mallory x-version=v1")
		}
		a.answers(attack.what, fresh+".api.example.com", fresh, "tenant_unavailable")
		if err := os.Remove(a.path("customers", fresh+".yaml")); err != nil {
			t.Fatal(err)
		}
		a.live.reload(ask{})
	}
	a.customer("mallory", strings.ReplaceAll(delegatedTenant, "/**", "/orders/**"))
	a.live.reload(ask{})
	if state, text := a.troubleOf("mallory"); state != "" {
		t.Errorf("after all: %s: %s", state, text)
	}
	a.neighbours("after all")
}
