package main

import (
	"context"
	"fmt"
	"time"
)

// asking is the session of a server, or of a way through Envoy. Its workers are
// the same in every slice, so that each goes on among the tokens where it was.
type asking struct {
	tally

	level   level
	workers []*worker
	server  *server                             // nil where Envoy decides alone
	envoy   *envoyProcess                       // nil where nobody is before the server
	spent   func(context.Context) (heap, error) // by the server since open
	release func()                              // of connections; may be nil
}

// open starts to count what the server allocates.
func (a *asking) open(ctx context.Context) (session, error) {
	if a.server == nil {
		return a, nil
	}
	var err error
	if a.spent, err = a.server.countHeap(ctx); err != nil {
		a.close()
		return nil, fmt.Errorf("%s: %w", a.variant, err)
	}
	return a, nil
}

// slice reads no more than clocks and the kernel's own records, which costs
// those who are measured nothing.
func (a *asking) slice(ctx context.Context, lead, length time.Duration) (reading, error) {
	first := run(ctx, a.workers, a.level, lead)
	before, err := a.cost()
	if err != nil {
		return reading{}, err
	}
	seen := run(ctx, a.workers, a.level, length)
	after, err := a.cost()
	if err != nil {
		return reading{}, err
	}
	a.asked += first.checks() + seen.checks()
	return reading{seen, after.since(before)}, ctx.Err()
}

// cost is what was spent up to now.
func (a *asking) cost() (c cost, err error) {
	if a.server != nil {
		if c, err = costOf(a.server.command.Process.Pid); err != nil {
			return cost{}, fmt.Errorf("%s: %w", a.variant, err)
		}
	}
	if a.envoy != nil {
		c.envoy, err = cpuTime(a.envoy.command.Process.Pid)
	}
	return c, err
}

func (a *asking) end(ctx context.Context) (tally, error) {
	if a.spent == nil {
		return a.tally, nil
	}
	var err error
	if a.heap, err = a.spent(ctx); err != nil {
		return tally{}, fmt.Errorf("%s: %w", a.variant, err)
	}
	return a.tally, nil
}

func (a *asking) close() {
	if a.release != nil {
		a.release()
	}
}
