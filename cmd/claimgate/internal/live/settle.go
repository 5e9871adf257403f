package live

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/claimgate/claimgate/authz"
)

// maxRounds bounds the rounds in which new versions give way to others. Each
// round takes one back at least; beyond the bound all that are left are.
const maxRounds = 32

// settle finds out which new versions can be in force together with what is,
// and builds the snapshot. What is in force never gives way to what is new.
func (j *judging) settle() (*authz.Snapshot, []authz.HeldSpec, error) {
	if j.calm() {
		return j.old.snapshot, j.old.held, nil
	}
	if snapshot, held := j.settleChange(); snapshot != nil {
		return snapshot, held, nil
	}
	if j.touched != nil {
		return nil, nil, errWhole
	}
	for round := 0; ; round++ {
		l := j.line()
		if round >= maxRounds {
			for _, i := range l.changed(round) {
				j.giveWay(i, objection{text: "the files that changed contest each other; change fewer of them at a time"})
			}
			l = j.line()
		}
		holding, held := j.holding()
		if j.yieldToHeld(holding, l.all()) || j.yieldIssuers(holding, l) || j.yieldRemembered(slices.Concat(l.firm, l.early), holding) {
			continue
		}
		snapshot, conflicts := j.main.Snapshot(j.old.generation+1, j.together(l.all()), held)
		if len(conflicts) == 0 {
			if j.yieldToAccepted(l, holding) {
				continue
			}
			if !j.start && j.nothingNew(l, held) {
				return j.old.snapshot, j.old.held, nil
			}
			return snapshot, held, nil
		}
		if err := j.resolve(l, conflicts, held); err != nil {
			return nil, nil, err
		}
	}
}

// calm reports, without looking at every place again, that there is
// nothing to settle.
func (j *judging) calm() bool {
	if j.start || j.main != j.old.main || j.old.snapshot == nil {
		return false
	}
	for _, i := range j.items {
		if i.cand != nil || i.next == nil || (i.next.good == nil) != (i.old.good == nil) {
			return false
		}
	}
	_, held := j.holding()
	return equalHeld(held, j.old.held)
}

// nothingNew reports whether what would be in force is what is.
func (j *judging) nothingNew(l line, held []authz.HeldSpec) bool {
	if j.main != j.old.main || len(l.early)+len(l.fresh) > 0 || !equalHeld(held, j.old.held) {
		return false
	}
	serving := 0
	for _, t := range j.old.tenants {
		if t.good != nil {
			serving++
		}
	}
	for _, i := range l.firm {
		if i.cand != nil || i.old.good == nil {
			return false
		}
	}
	return len(l.firm) == serving
}

// line is the order in which tenants get what they ask for.
type line struct {
	firm  []*item // in force, or of the main file: what contests these is bad
	early []*item // without a version in force, but accepted once, in that order
	fresh []*item // another version, or a new tenant: of these none comes first
}

// all returns them one after another: of those that were accepted once first who
// asks for no more than it had.
func (l *line) all() []*item {
	early := slices.Clone(l.early)
	slices.SortStableFunc(early, func(a, b *item) int { return order(a.asksMore(), b.asksMore()) })
	return slices.Concat(l.firm, early, l.fresh)
}

// line sorts the tenants that can serve. At a start nothing is in force, and
// tenants of the main file come before files that were never accepted.
func (j *judging) line() line {
	var l line
	for _, i := range j.items {
		switch {
		case i.next == nil || i.cand == nil && i.next.good == nil:
		case i.cand == nil:
			l.firm = append(l.firm, i)
		case j.start && (i.old.rank != 0 || i.cand.File.Inline):
			l.early = append(l.early, i)
		case i.cand.File.Inline:
			l.firm = append(l.firm, i)
		case i.old.good == nil && i.old.rank != 0:
			l.early = append(l.early, i)
		default:
			if good, _ := j.version(i); i.old.good != nil && good == nil {
				l.firm = append(l.firm, i) // it has no other version under this main file
				continue
			}
			l.fresh = append(l.fresh, i)
		}
	}
	byRank := func(a, b *item) int { return cmp.Compare(a.old.rank-1, b.old.rank-1) } // 0, never accepted, is last
	slices.SortStableFunc(l.firm, byRank)
	slices.SortStableFunc(l.early, byRank)
	return l
}

// changed returns those that ask for something new and, where that was not enough,
// all that are not in force.
func (l *line) changed(round int) []*item {
	changed := slices.Concat(l.early, l.fresh)
	if round > maxRounds {
		return changed
	}
	return slices.DeleteFunc(changed, func(i *item) bool { return i.old.good == nil && i.old.rank != 0 && !i.asksMore() })
}

// together returns the versions that would be in force.
func (j *judging) together(items []*item) []*Tenant {
	tenants := make([]*Tenant, len(items))
	for k, i := range items {
		if tenants[k] = i.cand; i.cand == nil {
			tenants[k], _ = j.version(i)
		}
	}
	return tenants
}

// holding returns the tenants without a good version, with their places.
func (j *judging) holding() ([]*tenant, []authz.HeldSpec) {
	var holding []*tenant
	var held []authz.HeldSpec
	for _, i := range j.items {
		if i.next != nil && i.cand == nil && i.next.good == nil {
			holding = append(holding, i.next)
			spec := i.next.places
			spec.Name = i.next.name
			held = append(held, spec)
		}
	}
	return holding, held
}

// yieldToHeld takes back new versions that ask for places of quarantined
// tenants.
func (j *judging) yieldToHeld(holding []*tenant, items []*item) bool {
	yielded := false
	if len(holding) == 0 {
		return false
	}
	all, operators := newHolders(holding), newHolders(operatorsOf(holding))
	for _, i := range items {
		if i.cand == nil {
			continue
		}
		holders := all
		if !i.cand.File.Delegated {
			holders = operators
		}
		if holder, what := holders.holder(i.old, i.cand.Places); holder != nil {
			j.giveWay(i, heldBy(holder, what))
			yielded = true
		}
	}
	return yielded
}

// yieldIssuers takes back new versions that admit tokens of quarantined tenants.
// What a tenant in force admits already it keeps, and of two that were accepted
// once the earlier one has the issuer.
func (j *judging) yieldIssuers(holding []*tenant, l line) bool {
	held, came := holdingIssuers(holding, l)
	items := slices.Concat(l.early, l.fresh)
	if len(held) == 0 || len(items) == 0 {
		return false
	}
	owners := slices.DeleteFunc(slices.Clone(l.fresh), j.without)
	had := byItem(owners, j.main.ContestHeldIssuers(j.inForce(owners), held, make([]int, len(held))))
	yielded := map[*item]bool{}
	for _, conflict := range j.againstHeld(items, holding, l, j.main.ContestHeldIssuers(j.together(items), held, came)) {
		i := items[conflict.Index]
		_, own := had[i][conflict.What]
		if i.old.good == nil && i.old.rank != 0 {
			own = !isOf(&conflict.What, i.novel()) // it had that before this process began
		}
		if !yielded[i] && !own {
			j.giveWay(i, conflict.objection())
			yielded[i] = true
		}
	}
	return len(yielded) > 0
}

// holdingIssuers returns the issuers of quarantined tenants, and how many of the
// tenants without a version in force, then of the new ones, came before each.
func holdingIssuers(holding []*tenant, l line) (held []authz.HeldSpec, came []int) {
	holding = slices.DeleteFunc(slices.Clone(holding), func(t *tenant) bool { return len(t.places.Issuers) == 0 })
	slices.SortStableFunc(holding, func(a, b *tenant) int { return cmp.Compare(a.rank-1, b.rank-1) })
	for _, t := range holding {
		before, _ := slices.BinarySearchFunc(l.early, t.rank-1, func(i *item, rank uint64) int { return cmp.Compare(i.old.rank-1, rank) })
		held = append(held, authz.HeldSpec{Name: t.name, IDs: t.places.IDs, Issuers: t.places.Issuers})
		came = append(came, before)
	}
	return held, came
}

// yieldToAccepted takes back new versions that ask for places which quarantined
// tenants had before this process began, in whatever way they had them. What a
// tenant in force had already stays its own.
func (j *judging) yieldToAccepted(l line, holding []*tenant) bool {
	accepted := acceptedPlaces(holding)
	if len(accepted) == 0 || len(l.fresh) == 0 {
		return false
	}
	all, first := l.all(), len(l.firm)+len(l.early)
	_, conflicts := j.main.Snapshot(0, j.together(all), accepted)
	conflicts = slices.DeleteFunc(conflicts, func(c Conflict) bool { return c.Index < first || c.Index >= len(all) })
	if len(conflicts) == 0 {
		return false
	}
	owners := slices.DeleteFunc(slices.Clone(l.fresh), j.without)
	had := j.contests(owners, j.inForce(owners), accepted)
	yielded := map[*item]bool{}
	for _, conflict := range conflicts {
		i := all[conflict.Index]
		if _, own := had[i][conflict.What]; !yielded[i] && !own {
			j.giveWay(i, conflict.objection())
			yielded[i] = true
		}
	}
	return len(yielded) > 0
}

func acceptedPlaces(holding []*tenant) []authz.HeldSpec {
	var accepted []authz.HeldSpec
	for _, t := range holding {
		if t.rank != 0 {
			spec := t.kept
			spec.Name, spec.Accepted = t.name, true
			accepted = append(accepted, spec)
		}
	}
	return accepted
}

// objection is why a version cannot be in force beside the others.
type objection struct {
	text  string
	whose string // tenant that has what is contested; "": not known
}

func (c *Conflict) objection() objection { return objection{c.Problem, c.What.Has.Tenant} }

func heldBy(holder *tenant, what string) objection {
	return objection{what + " belongs to tenant " + holder.name + ", which is quarantined", holder.name}
}

// giveWay takes a new version back.
func (j *judging) giveWay(i *item, why objection) {
	file := i.cand.File
	if !hasPosition(why.text, file.Path) {
		why.text = file.Path + ": " + why.text
	}
	j.refuse(i, file, &trouble{text: why.text, whose: why.whose, kind: contested, since: j.now})
}

func hasPosition(why, path string) bool { return len(why) > len(path) && why[:len(path)] == path }

// resolve takes back what is in conflict: first what asks for places that another
// has and keeps. Of versions that are both new neither comes first, so both are.
func (j *judging) resolve(l line, conflicts []Conflict, held []authz.HeldSpec) error {
	forward := conflicts
	reasons, err := j.blame(l.all(), conflicts)
	if err != nil {
		return err
	}
	backward := line{l.firm, l.early, slices.Clone(l.fresh)}
	slices.Reverse(backward.fresh)
	_, conflicts = j.main.Snapshot(j.old.generation+1, j.together(backward.all()), held)
	others, err := j.blame(backward.all(), conflicts)
	if err != nil {
		return err
	}
	for i, why := range others {
		if _, known := reasons[i]; !known {
			reasons[i] = why
		}
	}
	bad := &tenantsError{}
	for _, i := range l.firm {
		if why, blamed := reasons[i]; blamed {
			bad.names, bad.problems = append(bad.names, i.old.name), bad.problems+why.text+"\n"
		}
	}
	if len(bad.names) > 0 {
		bad.problems = bad.problems[:len(bad.problems)-1]
		return bad
	}
	if takers := j.takers(l, forward, held); len(takers) > 0 {
		reasons = takers
	} else if intruders := j.intruders(l, reasons); len(intruders) > 0 {
		reasons = intruders
	}
	for i, why := range delegatedFirst(reasons) {
		j.giveWay(i, why)
	}
	return nil
}

// blame finds the item of each conflict.
func (j *judging) blame(items []*item, conflicts []Conflict) (map[*item]objection, error) {
	reasons := make(map[*item]objection, len(conflicts))
	for _, conflict := range conflicts {
		if conflict.Index < 0 || conflict.Index >= len(items) {
			return nil, fmt.Errorf("%w: %s", errMain, conflict.Problem)
		}
		i := items[conflict.Index]
		if _, known := reasons[i]; !known {
			reasons[i] = conflict.objection()
		}
	}
	return reasons, nil
}

func equalHeld(a, b []authz.HeldSpec) bool {
	return slices.EqualFunc(a, b, func(x, y authz.HeldSpec) bool {
		return x.Name == y.Name && slices.Equal(x.Hosts, y.Hosts) && slices.Equal(x.Entries, y.Entries) && equalIDs(x.IDs, y.IDs)
	})
}

func equalIDs(a, b map[string]string) bool {
	for issuer, id := range a {
		if other, ok := b[issuer]; !ok || other != id {
			return false
		}
	}
	return len(a) == len(b)
}

// inParallel calls work for 0 to n-1 on as many goroutines as there are
// processors.
func inParallel(n int, work func(k int)) {
	var group sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), n)
	for worker := range workers {
		group.Go(func() {
			for k := worker; k < n; k += workers {
				work(k)
			}
		})
	}
	group.Wait()
}
