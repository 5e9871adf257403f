package live

import (
	"fmt"
	"strings"

	"github.com/claimgate/claimgate/authz"
)

// choose picks the file of a tenant. The main file comes first; of several
// files the one that is in force, or was before this process began. Without
// such a one none of them is chosen.
func (j *judging) choose(old *tenant, inline *File, files []*seen) (*seen, *trouble) {
	if inline != nil {
		return &seen{file: inline}, nil
	}
	if len(files) == 1 {
		return files[0], nil
	}
	paths := make([]string, len(files))
	for k, file := range files {
		paths[k] = file.path
		if file.path == old.path {
			return file, nil
		}
	}
	return nil, &trouble{kind: doubled, since: j.now,
		text: fmt.Sprintf("%s: several files are of tenant %s: %s; rename all but one", paths[0], old.name, strings.Join(paths, ", "))}
}

// look judges what needs no compiling, and returns the file that has to be
// compiled, if any.
func (j *judging) look(i *item, chosen *seen, why *trouble) *File {
	if why != nil {
		i.next = i.old.refuse(nil, why, j.claims(i.old, j.found[i.old.name]))
		return nil
	}
	file, old := chosen.file, i.old
	switch {
	case chosen.unripe && !j.start:
		j.unripe = true
		if old.good == nil && old.trouble == nil {
			i.next = nil // not there yet
		}
		return nil
	case file == nil:
		j.refuse(i, nil, &trouble{text: chosen.err.Error(), kind: unreadable, since: j.now})
		return nil
	case old.good != nil && old.good.File.same(file):
		return j.unchanged(i, file)
	case !file.Inline && file.empty():
		j.refuse(i, file, &trouble{text: file.Path + ":1:1: the file is empty; write the tenant, or remove the file", kind: invalid, since: j.now})
		return nil
	case old.good != nil && old.good.File.cutInPlace(file.Text) && j.confirmed.cut[file.Path] != file.Hash:
		j.refuse(i, file, &trouble{kind: cut, since: j.now, text: fmt.Sprintf(
			"%s: the file was cut in place: it holds the first %d of the %d bytes that were accepted; complete it, replace it by rename, or confirm it",
			file.Path, len(file.Bytes), len(old.good.File.Bytes))})
		return nil
	case j.knownBad(old, file):
		return nil
	case file.Inline && old.good != nil && old.good.File == file && j.main == j.old.main:
		return nil
	}
	return file
}

// unchanged takes note that the file says what is in force. It may be another
// file by now.
func (j *judging) unchanged(i *item, file *File) *File {
	old := i.old
	if old.trouble == nil && old.file == file {
		return nil
	}
	good := *old.good
	good.File = file
	next := *old
	next.good, next.file, next.path, next.trouble = &good, file, file.Path, nil
	i.next = &next
	i.old = &next // the same tenant, of this file
	return nil
}

// knownBad reports whether compiling the file would find again what it found.
func (j *judging) knownBad(old *tenant, file *File) bool {
	return old.trouble != nil && old.trouble.kind == invalid && old.trouble.base == j.main.Base &&
		old.file != nil && old.file.same(file)
}

// claims joins what several files claim.
func (j *judging) claims(old *tenant, files []*seen) authz.HeldSpec {
	all := old.places
	for _, file := range files {
		if file.file != nil {
			all = union(old.name, all, j.main.Places(file.file))
		}
	}
	return all
}
