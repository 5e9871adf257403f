package envoy

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

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
	return d
}

// BenchmarkCheckDirect is what a Check costs us besides gRPC and the engine.
func BenchmarkCheckDirect(b *testing.B) {
	for name, d := range map[string]authz.Decision{"allow": benchDecision(), "deny": {Verdict: authz.Challenge, Reason: authz.Expired, Realm: "shop"}} {
		server := NewServer(ServerOptions{Decider: always(d)})
		for encoding, msg := range benchRequest().encodings() {
			b.Run(name+"/"+encoding, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := server.Check(b.Context(), msg); err != nil {
						b.Fatal(err)
					}
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

// BenchmarkCheckOverGRPC calls our service and a stock gRPC server that allows
// everything, in turns. ratio is ours to theirs, the client's work included.
func BenchmarkCheckOverGRPC(b *testing.B) {
	for encoding, msg := range benchRequest().encodings() {
		b.Run(encoding, func(b *testing.B) {
			ours := authv3.NewAuthorizationClient(serve(b, NewService(NewServer(ServerOptions{Decider: always(benchDecision())}), ServiceOptions{})))
			stock := authv3.NewAuthorizationClient(serveStock(b))
			var spent [2]time.Duration
			b.ReportAllocs()
			for b.Loop() {
				for i, client := range []authv3.AuthorizationClient{ours, stock} {
					start := time.Now()
					if _, err := client.Check(b.Context(), msg); err != nil {
						b.Fatal(err)
					}
					spent[i] += time.Since(start)
				}
			}
			b.ReportMetric(float64(spent[0].Nanoseconds())/float64(b.N), "ours-ns/op")
			b.ReportMetric(float64(spent[1].Nanoseconds())/float64(b.N), "stock-ns/op")
			b.ReportMetric(float64(spent[0])/float64(spent[1]), "ratio")
		})
	}
}

func serveStock(b *testing.B) *grpc.ClientConn {
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, noop{})
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(server.Stop)
	return connect(b, "passthrough:memory", grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
}
