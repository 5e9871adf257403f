package live

import (
	"os"
	"time"
)

// How it is told that a file is not whole yet.
const (
	settleTime = 200 * time.Millisecond // a file that changed less than this ago may not be whole
	settleMost = 5 * time.Second        // after this it is taken as it is
	coarse     = 2 * time.Second        // file systems with coarse times hide a second change that soon
	ahead      = 24 * time.Hour         // no clock of a file server is ahead that far: such a time was set on purpose
)

// disk remembers what was read of the tenant files, so that only what changed
// is read again.
type disk struct {
	documents Documents
	now       func() time.Time
	files     map[string]*seen // by path
	byName    map[string][]*seen
	again     map[string]struct{} // paths of files to be read again
}

// seen is one tenant file as it was read.
type seen struct {
	path   string
	theirs bool // Found.Delegated
	info   os.FileInfo
	file   *File // nil: it cannot be read
	err    error // what is wrong with its shape, or why it cannot be read
	again  bool  // to be read again even if it looks the same
	unripe bool  // it is still being written
	since  time.Time
	before os.FileInfo // when it was looked at before; nil: never
}

// scan reads the files that changed and returns all by the name of their
// tenant. With all, every file is read.
func (d *disk) scan(found []Found, all bool) map[string][]*seen {
	files := make(map[string]*seen, len(found))
	var changed []*seen
	for _, f := range found {
		known := d.files[f.Path]
		if known != nil && !all && !known.again && known.theirs == f.Delegated && alike(known.info, f.Info) {
			files[f.Path] = known
			continue
		}
		files[f.Path] = known.anew(f)
		changed = append(changed, files[f.Path])
	}
	inParallel(len(changed), func(k int) { d.read(changed[k]) })
	d.files = files
	d.byName, d.again = make(map[string][]*seen, len(found)), map[string]struct{}{}
	each := make([]*seen, len(found)) // one array for the lists of one
	for i, f := range found {
		each[i] = files[f.Path]
		if others := d.byName[f.Name]; others != nil {
			d.byName[f.Name] = append(others, each[i])
		} else {
			d.byName[f.Name] = each[i : i+1 : i+1]
		}
		if each[i].again {
			d.again[f.Path] = struct{}{}
		}
	}
	return d.byName
}

// rescan reads those files that changed, and those that are to be read again,
// and returns all by the name of their tenant and the names of those that were
// read. It can tell of regular files only that were there before, each the one
// of its tenant; else it is not ok.
func (d *disk) rescan(paths []string) (files map[string][]*seen, touched map[string]bool, ok bool) {
	changed := make([]*seen, 0, len(paths)+len(d.again))
	for _, path := range paths {
		if _, again := d.again[path]; again {
			continue
		}
		next, ok := d.known(path)
		if !ok {
			return nil, nil, false
		}
		changed = append(changed, next)
	}
	for path := range d.again {
		next, ok := d.known(path)
		if !ok {
			return nil, nil, false
		}
		changed = append(changed, next)
	}
	inParallel(len(changed), func(k int) { d.read(changed[k]) })
	touched = make(map[string]bool, len(changed))
	for _, s := range changed {
		if s.file == nil || s.file.Name == "" || len(d.byName[s.file.Name]) != 1 || d.byName[s.file.Name][0].path != s.path {
			return nil, nil, false
		}
		touched[s.file.Name] = true
	}
	for _, s := range changed {
		d.files[s.path], d.byName[s.file.Name][0] = s, s
		if delete(d.again, s.path); s.again {
			d.again[s.path] = struct{}{}
		}
	}
	return d.byName, touched, true
}

// known begins to look again at a file that was there before.
func (d *disk) known(path string) (*seen, bool) {
	known := d.files[path]
	info, err := os.Stat(path)
	if known == nil || err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	return known.anew(Found{Path: path, Info: info, Delegated: known.theirs}), true
}

// anew begins to look at a file, for the first time where nothing is known.
func (s *seen) anew(f Found) *seen {
	next := &seen{path: f.Path, theirs: f.Delegated, info: f.Info}
	if s == nil {
		return next
	}
	next.file, next.before = s.file, s.info
	if s.unripe {
		next.since = s.since
	}
	return next
}

// read reads one file and tells whether it may still be in the making.
func (d *disk) read(s *seen) {
	s.file, s.err = d.documents.ReadTenant(Found{Path: s.path, Delegated: s.theirs}, s.file)
	if s.file == nil {
		s.again = true // permissions change without a trace in size and time
		return
	}
	now := d.now()
	s.info = s.file.Info
	s.again = now.Sub(s.info.ModTime()) < coarse
	if s.since.IsZero() {
		s.since = now
	}
	torn := s.info.Size() != int64(len(s.file.Bytes))
	s.unripe = (torn || young(s.info, s.before, now)) && now.Sub(s.since) < settleMost
	s.again = s.again || s.unripe
}

// young reports whether a file changed so little ago that it may not be whole.
// Where its time is ahead of ours, as on a file server whose clock is, that is
// told by whether it changed since it was looked at before.
func young(info, before os.FileInfo, now time.Time) bool {
	age := now.Sub(info.ModTime())
	return age < settleTime && age > -ahead && (age >= 0 || !alike(info, before))
}

// alike reports whether two descriptions are of one file that did not change in
// between.
func alike(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
