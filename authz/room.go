package authz

import (
	"encoding/binary"
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
	random    randomBlock
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
	if r.judgement.out != nil {
		r.judgement = judgement{} // a panic left it
	}
	r.judgement.out, r.judgement.room = d, r
	return &r.judgement
}

// hex returns the text of the decision's id, which is that of its String.
func (r *room) hex(id *DecisionID) string {
	binary.BigEndian.PutUint64(r.id[0:], hexDigits(binary.BigEndian.Uint32(id[0:])))
	binary.BigEndian.PutUint64(r.id[8:], hexDigits(binary.BigEndian.Uint32(id[4:])))
	binary.BigEndian.PutUint64(r.id[16:], hexDigits(binary.BigEndian.Uint32(id[8:])))
	binary.BigEndian.PutUint64(r.id[24:], hexDigits(binary.BigEndian.Uint32(id[12:])))
	return unsafe.String(&r.id[0], len(r.id)) //nolint:gosec // overwritten only by the next request
}

// hexDigits returns the eight lower-case hexadecimal digits of a number, the
// first in the highest byte: its half bytes are spread over the word, and those
// above 9 lifted from what follows '9' to the letters.
func hexDigits(n uint32) uint64 {
	w := uint64(n)
	w = (w | w<<16) & 0x0000ffff0000ffff
	w = (w | w<<8) & 0x00ff00ff00ff00ff
	w = (w | w<<4) & 0x0f0f0f0f0f0f0f0f
	letters := (w + 6*ones) >> 4 & ones
	return w + '0'*ones + letters*('a'-'9'-1)
}

// remove lists the headers to remove and the variants of them that the request
// holds.
func (j *judgement) remove(key removeKey) {
	j.out.Remove = j.snapshot.removal.list(key)
	if !j.sees.bare {
		j.removeVariants()
	}
}

// removeVariants lists the variants that the request holds, each once.
func (j *judgement) removeVariants() {
	list := j.out.Remove
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
