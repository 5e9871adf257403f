package live

import (
	"os"
	"strings"
	"testing"
)

// restarted starts with two tenants of the first texts, old before young, and then
// another process on those of the second.
func restarted(t *testing.T, main string, first, second [2]string) *arena {
	t.Helper()
	a := newArena(t, 0)
	if err := os.Mkdir(a.path("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.main(main + "stateDir: state\n")
	a.tenant("old", arenaTenant("v1")+first[0])
	a.open()
	a.onLaterClock()
	a.tenant("young", arenaTenant("v1")+first[1])
	a.reloadWithKeys()
	if old, young := a.state("old"), a.state("young"); old != Active || young != Active {
		t.Fatalf("before, old is %s, young is %s: %+v", old, young, a.live.Status().Troubled)
	}
	for k, name := range []string{"old", "young"} {
		text := arenaTenant("v1") + second[k]
		if second[k] == "]" {
			text = "]"
		}
		a.tenant(name, text)
	}
	a.open()
	a.onLaterClock()
	return a
}

// TestP2ARestartTakesNothingFromAnybody: what a tenant had when the process ended,
// and asks for still, goes to nobody at the next start, whoever was accepted first
// as a tenant. Who asks for it newly is the bad one, as while the process runs.
func TestP2ARestartTakesNothingFromAnybody(t *testing.T) {
	const shop, wide = "hosts: [shop.example]\n", "hosts: ['*.shop.example']\n"
	const inner, broken = "hosts: [a.shop.example]\n", "nonsense: 1\n"
	const parts = "issuers: [{name: parts, audiences: [AUDIENCE]}]\n"
	part := func(audience string) string { return strings.Replace(parts, "AUDIENCE", audience, 1) }
	main := strings.Replace(arenaYields("old"), "issuers:\n", second, 1)
	for name, tt := range map[string]struct {
		first, second [2]string
		old, young    State
	}{
		"a host":                    {[2]string{"", shop}, [2]string{shop, shop}, Quarantined, Active},
		"a host within its own":     {[2]string{"", wide}, [2]string{inner, wide}, Quarantined, Active},
		"a host around its own":     {[2]string{"", inner}, [2]string{wide, inner}, Quarantined, Active},
		"a place by an entry":       {[2]string{"", ""}, [2]string{"hosts: [young.api.example.com]\n", ""}, Quarantined, Active},
		"an id":                     {[2]string{"", "ids: {idp: x}\n"}, [2]string{"ids: {idp: x}\n", "ids: {idp: x}\n"}, Quarantined, Active},
		"an id by its name":         {[2]string{"", ""}, [2]string{"ids: {idp: young}\n", ""}, Quarantined, Active},
		"an issuer":                 {[2]string{"", ownIssuer}, [2]string{ownIssuer, ownIssuer}, Quarantined, Active},
		"an audience":               {[2]string{part("b.example"), part("c.example")}, [2]string{strings.Replace(part("b.example"), "b.example", "b.example, c.example", 1), part("c.example")}, Quarantined, Active},
		"what it left to it":        {[2]string{wide + "yieldsTo: [young]\n", inner}, [2]string{wide, inner}, Quarantined, Active},
		"both take from each other": {[2]string{"hosts: [o.example]\n", shop}, [2]string{"hosts: [o.example, shop.example]\n", "hosts: [o.example, shop.example]\n"}, Quarantined, Quarantined},

		"control: what nobody had":       {[2]string{"", ""}, [2]string{shop, shop}, Active, Quarantined},
		"control: what it asks no more":  {[2]string{"", shop}, [2]string{shop, ""}, Active, Active},
		"control: they change places":    {[2]string{"hosts: [o.example]\n", shop}, [2]string{shop, "hosts: [o.example]\n"}, Active, Active},
		"control: what is left to it":    {[2]string{"", wide}, [2]string{inner, wide + "yieldsTo: [old]\n"}, Active, Active},
		"control: what it had":           {[2]string{shop, ""}, [2]string{shop + "# changed\n", shop}, Active, Quarantined},
		"control: a broken one's claims": {[2]string{"", ""}, [2]string{shop, shop + broken}, Active, Quarantined},
	} {
		t.Run(name, func(t *testing.T) {
			a := restarted(t, main, tt.first, tt.second)
			if old, young := a.state("old"), a.state("young"); old != tt.old || young != tt.young {
				t.Errorf("old is %s, young is %s, want %s and %s: %+v", old, young, tt.old, tt.young, a.live.Status().Troubled)
			}
		})
	}
}

// TestP2ABrokenFileTakesNothingByWhatItClaims: a file without a good version keeps
// what its tenant had when the process ended, and no more, from a tenant that was
// accepted too, whichever came first.
func TestP2ABrokenFileTakesNothingByWhatItClaims(t *testing.T) {
	const shop, wide, inner, broken = "hosts: [shop.example]\n", "hosts: ['*.shop.example']\n", "hosts: [a.shop.example]\n", "nonsense: 1\n"
	for name, tt := range map[string]struct{ had, asks, claims string }{
		"a host that it had":            {shop, shop, shop},
		"a host within a claimed one":   {inner, inner, wide},
		"a host around a claimed one":   {wide, wide, inner},
		"an id that it had":             {"ids: {idp: x}\n", "ids: {idp: x}\n", "ids: {idp: x}\n"},
		"an id by its name":             {"", "", "ids: {idp: GOOD}\n"},
		"an issuer that it had":         {ownIssuer, ownIssuer, ownIssuer},
		"a place by an entry":           {"", "", "hosts: [GOOD.api.example.com]\n"},
		"control: nothing of the other": {shop, shop, "hosts: [other.example]\n"},
	} {
		for k, good := range []string{"old", "young"} {
			t.Run(name+", of "+good, func(t *testing.T) {
				bad := []string{"young", "old"}[k]
				first := pair(k, tt.had, "")
				second := pair(k, tt.asks, strings.ReplaceAll(tt.claims, "GOOD", good)+broken)
				a := restarted(t, arenaYields(bad), first, second)
				if got := a.state(good); got != Active {
					t.Errorf("%s is %s: %+v", good, got, a.live.Status().Troubled)
				}
				if got := a.state(bad); got != Quarantined {
					t.Errorf("%s is %s: %+v", bad, got, a.live.Status().Troubled)
				}
			})
		}
	}
}

// pair has one text at k and the other one at the other place.
func pair(k int, one, other string) (texts [2]string) {
	texts[k], texts[1-k] = one, other
	return texts
}
