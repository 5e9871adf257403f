package envoy

import (
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/encoding"
	stock "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// Codec names what turns checks into bytes and back. Both take and refuse the
// same requests, and say the same.
type Codec uint8

// The codecs.
const (
	// CodecOwn reads from the bytes as they came what a check needs, without a
	// copy, and encodes the answer straight from the decision.
	CodecOwn Codec = iota
	// CodecGenerated has generated protobuf code do it.
	CodecGenerated
)

// codec is gRPC's own for protobuf, but for exchanges, which decode themselves,
// and for two cases in which gRPC's would answer a Check with a gRPC error,
// which opens the door where Envoy's filter says failure_mode_allow: a request
// that cannot be decoded becomes an empty one, which Check refuses, and a
// response that cannot be encoded becomes a denial.
type codec struct {
	encoding.CodecV2
	internal []byte // an encoded denial
}

func newCodec(internal *authv3.CheckResponse) *codec {
	encoded, err := proto.Marshal(internal)
	if err != nil {
		panic(err) // a constant of ours, encoded at each start
	}
	return &codec{CodecV2: encoding.GetCodecV2(stock.Name), internal: encoded}
}

// Unmarshal implements encoding.CodecV2.
func (c *codec) Unmarshal(data mem.BufferSlice, v any) error {
	switch request := v.(type) {
	case *exchange:
		request.receive(data)
		return nil
	case *authv3.CheckRequest:
		if err := c.decode(data, request); err != nil {
			proto.Reset(request)
		}
		return nil
	default:
		return c.CodecV2.Unmarshal(data, v)
	}
}

func (c *codec) decode(data mem.BufferSlice, request *authv3.CheckRequest) (err error) {
	defer recoverInto(&err)
	return c.CodecV2.Unmarshal(data, request)
}

// Marshal implements encoding.CodecV2.
func (c *codec) Marshal(v any) (mem.BufferSlice, error) {
	switch response := v.(type) {
	case *reply:
		if len(response.buf) > 0 {
			return response.take(), nil
		}
	case *authv3.CheckResponse:
		if data, err := c.encode(response); err == nil && data.Len() > 0 {
			return data, nil
		}
	default:
		return c.CodecV2.Marshal(v)
	}
	return mem.BufferSlice{mem.SliceBuffer(c.internal)}, nil
}

func (c *codec) encode(response *authv3.CheckResponse) (data mem.BufferSlice, err error) {
	defer recoverInto(&err)
	return c.CodecV2.Marshal(response)
}

func recoverInto(err *error) {
	if v := recover(); v != nil {
		*err = newPanicError(v)
	}
}
