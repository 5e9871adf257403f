package live

import "github.com/claimgate/claimgate/authz"

// settleChange builds the next snapshot from the one in force, at the cost of
// what changed, where nobody contests anything. Else the snapshot is nil, and
// all tenants have to be looked at.
func (j *judging) settleChange() (*authz.Snapshot, []authz.HeldSpec) {
	if j.start || j.main != j.old.main || j.old.snapshot == nil {
		return nil, nil
	}
	change := Change{Generation: j.old.generation + 1}
	var fresh []*item
	for _, i := range j.items {
		switch {
		case i.old.good == nil && i.old.rank != 0:
			return nil, nil // what it had before is compared with what others ask for
		case i.cand != nil:
			fresh, change.Tenants = append(fresh, i), append(change.Tenants, i.cand)
		case i.old.good != nil && (i.next == nil || i.next.good == nil):
			change.Gone = append(change.Gone, i.old.name)
			if i.next != nil {
				return nil, nil // suspended by a bad file: as above
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

// asksForHeld reports whether a new version asks for something of a tenant
// without a good version.
func (j *judging) asksForHeld(holding []*tenant, fresh []*item) bool {
	if len(holding) == 0 {
		return false
	}
	holders := newHolders(holding)
	for _, i := range fresh {
		if holder, _ := holders.holder(i.old, i.cand.Places); holder != nil {
			return true
		}
	}
	issuers, came := holdingIssuers(holding, line{fresh: fresh})
	return len(issuers) > 0 && len(j.main.ContestHeldIssuers(j.together(fresh), issuers, came)) > 0
}
