package authz

import (
	"context"
	"io"
	"time"
)

// Options are what an engine needs from outside. Zero fields have defaults.
type Options struct {
	Now  func() time.Time
	Rand io.Reader // decision ids; crypto/rand by default
}

// Engine decides requests against the snapshot in force. Safe for concurrent
// use.
type Engine struct{}

// NewEngine returns an engine without a snapshot: it answers everything with
// TenantUnavailable until Swap.
func NewEngine(opts Options) *Engine { panic("not built") }

// Swap puts a snapshot in force. A request sees one snapshot only.
func (e *Engine) Swap(s *Snapshot) { panic("not built") }

// Snapshot returns the snapshot in force, or nil.
func (e *Engine) Snapshot() *Snapshot { panic("not built") }

// Decide decides one request. It never returns an allow that the policy, a
// public route or a preflight did not give, and honours ctx's deadline.
func (e *Engine) Decide(ctx context.Context, req *Request) Decision { panic("not built") }
