package authz

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/claimgate/claimgate/policy"
)

// Options are what an engine needs from outside. Zero fields have defaults.
type Options struct {
	Now  func() time.Time
	Rand io.Reader // decision ids; crypto/rand by default; safe for concurrent use
}

// Engine decides requests against the snapshot in force. Safe for concurrent
// use.
type Engine struct {
	now      func() time.Time
	rand     io.Reader // nil: crypto/rand
	snapshot atomic.Pointer[Snapshot]
}

// NewEngine returns an engine without a snapshot: it answers everything with
// TenantUnavailable until Swap.
func NewEngine(opts Options) *Engine {
	e := &Engine{now: opts.Now, rand: opts.Rand}
	if e.now == nil {
		e.now = time.Now
	}
	return e
}

// Swap puts a snapshot in force. A request sees one snapshot only.
func (e *Engine) Swap(s *Snapshot) { e.snapshot.Store(s) }

// Snapshot returns the snapshot in force, or nil.
func (e *Engine) Snapshot() *Snapshot { return e.snapshot.Load() }

// Decide is DecideInto a new decision, for callers to whom its cost is nothing.
func (e *Engine) Decide(ctx context.Context, req *Request) Decision {
	var d Decision
	e.DecideInto(ctx, req, &d)
	d.room = nil
	return d
}

// DecideInto decides one request and replaces what d holds. It never makes an
// allow that the policy, a public route, a preflight or the tenant's shadow did
// not give, and honours ctx's deadline. Should it panic, d denies.
//
// A decision that is filled again keeps its room: the slices and texts of the
// decision before are overwritten, also where a copy of it still shows them.
// What d holds may be parts of the request, but nothing that is kept beyond
// this call is.
func (e *Engine) DecideInto(ctx context.Context, req *Request, d *Decision) {
	j := d.begin()
	j.snapshot, j.req = e.snapshot.Load(), req
	e.judge(ctx, j)
	j.shadowed()
	d.room.judgement = judgement{} // keeps nothing of the request alive
}

// Explain decides like Decide and adds the policy's account of it, which
// quotes claims. The account is nil where the policy was not asked.
func (e *Engine) Explain(ctx context.Context, req *Request) (Decision, *policy.Trace) {
	var decision Decision
	j := decision.begin()
	j.snapshot, j.req = e.snapshot.Load(), req
	e.judge(ctx, j)
	j.shadowed()
	decision.room = nil
	if j.asked == nothing {
		return decision, nil
	}
	j.sent.secret = j.credentials().names
	trace := j.policy().Explain(&j.input, j.asked == publicRules)
	return decision, &trace
}

// judge takes a request through the steps.
func (e *Engine) judge(ctx context.Context, j *judgement) {
	if !j.name(e.rand) {
		j.deny(Internal) // a decision that has no name of its own is none
		return
	}
	if reason, ok := j.admit(ctx); !ok {
		j.deny(reason)
		return
	}
	e.judgePlace(ctx, j)
}

// judgePlace judges a request that can be judged.
func (e *Engine) judgePlace(ctx context.Context, j *judgement) {
	at, ok := j.snapshot.byWellKnown(j.req)
	var reason Reason
	if !ok {
		at, reason, ok = j.snapshot.resolvePlace(j.req)
	}
	if !ok {
		j.unknown = at.entry
		j.deny(reason)
		return
	}
	j.enter(&at, e.now())
	if j.tenant != nil && j.tenant.suspended {
		j.deny(TenantSuspended)
	} else if r := j.resource(); r.answers(j.req) {
		j.metadataDocument(r)
	} else if j.isPreflight() {
		j.decidePreflight()
	} else if route := j.publicRoute(); route != nil && j.admitsPath() {
		j.decidePublic(ctx, route)
	} else {
		j.decideByPolicy(ctx)
	}
}
