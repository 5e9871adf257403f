package live

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/claimgate/claimgate/authz"
)

// judging works out the next generation under one main file. It changes
// nothing that is in force.
type judging struct {
	old       *world
	main      *Main
	found     map[string][]*seen // by tenant name; of the directories
	touched   map[string]bool    // names of the tenants whose files may have changed; nil: all
	confirmed confirmation
	start     bool
	another   bool // the main file says something else than the one in force
	maxLoss   int  // most tenants that may vanish; see Main
	ready     func(keys []string) bool
	suspects  []string // tenants that were bad under this very main file
	now       time.Time

	items    []*item // by name
	compiles int
	failed   bool                // something could not be compiled
	unripe   bool                // something is to be looked at again soon
	keys     map[string]struct{} // that a live tenant waits for
}

// item is one tenant on its way to the next generation.
type item struct {
	old  *tenant // never nil
	next *tenant // nil: gone
	cand *Tenant // a new version that others may contest
	good *Tenant // the version in force, compiled with this main file
	bad  error   // why good cannot be had

	compiled *Tenant // of the file as it is, whatever became of it

	news   *authz.HeldSpec // see novel; nil: not known yet
	newsOf *Tenant

	tried bool // good and bad are known
	lost  bool // its file is gone
}

// confirmation is what an operator confirmed: exactly what was waiting.
type confirmation struct {
	gone map[string]bool     // names of tenants that may vanish
	cut  map[string][32]byte // hash of the text by path
}

// run returns the next world, without a snapshot where nothing changed.
func (j *judging) run() (*world, error) {
	j.keys = map[string]struct{}{}
	j.gather()
	if err := j.lose(); err != nil {
		return nil, err
	}
	if j.stillSuspect() {
		return nil, &tenantsError{names: j.suspects, problems: "the tenants that would become bad are still bad"}
	}
	j.weigh()
	if err := j.mainHolds(); err != nil {
		return nil, err
	}
	j.awaitKeys()
	if len(j.keys) > 0 && j.main != j.old.main && !j.start {
		return nil, errKeys // the tenants in force wait for them together
	}
	snapshot, held, err := j.settle()
	if err != nil {
		return nil, err
	}
	return j.world(snapshot, held), nil
}

// gather makes an item of every tenant that was or is.
func (j *judging) gather() {
	if j.touched != nil {
		j.gatherTouched()
		return
	}
	names := make(map[string]bool, len(j.old.tenants))
	for name := range j.old.tenants {
		names[name] = true
	}
	for name := range j.found {
		names[name] = true
	}
	for _, file := range j.main.Inline {
		names[file.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old := j.old.tenants[name]
		if old == nil {
			old = &tenant{name: name}
		}
		j.items = append(j.items, &item{old: old, next: old})
	}
}

// gatherTouched makes items of the tenants whose files may have changed, and of
// those whose state is not what their file says: they may wait for the others.
func (j *judging) gatherTouched() {
	for name, old := range j.old.notable {
		if !j.touched[name] {
			j.items = append(j.items, &item{old: old, next: old})
		}
	}
	for name := range j.touched {
		old := j.old.tenants[name]
		if old == nil {
			old = &tenant{name: name}
		}
		j.items = append(j.items, &item{old: old, next: old})
	}
	slices.SortFunc(j.items, func(a, b *item) int { return cmp.Compare(a.old.name, b.old.name) })
}

// movesSources reports whether other key sources may be in use than before: those
// of versions that were compiled, whatever became of them, and of what went.
func (j *judging) movesSources() bool {
	if j.main != j.old.main || j.failed {
		return true
	}
	return slices.ContainsFunc(j.items, func(i *item) bool {
		switch {
		case i.compiled != nil && i.old.good == nil:
			return i.cand != i.compiled // else there are more, and none less
		case i.compiled != nil:
			return !slices.Equal(i.compiled.Keys, i.old.good.Keys)
		default:
			return i.old.good != nil && (i.next == nil || i.next.good == nil)
		}
	})
}

// lose lets tenants go whose file is gone, or keeps all of them where they are
// too many. At a start that is what was accepted before: files that are not
// mounted yet cost nobody his place.
func (j *judging) lose() error {
	inline := map[string]bool{}
	for _, file := range j.main.Inline {
		inline[file.Name] = true
	}
	var lost []*item
	for _, i := range j.items {
		if !inline[i.old.name] && len(j.found[i.old.name]) == 0 {
			i.lost = true
			lost = append(lost, i)
		}
	}
	switch {
	case len(lost) <= j.maxLoss || j.allConfirmed(lost):
		for _, i := range lost {
			i.next = nil
		}
	case j.another:
		return newLossError(lost, len(j.old.tenants), j.maxLoss)
	default:
		for _, i := range lost {
			why := fmt.Sprintf("%s: the file vanished together with those of %d other tenants, and maxTenantLoss is %d; put it back, or confirm it",
				i.old.path, len(lost)-1, j.maxLoss)
			i.next = i.old.refuse(i.old.file, &trouble{text: why, kind: gone, since: j.now}, i.old.places)
		}
	}
	return nil
}

func (j *judging) allConfirmed(lost []*item) bool {
	for _, i := range lost {
		if !j.confirmed.gone[i.old.name] {
			return false
		}
	}
	return true
}

// mainHolds reports whether every tenant in force has a version under this main
// file, and whether the tenants that are written in it are good.
func (j *judging) mainHolds() error {
	if j.main == j.old.main {
		return nil
	}
	j.versions()
	bad := &tenantsError{}
	for _, i := range j.items {
		if i.next == nil || i.cand != nil {
			continue
		}
		switch {
		case i.next.file != nil && i.next.file.Inline && i.next.trouble != nil:
			bad.names = append(bad.names, i.old.name)
			bad.problems += i.next.trouble.text + "\n"
		case i.next.good != nil:
			if _, err := j.version(i); err != nil {
				bad.names = append(bad.names, i.old.name)
				bad.problems += fmt.Sprintf("tenant %s, which is in force, would become bad: %v\n", i.old.name, err)
			}
		}
	}
	if len(bad.names) > 0 {
		bad.problems = bad.problems[:len(bad.problems)-1]
		return bad
	}
	return j.inlineAgree()
}

// inlineAgree reports what tenants of the main file contest among themselves.
func (j *judging) inlineAgree() error {
	var inline []*item
	for _, i := range j.items {
		if i.cand != nil && i.cand.File.Inline {
			inline = append(inline, i)
		}
	}
	_, conflicts := j.main.Snapshot(0, j.together(inline), nil)
	bad := &tenantsError{}
	for _, conflict := range conflicts {
		bad.problems += conflict.Problem + "\n"
	}
	if len(conflicts) == 0 {
		return nil
	}
	bad.problems = bad.problems[:len(bad.problems)-1]
	return bad
}

// awaitKeys lets the new version of a live tenant wait until the keys of its
// issuers that changed were fetched.
func (j *judging) awaitKeys() {
	if j.start {
		return
	}
	for _, i := range j.items {
		live, next := i.old.good, i.cand
		if next == nil && j.main != j.old.main && i.next != nil {
			next = i.good
		}
		if live == nil || next == nil || live.Suspended || next.Suspended {
			continue
		}
		var fresh []string
		for _, key := range next.Keys {
			if !slices.Contains(live.Keys, key) {
				fresh = append(fresh, key)
			}
		}
		if len(fresh) == 0 || j.ready(fresh) {
			continue
		}
		for _, key := range fresh {
			j.keys[key] = struct{}{}
		}
		i.cand, i.next = nil, i.old
		j.unripe = true
	}
}
