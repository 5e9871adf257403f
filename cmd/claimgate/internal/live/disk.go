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
	links     map[string]struct{} // paths of links to files
	spotter   Spotter             // of the last listing; nil: none
}

// seen is one tenant file as it was read.
type seen struct {
	name   string // of the tenant
	path   string
	theirs bool // Found.Delegated
	linked bool // Found.Linked
	info   os.FileInfo
	file   *File // nil: it cannot be read
	err    error // what is wrong with its shape, or why it cannot be read
	again  bool  // to be read again even if it looks the same
	unripe bool  // it is still being written
	since  time.Time
	before os.FileInfo // when it was looked at before; nil: never
}

// scan reads the files of a listing that changed and returns all by the name of
// their tenant. With all, every file is read.
func (d *disk) scan(listing Listing, all bool) map[string][]*seen {
	found := listing.Files
	d.spotter = listing.Spotter
	files := make(map[string]*seen, len(found))
	var changed []*seen
	for _, f := range found {
		known := d.files[f.Path]
		if !all && known.stays(f) {
			files[f.Path] = known
			continue
		}
		files[f.Path] = known.anew(f)
		changed = append(changed, files[f.Path])
	}
	inParallel(len(changed), func(k int) { d.read(changed[k]) })
	d.files = files
	d.byName, d.again, d.links = make(map[string][]*seen, len(found)), map[string]struct{}{}, map[string]struct{}{}
	each := make([]*seen, len(found)) // one array for the lists of one
	for i, f := range found {
		each[i] = files[f.Path]
		if others := d.byName[f.Name]; others != nil {
			d.byName[f.Name] = append(others, each[i])
		} else {
			d.byName[f.Name] = each[i : i+1 : i+1]
		}
		d.mark(each[i])
	}
	return d.byName
}

// mark takes note of whether a file has to be looked at without being named.
func (d *disk) mark(s *seen) {
	if delete(d.again, s.path); s.again {
		d.again[s.path] = struct{}{}
	}
	if delete(d.links, s.path); s.linked {
		d.links[s.path] = struct{}{}
	}
}

// stays reports whether a file need not be read again.
func (s *seen) stays(f Found) bool {
	return s != nil && !s.again && s.theirs == f.Delegated && alike(s.info, f.Info)
}

// anew begins to look at a file, for the first time where nothing is known.
func (s *seen) anew(f Found) *seen {
	next := &seen{name: f.Name, path: f.Path, theirs: f.Delegated, linked: f.Linked, info: f.Info}
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
