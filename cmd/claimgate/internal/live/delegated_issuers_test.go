package live

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
)

// mineAt is an issuer of a delegated file's own.
func mineAt(url string) string {
	return "issuers: [{name: mine, issuer: '" + url + "', audiences: [https://NAME.example.com], algorithms: [EdDSA], jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}}]\n"
}

// TestP2IssuersOfABrokenDelegatedTenantAreHeld: what is wrong with the issuers
// that a delegated file names takes nothing that the tenant had: it serves as
// before, and after a start holds its issuer from everybody.
func TestP2IssuersOfABrokenDelegatedTenantAreHeld(t *testing.T) {
	const url = "https://id.acme.example"
	for name, broken := range map[string]string{
		"no list":           "issuers: 5\n" + allowAll,
		"an odd element":    "issuers: [idp, 5]\n" + allowAll,
		"an unknown field":  "issuers: [{name: mine, issuers: '" + url + "'}]\n" + allowAll,
		"a bad URL":         "issuers: [{name: mine, issuer: 5}]\n" + allowAll,
		"one not given":     "issuers: [private]\n" + allowAll,
		"empty":             "issuers: []\n" + allowAll,
		"written twice":     strings.Repeat("issuers: [idp]\n", 2) + allowAll,
		"nothing to read":   "]",
		"shared ill-formed": mineAt(url) + "sharedTokens: 5\n" + allowAll,
	} {
		t.Run(name, func(t *testing.T) {
			a := newDelegated(t)
			if err := os.Mkdir(a.path("state"), 0o700); err != nil {
				t.Fatal(err)
			}
			a.main(delegatedMain + "stateDir: state\n")
			public := base64.RawURLEncoding.EncodeToString(a.secret.Public().(ed25519.PublicKey))
			of := func(tenant, text string) string {
				return strings.NewReplacer("NAME", tenant, "PUBLIC", public).Replace(text)
			}
			a.customer("acme", of("acme", mineAt(url)+allowAll))
			a.open()
			a.onLaterClock()
			bearer := a.signedFor("https://acme.example.com", url, "acme")
			serves := func(what, want string) {
				t.Helper()
				if got := a.ask("acme.api.example.com", "/orders/1", bearer); got != want {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
			}
			serves("before", "allowed x-tenant=acme")
			a.customer("acme", broken)
			a.customer("newcomer", of("newcomer", mineAt(url)+allowAll))
			a.tenant("later", "hosts: [later.example]\n"+allowAll+of("later", mineAt(url)))
			a.live.reload(ask{})
			serves("broken", "allowed x-tenant=acme")
			a.held("broken", Stale)
			a.open()
			a.onLaterClock()
			a.live.reload(ask{})
			serves("after a start", "tenant_unavailable")
			a.held("after a start", Quarantined)
			a.open() // by what that start kept
			a.onLaterClock()
			a.held("after another start", Quarantined)
			a.main(delegatedMain + "stateDir: state\ncache: {tokens: 100}\n")
			a.live.reload(ask{})
			a.held("another main file", Quarantined)
			a.customer("acme", of("acme", mineAt(url)+allowAll))
			a.live.reload(ask{})
			serves("mended", "allowed x-tenant=acme")
		})
	}
}

// held compares the states of acme and of those that ask for its issuer.
func (a *arena) held(what string, acme State) {
	a.t.Helper()
	for name, want := range map[string]State{"acme": acme, "newcomer": Quarantined, "later": Quarantined} {
		if got := a.state(name); got != want {
			a.t.Errorf("%s: %s is %q, want %q: %v", what, name, got, want, fmt.Sprint(a.live.Status().Troubled))
		}
	}
}
