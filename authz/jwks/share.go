package jwks

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

const (
	askedPerSecond = 10 // fetches for unknown kids of one origin
	originPart     = 8  // one origin holds at most this part of a share
	sweepFrom      = 256

	// A fetch that took this long goes on in the late room and leaves its slot
	// to the next, as long as there is room: servers that never answer, however
	// many they are, must not delay the others by a timeout each.
	lateAfter = time.Second
)

// share is a part of the fetch pool. Of its slots one origin holds at most an
// eighth, the late ones included, and those who wait for an origin are served in
// the order they came, so that issuers of one origin take turns. Safe for
// concurrent use.
type share struct {
	slots     *semaphore.Weighted
	late      *semaphore.Weighted // the late room
	perOrigin int64
	rate      rate.Limit

	mu      sync.Mutex
	lines   map[string]*line
	sweepAt int
}

// line is the queue before one origin.
type line struct {
	slots   *semaphore.Weighted
	limiter *rate.Limiter
	users   int // guarded by share.mu
}

func newShare(slots, late int, limit rate.Limit) *share {
	return &share{
		slots:     semaphore.NewWeighted(int64(slots)),
		late:      semaphore.NewWeighted(int64(late)),
		perOrigin: int64(max(1, slots/originPart)),
		rate:      limit,
		lines:     make(map[string]*line),
		sweepAt:   sweepFrom,
	}
}

// enter waits until a fetch from origin may begin. The caller calls release
// once it ended. An origin that is slow is waited for in its own line and
// takes no slot of others.
func (s *share) enter(ctx context.Context, origin string) (release func(), err error) {
	l := s.join(origin)
	if err := l.slots.Acquire(ctx, 1); err != nil {
		s.leave(l)
		return nil, err
	}
	if err := s.proceed(ctx, l); err != nil {
		l.slots.Release(1)
		s.leave(l)
		return nil, err
	}
	taken := &seat{in: s.slots}
	timer := time.AfterFunc(lateAfter, func() { taken.move(s.late) })
	return func() {
		timer.Stop()
		taken.leave()
		l.slots.Release(1)
		s.leave(l)
	}, nil
}

// seat is what a fetch holds of a share: a slot, or room for a late one.
type seat struct {
	mu sync.Mutex
	in *semaphore.Weighted // nil once it was left
}

// move changes to another room where that has any left.
func (s *seat) move(to *semaphore.Weighted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in != nil && to.TryAcquire(1) {
		s.in.Release(1)
		s.in = to
	}
}

func (s *seat) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in.Release(1)
	s.in = nil
}

// proceed waits for the rate of the origin, then for a slot of the share.
func (s *share) proceed(ctx context.Context, l *line) error {
	if err := l.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return context.DeadlineExceeded // the wait would outlast the deadline
	}
	return s.slots.Acquire(ctx, 1)
}

// lease is the leave to talk to one origin at a time.
type lease struct {
	share   *share
	release func()
}

// move gives back what it held before it waits for the next, so that fetches
// that need two origins never wait for each other.
func (l *lease) move(ctx context.Context, origin string) error {
	l.end()
	release, err := l.share.enter(ctx, origin)
	if err != nil {
		return err
	}
	l.release = release
	return nil
}

func (l *lease) end() {
	if l.release != nil {
		l.release()
		l.release = nil
	}
}

func (s *share) join(origin string) *line {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[origin]
	if l == nil {
		s.sweep()
		l = &line{
			slots:   semaphore.NewWeighted(s.perOrigin),
			limiter: rate.NewLimiter(s.rate, int(s.perOrigin)),
		}
		s.lines[origin] = l
	}
	l.users++
	return l
}

func (s *share) leave(l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.users--
}

// sweep forgets origins that nobody uses and whose rate is whole again. It
// runs when the lines have doubled, which makes it cheap.
func (s *share) sweep() {
	if len(s.lines) < s.sweepAt {
		return
	}
	for origin, l := range s.lines {
		if l.users == 0 && (s.rate == rate.Inf || l.limiter.Tokens() >= float64(s.perOrigin)) {
			delete(s.lines, origin)
		}
	}
	s.sweepAt = max(sweepFrom, 2*len(s.lines))
}
