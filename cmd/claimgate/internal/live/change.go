package live

import (
	"slices"

	"github.com/claimgate/claimgate/authz"
)

// settleChange builds the next snapshot from the one in force, at the cost of
// what changed, where nobody contests anything. Else the snapshot is nil, and
// all tenants have to be looked at.
func (j *judging) settleChange() (*authz.Snapshot, []authz.HeldSpec) {
	if j.start || j.main != j.old.main || j.old.snapshot == nil {
		return nil, nil
	}
	waiting := j.setAside()
	snapshot, held := j.change()
	if snapshot != nil && j.wait(waiting, snapshot) {
		return snapshot, held
	}
	for _, i := range waiting {
		i.cand, i.next = i.compiled, i.old
	}
	return nil, nil
}

// change builds the next snapshot where nobody contests anything, or none.
func (j *judging) change() (*authz.Snapshot, []authz.HeldSpec) {
	change := Change{Generation: j.old.generation + 1}
	var fresh []*item
	for _, i := range j.items {
		switch {
		case i.cand != nil:
			fresh, change.Tenants = append(fresh, i), append(change.Tenants, i.cand)
		case i.old.good != nil && (i.next == nil || i.next.good == nil):
			change.Gone = append(change.Gone, i.old.name)
			if i.next != nil {
				return nil, nil // suspended by a bad file: what it had before is compared with what others ask for
			}
		}
	}
	holding, held := j.holding()
	if j.asksForHeld(holding, fresh) {
		return nil, nil
	}
	if len(change.Tenants)+len(change.Gone) == 0 && equalHeld(held, j.old.held) {
		return j.old.snapshot, j.old.held
	}
	change.Held = held
	return j.main.Change(j.old.snapshot, change), held
}

// setAside leaves new versions out that gave way to others before, of files that
// no event names.
func (j *judging) setAside() []*item {
	var waiting []*item
	for _, i := range j.items {
		contested := i.cand != nil && i.old.trouble != nil && i.old.trouble.kind == contested
		if contested && j.touched != nil && !j.touched[i.old.name] && i.old.file != nil && i.old.file.same(i.cand.File) {
			i.cand, i.next = nil, i.old
			waiting = append(waiting, i)
		}
	}
	return waiting
}

// maxWaiting bounds the versions that are tried one by one.
const maxWaiting = 32

// wait reports whether each of the versions that were set aside would give way
// again, for the same reason.
func (j *judging) wait(waiting []*item, snapshot *authz.Snapshot) bool {
	if len(waiting) > maxWaiting {
		return false
	}
	holding, held := j.holding()
	newer := slices.DeleteFunc(slices.Clone(holding), func(t *tenant) bool { return !j.touched[t.name] })
	fresh := slices.DeleteFunc(slices.Clone(j.items), func(i *item) bool { return i.cand == nil })
	for _, i := range waiting {
		probe := []*item{{old: i.old, next: i.old, cand: i.compiled}}
		if j.touched[i.old.trouble.whose] || !j.main.CanTell(snapshot, i.compiled) || j.asksForHeld(newer, probe) || j.contest(fresh, probe) {
			return false
		}
		own := func(name string) bool { return name == i.old.name }
		others := slices.DeleteFunc(slices.Clone(holding), func(t *tenant) bool { return own(t.name) })
		if !i.compiled.File.Delegated {
			others = operatorsOf(others)
		}
		if j.asksForHeld(others, probe) {
			continue
		}
		change := Change{Generation: j.old.generation + 1, Tenants: []*Tenant{i.compiled}}
		change.Held = slices.DeleteFunc(slices.Clone(held), func(h authz.HeldSpec) bool { return own(h.Name) })
		if j.main.Change(snapshot, change) != nil {
			return false // nobody is in its way any more
		}
	}
	return true
}

// contest reports whether new versions ask for what this one asks for: of these
// none comes first.
func (j *judging) contest(fresh, probe []*item) bool {
	if len(fresh) == 0 {
		return false
	}
	_, conflicts := j.main.Snapshot(0, j.together(slices.Concat(fresh, probe)), nil)
	return len(conflicts) > 0
}

// asksForHeld reports whether a new version asks for something of a tenant
// without a good version.
func (j *judging) asksForHeld(holding []*tenant, fresh []*item) bool {
	if len(holding) == 0 || len(fresh) == 0 {
		return false
	}
	holders := newHolders(holding)
	for _, i := range fresh {
		if holder, _ := holders.holder(i.old, i.cand.Places); holder != nil {
			return true
		}
	}
	issuers, came := holdingIssuers(holding, line{fresh: fresh})
	if len(issuers) > 0 && len(j.main.ContestHeldIssuers(j.together(fresh), issuers, came)) > 0 {
		return true
	}
	if len(j.takesRemembered(fresh, holding)) > 0 {
		return true
	}
	accepted := acceptedPlaces(holding)
	if len(accepted) == 0 {
		return false
	}
	_, conflicts := j.main.Snapshot(0, j.together(fresh), accepted) // in whatever way they had them
	return len(conflicts) > 0
}
