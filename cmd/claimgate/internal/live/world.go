package live

import (
	"cmp"
	"maps"
	"slices"

	"github.com/claimgate/claimgate/authz"
)

// world is one generation: what is in force and why. Immutable.
type world struct {
	generation uint64
	main       *Main
	text       Text // accepted text of the main file
	tenants    map[string]*tenant
	notable    map[string]*tenant // those of them that there is something to be said about
	changed    []string           // names of those that are not what they were in the world before
	lastRank   uint64
	snapshot   *authz.Snapshot
	held       []authz.HeldSpec
}

// world puts the result together.
func (j *judging) world(snapshot *authz.Snapshot, held []authz.HeldSpec) *world {
	generation := j.old.generation
	if snapshot != j.old.snapshot {
		generation++
	}
	next := &world{generation: generation, main: j.main, text: j.old.text, lastRank: j.old.lastRank,
		tenants: make(map[string]*tenant, len(j.items)), snapshot: snapshot, held: held}
	next.notable = make(map[string]*tenant)
	if j.touched != nil {
		next.tenants, next.notable = maps.Clone(j.old.tenants), maps.Clone(j.old.notable)
	}
	rank := func() uint64 { next.lastRank++; return next.lastRank }
	accepted := slices.SortedStableFunc(slices.Values(j.items), func(a, b *item) int { return cmp.Compare(a.old.rank, b.old.rank) })
	for _, i := range accepted {
		switch {
		case i.next == nil:
			next.drop(i.old.name, j.old)
			continue
		case i.cand != nil:
			i.next = i.old.accept(i.cand, rank)
		case i.next.good != nil && i.good != nil && i.good != i.next.good:
			moved := *i.next
			moved.good = i.good
			i.next = &moved
		}
		next.put(i.next, j.old)
	}
	slices.Sort(next.changed)
	return next
}

// put makes the tenant one of the world, and drop none of it any more.
func (w *world) put(t *tenant, before *world) {
	w.tenants[t.name] = t
	if t.notable() {
		w.notable[t.name] = t
	} else {
		delete(w.notable, t.name)
	}
	if before.tenants[t.name] != t {
		w.changed = append(w.changed, t.name)
	}
}

func (w *world) drop(name string, before *world) {
	delete(w.tenants, name)
	delete(w.notable, name)
	if before.tenants[name] != nil {
		w.changed = append(w.changed, name)
	}
}
