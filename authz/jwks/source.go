package jwks

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// Source is a token.KeySource. Its zero value has no keys.
type Source struct {
	id        string
	issuer    string
	warnings  []string
	now       func() time.Time
	state     atomic.Pointer[state]
	loaded    time.Time
	refresher *refresher // nil for a static source
}

// state is the key set in force. It is immutable.
type state struct {
	set      *token.KeySet
	skipped  skips
	fetched  time.Time // when the fetch began that last confirmed it
	until    time.Time // when it becomes too stale; zero for never
	restored bool      // by the store, and by no fetch yet
}

func (s *state) usable(now time.Time) bool {
	return s != nil && (s.until.IsZero() || now.Before(s.until))
}

// lacks reports whether a kid was named that is not in the set.
func (s *state) lacks(kid string) bool { return kid != "" && !s.set.HasKID(kid) }

// ID returns the fingerprint of the spec and of the files that it names.
func (s *Source) ID() string { return s.id }

// Warnings returns what a person should know about a static set: which keys
// are skipped and why. It is empty for a remote source.
func (s *Source) Warnings() []string { return slices.Clone(s.warnings) }

// KeySet implements token.KeySource. Where the set has the kid, it costs one
// atomic load and neither lock nor allocation. A fetch that a kid causes does
// not end with ctx.
func (s *Source) KeySet(ctx context.Context, kid string) (*token.KeySet, error) {
	current := s.state.Load()
	if current == nil {
		return nil, token.ErrKeysUnavailable
	}
	if s.refresher == nil {
		return current.set, nil
	}
	if !current.usable(s.now()) {
		return nil, token.ErrKeysUnavailable
	}
	if !current.lacks(kid) {
		return current.set, nil
	}
	return s.refresher.missing(ctx, kid)
}

// Status describes the source.
func (s *Source) Status() Status {
	status := Status{ID: s.id, Issuer: s.issuer, Kind: KindStatic, LastSuccess: s.loaded}
	if s.refresher != nil {
		status.Kind = KindRemote
		s.refresher.describe(&status)
	}
	if current := s.state.Load(); current != nil {
		status.Keys = current.set.Len()
		status.Skipped, status.SkippedBy = current.skipped.total(), current.skipped.byReason()
		status.Fetched, status.StaleAt, status.Restored = current.fetched, current.until, current.restored
		status.Usable = current.usable(s.now())
	}
	return status
}
