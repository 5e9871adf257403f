package authz

import (
	"context"
	"crypto/rand"
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
	rand     io.Reader
	snapshot atomic.Pointer[Snapshot]
}

// NewEngine returns an engine without a snapshot: it answers everything with
// TenantUnavailable until Swap.
func NewEngine(opts Options) *Engine {
	e := &Engine{now: opts.Now, rand: opts.Rand}
	if e.now == nil {
		e.now = time.Now
	}
	if e.rand == nil {
		e.rand = rand.Reader
	}
	return e
}

// Swap puts a snapshot in force. A request sees one snapshot only.
func (e *Engine) Swap(s *Snapshot) { e.snapshot.Store(s) }

// Snapshot returns the snapshot in force, or nil.
func (e *Engine) Snapshot() *Snapshot { return e.snapshot.Load() }

// Decide decides one request. It never returns an allow that the policy, a
// public route, a preflight or the tenant's shadow did not give, and honours
// ctx's deadline.
func (e *Engine) Decide(ctx context.Context, req *Request) Decision {
	j := &judgement{snapshot: e.snapshot.Load(), req: req}
	return j.shadowed(e.judge(ctx, j))
}

// Explain decides like Decide and adds the policy's account of it, which
// quotes claims. The account is nil where the policy was not asked.
func (e *Engine) Explain(ctx context.Context, req *Request) (Decision, *policy.Trace) {
	j := &judgement{snapshot: e.snapshot.Load(), req: req}
	decision := j.shadowed(e.judge(ctx, j))
	if j.asked == nothing {
		return decision, nil
	}
	j.sent.secret = j.credentials().names
	trace := j.policy().Explain(&j.input, j.asked == publicRules)
	return decision, &trace
}

// judge takes a request through the steps.
func (e *Engine) judge(ctx context.Context, j *judgement) Decision {
	if _, err := io.ReadFull(e.rand, j.id[:]); err != nil {
		return j.deny(Internal) // a decision that has no name of its own is none
	}
	j.idText = j.id.String()
	if reason, ok := j.admit(ctx); !ok {
		return j.deny(reason)
	}
	at, ok := j.snapshot.byWellKnown(j.req)
	var reason Reason
	if !ok {
		at, reason, ok = j.snapshot.resolvePlace(j.req)
	}
	if !ok {
		j.unknown = at.entry
		return j.deny(reason)
	}
	j.enter(&at, e.now())
	if j.tenant != nil && j.tenant.suspended {
		return j.deny(TenantSuspended)
	}
	if r := j.resource(); r.answers(j.req) {
		return j.metadataDocument(r)
	}
	if j.isPreflight() {
		return j.decidePreflight()
	}
	if route := j.publicRoute(); route != nil && j.admitsPath() {
		return j.decidePublic(ctx, route)
	}
	return j.decideByPolicy(ctx)
}
