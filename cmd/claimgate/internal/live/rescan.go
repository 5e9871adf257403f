package live

import (
	"maps"
	"slices"
)

// rescan looks at these paths, and at what may have changed without an event
// that names it. It returns all files by the name of their tenant, and the names
// of those tenants whose file was read or vanished. It judges files that are the
// only one of their tenant; else, and where only a listing can tell what is
// there, it is not ok and nothing has happened.
func (d *disk) rescan(paths []string) (files map[string][]*seen, touched map[string]bool, ok bool) {
	if d.spotter == nil {
		return nil, nil, false
	}
	there, gone, ok := d.spotter.Look(d.unsure(paths))
	if !ok {
		return nil, nil, false
	}
	changed, vanished := d.differing(there, paths), d.vanished(gone)
	if !d.unique(changed) || !d.unique(vanished) || len(vanished) > 0 && !d.keepsAllBut(vanished) {
		return nil, nil, false
	}
	inParallel(len(changed), func(k int) { d.read(changed[k]) })
	touched = make(map[string]bool, len(changed)+len(vanished))
	for _, s := range vanished {
		d.forget(s)
		touched[s.name] = true
	}
	for _, s := range changed {
		d.know(s)
		touched[s.name] = true
	}
	return d.byName, touched, true
}

// unsure returns the paths to look at: those of an event, those of files to be
// read again, and links, since no event names them when their targets change.
func (d *disk) unsure(paths []string) []string {
	all := make(map[string]struct{}, len(paths)+len(d.again)+len(d.links))
	for _, path := range paths {
		all[path] = struct{}{}
	}
	maps.Copy(all, d.again)
	maps.Copy(all, d.links)
	return slices.Collect(maps.Keys(all))
}

// differing begins to look at the files that have to be read.
func (d *disk) differing(there []Found, named []string) []*seen {
	var changed []*seen
	for _, f := range there {
		known := d.files[f.Path]
		if f.Linked && known.stays(f) && !slices.Contains(named, f.Path) {
			continue
		}
		changed = append(changed, known.anew(f))
	}
	return changed
}

func (d *disk) vanished(gone []string) []*seen {
	var vanished []*seen
	for _, path := range gone {
		if known := d.files[path]; known != nil {
			vanished = append(vanished, known)
		}
	}
	return vanished
}

// unique reports whether no other file is of one of these tenants.
func (d *disk) unique(files []*seen) bool {
	paths := make(map[string]string, len(files))
	for _, s := range files {
		other, twice := paths[s.name]
		paths[s.name] = s.path
		known := d.byName[s.name]
		if twice && other != s.path || len(known) > 1 || len(known) == 1 && known[0].path != s.path {
			return false
		}
	}
	return true
}

// keepsAllBut reports whether no more files vanished than these: how many do at
// once decides whether they may.
func (d *disk) keepsAllBut(vanished []*seen) bool {
	return d.spotter.Keep(func(yield func(string) bool) {
		for path, s := range d.files {
			if !slices.Contains(vanished, s) && !yield(path) {
				return
			}
		}
	})
}

func (d *disk) forget(s *seen) {
	delete(d.files, s.path)
	delete(d.byName, s.name)
	delete(d.again, s.path)
	delete(d.links, s.path)
}

// know takes note of the only file of its tenant.
func (d *disk) know(s *seen) {
	d.files[s.path], d.byName[s.name] = s, []*seen{s}
	d.mark(s)
}
