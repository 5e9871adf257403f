package envoy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/claimgate/claimgate/authz"
)

// mode is a codec under test.
type mode Codec

func (m mode) String() string { return [...]string{"own", "generated"}[m] }

// inBothCodecs runs a test once with each codec.
func inBothCodecs(t *testing.T, test func(t *testing.T, m mode)) {
	t.Helper()
	for _, m := range []mode{mode(CodecOwn), mode(CodecGenerated)} {
		t.Run(m.String(), func(t *testing.T) { test(t, m) })
	}
}

// service is NewService with the codec under test, whose freed buffers are
// overwritten.
func (m mode) service(s *Server, opts ServiceOptions) *Service {
	opts.Codec, opts.OverwriteFreed = Codec(m), true
	return NewService(s, opts)
}

// respond runs one Check without a network.
func (m mode) respond(ctx context.Context, t testing.TB, s *Server, msg *authv3.CheckRequest) *authv3.CheckResponse {
	t.Helper()
	if Codec(m) == CodecGenerated {
		response, err := s.Check(ctx, msg)
		if err != nil {
			t.Fatalf("Check returned the error %v", err)
		}
		return response
	}
	response := &authv3.CheckResponse{}
	if err := proto.Unmarshal(answerBytes(ctx, t, newWireServer(s, true), encoded(t, msg)), response); err != nil {
		t.Fatalf("the answer cannot be decoded: %v", err)
	}
	return response
}

// check runs one Check and returns it as Envoy reads it.
func (m mode) check(ctx context.Context, t testing.TB, s *Server, msg *authv3.CheckRequest) outcome {
	t.Helper()
	response := m.respond(ctx, t, s, msg)
	if response == nil {
		t.Fatal("Check returned no response")
	}
	if (response.GetStatus().GetCode() == 0) != (response.GetOkResponse() != nil) {
		t.Fatalf("code and response contradict each other: %v", response)
	}
	return envoyReads(t, response, nil)
}

// answerBytes answers one request from bytes to bytes, as gRPC has it done.
func answerBytes(ctx context.Context, t testing.TB, w *wireServer, request ...[]byte) []byte {
	t.Helper()
	c := newCodec(w.responder.internal)
	decode := func(v any) error {
		data := pooled(request...)
		defer data.Free()
		return c.Unmarshal(data, v)
	}
	answer, err := handleCheck(w, ctx, decode, nil)
	if err != nil {
		t.Fatalf("Check returned the error %v", err)
	}
	data, err := c.Marshal(answer)
	if err != nil {
		t.Fatalf("does not encode: %v", err)
	}
	defer data.Free()
	return data.Materialize()
}

// pooled returns the parts as buffers of a pool, as gRPC receives them.
func pooled(parts ...[]byte) mem.BufferSlice {
	data := make(mem.BufferSlice, len(parts))
	for i, part := range parts {
		buf := mem.DefaultBufferPool().Get(max(len(part), 2048)) // smaller ones are in no pool
		*buf = (*buf)[:copy(*buf, part)]
		data[i] = mem.NewBuffer(buf, mem.DefaultBufferPool())
	}
	return data
}

// read returns what the engine is shown, and holds that both codecs show it the
// same.
func read(msg *authv3.CheckRequest) *authz.Request {
	var m message
	m.readGenerated(msg)
	req := &authz.Request{}
	requestFrom(&m, req)
	if wire, err := proto.Marshal(msg); err == nil {
		own, ok := readOwn(wire)
		if diff := difference(req, own); diff != "" || !ok {
			panic("the codecs differ: " + diff)
		}
	}
	return req
}

// readOwn returns what the engine is shown of bytes, and whether they could be
// decoded. The bytes are aliased.
func readOwn(parts ...[]byte) (*authz.Request, bool) {
	w := newWireServer(NewServer(ServerOptions{}), false)
	e := w.exchange()
	data := make(mem.BufferSlice, len(parts))
	for i := range parts {
		data[i] = mem.SliceBuffer(parts[i])
	}
	e.receive(data)
	req := &authz.Request{}
	e.read(req)
	return req, e.decoded
}

// difference tells in which part two requests differ. The entries of a map come
// in no order.
func difference(a, b *authz.Request) string {
	x, y := sorted(a), sorted(b)
	switch {
	case !maps.Equal(x.Context, y.Context):
		return fmt.Sprintf("context %q, %q", x.Context, y.Context)
	case !slices.Equal(x.Headers.Lines, y.Headers.Lines):
		return fmt.Sprintf("headers %q, %q", x.Headers.Lines, y.Headers.Lines)
	}
	x.Context, y.Context, x.Headers.Lines, y.Headers.Lines = nil, nil, nil, nil
	if one, other := fmt.Sprintf("%#v", x), fmt.Sprintf("%#v", y); one != other {
		return one + ", " + other
	}
	return ""
}

func sorted(req *authz.Request) authz.Request {
	out := *req
	if !out.Headers.Joined {
		return out
	}
	out.Headers.Lines = slices.SortedFunc(slices.Values(out.Headers.Lines), func(a, b authz.Header) int {
		return strings.Compare(a.Name+"\x00"+a.Value, b.Name+"\x00"+b.Value)
	})
	protocols := strings.Split(out.Upgrade, ",")
	slices.Sort(protocols)
	out.Upgrade = strings.Join(protocols, ",")
	return out
}

// said returns the answer to a decision, and holds that both codecs say the
// same.
func said(t testing.TB, r *responder, req *authz.Request, d *authz.Decision) (*authv3.CheckResponse, error) {
	t.Helper()
	response, err := r.responseFrom(req, d)
	wire, own := r.appendAnswer([]byte("before"), req, d)
	if fmt.Sprint(err) != fmt.Sprint(own) {
		t.Fatalf("the codecs differ: %v, %v", err, own)
	}
	if err != nil {
		return nil, err
	}
	got := &authv3.CheckResponse{}
	if err := proto.Unmarshal(wire[len("before"):], got); err != nil || !proto.Equal(got, response) {
		t.Fatalf("the codecs differ (%v):\n%v\n%v", err, response, got)
	}
	return response, nil
}
