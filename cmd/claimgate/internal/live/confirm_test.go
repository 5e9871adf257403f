package live

import (
	"fmt"
	"strings"
	"testing"
)

// TestP6ManyVanishOnlyWhenConfirmed: more than maxTenantLoss stay in force, and
// what else changed is in force at once.
func TestP6ManyVanishOnlyWhenConfirmed(t *testing.T) {
	tenants := map[string]string{}
	for n := range 10 {
		tenants[fmt.Sprint("t", n)] = fmt.Sprintf("host h%d\nallow x\n", n)
	}
	vanish := func(s *scene, names ...int) {
		for _, n := range names {
			s.remove(fmt.Sprintf("tenants/t%d.yaml", n))
		}
	}
	serving := func(s *scene) (n int) {
		for k := range 10 {
			if strings.HasPrefix(s.answer(fmt.Sprint("h", k)), "t") {
				n++
			}
		}
		return n
	}
	s := newScene(t, toyMain, tenants)
	vanish(s, 0, 1, 2, 3, 4)
	if got := s.reload(); got != Applied || serving(s) != 5 {
		t.Fatalf("five may go: %s, %d serve", got, serving(s))
	}

	s = newScene(t, toyMain, tenants)
	vanish(s, 0, 1, 2, 3, 4, 5)
	s.tenant("t9", "host h9\nsuspended\n")
	if got := s.reload(); got != Partial || serving(s) != 9 || s.answer("h9") != "403" {
		t.Fatalf("six wait: %s, %d serve, h9 %q", got, serving(s), s.answer("h9"))
	}
	if status := s.live.Status(); len(status.Vanishing) != 6 || !status.Waiting() || status.Tenants[Stale] != 6 {
		t.Errorf("status %+v", status)
	}
	if got := s.live.Reload(t.Context()); got != Partial || serving(s) != 9 || s.live.Status().Main != nil {
		t.Fatalf("looked at again: %s, %d serve, main file %+v", got, serving(s), s.live.Status().Main)
	}
	vanish(s, 6) // which was not reported when it is confirmed
	if got := s.live.Confirm(t.Context()); serving(s) != 9 {
		t.Fatalf("what was not reported was confirmed: %s", got)
	}
	s.tenant("t0", tenants["t0"]) // one comes back, the rest is confirmed
	if s.reload(); serving(s) != 9 {
		t.Fatal("they went without being confirmed")
	}
	if got := s.live.Signal(t.Context()); serving(s) != 3 {
		t.Fatalf("confirmed: %s, %d serve\n%s", got, serving(s), s.problems())
	}
	s.want("confirmed", "t0=active t7=active t8=active t9=suspended", nil)

	t.Run("one percent of many", func(t *testing.T) {
		if m := (&Main{}); m.maxLoss(10) != 5 || m.maxLoss(10_000) != 100 {
			t.Errorf("default %d, %d", m.maxLoss(10), m.maxLoss(10_000))
		}
	})
	t.Run("by the main file", func(t *testing.T) {
		s := newScene(t, toyMain, tenants)
		s.mkdir("other")
		s.write("main", "dir other\nprovide w\n")
		if got := s.reload(); got != Refused || serving(s) != 10 || len(s.live.Status().Vanishing) != 10 {
			t.Fatalf("%s, %d serve", got, serving(s))
		}
		s.tenant("t9", "host h9\nallow y\n")
		if s.reload(); s.answer("h9") != "t9: allow y" {
			t.Errorf("the old configuration is frozen: %q", s.answer("h9"))
		}
		if s.live.Confirm(t.Context()); serving(s) != 0 {
			t.Errorf("confirmed, and %d serve\n%s", serving(s), s.problems())
		}
	})
	t.Run("configured", func(t *testing.T) {
		s := newScene(t, toyMain+"loss 0\n", tenants)
		vanish(s, 3)
		if got := s.reload(); got != Refused || serving(s) != 10 {
			t.Errorf("%s, %d serve", got, serving(s))
		}
		if s.live.Confirm(t.Context()); serving(s) != 9 {
			t.Errorf("%d serve", serving(s))
		}
	})
}

// TestP6CutInPlaceNeverWidens cuts a file in force at every byte, in place.
// Whatever is left, nothing becomes allowed and no other tenant is touched.
func TestP6CutInPlaceNeverWidens(t *testing.T) {
	text := "host a\nhost a2\nallow orders\nallow users\nneed w\ndeny secrets\n"
	s := newScene(t, toyMain+"provide w\n", map[string]string{"a": text, "b": "host b\nallow x\n"})
	want := "a: allow orders, allow users, deny secrets"
	for end := range len(text) {
		s.inPlace("tenants/a.yaml", text[:end])
		s.reload()
		s.want(fmt.Sprint("cut at ", end), "a=stale b=active", map[string]string{"a": want, "a2": want, "b": "b: allow x"})
		if end%2 == 0 {
			s.inPlace("tenants/a.yaml", text)
			s.reload()
			s.want("completed", "a=active b=active", map[string]string{"a": want})
		}
	}

	// Confirmed, it is in force as it stands, and only this text is confirmed.
	s.inPlace("tenants/a.yaml", "host a\nallow orders\n")
	s.reload() // no prefix: another text
	s.inPlace("tenants/a.yaml", text)
	s.reload()
	s.inPlace("tenants/a.yaml", "host a\nhost a2\n")
	s.reload()
	s.want("waits", "a=stale b=active", map[string]string{"a": want})
	s.inPlace("tenants/a.yaml", "host a\n")
	s.live.Confirm(t.Context())
	s.want("another cut was confirmed", "a=stale b=active", map[string]string{"a": want})
	s.live.Confirm(t.Context())
	s.want("confirmed", "a=active b=active", map[string]string{"a": "a: ", "a2": "401"})
}
