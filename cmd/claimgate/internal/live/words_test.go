package live

import (
	"os"
	"strings"
	"testing"
)

// second is an issuer of the main file beside idp, of which tenants may have parts.
const second = `issuers:
  - {name: parts, issuer: https://parts.example, audiences: [shop.example, b.example, c.example], algorithms: [EdDSA], jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}}
  - {name: other, issuer: https://other.example, audiences: [arena], algorithms: [EdDSA], tenantClaim: org, jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}}
`

// TestP2WhatAConflictIsAboutIsNoMatterOfItsWords: an older tenant asks for something
// new, of which the words stand in the message about something else, that it had
// and a broken file merely claims. It takes nothing of anybody.
func TestP2WhatAConflictIsAboutIsNoMatterOfItsWords(t *testing.T) {
	for name, tt := range map[string]struct{ had, asks, young, broken string }{
		"an id of one issuer is an id of another": {
			"issuers: [idp]\nids: {idp: x1}\n", "issuers: [idp, other]\nids: {idp: x1, other: x1}\n",
			"issuers: [other]\n", "issuers: [idp]\nids: {idp: x1}\n",
		},
		"an id is the name of the other tenant": {
			"issuers: [idp]\nids: {idp: x1}\n", "issuers: [idp, other]\nids: {idp: x1, other: young}\n",
			"issuers: [{name: parts, audiences: [b.example]}]\n", "issuers: [idp]\nids: {idp: x1}\n",
		},
		"a host is an audience": {
			"issuers: [{name: parts, audiences: [shop.example]}]\n", "issuers: [{name: parts, audiences: [shop.example]}]\nhosts: [shop.example]\n",
			"issuers: [{name: parts, audiences: [b.example]}]\n", "issuers: [{name: parts, audiences: [shop.example]}]\n",
		},
		"control: nothing is new": {
			"issuers: [idp]\nids: {idp: x1}\n", "issuers: [idp]\nids: {idp: x1}\n# changed\n",
			"issuers: [other]\n", "issuers: [idp]\nids: {idp: x1}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArena(t, 0)
			if err := os.Mkdir(a.path("state"), 0o700); err != nil {
				t.Fatal(err)
			}
			a.main(strings.Replace(arenaMain, "issuers:\n", second, 1) + "stateDir: state\n")
			a.tenant("old", arenaTenant("v1")+tt.had)
			a.open()
			a.onLaterClock()
			a.tenant("young", arenaTenant("v1")+tt.young)
			a.reloadWithKeys()
			if got := a.state("young"); got != Active {
				t.Fatalf("before, young is %s: %+v", got, a.live.Status().Troubled)
			}
			a.tenant("young", arenaTenant("v1")+tt.broken+"nonsense: 1\n")
			a.tenant("old", arenaTenant("v1")+tt.asks)
			a.open()
			if got := a.state("old"); got != Active {
				t.Errorf("old is %s: %+v", got, a.live.Status().Troubled)
			}
			if got := a.state("young"); got != Quarantined {
				t.Errorf("young is %s: %+v", got, a.live.Status().Troubled)
			}
		})
	}
}
