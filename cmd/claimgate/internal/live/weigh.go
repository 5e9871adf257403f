package live

import (
	"cmp"
	"slices"
)

// weigh judges every tenant for itself. What has to be compiled is compiled on
// all processors.
func (j *judging) weigh() {
	inline := make(map[string]*File, len(j.main.Inline))
	for _, file := range j.main.Inline {
		inline[file.Name] = file
	}
	j.weighThese(inline, j.items)
}

func (j *judging) weighThese(inline map[string]*File, items []*item) {
	var jobs []job
	for _, i := range items {
		if i.lost {
			continue
		}
		file, why := j.choose(i.old, inline[i.old.name], j.found[i.old.name])
		if compile := j.look(i, file, why); compile != nil {
			jobs = append(jobs, job{i, compile})
		}
	}
	j.compile(jobs)
}

// job is a file to compile for an item.
type job struct {
	item *item
	file *File
}

// stillSuspect reports whether a tenant is still bad that was bad under this
// main file before.
func (j *judging) stillSuspect() bool {
	for _, name := range j.suspects {
		at, ok := slices.BinarySearchFunc(j.items, name, func(i *item, name string) int { return cmp.Compare(i.old.name, name) })
		if !ok || j.items[at].next == nil {
			continue
		}
		probe := *j.items[at]
		if j.weighThese(nil, []*item{&probe}); probe.cand == nil && probe.next != nil && probe.next.good != nil {
			if _, err := j.version(&probe); err != nil {
				return true
			}
		}
	}
	return false
}

func (j *judging) compile(jobs []job) {
	results, errs := make([]*Tenant, len(jobs)), make([]error, len(jobs))
	inParallel(len(jobs), func(k int) { results[k], errs[k] = j.main.Tenant(jobs[k].file) })
	j.compiles += len(jobs)
	for k, job := range jobs {
		if errs[k] != nil {
			j.failed = true
			why := &trouble{text: errs[k].Error(), kind: invalid, since: j.now, base: j.main.Base}
			j.refuse(job.item, job.file, why)
			continue
		}
		job.item.cand, job.item.compiled = results[k], results[k]
	}
}

// refuse keeps what is in force for the item. A file that says that its tenant
// is suspended is not ignored, whatever else is wrong with it: nothing is in
// force then.
func (j *judging) refuse(i *item, file *File, why *trouble) {
	claims := i.old.places
	if file != nil {
		claims = j.main.Places(file)
	}
	i.cand = nil
	old := i.old
	if file != nil && file.Suspended && old.good != nil {
		stopped := *old
		stopped.good, stopped.places = nil, old.good.Places
		claims, old = union(old.name, claims, old.good.Places), &stopped
		i.tried, i.good = true, nil
	}
	i.next = old.refuse(file, why, claims)
}

// version returns the version in force, compiled with this main file, or why
// there is none.
func (j *judging) version(i *item) (*Tenant, error) {
	if i.tried || i.old.good == nil {
		return i.good, i.bad
	}
	i.tried = true
	if j.main.Base == j.old.main.Base {
		i.good = i.old.good
		return i.good, nil
	}
	i.good, i.bad = j.main.Tenant(i.old.good.File)
	j.compiles++
	return i.good, i.bad
}

// versions compiles with this main file what stays in force, on all processors.
func (j *judging) versions() {
	var stay []*item
	for _, i := range j.items {
		if i.next != nil && i.cand == nil && i.next.good != nil && !i.tried {
			stay = append(stay, i)
		}
	}
	inParallel(len(stay), func(k int) {
		stay[k].good, stay[k].bad = j.main.Tenant(stay[k].old.good.File)
		stay[k].tried = true
	})
	j.compiles += len(stay)
}
