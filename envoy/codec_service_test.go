package envoy

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // registers the compressor
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/claimgate/claimgate/authz"
)

// TestServiceIsTheSame: callers that ask what is served hear the same.
func TestServiceIsTheSame(t *testing.T) {
	server := NewServer(ServerOptions{Decider: always(allow)})
	own, generated := served(mode(CodecOwn), server), served(mode(CodecGenerated), server)
	if !reflect.DeepEqual(own, generated) || len(own) != 2 {
		t.Errorf("own serves %v, generated %v", own, generated)
	}
}

// served returns what a service says of itself, with methods in order.
func served(m mode, server *Server) map[string]grpc.ServiceInfo {
	service := m.service(server, ServiceOptions{})
	defer service.Stop()
	all := service.grpc.GetServiceInfo()
	for _, info := range all {
		slices.SortFunc(info.Methods, func(a, b grpc.MethodInfo) int { return strings.Compare(a.Name, b.Name) })
	}
	return all
}

// TestCompressedRequests are read into one buffer and answered compressed.
func TestCompressedRequests(t *testing.T) { inBothCodecs(t, testCompressedRequests) }

func testCompressedRequests(t *testing.T, m mode) {
	observer := &recorder{}
	conn := serve(t, m.service(NewServer(ServerOptions{Decider: refusing(allow), Observer: observer}), ServiceOptions{}))
	for _, size := range []int{10, 5000, 100_000} {
		s := plain().with("x-a", strings.Repeat("a", size))
		wire, err := callRaw(t.Context(), conn, encoded(t, s.raw()), grpc.UseCompressor("gzip"))
		if out := envoyReadsBytes(t, wire); err != nil || out.verdict != envoyAllows {
			t.Errorf("%d bytes: %v, %s", size, err, out.verdict)
		}
	}
	for i, seen := range observer.seen {
		if seen.path != "/orders/1" {
			t.Errorf("request %d: path %q", i, seen.path)
		}
	}
}

// TestP1PanickingDecoderDenies: a fault of the decoder is an undecodable
// message.
func TestP1PanickingDecoderDenies(t *testing.T) {
	w := newWireServer(NewServer(ServerOptions{Decider: always(allow)}), true)
	w.types = nil
	for range 2 {
		out := envoyReadsBytes(t, answerBytes(t.Context(), t, w, encoded(t, plain().raw()), []byte{0x10, 0x01}))
		if out.verdict != envoyDenies || out.status != 400 {
			t.Errorf("%s %d, want deny 400", out.verdict, out.status)
		}
	}
}

// TestLargeAnswersAreNotKept: one large answer does not hold memory for ever.
func TestLargeAnswersAreNotKept(t *testing.T) {
	for size, kept := range map[int]bool{keptReplyBytes: true, keptReplyBytes + 1: false} {
		home := &replies{}
		r := &reply{home: home, buf: make([]byte, 1, size)}
		r.take().Free()
		if got := home.pool.Get(); !kept && got != nil {
			t.Errorf("a reply of %d bytes was kept", size)
		}
	}
}

// TestDepth holds both codecs to the same depth of nesting, by lists and by
// structures, whatever stands at the bottom.
func TestDepth(t *testing.T) {
	bottoms := [][]byte{
		nil, {0x08, 0x00}, {0x0a, 0x00}, {0x2a, 0x02, 0x0a, 0x00}, {0x32, 0x02, 0x0a, 0x00}, {0x2a, 0x02, 0x08, 0x01}, {0x28, 0x01}, {0x30, 0x01},
		{0x2a, 0x08, 0x0a, 0x06, 0x12, 0x04, 0x2a, 0x02, 0x0a, 0x00}, {0x32, 0x06, 0x0a, 0x04, 0x2a, 0x02, 0x0a, 0x00},
	}
	for kind, layer := range map[string][]byte{"lists": {0x0a, 0x32}, "structures": {0x12, 0x0a, 0x2a}} {
		levels := (protowire.DefaultRecursionLimit - 7) / len(layer)
		both := [2]bool{}
		for n := levels - 3; n < levels+3; n++ {
			for _, bottom := range bottoms {
				wire := nestedIn(n, layer, bottom)
				err := proto.Unmarshal(wire, &authv3.CheckRequest{})
				_, ok := readOwn(wire)
				if ok != (err == nil) {
					t.Errorf("%d %s on %x: own %v, generated %v", n, kind, bottom, ok, err)
				}
				both[btoi(ok)] = true
			}
		}
		if both != [2]bool{true, true} {
			t.Errorf("%s: the limit is elsewhere", kind)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestSequences: a service answers one request after the other as a new one
// would, good ones between bad ones, through the same memory.
func TestSequences(t *testing.T) {
	w := newWireServer(NewServer(ServerOptions{Decider: echo{}}), true)
	all := frames(t)
	for name, wire := range undecodable(t) {
		if name != "too deep" {
			all[name] = wire
		}
	}
	for round := range 3 {
		for name, wire := range all {
			got := &authv3.CheckResponse{}
			if err := proto.Unmarshal(answerBytes(t.Context(), t, w, slices.Clone(wire)), got); err != nil {
				t.Fatal(err)
			}
			want := &authv3.CheckResponse{}
			fresh := newWireServer(NewServer(ServerOptions{Decider: echo{}}), true)
			if err := proto.Unmarshal(answerBytes(t.Context(), t, fresh, wire), want); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got, want) {
				t.Errorf("round %d, %s: %v, want %v", round, name, got, want)
			}
		}
	}
}

// TestP1DeniedNeverGoesWithCodeZero: both constructors of refusals, for every
// reason there is and some that there are not.
func TestP1DeniedNeverGoesWithCodeZero(t *testing.T) {
	r := newResponder()
	for reason := range authz.Reason(len(authz.Reasons()) + 3) {
		for kind, req := range map[string]*authz.Request{"none": nil, "web": clientOf(""), "grpc": clientOf("application/grpc")} {
			plain := r.plainDenial(req, reason)
			wire, err := appendDenied(nil, &plain, nil)
			got := &authv3.CheckResponse{}
			if err != nil || proto.Unmarshal(wire, got) != nil {
				t.Fatalf("%v, %s: %v", reason, kind, err)
			}
			if got.GetStatus().GetCode() == 0 || got.GetDeniedResponse() == nil || !proto.Equal(got, r.denied(&plain)) {
				t.Errorf("%v, %s: %s", reason, kind, fmt.Sprint(got))
			}
		}
	}
}

// TestP1NoHandlerEndsTheProcess by a panic, whatever is served: the guards stand
// around every call.
func TestP1NoHandlerEndsTheProcess(t *testing.T) { inBothCodecs(t, testNoHandlerEndsTheProcess) }

func testNoHandlerEndsTheProcess(t *testing.T, m mode) {
	service := m.service(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{})
	service.grpc.RegisterService(&grpc.ServiceDesc{
		ServiceName: "odd", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: func(_ any, ctx context.Context, _ func(any) error, around grpc.UnaryServerInterceptor) (any, error) {
			explode := func(context.Context, any) (any, error) { panic("odd") }
			return around(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/odd/Call"}, explode)
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Stream", ServerStreams: true, Handler: func(any, grpc.ServerStream) error { panic("odd") }}},
	}, struct{}{})
	conn := serve(t, service)
	for _, method := range []string{"/odd/Call", "/odd/Stream"} {
		var request, answer []byte
		if err := conn.Invoke(t.Context(), method, &request, &answer, grpc.ForceCodecV2(rawCodec{})); status.Code(err) != codes.Internal {
			t.Errorf("%s: %v", method, err)
		}
	}
	expectAllow(t, conn, encoded(t, plain().raw()))
}

// TestWhatWasStoppedIsNeverReadyAgain, whatever is said of it afterwards.
func TestWhatWasStoppedIsNeverReadyAgain(t *testing.T) {
	service := NewService(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{})
	service.SetReady(true)
	service.Stop()
	service.SetReady(true)
	for _, name := range healthServices() {
		got, err := service.health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: name})
		if err != nil || got.GetStatus() != notServing {
			t.Errorf("%q: %v, %v", name, got.GetStatus(), err)
		}
	}
}
