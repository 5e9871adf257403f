package token

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

const (
	cheap = 40 * time.Microsecond
	dear  = time.Millisecond
)

// bench is a scheduler's queue on a clock of its own: verifications end in the
// order of time, and whoever is asked may then send more.
type workbench struct {
	q       *fairQueue
	now     time.Duration
	busy    []*verification
	spent   map[string]time.Duration
	longest map[string]time.Duration // wait
	served  map[string]int
	pending map[*waiter]*verification // of run
}

// verification is one token of somebody's.
type verification struct {
	*waiter

	who    string
	asked  time.Duration
	actual time.Duration
	ends   time.Duration
}

func newWorkbench(slots int) *workbench {
	return &workbench{q: newFairQueue(slots), spent: map[string]time.Duration{}, longest: map[string]time.Duration{}, served: map[string]int{}}
}

// sender says who sends tokens and what they cost.
type sender struct {
	name     string
	payer    Payer
	client   string // "" for none
	expected time.Duration
	actual   time.Duration
}

func tenant(name string, cost time.Duration) sender {
	return sender{name: name, payer: Payer{Tenant: name}, expected: cost, actual: cost}
}

func client(address string, cost time.Duration) sender {
	return sender{name: address, payer: Payer{Entry: "shared"}, client: address, expected: cost, actual: cost}
}

// ask sends one token and reports whether it was taken.
func (b *workbench) ask(s sender, pending map[*waiter]*verification) bool {
	var address netip.Addr
	if s.client != "" {
		address = netip.MustParseAddr(s.client)
	}
	leaf := b.q.leaf(s.payer, networkOf(address))
	v := &verification{who: s.name, asked: b.now, actual: s.actual}
	switch {
	case b.q.free():
		v.waiter = b.q.start(leaf, s.expected)
		b.begin(v)
	case !b.q.hasRoom(leaf):
		b.q.release(leaf)
		return false
	default:
		v.waiter = b.q.push(leaf, s.expected)
		pending[v.waiter] = v
	}
	return true
}

func (b *workbench) begin(v *verification) {
	v.ends = b.now + v.actual
	b.longest[v.who] = max(b.longest[v.who], b.now-v.asked)
	b.busy = append(b.busy, v)
}

// step ends the verification that ends first, and begins what follows.
func (b *workbench) step(pending map[*waiter]*verification) {
	first := 0
	for i := range b.busy {
		if b.busy[i].ends < b.busy[first].ends {
			first = i
		}
	}
	v := b.busy[first]
	b.busy = append(b.busy[:first], b.busy[first+1:]...)
	b.now = v.ends
	b.spent[v.who] += v.actual
	b.served[v.who]++
	b.q.end(v.waiter, v.actual)
	for w := b.q.next(); w != nil; w = b.q.next() {
		b.begin(pending[w])
		delete(pending, w)
	}
}

// run lets all floods keep their queues full until the end, and each of the
// others send one token per period.
func (b *workbench) run(until, period time.Duration, floods []sender, others ...sender) {
	pending := map[*waiter]*verification{}
	b.pending = pending
	next := make([]time.Duration, len(others))
	for i := range next {
		next[i] = period / time.Duration(len(others)+1) * time.Duration(i+1)
	}
	for b.now < until {
		for _, f := range floods {
			for b.ask(f, pending) {
			}
		}
		for i, o := range others {
			if b.now >= next[i] {
				b.ask(o, pending)
				next[i] += period
			}
		}
		b.step(pending)
	}
}

// TestP8AQuietPayerComesNext holds that the token of a payer, or of a client of an
// entry, who uses little waits for no more than what is being verified, whatever
// one flood sends, and of several floods for one token each.
func TestP8AQuietPayerComesNext(t *testing.T) {
	for _, slots := range []int{1, 3} {
		for name, test := range map[string]struct {
			floods []sender
			quiet  sender
			worst  time.Duration
		}{
			"alike":         {[]sender{tenant("flood", cheap)}, tenant("quiet", cheap), cheap},
			"dear flood":    {[]sender{tenant("flood", dear)}, tenant("quiet", cheap), dear},
			"dear quiet":    {[]sender{tenant("flood", cheap)}, tenant("quiet", dear), cheap},
			"three floods":  {[]sender{tenant("a", cheap), tenant("b", dear), tenant("c", dear)}, tenant("quiet", cheap), 3 * dear},
			"one client":    {[]sender{client("192.0.2.1", dear)}, client("192.0.2.2", cheap), dear},
			"a flood above": {[]sender{tenant("flood", dear), client("192.0.2.1", dear)}, client("192.0.2.2", cheap), 3 * dear},
			"guessed low":   {[]sender{{"flood", Payer{Tenant: "flood"}, "", cheap, dear}}, tenant("quiet", cheap), dear},
			"guessed high":  {[]sender{{"flood", Payer{Tenant: "flood"}, "", dear, cheap}}, tenant("quiet", cheap), cheap},
		} {
			t.Run(fmt.Sprintf("%s on %d", name, slots), func(t *testing.T) {
				b := newWorkbench(slots)
				b.run(time.Second, 10*time.Millisecond, test.floods, test.quiet)
				if got := b.longest[test.quiet.name]; got > test.worst {
					t.Errorf("waited %v, want %v at most", got, test.worst)
				}
				if got := b.served[test.quiet.name]; got < 95 {
					t.Errorf("%d tokens of 100 were verified", got)
				}
			})
		}
	}
}

// TestP8SharesAreOfTime holds that payers who all have more than their share get
// equal time, whatever their tokens cost and whatever had been expected.
func TestP8SharesAreOfTime(t *testing.T) {
	for name, floods := range map[string][]sender{
		"cheap and dear":    {tenant("a", cheap), tenant("b", dear)},
		"many":              {tenant("a", cheap), tenant("b", dear), tenant("c", dear/3), tenant("d", 3*dear)},
		"wrong guesses":     {{"a", Payer{Tenant: "a"}, "", cheap, dear}, {"b", Payer{Tenant: "b"}, "", dear, cheap}},
		"clients":           {client("192.0.2.1", cheap), client("192.0.2.2", dear), client("2001:db8::1", dear/2)},
		"entry and tenants": {client("192.0.2.1", cheap), tenant("b", dear), tenant("c", cheap)},
	} {
		for _, slots := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s on %d", name, slots), func(t *testing.T) {
				b, long := newWorkbench(slots), 3*time.Second
				b.run(long, long, floods)
				fair := long * time.Duration(slots) / time.Duration(len(floods))
				for who, spent := range b.spent {
					if spent < fair*9/10 || spent > fair*11/10 {
						t.Errorf("%s had %v, its share is %v", who, spent, fair)
					}
				}
			})
		}
	}
}

// TestP8ABurstOfAQuietPayerComesFirst holds that not only one token of a payer who
// was away comes before those of floods, but as many as its head start pays for.
func TestP8ABurstOfAQuietPayerComesFirst(t *testing.T) {
	b := newWorkbench(1)
	floods, quiet := []sender{tenant("a", dear), tenant("b", dear), tenant("c", dear)}, tenant("quiet", cheap)
	b.run(100*time.Millisecond, time.Second, floods)
	pending := b.pending // which are many of the floods
	burst := int(headStart/cheap) - 1
	for range burst {
		b.ask(quiet, pending)
	}
	for len(b.busy) > 0 {
		b.step(pending)
	}
	if got := b.longest[quiet.name]; got > dear+headStart || b.served[quiet.name] != burst {
		t.Errorf("the last of %d waited %v", b.served[quiet.name], got)
	}
}

// TestP8OneAfterTheOtherIsNoWayRound holds that whoever never queues more than one
// token, and sends the next one as soon as it is answered, has no more than its
// share.
func TestP8OneAfterTheOtherIsNoWayRound(t *testing.T) {
	b, pending := newWorkbench(1), map[*waiter]*verification{}
	flood, sly := tenant("flood", cheap), tenant("sly", dear)
	for asked := 0; b.now < time.Second; b.step(pending) {
		for b.ask(flood, pending) {
		}
		if b.served[sly.name] == asked {
			b.ask(sly, pending)
			asked++
		}
	}
	if got := b.spent[sly.name]; got < 400*time.Millisecond || got > 550*time.Millisecond {
		t.Errorf("it had %v of a second", got)
	}
}

// TestP8ManyClientsAreOnePayer holds that an entry's clients, however many they
// are, share what is one payer's.
func TestP8ManyClientsAreOnePayer(t *testing.T) {
	b := newWorkbench(1)
	floods := []sender{tenant("tenant", cheap)}
	for n := range 20 {
		floods = append(floods, client(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}).String(), cheap))
	}
	b.run(time.Second, time.Second, floods)
	if spent := b.spent["tenant"]; spent < 450*time.Millisecond || spent > 550*time.Millisecond {
		t.Errorf("the tenant had %v of a second", spent)
	}
}

// TestP8NewcomersStarveNobody holds that a client with a queue goes on being
// served while clients without end come that were never seen before.
func TestP8NewcomersStarveNobody(t *testing.T) {
	b, pending := newWorkbench(1), map[*waiter]*verification{}
	heavy, seen := client("192.0.2.1", dear), 0
	for b.now < 2*time.Second {
		b.ask(heavy, pending)
		for range 2 { // twice of what can be verified
			b.ask(client(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(seen >> 16), byte(seen >> 8), byte(seen)}).String(), dear), pending)
			seen++
		}
		b.step(pending)
	}
	if got := b.spent[heavy.name]; got < 5*time.Millisecond {
		t.Errorf("who waits had %v of 2s beside %d newcomers", got, seen)
	}
	if total := len(b.q.root.below) + len(b.q.leaf(heavy.payer, netip.Prefix{}).parent.below); total > maxQueue+maxResting+3 {
		t.Errorf("%d are remembered", total)
	}
}

// TestP8TheQueueIsBounded holds that many floods together leave room for whoever
// comes next, and that all of it is bounded.
func TestP8TheQueueIsBounded(t *testing.T) {
	b, pending := newWorkbench(1), map[*waiter]*verification{}
	fill := func(s sender) (taken int) {
		for b.ask(s, pending) {
			taken++
		}
		return taken
	}
	fill(tenant("running", cheap))
	for n := range 4 {
		if got := fill(tenant(fmt.Sprint("flood-", n), cheap)); got != maxClientQueue {
			t.Errorf("flood %d has %d tokens in the queue", n, got)
		}
	}
	for n := range 100 {
		fill(tenant(fmt.Sprint("more-", n), cheap))
	}
	if got := fill(tenant("quiet", cheap)); got != fewOfPayer {
		t.Errorf("there is room for %d tokens of a quiet payer", got)
	}
	for n := range 1000 {
		fill(tenant(fmt.Sprint("ever-more-", n), cheap))
	}
	if got := b.q.root.waiting; got != maxQueueTotal {
		t.Errorf("%d tokens wait", got)
	}
	for len(b.busy) > 0 {
		b.step(pending)
	}
	if len(b.q.root.below) != 0 || len(b.q.root.ready)+len(b.q.root.resting) != 0 {
		t.Errorf("%d payers are left over", len(b.q.root.below))
	}
}

// TestP8TheQueueOfAPayerIsBounded holds the same for the clients of one payer.
func TestP8TheQueueOfAPayerIsBounded(t *testing.T) {
	b, pending := newWorkbench(1), map[*waiter]*verification{}
	b.ask(tenant("running", cheap), pending)
	address := func(n int) string { return netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)}).String() }
	for n := range 20 {
		for b.ask(client(address(n), cheap), pending) {
		}
	}
	if !b.ask(client(address(20), cheap), pending) {
		t.Error("no room is left for a quiet client")
	}
	for n := range 3 * maxQueue {
		b.ask(client(address(n), cheap), pending)
	}
	if got := b.q.root.waiting; got != maxQueue {
		t.Errorf("%d tokens of the entry wait", got)
	}
	if !b.ask(tenant("quiet", cheap), pending) {
		t.Error("no room is left for a tenant")
	}
}

// TestP8WhoIsAwayIsForgotten holds that nothing is left of payers who are away,
// although others go on.
func TestP8WhoIsAwayIsForgotten(t *testing.T) {
	b, pending := newWorkbench(1), map[*waiter]*verification{}
	flood := tenant("flood", dear)
	for n := range 200 {
		b.ask(flood, pending)
		b.ask(tenant(fmt.Sprint("visitor-", n), dear), pending)
		b.step(pending)
	}
	for range 2000 {
		b.ask(flood, pending)
		b.step(pending)
	}
	if got := len(b.q.root.below); got != 1 {
		t.Errorf("%d payers are remembered", got)
	}
}

// TestP8DelayIsForeseen holds that the expected wait is that which there is while
// nobody else comes.
func TestP8DelayIsForeseen(t *testing.T) {
	for _, slots := range []int{1, 3} {
		b, pending := newWorkbench(slots), map[*waiter]*verification{}
		for range 100 {
			b.ask(tenant("a", dear), pending)
		}
		for range 20 {
			b.ask(tenant("b", dear), pending)
			b.ask(client("192.0.2.1", dear), pending)
		}
		for who, s := range map[string]sender{"a": tenant("a", dear), "b": tenant("b", dear), "new": tenant("new", dear), "client": client("192.0.2.7", dear)} {
			var address netip.Addr
			if s.client != "" {
				address = netip.MustParseAddr(s.client)
			}
			want := map[string]time.Duration{"a": 140 * dear, "b": 60 * dear, "new": 0, "client": 4 * dear}[who] / time.Duration(slots)
			leaf := b.q.leaf(s.payer, networkOf(address))
			got := b.q.delay(leaf)
			b.q.release(leaf)
			if got > want*5/4+dear || got < want*3/4-3*dear {
				t.Errorf("on %d: %s would wait %v, want about %v", slots, who, got, want)
			}
		}
	}
}
