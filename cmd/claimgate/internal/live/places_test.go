package live

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// serving asks for a tenant's orders and returns its name where it answers, or
// the reason.
func (a *arena) serving(host, org string) string {
	answer := a.ask(host, "/orders/1", a.token(org))
	if rest, ok := strings.CutPrefix(answer, "allowed x-tenant="); ok {
		return strings.Fields(rest)[0]
	}
	return answer
}

// TestP6HeldPlaces: the places of a broken tenant answer 503 and go to nobody,
// in whatever way it has them; and a broken newcomer takes nothing from anybody.
func TestP6HeldPlaces(t *testing.T) {
	const state = "stateDir: state\n"
	a := newArena(t, 2)
	if err := os.Mkdir(a.path("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.main(arenaMain + state)
	a.tenant("t0", arenaTenant("v1")+"hosts: [shop.example]\n")
	a.tenant("wide", arenaTenant("v1")+"hosts: ['*.wide.example']\nyieldsTo: [lost]\n")
	a.open()
	a.onLaterClock()
	want := func(what string, answers map[string]string) {
		t.Helper()
		for host, want := range answers {
			org := want
			if strings.Contains(want, "_") {
				org = "t1"
			}
			if got := a.serving(host, org); got != want {
				t.Errorf("%s: %s: %q, want %q; %+v", what, host, got, want, a.live.Status().Troubled)
			}
		}
	}
	const none = "tenant_unavailable"
	want("start", map[string]string{"t0.api.example.com": "t0", "shop.example": "t0", "x.wide.example": "wide"})

	// A broken newcomer asks for places of others, and for free ones.
	a.tenant("rogue", "hosts: [shop.example, x.wide.example, t1.api.example.com, free.example]\nnonsense: true\n")
	a.live.reload(ask{})
	want("a broken newcomer", map[string]string{
		"shop.example": "t0", "x.wide.example": "wide", "t1.api.example.com": "t1", "free.example": none, "rogue.api.example.com": none,
	})
	a.tenant("greedy", arenaTenant("v1")+"hosts: ['*.example']\n")
	a.live.reload(ask{})
	want("a wildcard over what others have", map[string]string{"shop.example": "t0", "other.example": none, "t1.api.example.com": "t1"})
	if err := os.Remove(a.path("tenants", "greedy.yaml")); err != nil {
		t.Fatal(err)
	}

	// A newcomer of which nothing can be read closes what yields to it.
	a.tenant("lost", "]")
	a.live.reload(ask{})
	want("nothing is known of a newcomer", map[string]string{"x.wide.example": none, "shop.example": "t0", "t1.api.example.com": "t1"})
	if err := os.Remove(a.path("tenants", "lost.yaml")); err != nil {
		t.Fatal(err)
	}

	// A tenant in force is unreadable after a start: its places were kept.
	a.tenant("t0", "]")
	a.open()
	a.onLaterClock()
	want("kept", map[string]string{"t0.api.example.com": none, "shop.example": none, "t1.api.example.com": "t1", "x.wide.example": "wide"})
	for name, hosts := range map[string]string{"n1": "shop.example", "n2": "t0.api.example.com", "n3": "'*.example'"} {
		a.tenant(name, arenaTenant("v1")+"hosts: ["+hosts+"]\n")
	}
	a.live.reload(ask{})
	want("newcomers ask for them", map[string]string{
		"t0.api.example.com": none, "shop.example": none, "n1.api.example.com": none, "n2.api.example.com": none,
	})
	a.tenant("t0", arenaTenant("v1")+"hosts: [shop.example]\n")
	a.live.reload(ask{})
	want("mended", map[string]string{"t0.api.example.com": "t0", "shop.example": "t0", "t1.api.example.com": "t1", "n1.api.example.com": none})
}

// TestP6ChangesOfOneTenantNeverReachAnother changes one tenant in every way
// there is, and compares all that others answer.
func TestP6ChangesOfOneTenantNeverReachAnother(t *testing.T) {
	a := newArena(t, 3)
	a.open()
	a.onLaterClock()
	answers := func() (all string) {
		for k := range 2 {
			name := fmt.Sprint("t", k)
			for _, path := range []string{"/orders/1", "/orders/secret/1", "/news", "/else"} {
				all += a.ask(name+".api.example.com", path, a.token(name)) + "\n" + a.ask(name+".api.example.com", path, a.token("t2")) + "\n"
			}
		}
		return all
	}
	before := answers()
	a.tenant("t2", arenaTenant("v2"))
	if a.live.reload(ask{}); a.ask("t2.api.example.com", "/orders/1", a.token("t2")) != "allowed x-tenant=t2 x-version=v2" {
		t.Fatal("a good change is not in force: the test would prove nothing")
	}
	for _, text := range []string{
		"", "]", "hosts: [t0.api.example.com]\n", "entries: []\n", "entries: [own]\nhosts: ['*']\n", "ids: {idp: t0}\n",
		"issuers: [idp]\nids: {idp: t1}\n", "issuers: [{name: own, issuer: https://id.example.com, audiences: [arena], algorithms: [EdDSA]}]\n",
		"headers: [{name: x-tenant, value: forged}]\n", "yieldsTo: [t0]\n", "sharedTokens: true\n", "suspended: true\n", "mode: shadow\n",
		"labels: {version: '{tenant.name}'}\n", "hosts: ['*.api.example.com']\n", "hosts: ['*.com']\n",
	} {
		for _, whole := range []string{text, text + arenaTenant("v9")} {
			a.tenant("t2", whole)
			a.live.reload(ask{})
			if got := answers(); got != before {
				t.Fatalf("%q changed what others answer:\n%s\nbefore\n%s", whole, got, before)
			}
		}
	}
}
