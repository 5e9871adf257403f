package live

import (
	"slices"

	"github.com/claimgate/claimgate/authz"
)

// intruders finds versions that ask for what the version in force of another
// tenant has and its new one keeps: that other one is no newcomer there, so that
// it need not give way too. Every pair is compared, in as many snapshots as the
// number of versions has binary digits and not as there are pairs: their numbers
// differ in one of the digits.
func (j *judging) intruders(l line, blamed map[*item]objection) map[*item]objection {
	items := slices.Clone(l.early)
	for _, i := range l.fresh {
		if _, yes := blamed[i]; yes {
			items = append(items, i)
		}
	}
	found := map[*item]objection{}
	for bit := 0; 1<<bit < len(items); bit++ {
		var parts [2][]*item
		for k, i := range items {
			parts[k>>bit&1] = append(parts[k>>bit&1], i)
		}
		j.intrude(parts[0], parts[1], found)
		j.intrude(parts[1], parts[0], found)
	}
	return found
}

// intrude adds those of the others that ask for what the owners have and keep.
func (j *judging) intrude(owners, others []*item, found map[*item]objection) {
	owners = slices.DeleteFunc(slices.Clone(owners), j.without)
	if len(owners) == 0 || len(others) == 0 {
		return
	}
	all := slices.Concat(owners, others)
	had := j.contests(all, slices.Concat(j.inForce(owners), j.together(others)), nil)
	keep := j.contests(all, j.together(all), nil)
	among := j.contests(others, j.together(others), nil) // what they contest among themselves
	for _, i := range others {
		for what, why := range keep[i] {
			_, before := had[i][what]
			if _, mutual := among[i][what]; before && !mutual {
				found[i] = why
			}
		}
	}
}

// without reports whether the tenant has no version in force.
func (j *judging) without(i *item) bool {
	good, _ := j.version(i)
	return good == nil
}

// inForce returns the versions in force.
func (j *judging) inForce(items []*item) []*Tenant {
	versions := make([]*Tenant, len(items))
	for k, i := range items {
		versions[k], _ = j.version(i)
	}
	return versions
}

// contests tells what versions of these items contest: the problem, by what it
// is about wherever it stands.
func (j *judging) contests(items []*item, versions []*Tenant, held []authz.HeldSpec) map[*item]map[authz.ConflictError]objection {
	_, conflicts := j.main.Snapshot(0, versions, held)
	return byItem(items, conflicts)
}

func byItem(items []*item, conflicts []Conflict) map[*item]map[authz.ConflictError]objection {
	all := make(map[*item]map[authz.ConflictError]objection, len(conflicts))
	for _, conflict := range conflicts {
		if conflict.Index < 0 || conflict.Index >= len(items) {
			continue
		}
		i := items[conflict.Index]
		if all[i] == nil {
			all[i] = map[authz.ConflictError]objection{}
		}
		all[i][conflict.What] = conflict.objection()
	}
	return all
}
