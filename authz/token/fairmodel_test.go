package token

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// fairModel is what a queue must agree with: lists that are searched from end to
// end.
type fairModel struct {
	q       *fairQueue
	running []*waiter
	waiting map[*node][]*waiter // in the order of asking
}

// granted takes over what the queue begins.
func (m *fairModel) granted(t *rapid.T) {
	for {
		want := m.first()
		w := m.q.next()
		if w == nil {
			return
		}
		if w != want || !w.granted {
			t.Fatalf("%p has its turn before %p", w, want)
		}
		m.waiting[w.leaf] = m.waiting[w.leaf][1:]
		m.running = append(m.running, w)
	}
}

// first returns the first token of the leaf that is furthest behind, of the payer
// that is.
func (m *fairModel) first() *waiter {
	n := &m.q.root
	for n != nil && n.first == nil {
		var behind *node
		for _, c := range n.below {
			if c.waiting > 0 && (behind == nil || c.used < behind.used || c.used == behind.used && c.order < behind.order) {
				behind = c
			}
		}
		n = behind
	}
	if n == nil {
		return nil
	}
	return m.waiting[n][0]
}

// check compares the counts of a node with those of the nodes below and of the
// lists.
func (m *fairModel) check(t *rapid.T, n *node) (waiting, running int, queued time.Duration) {
	for _, w := range m.waiting[n] {
		waiting, queued = waiting+1, queued+w.cost
	}
	for _, w := range m.running {
		if w.leaf == n {
			running++
		}
	}
	for _, c := range n.below {
		below, runs, cost := m.check(t, c)
		waiting, running, queued = waiting+below, running+runs, queued+cost
		wanted := map[bool]*nodeHeap{true: &n.ready, false: &n.resting}[c.waiting > 0]
		if c.waiting == 0 && c.running > 0 {
			wanted = nil
		}
		if c.in != wanted || wanted != nil && (*wanted)[c.place] != c {
			t.Fatalf("a node with %d and %d tokens is not where it belongs", c.waiting, c.running)
		}
	}
	if len(n.below) > 0 && n.parent != nil && waiting+running == 0 {
		t.Fatalf("%d clients of a payer without tokens are remembered", len(n.below))
	}
	if waiting != n.waiting || running != n.running || queued != n.queued || n.parent != nil && n.waiting > n.capacity {
		t.Fatalf("node has %d, %d, %v, want %d, %d, %v", n.waiting, n.running, n.queued, waiting, running, queued)
	}
	return waiting, running, queued
}

func (m *fairModel) ask(t *rapid.T) {
	payer, cost := Payer{Tenant: fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "tenant"))}, time.Duration(rapid.IntRange(0, 3000).Draw(t, "cost"))*time.Microsecond
	var from netip.Prefix
	if rapid.Bool().Draw(t, "unknown") {
		payer = Payer{Entry: payer.Tenant}
		from = networkOf(netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(1, 4).Draw(t, "client"))}))
	}
	leaf := m.q.leaf(payer, from)
	switch {
	case m.q.free():
		m.running = append(m.running, m.q.start(leaf, cost))
	case !m.q.hasRoom(leaf) || rapid.IntRange(0, 9).Draw(t, "late") == 0:
		m.q.release(leaf)
	default:
		m.waiting[leaf] = append(m.waiting[leaf], m.q.push(leaf, cost))
	}
}

func (m *fairModel) end(t *rapid.T) {
	if len(m.running) == 0 {
		return
	}
	at := rapid.IntRange(0, len(m.running)-1).Draw(t, "running")
	w := m.running[at]
	m.running = slices.Delete(m.running, at, at+1)
	m.q.end(w, w.cost*time.Duration(rapid.IntRange(0, 30).Draw(t, "tenths"))/10)
}

func (m *fairModel) leave(t *rapid.T) {
	var all []*waiter
	for _, list := range m.waiting {
		all = append(all, list...)
	}
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b *waiter) int { return int(a.cost - b.cost) })
	w := all[rapid.IntRange(0, len(all)-1).Draw(t, "waiting")]
	leaf := w.leaf
	m.waiting[leaf] = slices.DeleteFunc(m.waiting[leaf], func(o *waiter) bool { return o == w })
	m.q.remove(w)
}

// TestFairQueueAgreesWithAModel holds for any order of events that whoever is
// furthest behind has its turn, that no slot stays free while a token waits, that
// all counts are right, and that nothing is left in the end.
func TestFairQueueAgreesWithAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 3).Draw(t, "slots")
		m := &fairModel{q: newFairQueue(slots), waiting: map[*node][]*waiter{}}
		acts := map[string]func(*rapid.T){"ask": m.ask, "ask more": m.ask, "end": m.end, "leave": m.leave}
		acts[""] = func(t *rapid.T) {
			m.granted(t)
			m.check(t, &m.q.root)
			if len(m.running) > slots || m.q.root.waiting > 0 && len(m.running) < slots {
				t.Fatalf("%d of %d run while %d wait", len(m.running), slots, m.q.root.waiting)
			}
		}
		t.Repeat(acts)
		for len(m.running) > 0 {
			w := m.running[0]
			m.running = m.running[1:]
			m.q.end(w, w.cost)
			m.granted(t)
		}
		if root := &m.q.root; root.waiting+root.running+len(root.below)+len(root.ready)+len(root.resting) != 0 {
			t.Fatalf("left over: %+v", root)
		}
	})
}
