package live

import (
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
