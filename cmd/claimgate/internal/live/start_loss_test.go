package live

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// vanishing is a scene of ten tenants with a state directory, and what they say.
func vanishing(t *testing.T) (*scene, map[string]string) {
	t.Helper()
	tenants := map[string]string{}
	for n := range 10 {
		tenants[fmt.Sprint("t", n)] = fmt.Sprintf("host h%d\nallow x\n", n)
	}
	s := newStage(t, toyMain+"state state\n", tenants)
	s.mkdir("state")
	s.start()
	return s, tenants
}

func (s *scene) removeAll(tenants map[string]string) {
	s.t.Helper()
	for name := range tenants {
		s.remove("tenants/" + name + ".yaml")
	}
}

func (s *scene) waits() bool { status := s.live.Status(); return status.Waiting() }

// told returns what ten hosts answer, by the answer.
func (s *scene) told() map[string]int {
	answers := map[string]int{}
	for n := range 10 {
		answer := s.answer(fmt.Sprint("h", n))
		if answer == fmt.Sprintf("t%d: allow x", n) {
			answer = "own"
		}
		answers[answer]++
	}
	return answers
}

// TestP6AStartLosesManyOnlyWhenConfirmed: where more tenants are missing at a
// start than a reload may lose, as with a mount that is not there yet, their
// places answer 503, nobody gets them, and the order of acceptance stays.
func TestP6AStartLosesManyOnlyWhenConfirmed(t *testing.T) {
	s, tenants := vanishing(t)
	s.removeAll(tenants)
	for range 2 { // another start changes nothing
		s.start()
		if got := s.told(); got[unavailable] != 10 {
			t.Fatalf("after a start without files: %v", got)
		}
		if status := s.live.Status(); len(status.Vanishing) != 10 || !status.Waiting() || status.Tenants[Quarantined] != 10 {
			t.Fatalf("status %+v", status)
		}
	}
	s.tenant("new", "host h3\nallow y\n")
	s.reload()
	if got := s.answer("h3"); got != unavailable {
		t.Errorf("a newcomer got the place of a missing tenant: %q", got)
	}
	s.remove("tenants/new.yaml")

	for name, text := range tenants { // the mount is there
		s.tenant(name, text)
	}
	s.reload()
	if got := s.told(); got["own"] != 10 || s.waits() {
		t.Errorf("the files are back: %v\n%s", got, s.problems())
	}
}

// What comes back in part lets the rest go once it is few enough, as when the
// process runs.
func TestP6AStartThatMissesAPart(t *testing.T) {
	s, tenants := vanishing(t)
	s.removeAll(tenants)
	s.start()
	for n := range 4 {
		s.tenant(fmt.Sprint("t", n), tenants[fmt.Sprint("t", n)])
	}
	s.reload()
	if got := s.told(); got["own"] != 4 || got[unavailable] != 6 {
		t.Fatalf("six are still missing: %v", got)
	}
	s.tenant("t4", tenants["t4"])
	s.reload()
	if got := s.told(); got["own"] != 5 || got["401"] != 5 {
		t.Errorf("five may go: %v\n%s", got, s.problems())
	}
}

func TestP6AStartThatIsMeantToLoseThem(t *testing.T) {
	for name, confirm := range map[string]func(*Configuration, context.Context) Result{
		"SIGHUP": (*Configuration).Signal, "POST": (*Configuration).Confirm,
	} {
		t.Run(name, func(t *testing.T) {
			s, tenants := vanishing(t)
			s.removeAll(tenants)
			s.start()
			confirm(s.live, t.Context())
			if got := s.told(); got["401"] != 10 {
				t.Fatalf("confirmed: %v\n%s", got, s.problems())
			}
			s.tenant("new", "host h3\nallow y\n")
			s.reload()
			if got := s.answer("h3"); got != "new: allow y" {
				t.Errorf("the place is free: %q", got)
			}
			s.remove("tenants/new.yaml")
			s.start()
			if got := s.told(); got["401"] != 10 || s.waits() {
				t.Errorf("they are remembered: %v", got)
			}
		})
	}
}

// Few missing tenants go at a start as they do while the process runs.
func TestP6AStartLosesFew(t *testing.T) {
	s, _ := vanishing(t)
	for n := range 5 {
		s.remove(fmt.Sprintf("tenants/t%d.yaml", n))
	}
	s.start()
	if got := s.told(); got["own"] != 5 || got["401"] != 5 || s.waits() {
		t.Errorf("%v %+v", got, s.live.Status())
	}
}

// The real files: what is held at such a start is held for requests too.
func TestP6AStartOnAnEmptyMount(t *testing.T) {
	a := newArena(t, 7)
	if err := os.Mkdir(a.path("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.main(arenaMain + "stateDir: state\n")
	a.open()
	if err := os.Rename(a.path("tenants"), a.path("away")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(a.path("tenants"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.open()
	a.onLaterClock()
	a.tenant("mallory", arenaTenant("v1")+"ids: {idp: t3}\n")
	a.live.reload(ask{})
	for host, want := range map[string]string{"t3.api.example.com": "tenant_unavailable", "mallory.api.example.com": "tenant_unavailable"} {
		if got := a.serving(host, "t3"); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
	if err := os.RemoveAll(a.path("tenants")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(a.path("away"), a.path("tenants")); err != nil {
		t.Fatal(err)
	}
	a.live.reload(ask{})
	if got := a.serving("t3.api.example.com", "t3"); got != "t3" {
		t.Errorf("mounted: %q", got)
	}
}
