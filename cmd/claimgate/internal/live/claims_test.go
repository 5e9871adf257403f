package live

import (
	"fmt"
	"os"
	"testing"
)

// TestP6TenantsInForceTakeNoHeldPlace: a tenant that is unreadable after a start
// keeps the hosts that an entry made of its name, also against tenants in force
// that newly ask for them. What these had before stays theirs.
func TestP6TenantsInForceTakeNoHeldPlace(t *testing.T) {
	a := newArena(t, 2)
	if err := os.Mkdir(a.path("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.main(arenaMain + "stateDir: state\n")
	a.tenant("wide", arenaTenant("v1")+"hosts: ['*.wide.example']\n")
	a.open()
	a.tenant("t0", "]")
	a.open()
	a.onLaterClock()
	want := func(what string, stale int, answers map[string]string) {
		t.Helper()
		status := a.live.Status()
		if status.Tenants[Stale] != stale {
			t.Errorf("%s: %d are stale, want %d: %+v", what, status.Tenants[Stale], stale, status.Troubled)
		}
		for host, want := range answers {
			org := want
			if want == "tenant_unavailable" || want == "place_unknown" {
				org = "t1"
			}
			if got := a.serving(host, org); got != want {
				t.Errorf("%s: %s: %q, want %q", what, host, got, want)
			}
		}
	}
	const none = "tenant_unavailable"
	want("unreadable", 0, map[string]string{"t0.api.example.com": none, "t1.api.example.com": "t1"})

	a.tenant("t1", arenaTenant("v2")+"hosts: [more.example, t0.api.example.com]\n")
	a.tenant("wide", arenaTenant("v2")+"hosts: ['*.wide.example', '*.api.example.com']\nyieldsTo: [t1]\n")
	a.live.reload(ask{})
	want("both ask for held places", 2, map[string]string{
		"t0.api.example.com": none, "t1.api.example.com": "t1", "more.example": "place_unknown", "x.wide.example": "wide",
	})
	a.tenant("t1", arenaTenant("v3")+"hosts: [more.example]\n")
	a.live.reload(ask{})
	want("one asks for a free place", 1, map[string]string{"t0.api.example.com": none, "t1.api.example.com": "t1", "more.example": "t1"})
	a.tenant("t0", arenaTenant("v1"))
	a.live.reload(ask{})
	want("mended", 1, map[string]string{"t0.api.example.com": "t0", "t1.api.example.com": "t1", "more.example": "t1", "x.wide.example": "wide"})
}

// TestP6TenantsInForceKeepWhatTheyHad: of two that were accepted once and ask for
// one host after a start, which neither had before, the earlier has it, and keeps it
// when its file changes, though the other is quarantined and asks for it still.
func TestP6TenantsInForceKeepWhatTheyHad(t *testing.T) {
	const shop = "hosts: [shop.example]\n"
	a := newArena(t, 2) // t0 was accepted before t1
	if err := os.Mkdir(a.path("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.main(arenaMain + "stateDir: state\n")
	a.open()
	a.tenant("t0", arenaTenant("v1")+shop)
	a.tenant("t1", arenaTenant("v1")+shop)
	a.open()
	a.onLaterClock()
	for _, version := range []string{"v1", "v2"} {
		a.tenant("t0", arenaTenant(version)+shop)
		a.live.reload(ask{})
		if got := a.ask("shop.example", "/orders/1", a.token("t0")); got != "allowed x-tenant=t0 x-version="+version {
			t.Errorf("%s: %q; %+v", version, got, a.live.Status().Troubled)
		}
		if got := a.state("t1"); got != Quarantined {
			t.Errorf("%s: t1 is %s", version, got)
		}
	}
}

// TestP6ContestStopsNobodysChanges: a tenant in force goes on changing its file
// while a newcomer asks for its place.
func TestP6ContestStopsNobodysChanges(t *testing.T) {
	a := newArena(t, 2)
	a.open()
	a.onLaterClock()
	a.tenant("n", arenaTenant("v1")+"hosts: [t0.api.example.com]\n")
	a.live.reload(ask{})
	for _, version := range []string{"v2", "v3"} {
		a.tenant("t0", arenaTenant(version))
		a.live.reload(ask{})
		if got := a.ask("t0.api.example.com", "/orders/1", a.token("t0")); got != "allowed x-tenant=t0 x-version="+version {
			t.Errorf("%s: %q; %+v", version, got, a.live.Status().Troubled)
		}
	}
}

// TestP6OneReloadOfManyContests: tenants in force change their files and go on,
// though in the same reload others in force ask for their places, and newcomers.
func TestP6OneReloadOfManyContests(t *testing.T) {
	const owners = 9
	a := newArena(t, 2*owners)
	a.open()
	a.onLaterClock()
	for k := range owners {
		victim := fmt.Sprintf("t%d.api.example.com", k)
		a.tenant(fmt.Sprint("t", k), arenaTenant("v2"))
		a.tenant(fmt.Sprint("t", owners+k), arenaTenant("v2")+"hosts: ["+victim+"]\n")
		a.tenant(fmt.Sprint("n", k), arenaTenant("v2")+"hosts: ["+victim+"]\n")
	}
	a.live.reload(ask{})
	status := a.live.Status()
	if status.Tenants[Active] != owners || status.Tenants[Stale] != owners || status.Tenants[Quarantined] != owners {
		t.Errorf("%v; %+v", status.Tenants, status.Troubled)
	}
	for k := range 2 * owners {
		name, version := fmt.Sprint("t", k), "v2"
		if k >= owners {
			version = "v1"
		}
		if got := a.ask(name+".api.example.com", "/orders/1", a.token(name)); got != "allowed x-tenant="+name+" x-version="+version {
			t.Errorf("%s: %q", name, got)
		}
	}
}
