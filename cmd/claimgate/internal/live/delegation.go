package live

import "slices"

// Files that tenants' own administrators write never stop what an operator
// wrote: of two new ones that contest something the delegated one gives way, and
// a delegated one that never was in force holds nothing against an operator's.

// delegatedFirst returns those of the blamed versions that are delegated, or all
// where none is. Whatever is then still contested is found in the next round.
func delegatedFirst(blamed map[*item]objection) map[*item]objection {
	delegated := map[*item]objection{}
	for i, why := range blamed {
		if i.cand != nil && i.cand.File.Delegated {
			delegated[i] = why
		}
	}
	if len(delegated) == 0 {
		return blamed
	}
	return delegated
}

// operatorsOf returns the quarantined tenants to which a file of an operator
// gives way.
func operatorsOf(holding []*tenant) []*tenant {
	var kept []*tenant
	for _, t := range holding {
		if t.rank != 0 || t.file == nil || !t.file.Delegated {
			kept = append(kept, t)
		}
	}
	return kept
}

// againstHeld leaves those of the conflicts with issuers of quarantined tenants
// out in which a file of an operator would give way to a delegated one.
func (j *judging) againstHeld(items []*item, holding []*tenant, l line, conflicts []Conflict) []Conflict {
	operators := operatorsOf(holding)
	if len(conflicts) == 0 || len(operators) == len(holding) {
		return conflicts
	}
	held, came := holdingIssuers(operators, l)
	delegated := func(c Conflict) bool { return items[c.Index].cand != nil && items[c.Index].cand.File.Delegated }
	conflicts = slices.DeleteFunc(conflicts, func(c Conflict) bool { return !delegated(c) })
	firm := j.main.ContestHeldIssuers(j.together(items), held, came)
	return append(conflicts, slices.DeleteFunc(firm, delegated)...)
}
