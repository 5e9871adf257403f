package envoy

import (
	"context"
	"sync/atomic"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/claimgate/claimgate/authz"
)

// DefaultMaxInFlight is how many checks a Server answers at the same time.
const DefaultMaxInFlight = 4096

// minTimeLeft is the time that a decision needs at least: with less the answer
// would come too late to count.
const minTimeLeft = time.Millisecond

// Decider decides requests; *authz.Engine is one.
type Decider interface {
	DecideInto(ctx context.Context, req *authz.Request, decision *authz.Decision)
}

// Observer hears of every answer, exactly once. It must not block and may keep
// nothing of the request, nor of the decision but the names of configured things. fault is nil, or a *PanicError, or the reason why a
// decision could not be put into an answer; the decision is then a denial with
// reason Internal. A panic of the observer itself denies the request too.
type Observer interface {
	Checked(req *authz.Request, decision *authz.Decision, elapsed time.Duration, fault error)
}

// Tracer hears of every answer, exactly once, as soon as it is made and after the
// Observer. ctx is that of the call, with the metadata that the proxy sent along,
// never anything of the request within. It must not block and may keep nothing of
// the decision but the names of configured things. Whatever it does, a panic
// included, changes no answer.
type Tracer interface {
	Traced(ctx context.Context, decision *authz.Decision, elapsed time.Duration)
}

// ServerOptions are what a Server needs.
type ServerOptions struct {
	Decider  Decider
	Observer Observer             // nil: none
	Tracer   Tracer               // nil: none
	Clock    func() time.Duration // the time since some moment, as only differences count; nil: one of its own
	// MaxInFlight bounds the checks in progress; one more is denied with
	// authz.Overloaded. Zero: DefaultMaxInFlight.
	MaxInFlight int
}

// Server implements authv3.AuthorizationServer. Safe for concurrent use.
type Server struct {
	authv3.UnimplementedAuthorizationServer

	decider     Decider
	observer    Observer
	tracer      Tracer
	clock       func() time.Duration
	maxInFlight int64
	inFlight    atomic.Int64
	responder   *responder
}

// NewServer returns a server.
func NewServer(opts ServerOptions) *Server {
	s := &Server{
		decider:     opts.Decider,
		observer:    opts.Observer,
		tracer:      opts.Tracer,
		clock:       opts.Clock,
		maxInFlight: int64(opts.MaxInFlight),
		responder:   newResponder(),
	}
	if s.clock == nil {
		s.clock = stopwatch()
	}
	if s.maxInFlight <= 0 {
		s.maxInFlight = DefaultMaxInFlight
	}
	return s
}

// stopwatch is a clock that asks the monotonic one alone, where time.Now asks two.
func stopwatch() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

// InFlight returns the number of checks in progress.
func (s *Server) InFlight() int { return int(s.inFlight.Load()) }

// call is what is known of one Check; the observer is shown its parts.
type call struct {
	start    time.Duration // by the server's clock
	request  authz.Request
	decision authz.Decision
	fault    error
}

// form is one encoding of the protocol: where a request comes from, and what an
// answer is made of. An answer replaces the one before.
type form interface {
	// read fills the empty request.
	read(req *authz.Request)
	// say answers a decision. With an error nothing of it may be answered.
	say(c *call) error
	// refuse answers with the refusal of a reason and nothing of a decision.
	// Without a request it does not depend on the kind of client.
	refuse(req *authz.Request, reason authz.Reason)
}

// Check implements authv3.AuthorizationServer. The error is always nil and the
// response always says what it means: code 0 with an OkHttpResponse, or
// another code with a DeniedHttpResponse. Parts of responses are shared between
// calls; treat them as read-only.
func (s *Server) Check(ctx context.Context, msg *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	f := &generated{responder: s.responder, msg: msg}
	s.answer(ctx, &f.call, f)
	return f.response, nil
}

// answer answers a call in its form.
func (s *Server) answer(ctx context.Context, c *call, f form) {
	inFlight := s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	defer s.finish(ctx, c, f)
	c.start = s.clock()
	f.read(&c.request)
	switch {
	case inFlight > s.maxInFlight:
		c.refuse(authz.Overloaded)
	case outOfTime(ctx):
		c.refuse(authz.DeadlineExceeded)
	default:
		s.decider.DecideInto(ctx, &c.request, &c.decision)
		c.verify()
	}
	s.respond(c, f)
}

// verify refuses a decision that contradicts itself or the request.
func (c *call) verify() {
	allow := c.decision.Verdict == authz.Allow
	switch {
	case allow && c.request.Fault != authz.NoFault:
		c.refuse(c.request.Fault)
	case allow != admits(c.decision.Reason):
		c.fail(errContradiction)
	}
}

// respond puts the decision into an answer; one that cannot be put into words
// is a denial.
func (s *Server) respond(c *call, f form) {
	err := f.say(c)
	switch {
	case err == nil:
	case c.decision.Verdict == authz.Allow && isOversize(err):
		c.refuse(authz.HeaderValueRefused)
		f.refuse(&c.request, c.decision.Reason)
	default:
		c.fail(err)
		f.refuse(&c.request, authz.Internal)
	}
}

// finish turns a panic into a denial, and tells the observer and the tracer.
func (s *Server) finish(ctx context.Context, c *call, f form) {
	if v := recover(); v != nil {
		c.fail(newPanicError(v))
		f.refuse(nil, authz.Internal)
	}
	if s.observer == nil && s.tracer == nil {
		return
	}
	elapsed := s.observe(c, f)
	if s.tracer != nil {
		s.trace(ctx, c, elapsed)
	}
}

func (s *Server) observe(c *call, f form) (elapsed time.Duration) {
	defer func() {
		if v := recover(); v != nil {
			c.fail(newPanicError(v))
			f.refuse(nil, authz.Internal)
		}
	}()
	elapsed = s.clock() - c.start
	if s.observer != nil {
		s.observer.Checked(&c.request, &c.decision, elapsed, c.fault)
	}
	return elapsed
}

func (s *Server) trace(ctx context.Context, c *call, elapsed time.Duration) {
	defer func() { _ = recover() }() // the answer stands
	s.tracer.Traced(ctx, &c.decision, elapsed)
}

// refuse replaces the decision by a refusal.
func (c *call) refuse(reason authz.Reason) { c.decision.Refuse(reason) }

// fail records a fault of our own.
func (c *call) fail(fault error) {
	c.fault = fault
	c.decision.Refuse(authz.Internal)
}

// outOfTime reports that the caller no longer waits, or not long enough. It
// reads the clock that ends contexts, not the server's.
func outOfTime(ctx context.Context) bool {
	if ctx.Err() != nil {
		return true
	}
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < minTimeLeft
}

// admits reports whether a reason goes with an allow.
func admits(reason authz.Reason) bool {
	switch reason {
	case authz.Allowed, authz.PublicRoute, authz.PreflightPassed, authz.ShadowPassed:
		return true
	default:
		return false
	}
}
