package envoy

import (
	"sync"

	"google.golang.org/grpc/mem"
)

// Sizes of the buffers of replies. gRPC does not give back buffers of 1 KiB and
// less.
const (
	newReplyBytes  = 4 << 10
	keptReplyBytes = 64 << 10
)

// replies are encoded answers to be used again.
type replies struct {
	pool      sync.Pool
	overwrite bool
}

func (p *replies) get() *reply {
	if r, ok := p.pool.Get().(*reply); ok {
		return r
	}
	return &reply{home: p, buf: make([]byte, 0, newReplyBytes)}
}

// reply is an encoded answer. It is the pool that its buffer goes back to once
// gRPC has sent it.
type reply struct {
	home    *replies
	buf     []byte
	buffers [1]mem.Buffer
}

// take hands the answer over to gRPC, which frees it.
//
// The slice is part of what is used again. Whoever frees a buffer of a
// mem.BufferSlice took it from the slice before, and nobody who holds no
// reference looks at one; so it is written again only when all have done.
func (r *reply) take() mem.BufferSlice {
	r.buffers[0] = mem.NewBuffer(&r.buf, r)
	return r.buffers[:]
}

// Get implements mem.BufferPool; nobody asks for one.
func (r *reply) Get(length int) *[]byte {
	buf := make([]byte, length)
	return &buf
}

// Put implements mem.BufferPool: all references to the answer are gone.
func (r *reply) Put(*[]byte) {
	if r.home.overwrite {
		overwriteAll(r.buf)
	}
	if cap(r.buf) > keptReplyBytes {
		return
	}
	r.buf = r.buf[:0]
	r.home.pool.Put(r)
}

// overwriteAll makes whatever still reads the bytes show itself: they are no
// text, no name and no number.
func overwriteAll(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
