package authz

import (
	"crypto/rand"
	"io"
)

// randomBlock is some of the operating system's randomness, read ahead since each
// reading may cost a system call. It hands out each byte once.
type randomBlock struct {
	left  int // bytes not handed out, those at the front
	bytes [32 * len(DecisionID{})]byte
}

// id returns a new decision id.
func (b *randomBlock) id() (id DecisionID) {
	if b.left == 0 {
		_, _ = rand.Read(b.bytes[:]) // it never fails, but ends the process
		b.left = len(b.bytes)
	}
	b.left -= len(id)
	fresh := b.bytes[b.left:][:len(id)]
	copy(id[:], fresh)
	clear(fresh) // an id that was given out is nowhere else
	return id
}

// name gives the decision its id, of these random bytes where there are some. It
// reports false where there are none to be had.
func (j *judgement) name(random io.Reader) bool {
	if random == nil {
		j.id = j.room.random.id()
	} else if _, err := io.ReadFull(random, j.id[:]); err != nil {
		return false
	}
	j.idText = j.room.hex(&j.id)
	return true
}
