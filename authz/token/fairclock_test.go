package token

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestP8DelayOfWhoUsedMuchIsForeseen holds the same for a payer that is ahead of
// the others, with tokens before it and without: they use as much first, and a
// token that has the time to wait for that is not refused.
func TestP8DelayOfWhoUsedMuchIsForeseen(t *testing.T) {
	for _, slots := range []int{1, 3} {
		for _, others := range []int{1, 2, 4} {
			for _, ahead := range []time.Duration{0, 5 * dear, 20 * dear} {
				for _, own := range []int{0, 1, 10} {
					foreseen, waited := delayAhead(slots, others, ahead, own)
					if foreseen > waited*11/10+2*dear || foreseen < waited*9/10-2*dear {
						t.Errorf("on %d beside %d, %v ahead, behind %d of its own: foreseen %v, waited %v", slots, others, ahead, own, foreseen, waited)
					}
				}
			}
		}
	}
}

// delayAhead returns what is foreseen, and what comes true, for a token of a payer
// that used more than others with full queues and has tokens of its own before it.
func delayAhead(slots, others int, ahead time.Duration, own int) (foreseen, waited time.Duration) {
	b, pending := newWorkbench(slots), map[*waiter]*verification{}
	for range slots {
		b.ask(tenant("running", dear), pending)
	}
	for n := range 80 * others {
		b.ask(tenant(fmt.Sprint("other-", n%others), dear), pending)
	}
	for range 3 * others { // until their head start is used up
		b.step(pending)
	}
	me := tenant("me", dear)
	leaf := b.q.leaf(me.payer, netip.Prefix{})
	leaf.parent.used = b.q.root.clock + ahead
	for range own {
		b.ask(me, pending)
	}
	foreseen = b.q.delay(leaf)
	b.ask(me, pending)
	for b.served[me.name] <= own {
		b.step(pending)
	}
	return foreseen, b.longest[me.name]
}

// TestP8EqualsTakeTurns holds that payers who use the same come round in the order
// in which they were served, however long that goes on.
func TestP8EqualsTakeTurns(t *testing.T) {
	const payers, rounds = 5, 20
	q := newFairQueue(1)
	running := q.start(q.leaf(Payer{Entry: "before"}, netip.Prefix{}), dear)
	for n := range payers * rounds {
		q.push(q.leaf(Payer{Tenant: fmt.Sprint(n % payers)}, netip.Prefix{}), dear)
	}
	for n := range payers * rounds {
		q.end(running, dear)
		running = q.next()
		if got := running.leaf.parent.key.payer.Tenant; got != fmt.Sprint(n%payers) {
			t.Fatalf("turn %d is that of %s", n, got)
		}
	}
}

// TestP8WhoWasAwaySavesNoTimeUp holds that a payer of whom is remembered that it
// used little joins where the others are, less its head start, whether its token
// waits or begins at once; and a client without one.
func TestP8WhoWasAwaySavesNoTimeUp(t *testing.T) {
	for name, begin := range map[string]func(*fairQueue, *node){
		"at once": func(q *fairQueue, leaf *node) { q.start(leaf, 0) },
		"queued":  func(q *fairQueue, leaf *node) { q.push(leaf, 0) },
	} {
		q := newFairQueue(2)
		leaf := q.leaf(Payer{Tenant: "away"}, netip.Prefix{}) // remembered since long ago
		q.root.clock, leaf.parent.clock = time.Hour, time.Minute
		begin(q, leaf)
		if leaf.parent.used != time.Hour-headStart || leaf.used != time.Minute {
			t.Errorf("%s: the payer joins at %v, its client at %v", name, leaf.parent.used, leaf.used)
		}
		q = newFairQueue(2)
		leaf = q.leaf(Payer{Tenant: "ahead"}, netip.Prefix{})
		leaf.parent.used, leaf.used = time.Hour, time.Minute
		begin(q, leaf)
		if leaf.parent.used != time.Hour || leaf.used != time.Minute {
			t.Errorf("%s: who used much joins at %v, its client at %v", name, leaf.parent.used, leaf.used)
		}
	}
}

// TestP8FewPayersAreRemembered holds that of payers who use next to nothing,
// however many they are, not all are remembered: those that used least are not.
func TestP8FewPayersAreRemembered(t *testing.T) {
	q, most := newFairQueue(2), 0
	q.start(q.leaf(Payer{Tenant: "always there"}, netip.Prefix{}), dear)
	visit := func(payer Payer, cost time.Duration) {
		q.end(q.start(q.leaf(payer, netip.Prefix{}), cost), cost)
		most = max(most, len(q.root.resting))
	}
	first := Payer{Tenant: "first"}
	visit(first, 2*cheap)
	for n := range 2 * maxResting {
		visit(Payer{Entry: fmt.Sprint(n)}, cheap)
	}
	if most != maxResting || q.root.below[nodeKey{payer: first}] == nil {
		t.Errorf("%d are remembered, want %d and the first among them", most, maxResting)
	}
}

// TestP8NoGreatMapIsKept holds that what many payers took is given back once
// nothing waits, while few need no new map each time.
func TestP8NoGreatMapIsKept(t *testing.T) {
	for payers, kept := range map[int]bool{maxKept: true, maxKept + 1: false} {
		q := newFairQueue(payers)
		var turns []*waiter
		for n := range payers {
			turns = append(turns, q.start(q.leaf(Payer{Tenant: fmt.Sprint(n)}, netip.Prefix{}), cheap))
		}
		for _, w := range turns {
			q.end(w, cheap)
		}
		if (q.root.below != nil) != kept || len(q.root.below) != 0 {
			t.Errorf("of %d payers the map is kept: %v, with %d", payers, q.root.below != nil, len(q.root.below))
		}
	}
}

// TestP8TheClockOfClientsRunsOn holds where clients join who were never seen
// before: where the one that was charged is, unless another waits; else further on
// by what was used, but not ahead of whoever waits by more than a head start.
func TestP8TheClockOfClientsRunsOn(t *testing.T) {
	charged, waits, late := &node{used: 7 * dear}, &node{used: 1 * dear}, &node{used: 9 * dear}
	for name, row := range map[string]struct {
		ready     nodeHeap
		headStart time.Duration
		cost      time.Duration
		want      time.Duration // from 2 * dear on
	}{
		"nobody waits":                {nil, 0, cheap, charged.used},
		"its own tokens wait":         {nodeHeap{charged}, 0, cheap, charged.used},
		"another waits":               {nodeHeap{waits}, 0, cheap, 2*dear + cheap},
		"another waits, and much":     {nodeHeap{waits}, 0, time.Hour, waits.used + headStart},
		"two wait":                    {nodeHeap{charged, late}, 0, cheap, 2*dear + cheap/2},
		"two wait, and much":          {nodeHeap{charged, late}, 0, time.Hour, charged.used + headStart},
		"less than expected":          {nodeHeap{waits}, 0, -cheap, 2*dear - cheap},
		"payers have their own clock": {nil, headStart, cheap, 2 * dear},
	} {
		n := &node{ready: row.ready, headStart: row.headStart, clock: 2 * dear}
		if n.drift(charged, row.cost); n.clock != row.want {
			t.Errorf("%s: the clock is at %v, want %v", name, n.clock, row.want)
		}
	}
}
