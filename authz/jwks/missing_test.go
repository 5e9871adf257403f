package jwks

import (
	"errors"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// TestP3AnUnknownKIDIsJudgedByTheSetOfThatMoment, which may have become too
// stale, or got the key, since the request saw it.
func TestP3AnUnknownKIDIsJudgedByTheSetOfThatMoment(t *testing.T) {
	play(t, newIDP("a"), SourceSpec{MaxStale: 5 * time.Minute}, func(t *testing.T, s *scene) {
		r := s.source.refresher
		s.sleep(time.Minute)
		verdict := func(kid string) (*token.KeySet, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.verdict(kid)
		}
		missing := func(kid string) (*token.KeySet, error) { return r.missing(t.Context(), kid) }
		asks := map[string]func(string) (*token.KeySet, error){"before the wait": missing, "after it": verdict}
		for name, ask := range asks {
			if set, err := ask("a"); err != nil || !set.HasKID("a") {
				t.Errorf("a key that came, %s: %v, %v", name, set, err)
			}
		}
		s.wantFetches(1)
		s.idp.change(func() { s.idp.status = 503 })
		s.sleep(5 * time.Minute)
		for name, ask := range asks {
			for _, kid := range []string{"a", "x"} {
				if set, err := ask(kid); set != nil || !errors.Is(err, token.ErrKeysUnavailable) {
					t.Errorf("kid %s of a set that became stale, %s: %v, %v", kid, name, set, err)
				}
			}
		}
	})
}

// TestP3AWaitInLineBringsNoStaleKeys: the key came by a scheduled fetch while
// the request waited, and was too stale before the wait ended.
func TestP3AWaitInLineBringsNoStaleKeys(t *testing.T) {
	spec := SourceSpec{RefreshInterval: time.Second, MaxStale: time.Second, UnknownKIDWait: 10 * time.Second}
	for status, want := range map[int]string{200: "known", 503: "pending"} {
		t.Run(want, func(t *testing.T) {
			play(t, newIDP("a"), spec, func(t *testing.T, s *scene) {
				leave := crowd(t, s.registry.onDemand)
				defer leave()
				s.sleep(500 * time.Millisecond)
				s.idp.publish("a", "b")
				time.AfterFunc(time.Second, func() { s.idp.change(func() { s.idp.status = status }) })
				began := time.Now()
				s.want("b", want)
				if took := time.Since(began); took != spec.UnknownKIDWait {
					t.Errorf("waited %s", took)
				}
			})
		})
	}
}
