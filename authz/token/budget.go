package token

import (
	"context"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
)

// maxQueue is how many tokens of one scope may wait for their verification.
const maxQueue = 256

// maxClientQueue is how many of them may be one client's, where clients are told
// apart: it alone cannot fill the queue.
const maxClientQueue = maxQueue / 2

// budget bounds the signatures that are checked at a time for one scope: one
// processor less than there are, so that a flood of bad tokens leaves room for
// the cached tokens of others. Beyond the queue a token is refused at once.
type budget struct {
	slots   chan struct{}
	waiting atomic.Int64

	mu      sync.Mutex
	clients map[netip.Prefix]int // how many of each wait
}

func newBudget() *budget {
	return &budget{slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
}

// enter waits for leave to check a signature; leave gives it back. The errors
// are ErrOverloaded and ErrDeadline.
func (b *budget) enter(ctx context.Context) error { return b.enterFor(ctx, netip.Addr{}) }

// enterFor is enter for a client; the zero address is nobody in particular.
func (b *budget) enterFor(ctx context.Context, client netip.Addr) error {
	select {
	case b.slots <- struct{}{}:
		return nil
	default:
	}
	if client.IsValid() {
		network := networkOf(client)
		defer b.unqueue(network)
		if b.queue(network) > maxClientQueue {
			return ErrOverloaded
		}
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

// networkOf returns whom an address stands for: itself, or of IPv6 the network
// that one client commonly has.
func networkOf(client netip.Addr) netip.Prefix {
	bits := 64
	if client = client.Unmap(); client.Is4() {
		bits = client.BitLen()
	}
	return netip.PrefixFrom(client.WithZone(""), bits).Masked()
}

// queue counts one more of the client and returns how many there are.
func (b *budget) queue(client netip.Prefix) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.clients == nil {
		b.clients = map[netip.Prefix]int{}
	}
	b.clients[client]++
	return b.clients[client]
}

func (b *budget) unqueue(client netip.Prefix) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.clients[client]--; b.clients[client] == 0 {
		delete(b.clients, client)
	}
}
