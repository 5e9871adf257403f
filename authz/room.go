package authz

import (
	"encoding/hex"
	"slices"
	"unsafe"
)

// room is what a decision is made in. It is kept where the decision is filled
// again, so that the same capacity serves one request after the other.
type room struct {
	judgement judgement
	set       []Header
	response  [1]Header
	remove    []string
	removing  bool // Decision.Remove is remove, and no list of the snapshot
	params    []string
	metadata  []MetadataField
	scratch   scratch
	id        [2 * len(DecisionID{})]byte
}

// begin empties the decision, which then denies, and returns a judgement that
// fills it.
func (d *Decision) begin() *judgement {
	r := d.room
	if r == nil {
		r = &room{}
	}
	*d = Decision{}
	d.room = r
	r.removing = false
	r.scratch.reset()
	r.judgement = judgement{}
	r.judgement.out, r.judgement.room = d, r
	return &r.judgement
}

// hex returns the text of the decision's id.
func (r *room) hex(id []byte) string {
	hex.Encode(r.id[:], id)
	return unsafe.String(&r.id[0], len(r.id)) //nolint:gosec // overwritten only by the next request
}

// remove lists the headers to remove and the variants of them that the request
// holds.
func (j *judgement) remove(key removeKey) {
	list := j.snapshot.removal.list(key)
	j.out.Remove = list
	for i := range j.req.Headers.Lines {
		name := j.req.Headers.Lines[i].Name
		if j.snapshot.removal.isVariant(name) && !slices.Contains(j.out.Remove[len(list):], name) {
			j.appendRemoval(name)
		}
	}
}

// alsoRemove adds a name to the headers to remove, unless it is there.
func (j *judgement) alsoRemove(name string) {
	if !slices.Contains(j.out.Remove, name) {
		j.appendRemoval(name)
	}
}

// appendRemoval adds a name. The lists of the snapshot are never written to.
func (j *judgement) appendRemoval(name string) {
	r := j.room
	if !r.removing {
		r.remove, r.removing = append(r.remove[:0], j.out.Remove...), true
	}
	r.remove = append(r.remove, name)
	j.out.Remove = r.remove
}
