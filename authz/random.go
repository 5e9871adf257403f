package authz

import (
	"crypto/rand"
	"sync"
)

// randomPool reads crypto/rand in blocks, since each reading may cost a system
// call. What it hands out is the operating system's randomness, each byte of it
// once. Safe for concurrent use.
type randomPool struct{ blocks sync.Pool }

// randomBlock is some randomness of which the first bytes are spent.
type randomBlock struct {
	spent int
	bytes [512]byte
}

// Read implements io.Reader.
func (r *randomPool) Read(p []byte) (int, error) {
	b, ok := r.blocks.Get().(*randomBlock)
	if !ok {
		b = &randomBlock{spent: len(b.bytes)}
	}
	if len(p) > len(b.bytes)-b.spent {
		if len(p) > len(b.bytes) {
			r.blocks.Put(b)
			return rand.Read(p)
		}
		_, _ = rand.Read(b.bytes[:]) // it never fails, but ends the process
		b.spent = 0
	}
	fresh := b.bytes[b.spent:][:len(p)]
	copy(p, fresh)
	clear(fresh) // an id that was given out is nowhere else
	b.spent += len(p)
	r.blocks.Put(b)
	return len(p), nil
}
