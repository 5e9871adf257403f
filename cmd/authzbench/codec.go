package main

import (
	"errors"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// cannedCodec reads nothing and answers the same bytes: what is left is the
// cost of gRPC itself.
type cannedCodec struct{ answer []byte }

func (c *cannedCodec) Marshal(any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(c.answer)}, nil
}

func (*cannedCodec) Unmarshal(mem.BufferSlice, any) error { return nil }

func (*cannedCodec) Name() string { return "proto" }

// frameCodec sends frames that are encoded already and keeps answers encoded.
type frameCodec struct{}

var errFrame = errors.New("the load generator sends []byte and reads *answer")

// answer is one encoded CheckResponse; its buffer is used again.
type answer struct{ bytes []byte }

func (frameCodec) Marshal(v any) (mem.BufferSlice, error) {
	frame, ok := v.([]byte)
	if !ok {
		return nil, errFrame
	}
	return mem.BufferSlice{mem.SliceBuffer(frame)}, nil
}

func (frameCodec) Unmarshal(data mem.BufferSlice, v any) error {
	a, ok := v.(*answer)
	if !ok {
		return errFrame
	}
	n := data.Len()
	if cap(a.bytes) < n {
		a.bytes = make([]byte, n)
	}
	a.bytes = a.bytes[:n]
	data.CopyTo(a.bytes)
	return nil
}

// Name is empty, so that the content type is application/grpc, as Envoy sends.
func (frameCodec) Name() string { return "" }

// Field numbers of CheckResponse and of google.rpc.Status.
const (
	fieldStatus = 1
	fieldDenied = 2
	fieldOK     = 3
	fieldCode   = 1
)

// allows reports whether an encoded CheckResponse lets the request through: it
// has an OkHttpResponse, no denial, and no status code but 0.
func (a *answer) allows() bool {
	ok := false
	sound := eachField(a.bytes, func(number protowire.Number, value []byte) bool {
		switch number {
		case fieldOK:
			ok = true
		case fieldDenied:
			return false
		case fieldStatus:
			return codeIsZero(value)
		}
		return true
	})
	return sound && ok
}

// codeIsZero reports that a google.rpc.Status has no code, which is code 0.
func codeIsZero(status []byte) bool {
	return eachField(status, func(number protowire.Number, _ []byte) bool { return number != fieldCode })
}

// eachField shows every field of a message with its content, where that is
// bytes, until f returns false. It reports whether it came to the end.
func eachField(message []byte, f func(protowire.Number, []byte) bool) bool {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(number, kind, message)
		if size < 0 {
			return false
		}
		var content []byte
		if kind == protowire.BytesType {
			content, _ = protowire.ConsumeBytes(message)
		}
		if !f(number, content) {
			return false
		}
		message = message[size:]
	}
	return true
}
