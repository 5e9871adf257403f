package live

import (
	"os"
	"sync"
	"testing"
)

// ownIssuer is the rest of a tenant file whose issuer is the tenant's alone.
const ownIssuer = "issuers: [{name: own, issuer: 'https://own.example', audiences: [arena], algorithms: [EdDSA], jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}]}}]\n"

// squatted starts with a tenant of its own issuer, breaks its file by the text,
// and starts again.
func squatted(t *testing.T, broken string) *arena {
	t.Helper()
	a := newArena(t, 1)
	if err := os.Mkdir(a.path("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.main(arenaMain + "stateDir: state\n")
	a.tenant("victim", arenaTenant("v1")+ownIssuer)
	a.open()
	a.tenant("victim", broken)
	a.open()
	a.onLaterClock()
	return a
}

func (a *arena) state(name string) State {
	a.live.mu.Lock()
	defer a.live.mu.Unlock()
	if t := a.live.world.tenants[name]; t != nil {
		return t.state()
	}
	return ""
}

// TestP2IssuersOfABrokenTenantAreHeld: an issuer that a tenant had alone goes to
// nobody while its file is broken, over a restart too.
func TestP2IssuersOfABrokenTenantAreHeld(t *testing.T) {
	for name, broken := range map[string]string{
		"unreadable": "]", "without its issuers": arenaTenant("v2") + "nonsense: 1\n", "with them": arenaTenant("v2") + ownIssuer + "nonsense: 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			a := squatted(t, broken)
			a.tenant("mallory", arenaTenant("v1")+ownIssuer)                   // a newcomer
			a.tenant("t0", arenaTenant("v2")+"sharedTokens: true\n"+ownIssuer) // a tenant in force
			a.reloadWithKeys()
			if got := a.state("mallory"); got != Quarantined {
				t.Errorf("mallory is %s", got)
			}
			if got := a.state("t0"); got != Stale {
				t.Errorf("t0 is %s: %+v", got, a.live.Status())
			}
			a.open() // mallory and the broken one at once
			if got := a.state("mallory"); got != Quarantined {
				t.Errorf("after a start mallory is %s", got)
			}
			if err := os.Remove(a.path("tenants", "t0.yaml")); err != nil {
				t.Fatal(err)
			}
			a.tenant("victim", arenaTenant("v3")+ownIssuer)
			a.onLaterClock()
			a.live.reload(ask{})
			if got := a.state("victim"); got != Active {
				t.Errorf("mended, victim is %s: %+v", got, a.live.Status().Troubled)
			}
		})
	}
}

// reloadWithKeys reloads, waits for the keys of changed issuers, and reloads.
func (a *arena) reloadWithKeys() {
	var fetching sync.WaitGroup
	a.live.reload(ask{})
	a.live.fetch(a.t.Context(), &fetching)
	fetching.Wait()
	a.live.reload(ask{})
}

// What a file without a good version names is held from newcomers as its places
// are, and takes nothing from tenants in force.
func TestP2IssuersOfABrokenNewcomerAreHeld(t *testing.T) {
	a := newArena(t, 1)
	a.tenant("t0", arenaTenant("v1")+ownIssuer)
	a.open()
	a.onLaterClock()
	other := "issuers: [{name: own, issuer: 'https://other.example', audiences: [arena], algorithms: [EdDSA]}]\n"
	a.tenant("broken", arenaTenant("v1")+ownIssuer+"nonsense: 1\n")
	a.tenant("broken2", arenaTenant("v1")+other+"nonsense: 1\n")
	a.tenant("late", arenaTenant("v1")+other)
	a.tenant("t0", arenaTenant("v2")+ownIssuer)
	a.live.reload(ask{})
	if got := a.state("t0"); got != Active {
		t.Errorf("t0 is %s: %+v", got, a.live.Status().Troubled)
	}
	if got := a.state("late"); got != Quarantined {
		t.Errorf("late is %s", got)
	}
	if err := os.Remove(a.path("tenants", "broken2.yaml")); err != nil {
		t.Fatal(err)
	}
	a.live.reload(ask{})
	if got := a.state("late"); got != Active {
		t.Errorf("without the broken one late is %s: %+v", got, a.live.Status().Troubled)
	}
}
