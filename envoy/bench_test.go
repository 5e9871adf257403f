package envoy

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"github.com/claimgate/claimgate/authz"
)

// benchRequest has 20 headers, about 2 KiB with the token.
func benchRequest() sent {
	s := plain().with("authorization", "Bearer "+strings.Repeat("a", 900))
	for i := range 19 {
		s = s.with(fmt.Sprintf("x-header-%02d", i), strings.Repeat("v", 40))
	}
	return s
}

func benchDecision() authz.Decision {
	d := allow
	d.Set = []authz.Header{{Name: "x-tenant", Value: "acme"}, {Name: "x-user-id", Value: "u-17"}, {Name: "x-roles", Value: "reader,admin"}}
	d.Remove = []string{"x-plan", "authorization"}
	d.ResponseHeaders = []authz.Header{{Name: "x-decision-id", Value: "00112233445566778899aabbccddeeff"}}
	d.Metadata = []authz.MetadataField{{Name: "decision_id", Text: "00112233445566778899aabbccddeeff"}, {Name: "tenant", Text: "acme"}}
	return d
}

// BenchmarkCheckDirect is what a Check costs us besides gRPC and the engine:
// from bytes to bytes, and from message to message.
func BenchmarkCheckDirect(b *testing.B) {
	for name, d := range map[string]authz.Decision{"allow": benchDecision(), "deny": {Verdict: authz.Challenge, Reason: authz.Expired, Realm: "shop"}} {
		server := NewServer(ServerOptions{Decider: fill(d)})
		for encoding, msg := range benchRequest().encodings() {
			dress(msg)
			w := newWireServer(server, false)
			c := newCodec(w.responder.internal)
			data := pooled(encoded(b, msg))
			b.Run(name+"/"+encoding+"/own", func(b *testing.B) {
				b.ReportAllocs()
				decode := func(v any) error { return c.Unmarshal(data, v) }
				for b.Loop() {
					exchangeOnce(b, w, c, decode)
				}
			})
			b.Run(name+"/"+encoding+"/generated", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					request := &authv3.CheckRequest{}
					_ = c.Unmarshal(data, request)
					response, _ := server.Check(b.Context(), request)
					out, err := c.Marshal(response)
					if err != nil {
						b.Fatal(err)
					}
					out.Free()
				}
			})
		}
	}
}

// noop is the least that an authorization server does.
type noop struct {
	authv3.UnimplementedAuthorizationServer
}

func (noop) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return &authv3.CheckResponse{Status: &rpcstatus.Status{}, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}}}, nil
}

// BenchmarkCheckOverGRPC calls our service with either codec and a stock gRPC
// server that allows everything, in turns over unix sockets, with the bytes that Envoy
// sends. The ratios are to the stock server, the client's work included; so are
// the allocations.
func BenchmarkCheckOverGRPC(b *testing.B) {
	decider := fill(benchDecision())
	for encoding, msg := range benchRequest().encodings() {
		b.Run(encoding, func(b *testing.B) {
			dress(msg)
			wire := encoded(b, msg)
			variants := []*variant{
				{name: "stock", conn: serveStock(b)},
				{name: "generated", conn: serveUnix(b, NewService(NewServer(ServerOptions{Decider: decider}), ServiceOptions{Codec: CodecGenerated}).grpc)},
				{name: "own", conn: serveUnix(b, NewService(NewServer(ServerOptions{Decider: decider}), ServiceOptions{}).grpc)},
			}
			for b.Loop() {
				for _, v := range variants {
					v.call(b, wire)
				}
			}
			for _, v := range variants {
				b.ReportMetric(float64(v.allocs)/float64(b.N), v.name+"-allocs/op")
				b.ReportMetric(float64(v.spent)/float64(variants[0].spent), v.name+"-ratio")
			}
		})
	}
}

// variant is a server that is measured beside others.
type variant struct {
	name   string
	conn   *grpc.ClientConn
	spent  time.Duration
	allocs uint64
}

// batch is how many calls are measured at once: to read the allocations stops
// the world.
const batch = 100

func (v *variant) call(b *testing.B, wire []byte) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range batch {
		if answer, err := callRaw(b.Context(), v.conn, wire); err != nil || len(answer) == 0 {
			b.Fatal(err)
		}
	}
	v.spent += time.Since(start) / batch
	runtime.ReadMemStats(&after)
	v.allocs += (after.Mallocs - before.Mallocs) / batch
}

// fill decides as the engine does on a cached token, without an allocation.
type fill authz.Decision

func (f fill) DecideInto(_ context.Context, _ *authz.Request, d *authz.Decision) {
	*d = authz.Decision(f)
}

func serveStock(b *testing.B) *grpc.ClientConn {
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, noop{})
	return serveUnix(b, server)
}

func serveUnix(b *testing.B, server *grpc.Server) *grpc.ClientConn {
	address := "unix://" + filepath.Join(b.TempDir(), "s")
	listener, err := Listen(address)
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(server.Stop)
	return connect(b, address)
}

// exchangeOnce takes one request through our codec, the server and back.
func exchangeOnce(t testing.TB, w *wireServer, c *codec, decode func(any) error) {
	answer, err := handleCheck(w, t.Context(), decode, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out mem.BufferSlice
	if out, err = c.Marshal(answer); err != nil {
		t.Fatal(err)
	}
	out.Free()
}
