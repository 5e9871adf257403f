package live

import (
	"fmt"
	"os"
	"strings"
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

// vendor is an issuer of the main file that any tenant may list.
const vendor = "issuers:\n  - {name: vendor, issuer: https://own.example, audiences: [arena], algorithms: [EdDSA], jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}}\n"

// TestP2NobodySquatsOnAnIssuerOfTheMainFile: who defines the main file's issuer
// again, with keys of its own, keeps nobody out that lists it later.
func TestP2NobodySquatsOnAnIssuerOfTheMainFile(t *testing.T) {
	a := newArena(t, 1)
	a.main(strings.Replace(arenaMain, "issuers:\n", vendor, 1))
	a.tenant("mallory", arenaTenant("v1")+ownIssuer)
	a.open()
	a.onLaterClock()
	if got := a.state("mallory"); got != Quarantined {
		t.Errorf("at a start mallory is %s", got)
	}
	a.tenant("eve", arenaTenant("v1")+ownIssuer)
	a.live.reload(ask{})
	a.tenant("victim", arenaTenant("v1")+"issuers: [vendor]\n")
	a.live.reload(ask{})
	for name, want := range map[string]State{"t0": Active, "mallory": Quarantined, "eve": Quarantined, "victim": Active} {
		if got := a.state(name); got != want {
			t.Errorf("%s is %s, want %s: %+v", name, got, want, a.live.Status().Troubled)
		}
	}
	bearer := a.signed("https://own.example", "victim")
	for name, want := range map[string]string{"victim": "allowed x-tenant=victim x-version=v1", "eve": "tenant_unavailable", "mallory": "tenant_unavailable"} {
		if got := a.ask(name+".api.example.com", "/orders/1", bearer); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestP2AMainFileTakesNoIssuerOfATenantInForce: a main file that defines what a
// tenant in force defines is the bad one, also where that one shares tokens.
func TestP2AMainFileTakesNoIssuerOfATenantInForce(t *testing.T) {
	for _, tt := range []struct {
		name, words string
		want        Result
	}{{"without a word", "", Refused}, {"with sharedTokens", "sharedTokens: true\n", Refused}} {
		t.Run(tt.name, func(t *testing.T) {
			a := newArena(t, 1)
			a.tenant("acme", arenaTenant("v1")+tt.words+ownIssuer)
			a.open()
			a.onLaterClock()
			a.main(strings.Replace(arenaMain, "issuers:\n", vendor, 1))
			if got, _ := a.live.reload(ask{}); got != tt.want {
				t.Errorf("the main file is %v, want %v", got, tt.want)
			}
			if got := a.state("acme"); got != Active {
				t.Errorf("acme is %s", got)
			}
		})
	}
}

// TestP2ATenantFileDecidesForNobodyElseThatTokensAreShared: who defines an issuer
// of the main file again, though by that word, is the bad one, whoever else lists
// the issuer before or after it.
func TestP2ATenantFileDecidesForNobodyElseThatTokensAreShared(t *testing.T) {
	for _, first := range []string{"eve", "acme"} {
		t.Run(first+" first", func(t *testing.T) {
			a := newArena(t, 1)
			a.main(strings.Replace(arenaMain, "issuers:\n", vendor, 1))
			a.open()
			a.onLaterClock()
			files := map[string]string{
				"eve":  arenaTenant("v1") + "sharedTokens: true\n" + ownIssuer,
				"acme": arenaTenant("v1") + "issuers: [vendor]\n",
			}
			for _, name := range []string{first, "eve", "acme"} {
				a.tenant(name, files[name])
				a.reloadWithKeys()
			}
			if eve, acme := a.state("eve"), a.state("acme"); eve != Quarantined || acme != Active {
				t.Errorf("eve is %s, acme is %s: %+v", eve, acme, a.live.Status().Troubled)
			}
			_, text := a.troubleOf("eve")
			if !strings.Contains(text, "issuers[0].issuer: this issuer is vendor of the main file; list it by its name: issuers: [vendor]") {
				t.Errorf("eve is told %q", text)
			}
		})
	}
}

// TestP6ARestartGivesNobodyWhatABrokenTenantHad: a tenant that was accepted first
// and whose file asks for more since the process ended gets nothing of what a later
// one had whose file is bad now: a host, a place by an entry, an id, an issuer.
func TestP6ARestartGivesNobodyWhatABrokenTenantHad(t *testing.T) {
	const shop = "hosts: [shop.example]\n"
	for name, tt := range map[string]struct{ had, asks, broken string }{
		"a host":                    {shop, shop, "]"},
		"a host around it":          {"hosts: [a.shop.example]\n", "hosts: ['*.shop.example']\n", "]"},
		"a host, and it still asks": {shop, shop, shop + "nonsense: 1\n"},
		"a place by an entry":       {"", "hosts: [young.api.example.com]\n", "]"},
		"an id":                     {"ids: {idp: x}\n", "ids: {idp: x}\n", "]"},
		"an id by its name":         {"", "ids: {idp: young}\n", "]"},
		"an issuer":                 {ownIssuer, ownIssuer, "]"},
		"control: what is free":     {shop, "hosts: [other.example]\n", "]"},
		"control: what it had":      {"", "labels: {more: x}\n", "]"},
	} {
		for _, when := range []string{"at the start", "mended later", "mended later, by name"} {
			t.Run(name+" "+when, func(t *testing.T) {
				a := newArena(t, 0)
				if err := os.Mkdir(a.path("state"), 0o700); err != nil {
					t.Fatal(err)
				}
				a.main(arenaYields("old") + "stateDir: state\n")
				say := func(text string) string {
					return strings.Replace(arenaTenant("v1"), "labels: {version: v1}\n", "", 1) + "labels: {version: v1}\n" + text
				}
				a.tenant("old", arenaTenant("v1"))
				a.open()
				a.onLaterClock()
				a.tenant("young", arenaTenant("v1")+tt.had)
				a.reloadWithKeys()
				if got := a.state("young"); got != Active {
					t.Fatalf("before, young is %s: %+v", got, a.live.Status().Troubled)
				}
				a.tenant("young", tt.broken)
				asks := say(strings.Replace(tt.asks, "labels: {more: x}\n", "", 1)) + "# changed\n"
				if when == "at the start" {
					a.tenant("old", asks)
					a.open()
				} else {
					a.tenant("old", "]")
					a.open()
					a.onLaterClock()
					a.live.reload(ask{})
					a.tenant("old", asks)
					how := ask{}
					if when != "mended later" {
						how.only = []string{a.path("tenants", "old.yaml")}
					}
					a.live.reload(how)
				}
				want := Quarantined
				if strings.HasPrefix(name, "control") {
					want = Active
				}
				if got := a.state("old"); got != want {
					t.Errorf("old is %s, want %s: %+v", got, want, a.live.Status().Troubled)
				}
			})
		}
	}
}

// TestP6ARestartGivesNobodyByOtherWaysWhatABrokenTenantHad: nor does it get there by
// listing an entry of which a host by its name is the other's own, or by no longer
// leaving it a part of its own hosts.
func TestP6ARestartGivesNobodyByOtherWaysWhatABrokenTenantHad(t *testing.T) {
	const named, wide, yields = "hosts: [o.example]\n", "hosts: ['*.shop.example']\n", "yieldsTo: [young]\n"
	for name, tt := range map[string]struct {
		had, young, asks string
		want             State
	}{
		"the host of an entry":              {named, "old.api.example.com", named + "entries: [own]\n", Quarantined},
		"control: another host of an entry": {named, "other.api.example.com", named + "entries: [own]\n", Active},
		"control: no more than it had":      {named, "old.api.example.com", named + "# changed\n", Active},
		"what it left to it":                {wide + yields, "a.shop.example", wide, Quarantined},
		"control: it still leaves it":       {wide + yields, "a.shop.example", wide + yields + "# changed\n", Active},
	} {
		for _, later := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", later: ", later), func(t *testing.T) {
				a := newArena(t, 0)
				if err := os.Mkdir(a.path("state"), 0o700); err != nil {
					t.Fatal(err)
				}
				a.main(strings.Replace(arenaYields("young"), "entries: [own]", "entries: []", 1) + "stateDir: state\n")
				a.tenant("old", arenaTenant("v1")+tt.had)
				a.open()
				a.onLaterClock()
				a.tenant("young", arenaTenant("v1")+"hosts: ["+tt.young+"]\n")
				a.reloadWithKeys()
				if got := a.ask(tt.young, "/news", ""); got != "public_route x-tenant=young x-version=v1" {
					t.Fatalf("before: %s", got)
				}
				a.tenant("young", "]")
				asks := arenaTenant("v1") + tt.asks
				if later {
					a.tenant("old", "]")
				} else {
					a.tenant("old", asks)
				}
				a.open()
				a.onLaterClock()
				if later {
					a.tenant("old", asks)
					a.live.reload(ask{})
				}
				if got := a.state("old"); got != tt.want {
					t.Errorf("old is %s, want %s: %+v", got, tt.want, a.live.Status().Troubled)
				}
				if got := a.ask(tt.young, "/news", ""); got != "tenant_unavailable" {
					t.Errorf("where young was: %s", got)
				}
			})
		}
	}
}

// TestP6TheMainFileGivesNobodyWhatABrokenTenantHad: a tenant that the main file
// defines newly gets no place of one whose file is bad, at a start or later.
func TestP6TheMainFileGivesNobodyWhatABrokenTenantHad(t *testing.T) {
	const inline = "tenants:\n  - name: late\n    public: [{name: news, methods: [GET], paths: [/news]}]\n" +
		"    policy: {rules: [{name: read, action: allow, paths: [/orders/**], anyToken: true}]}\n    "
	for name, tt := range map[string]struct {
		young, late, host string
		want              State
	}{
		"its host":                   {"hosts: [shop.example]\n", "hosts: [shop.example]\n", "shop.example", Quarantined},
		"a host around it":           {"hosts: [a.shop.example]\n", "hosts: ['*.shop.example']\n", "a.shop.example", Quarantined},
		"its host, by an entry":      {"hosts: [late.api.example.com]\n", "entries: [own]\n", "late.api.example.com", Quarantined},
		"what it had by an entry":    {"entries: [own]\n", "hosts: [young.api.example.com]\n", "young.api.example.com", Quarantined},
		"control: a host of its own": {"hosts: [shop.example]\n", "hosts: [other.example]\n", "shop.example", Active},
	} {
		for _, later := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", later: ", later), func(t *testing.T) {
				a := newArena(t, 0)
				if err := os.Mkdir(a.path("state"), 0o700); err != nil {
					t.Fatal(err)
				}
				main := strings.Replace(arenaYields("young, late"), "entries: [own]", "entries: []", 1) + "stateDir: state\n"
				a.main(main)
				a.tenant("young", arenaTenant("v1")+tt.young)
				a.open()
				if got := a.ask(tt.host, "/news", ""); got != "public_route x-tenant=young x-version=v1" {
					t.Fatalf("before: %s", got)
				}
				a.tenant("young", "]")
				if !later {
					a.main(main + inline + tt.late)
				}
				a.open()
				a.onLaterClock()
				if later {
					a.main(main + inline + tt.late)
					a.live.reload(ask{})
				}
				if got := a.state("late"); got != tt.want {
					t.Errorf("late is %s, want %s: %+v", got, tt.want, a.live.Status().Troubled)
				}
				if got := a.ask(tt.host, "/news", ""); got != "tenant_unavailable" {
					t.Errorf("where young was: %s", got)
				}
			})
		}
	}
}
