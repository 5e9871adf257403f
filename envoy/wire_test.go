package envoy

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/claimgate/claimgate/authz"
)

// rawCodec sends and receives bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

func (rawCodec) Name() string { return "proto" }

// serve runs a service on a listener in memory and returns a connection to it.
func serve(t testing.TB, service *Service, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	serveOn(t, service, listener)
	dial := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })
	return connect(t, "passthrough:memory", append(options, dial)...)
}

func serveOn(t testing.TB, service *Service, listener net.Listener) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- service.Serve(listener) }()
	t.Cleanup(func() {
		service.Stop()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func connect(t testing.TB, target string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	options = append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, options...)
	conn, err := grpc.NewClient(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// callRaw sends bytes as a Check and returns the bytes of the answer.
func callRaw(ctx context.Context, conn *grpc.ClientConn, request []byte, options ...grpc.CallOption) ([]byte, error) {
	var response []byte
	err := conn.Invoke(ctx, authv3.Authorization_Check_FullMethodName, &request, &response, append(options, grpc.ForceCodecV2(rawCodec{}))...)
	return response, err
}

// envoyReadsBytes is envoyReads for an answer as it arrived.
func envoyReadsBytes(t testing.TB, wire []byte) outcome {
	t.Helper()
	response := &authv3.CheckResponse{}
	if err := proto.Unmarshal(wire, response); err != nil {
		return outcome{verdict: envoyErrs}
	}
	return envoyReads(t, response, nil)
}

func encoded(t testing.TB, m proto.Message) []byte {
	t.Helper()
	wire, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// undecodable are messages that protobuf refuses or that say nothing.
func undecodable(t testing.TB) map[string][]byte {
	marked := plain().with("x-t", "MARK").mapped()
	good := string(encoded(t, marked))
	return map[string][]byte{
		"empty":            {},
		"garbage":          []byte("\xff\xff\xff\xff"),
		"cut off":          []byte(good[:len(good)-3]),
		"a good one first": []byte(good + "\x80"),
		"overlong varint":  []byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		"bytes in a value": []byte(strings.Replace(good, "MARK", "\xff\xfe\xfd\xfc", 1)),
		"bytes in a name":  []byte(strings.Replace(good, "x-t", "x-\xff", 1)),
		"bytes in path":    []byte(strings.ReplaceAll(good, "/orders/1?x=2", "/orders/1?x=\xff")),
		"unknown field":    []byte("\xf2\x01\x03abc"),
		"too deep":         nested(6000),
		"group left open":  []byte("\x0b"),
	}
}

// nested returns a message whose metadata nests deeper than protobuf follows:
// lists in values in lists. It is written by hand, from the inside out, since
// nothing encodes it in less than quadratic time.
func nested(levels int) []byte {
	return nestedIn(levels, []byte{0x0a, 0x32}, nil) // ListValue.values, Value.list_value
}

// nestedIn returns so many layers, each of them fields from the inside out,
// around a Value.
func nestedIn(levels int, layer, bottom []byte) []byte {
	reversed := slices.Clone(bottom)
	slices.Reverse(reversed)
	wrap := func(tag byte) {
		size := protowire.AppendVarint(nil, uint64(len(reversed)))
		slices.Reverse(size)
		reversed = append(append(reversed, size...), tag)
	}
	for range levels {
		for _, tag := range layer {
			wrap(tag)
		}
	}
	wrap(0x12) // the value of an entry
	wrap(0x0a) // Struct.fields
	wrap(0x12) // the value of an entry
	wrap(0x0a) // Metadata.filter_metadata
	wrap(0x5a) // AttributeContext.metadata_context
	wrap(0x0a) // CheckRequest.attributes
	slices.Reverse(reversed)
	return reversed
}

// TestP1UndecodableDenies: what cannot be decoded is denied by a message; as an
// error it would pass where failure_mode_allow is set (CVE-2024-23324).
func TestP1UndecodableDenies(t *testing.T) { inBothCodecs(t, testP1UndecodableDenies) }

func testP1UndecodableDenies(t *testing.T, m mode) {
	for name, decider := range map[string]Decider{"engine": refusing(allow), "careless engine": always(allow)} {
		conn := serve(t, m.service(NewServer(ServerOptions{Decider: decider}), ServiceOptions{}))
		for kind, wire := range undecodable(t) {
			response, err := callRaw(t.Context(), conn, wire)
			if out := envoyReadsBytes(t, response); err != nil || out.verdict != envoyDenies || out.status != 400 {
				t.Errorf("%s, %s: %v, %s %d; want deny 400", name, kind, err, out.verdict, out.status)
			}
		}
		good, err := callRaw(t.Context(), conn, encoded(t, plain().raw()))
		if out := envoyReadsBytes(t, good); err != nil || out.verdict != envoyAllows {
			t.Errorf("%s: a good message: %v, %s", name, err, out.verdict)
		}
	}
}

// TestP1LargeMessages: below the limit a message is judged, above it the
// transport refuses it with an error, which Envoy's failure mode then governs.
func TestP1LargeMessages(t *testing.T) { inBothCodecs(t, testP1LargeMessages) }

func testP1LargeMessages(t *testing.T, m mode) {
	conn := serve(t, m.service(NewServer(ServerOptions{Decider: refusing(allow)}), ServiceOptions{}), grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(32<<20)))
	for size, want := range map[int]envoyVerdict{DefaultMaxMessageBytes - 4096: envoyAllows, DefaultMaxMessageBytes + 1: envoyErrs} {
		msg := plain().raw()
		msg.Attributes.Request.Http.RawBody = make([]byte, size)
		response, err := callRaw(t.Context(), conn, encoded(t, msg))
		if want == envoyErrs {
			if status.Code(err) != codes.ResourceExhausted {
				t.Errorf("%d bytes: %v", size, err)
			}
			continue
		}
		if out := envoyReadsBytes(t, response); err != nil || out.verdict != want {
			t.Errorf("%d bytes: %v, %s", size, err, out.verdict)
		}
	}
}

// TestP1UnencodableDenies: an answer that does not encode is replaced.
func TestP1UnencodableDenies(t *testing.T) {
	c := newCodec(newResponder().internal)
	broken := newResponder().denied(&denial{answer: &answer{}, media: media{body: "\xff"}})
	for name, response := range map[string]any{
		"invalid UTF-8": broken,
		"empty":         &authv3.CheckResponse{},
		"nil":           (*authv3.CheckResponse)(nil),
		"no bytes":      (&replies{}).get(),
	} {
		data, err := c.Marshal(response)
		if out := envoyReadsBytes(t, data.Materialize()); err != nil || out.verdict != envoyDenies || out.status != 500 {
			t.Errorf("%s: %v, %+v; want deny 500", name, err, out)
		} else {
			expectDenial(t, out, wantAnswers()[authz.Internal], "")
		}
	}
	if _, err := c.Marshal(42); err == nil {
		t.Error("a value that is no message was encoded")
	}
}

// exploding panics where the codec of gRPC is asked.
type exploding struct{ rawCodec }

func (exploding) Unmarshal(mem.BufferSlice, any) error { panic("decode") }
func (exploding) Marshal(any) (mem.BufferSlice, error) { panic("encode") }

func TestP1PanickingCodecDenies(t *testing.T) {
	c := newCodec(newResponder().internal)
	c.CodecV2 = exploding{}
	msg := plain().raw()
	if err := c.Unmarshal(nil, msg); err != nil || msg.GetAttributes() != nil {
		t.Errorf("decoding: %v, %v", err, msg)
	}
	data, err := c.Marshal(&authv3.CheckResponse{})
	if out := envoyReadsBytes(t, data.Materialize()); err != nil || out.verdict != envoyDenies {
		t.Errorf("encoding: %v, %+v", err, out)
	}
}

// TestP1UnknownMethodIsNoAnswer: only Check is served.
func TestP1UnknownMethodIsNoAnswer(t *testing.T) { inBothCodecs(t, testP1UnknownMethodIsNoAnswer) }

func testP1UnknownMethodIsNoAnswer(t *testing.T, m mode) {
	conn := serve(t, m.service(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{}))
	for _, method := range []string{"/envoy.service.auth.v3.Authorization/check", "/envoy.service.auth.v2.Authorization/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"} {
		request, response := encoded(t, plain().raw()), []byte(nil)
		err := conn.Invoke(t.Context(), method, &request, &response, grpc.ForceCodecV2(rawCodec{}))
		if status.Code(err) != codes.Unimplemented || len(response) > 0 {
			t.Errorf("%s: %v, %q", method, err, response)
		}
	}
}

// FuzzCheck: any bytes are answered by a message that says what it means.
func FuzzCheck(f *testing.F) {
	for _, wire := range undecodable(f) {
		f.Add(wire, true)
	}
	for _, msg := range plain().with("authorization", "Bearer a").with("connection", "upgrade").encodings() {
		f.Add(encoded(f, msg), true)
		f.Add(encoded(f, msg), false)
	}
	responder := newResponder()
	c := newCodec(responder.internal)
	f.Fuzz(func(t *testing.T, wire []byte, allowed bool) {
		d := authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken}
		if allowed {
			d = allow
		}
		msg := &authv3.CheckRequest{}
		if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(wire)}, msg); err != nil {
			t.Fatalf("the codec returned %v", err)
		}
		observer := &recorder{}
		response, err := NewServer(ServerOptions{Decider: always(d), Observer: observer}).Check(t.Context(), msg)
		if err != nil {
			t.Fatalf("Check returned %v", err)
		}
		data, err := c.Marshal(response)
		if err != nil {
			t.Fatalf("does not encode: %v", err)
		}
		out := envoyReadsBytes(t, data.Materialize())
		if out.verdict == envoyErrs || out.corrupt != "" || !allowed && out.verdict != envoyDenies {
			t.Fatalf("%+v: %v", out, response)
		}
		got := observer.one(t)
		if got.fault != nil || (got.decision.Verdict == authz.Allow) != (out.verdict == envoyAllows) {
			t.Fatalf("the observer heard %+v of %+v", got, out)
		}
	})
}
