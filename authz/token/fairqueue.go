package token

import (
	"net/netip"
	"time"
)

// Bounds of the tokens that wait for their verification. Of the first half of a
// queue nobody takes more than is left free, so that a few floods do not fill it;
// the second half is for those of whom hardly any token waits.
const (
	maxQueue       = 512  // of one payer
	maxClientQueue = 128  // of one of its clients: half of the first half
	maxQueueTotal  = 2048 // of all: half of the checks in progress that a server admits

	fewOfPayer  = 8
	fewOfClient = 1
)

// headStart is how much time a payer who was away may use before those who have a
// queue have their turn again. Clients have none, since there are ever more of
// them: theirs would starve those who wait.
const headStart = 2 * time.Millisecond

// maxResting bounds the payers, and the clients of one, who wait for nothing and
// of whom is remembered what they used. The one that used least is forgotten.
const maxResting = 256

// fairQueue says whose signature is checked next. Payers, and within one payer
// its clients, have equal shares of the time that verifications take: each has
// a clock of its own that runs on by what it was charged, and the one whose clock
// is furthest behind comes next (start-time fair queueing, by measured cost).
// Whoever was away joins where the others are, less a head start, but no earlier
// than where it left, so that it does not save up time.
//
// All is of constant or logarithmic time. It knows no time but costs, and it is not
// safe for concurrent use.
type fairQueue struct {
	root   node
	slots  int
	orders uint64
}

// node is all payers, one payer, or one client of a payer. Those without nodes
// below hold tokens.
type node struct {
	key    nodeKey
	parent *node
	used   time.Duration // its clock
	order  uint64        // of equal clocks: who was served last, and else who came first
	in     *nodeHeap     // of its parent: ready, resting, or nil where it only runs
	place  int           // therein

	waiting, running int           // tokens
	capacity         int           // of the former
	queued           time.Duration // what they are expected to cost

	below          map[nodeKey]*node
	ready, resting nodeHeap      // those with tokens that wait; those without any
	clock          time.Duration // where those below are
	headStart      time.Duration // of those below
	few            int           // tokens of one of them that have room where others have none

	first, last *waiter
}

type nodeKey struct {
	payer  Payer
	client netip.Prefix
}

// waiter is one token. granted is set before turn is closed.
type waiter struct {
	leaf       *node
	cost       time.Duration // expected
	prev, next *waiter
	granted    bool
	turn       chan struct{} // nil where it never waited
}

func newFairQueue(slots int) *fairQueue {
	return &fairQueue{root: node{capacity: maxQueueTotal, headStart: headStart, few: fewOfPayer}, slots: slots}
}

// leaf returns the node of a client of a payer, to be started or queued on or
// released.
func (q *fairQueue) leaf(payer Payer, client netip.Prefix) *node {
	n := q.root.child(nodeKey{payer: payer}, maxQueue)
	n.few = fewOfClient
	return n.child(nodeKey{client: client}, maxClientQueue)
}

func (n *node) child(key nodeKey, capacity int) *node {
	if c := n.below[key]; c != nil {
		return c
	}
	if n.below == nil {
		n.below = map[nodeKey]*node{}
	}
	c := &node{key: key, parent: n, capacity: capacity, used: n.clock - n.headStart}
	n.below[key] = c
	return c
}

// release lets go of a leaf that was looked up, but given no token.
func (q *fairQueue) release(leaf *node) {
	for n := leaf; n != nil; n = n.parent {
		n.parent.settle(n)
	}
}

// free reports whether a verification may start at once: nothing waits then.
func (q *fairQueue) free() bool { return q.root.running < q.slots }

// start begins a verification that did not wait.
func (q *fairQueue) start(leaf *node, cost time.Duration) *waiter {
	w := &waiter{leaf: leaf, cost: cost, granted: true}
	q.join(leaf)
	q.begin(w)
	return w
}

// hasRoom reports whether one more token of the leaf may wait.
func (q *fairQueue) hasRoom(leaf *node) bool {
	for n := leaf; n.parent != nil; n = n.parent {
		p := n.parent
		if share := max(p.few, p.capacity/2-p.waiting); p.waiting >= p.capacity || n.waiting >= min(n.capacity, share) {
			return false
		}
	}
	return true
}

// delay estimates how long one more token of the leaf would wait: what its own
// payer does before it, as often as others take turns with it, and what these do
// first because its payer is ahead of them, but no longer than all that waits.
func (q *fairQueue) delay(leaf *node) time.Duration {
	before := leaf.queued
	for n := leaf; n.parent != nil; n = n.parent {
		p := n.parent
		others := time.Duration(len(p.ready))
		if n.waiting > 0 {
			others--
		}
		before = min(p.queued, max(0, n.used-p.clock)*others+before*(others+1))
	}
	return before / time.Duration(q.slots)
}

// push queues a token.
func (q *fairQueue) push(leaf *node, cost time.Duration) *waiter {
	w := &waiter{leaf: leaf, cost: cost, prev: leaf.last, turn: make(chan struct{})}
	q.join(leaf)
	if leaf.last == nil {
		leaf.first = w
	} else {
		leaf.last.next = w
	}
	leaf.last = w
	q.count(leaf, 1, cost)
	return w
}

// join brings the clocks up that stood still while nothing was to do.
func (q *fairQueue) join(leaf *node) {
	for n := leaf; n.parent != nil; n = n.parent {
		if n.waiting == 0 {
			q.orders++
			n.order = q.orders
			n.used = max(n.used, n.parent.clock-n.parent.headStart)
		}
	}
}

// count counts tokens that begin or cease to wait.
func (q *fairQueue) count(leaf *node, tokens int, cost time.Duration) {
	for n := leaf; n != nil; n = n.parent {
		n.waiting += tokens
		n.queued += cost
		n.parent.settle(n)
	}
}

// remove takes a token out that waits.
func (q *fairQueue) remove(w *waiter) {
	leaf := w.leaf
	if w.prev == nil {
		leaf.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		leaf.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
	q.count(leaf, -1, -w.cost)
}

// next begins the verification whose turn it is, if one waits and may begin.
func (q *fairQueue) next() *waiter {
	if q.root.waiting == 0 || !q.free() {
		return nil
	}
	n := &q.root
	for n.first == nil {
		n = n.ready[0]
	}
	w := n.first
	w.granted = true
	q.begin(w)
	q.remove(w)
	return w
}

func (q *fairQueue) begin(w *waiter) {
	for n := w.leaf; n != nil; n = n.parent {
		n.running++
		q.orders++
		n.order = q.orders + servedLast
		if n.parent != nil {
			n.parent.clock = max(n.parent.clock, n.used)
		}
	}
	q.charge(w.leaf, w.cost)
}

// end ends a verification and replaces what it was expected to cost by what it
// did.
func (q *fairQueue) end(w *waiter, cost time.Duration) {
	q.charge(w.leaf, cost-w.cost)
	for n := w.leaf; n != nil; n = n.parent {
		n.running--
		n.parent.settle(n)
	}
}

// servedLast orders those who were served behind those who were not.
const servedLast = 1 << 63

// charge lets the clocks of a leaf and of its payer run on.
func (q *fairQueue) charge(leaf *node, cost time.Duration) {
	for n := leaf; n.parent != nil; n = n.parent {
		n.used += cost
		n.parent.settle(n)
		n.parent.drift(n, cost)
	}
}

// drift lets the common clock of clients run on with what any of them used, not
// only with the clock of the one that is furthest behind: else whoever waits
// would never have its turn while others come who were never seen before. As
// they come and go while costs are corrected, it is never ahead by more than a
// head start of whoever waits.
func (n *node) drift(c *node, cost time.Duration) {
	switch rivals := len(n.ready); {
	case n.headStart > 0: // payers are known by name: there are not ever more of them
	case rivals == 0 || rivals == 1 && n.ready[0] == c:
		n.clock = c.used
	default:
		n.clock = min(n.clock+cost/time.Duration(rivals), n.ready[0].used+headStart)
	}
}
