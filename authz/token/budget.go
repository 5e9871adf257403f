package token

import (
	"context"
	"runtime"
	"sync/atomic"
)

// maxQueue is how many tokens of one scope may wait for their verification.
const maxQueue = 256

// budget bounds the signatures that are checked at a time for one scope: one
// processor less than there are, so that a flood of bad tokens leaves room for
// the cached tokens of others. Beyond the queue a token is refused at once.
type budget struct {
	slots   chan struct{}
	waiting atomic.Int64
}

func newBudget() *budget {
	return &budget{slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
}

// enter waits for leave to check a signature; leave gives it back. The errors
// are ErrOverloaded and ErrDeadline.
func (b *budget) enter(ctx context.Context) error {
	select {
	case b.slots <- struct{}{}:
		return nil
	default:
	}
	defer b.waiting.Add(-1)
	if b.waiting.Add(1) > maxQueue {
		return ErrOverloaded
	}
	select {
	case b.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ErrDeadline
	}
}

func (b *budget) leave() { <-b.slots }
