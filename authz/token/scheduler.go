package token

import (
	"context"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// Payer is at whose expense a signature is checked: a tenant or, while none is
// known, an entry. Exactly one is set, or none where there is but one payer. It
// comes from where the request arrived, never from what a token claims.
type Payer struct{ Tenant, Entry string }

// ShedCause says why a token was given up before its signature was checked.
type ShedCause string

// The causes.
const (
	ShedFull ShedCause = "queue_full" // too many wait already
	ShedLate ShedCause = "too_late"   // it could not be verified before its deadline
	ShedGone ShedCause = "gave_up"    // its deadline passed or its caller left while it waited
)

// ShedCauses returns all causes.
func ShedCauses() []ShedCause { return []ShedCause{ShedFull, ShedLate, ShedGone} }

// SchedulerObserver hears of each signature that a cached verdict did not spare. It
// must not block.
type SchedulerObserver interface {
	// Verified hears how long a token waited, zero where it never queued, and how
	// long its verification took.
	Verified(payer Payer, waited, took time.Duration)
	Shed(payer Payer, cause ShedCause)
}

// SchedulerOptions tune a Scheduler. Zero fields have defaults.
type SchedulerOptions struct {
	// Slots is how many signatures are checked at a time. Default: half of the
	// processors (GOMAXPROCS), rounded up. The other half is left for cached tokens,
	// which would else wait for a signature of up to some milliseconds, since nothing
	// interrupts it.
	Slots    int
	Now      func() time.Time // default time.Now; of the clock that deadlines are of
	Observer SchedulerObserver
}

// maxWait bounds the wait of a token whose request has no deadline.
const maxWait = time.Second

// Scheduler bounds the signatures that are checked at a time in a process and
// shares the time that they take fairly: among payers and, within one payer, among
// its clients by address. Who used little comes before who used much, and a queue of
// one is no queue of others. Cached tokens never come here.
//
// At most 128 tokens of one client, 512 of one payer and 2,048 in all wait, and
// none that could not be verified before its deadline. The rest is refused at once with
// ErrOverloaded. Safe for concurrent use; share one in a process.
type Scheduler struct {
	now      func() time.Time
	observer SchedulerObserver

	mu    sync.Mutex
	queue *fairQueue
	costs *costs
	stats SchedulerStats
}

// SchedulerStats are counts since the start, and of now.
type SchedulerStats struct {
	Slots, Running, Waiting int
	Payers                  int // of whom something is remembered
	Verified, Queued        uint64
	Shed                    map[ShedCause]uint64
	Took                    time.Duration // in all
}

// NewScheduler returns a scheduler with nothing to do.
func NewScheduler(opts SchedulerOptions) *Scheduler {
	if opts.Slots <= 0 {
		opts.Slots = (runtime.GOMAXPROCS(0) + 1) / 2
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Scheduler{
		now: opts.Now, observer: opts.Observer, queue: newFairQueue(opts.Slots), costs: newCosts(),
		stats: SchedulerStats{Slots: opts.Slots, Shed: map[ShedCause]uint64{}},
	}
}

// Stats returns the counts of one moment.
func (s *Scheduler) Stats() SchedulerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Running, stats.Waiting = s.queue.root.running, s.queue.root.waiting
	stats.Payers = len(s.queue.root.below)
	stats.Shed = make(map[ShedCause]uint64, len(s.stats.Shed))
	for _, cause := range ShedCauses() {
		stats.Shed[cause] = s.stats.Shed[cause]
	}
	return stats
}

// job is one signature to check.
type job struct {
	payer  Payer
	client netip.Addr // the zero address is nobody's in particular
	key    *Key
	alg    Algorithm
}

// turn is the right to check it, from enter to leave.
type turn struct {
	*waiter

	job      job
	expected *time.Duration
	asked    time.Time
	started  time.Time
}

// enter waits until the signature may be checked; leave is then called. The
// errors are ErrOverloaded and ErrDeadline.
func (s *Scheduler) enter(ctx context.Context, what job) (turn, error) {
	t := turn{job: what, asked: s.now()}
	if cause := s.join(ctx, &t); cause != "" {
		s.shed(what.payer, cause)
		return turn{}, ErrOverloaded
	}
	if t.turn == nil {
		t.started = t.asked
		return t, nil
	}
	select {
	case <-t.turn:
		t.started = s.now()
		return t, nil
	case <-ctx.Done():
		s.abandon(&t)
		s.shed(what.payer, ShedGone)
		return turn{}, ErrDeadline
	}
}

// join starts or queues, or says why it does neither.
func (s *Scheduler) join(ctx context.Context, t *turn) ShedCause {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue
	t.expected = s.costs.of(t.job.key, t.job.alg)
	leaf := q.leaf(t.job.payer, networkOf(t.job.client))
	switch {
	case q.free():
		t.waiter = q.start(leaf, *t.expected)
	case !q.hasRoom(leaf):
		q.release(leaf)
		return ShedFull
	case q.delay(leaf)+*t.expected > s.left(ctx, t.asked):
		q.release(leaf)
		return ShedLate
	default:
		t.waiter = q.push(leaf, *t.expected)
		s.stats.Queued++
	}
	return ""
}

// left returns how long a token may wait.
func (s *Scheduler) left(ctx context.Context, now time.Time) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(maxWait, deadline.Sub(now))
	}
	return maxWait
}

// abandon leaves the queue, or gives back the turn that came at the same moment.
func (s *Scheduler) abandon(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.granted {
		s.queue.remove(t.waiter)
		return
	}
	s.queue.end(t.waiter, 0)
	s.dispatch()
}

// leave ends a verification and wakes whose turn it is.
func (s *Scheduler) leave(t *turn) {
	took := max(0, s.now().Sub(t.started))
	s.finish(t, took)
	if s.observer != nil {
		s.observer.Verified(t.job.payer, t.started.Sub(t.asked), took)
	}
}

func (s *Scheduler) finish(t *turn, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.end(t.waiter, learn(t.expected, took))
	s.stats.Verified++
	s.stats.Took += took
	s.dispatch()
}

func (s *Scheduler) dispatch() {
	for w := s.queue.next(); w != nil; w = s.queue.next() {
		close(w.turn)
	}
}

func (s *Scheduler) shed(payer Payer, cause ShedCause) {
	s.mu.Lock()
	s.stats.Shed[cause]++
	s.mu.Unlock()
	if s.observer != nil {
		s.observer.Shed(payer, cause)
	}
}

// networkOf returns whom an address stands for: itself, or of IPv6 the network
// that one client commonly has.
func networkOf(client netip.Addr) netip.Prefix {
	if !client.IsValid() {
		return netip.Prefix{}
	}
	bits := 64
	if client = client.Unmap(); client.Is4() {
		bits = client.BitLen()
	}
	return netip.PrefixFrom(client.WithZone(""), bits).Masked()
}
