package token

import "container/heap"

// settle puts a node where it belongs after a change: among those whose tokens
// wait, among those that have none at all, or, while its only tokens are being
// verified, nowhere. A node without tokens forgets who is below it. The receiver
// is its parent, nil for the root.
func (n *node) settle(c *node) {
	var wanted *nodeHeap
	switch {
	case c.waiting == 0 && c.running == 0:
		c.forget()
		if n != nil {
			wanted = &n.resting
		}
	case c.waiting > 0 && n != nil:
		wanted = &n.ready
	}
	switch {
	case n == nil:
	case c.in == wanted && wanted != nil:
		heap.Fix(wanted, c.place)
	case c.in != wanted:
		c.move(wanted)
	}
	if n != nil {
		n.prune()
	}
}

func (n *node) move(to *nodeHeap) {
	if n.in != nil {
		heap.Remove(n.in, n.place)
	}
	if n.in = to; to != nil {
		heap.Push(to, n)
	}
}

// forget ends a busy period: nobody waits, so that nobody needs to be
// remembered. A great map is left to the collector, a small one is kept.
func (n *node) forget() {
	if len(n.below) > maxKept {
		n.below = nil
	}
	clear(n.below)
	n.ready, n.resting, n.clock = nil, nil, 0
}

const maxKept = 16

// prune forgets some of those who wait for nothing: who would join where others
// join, and whoever used least where they are too many. Each change adds one at
// most.
func (n *node) prune() {
	for range 2 {
		if len(n.resting) == 0 || n.resting[0].used > n.clock-n.headStart && len(n.resting) <= maxResting {
			return
		}
		gone := n.resting[0]
		gone.move(nil)
		delete(n.below, gone.key)
	}
}

// nodeHeap has the node first whose clock is furthest behind.
type nodeHeap []*node

func (h nodeHeap) Len() int { return len(h) }

func (h nodeHeap) Less(i, j int) bool {
	if h[i].used != h[j].used {
		return h[i].used < h[j].used
	}
	return h[i].order < h[j].order
}

func (h nodeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements heap.Interface.
func (h *nodeHeap) Push(x any) {
	n := x.(*node) //nolint:forcetypeassert // nothing else is pushed
	n.place = len(*h)
	*h = append(*h, n)
}

// Pop implements heap.Interface.
func (h *nodeHeap) Pop() any {
	last := len(*h) - 1
	n := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return n
}
