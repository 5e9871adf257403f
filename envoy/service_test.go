package envoy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/claimgate/claimgate/authz"
)

const (
	serving    = healthv1.HealthCheckResponse_SERVING
	notServing = healthv1.HealthCheckResponse_NOT_SERVING
)

func healthServices() []string { return []string{"", "envoy.service.auth.v3.Authorization"} }

func TestHealth(t *testing.T) { inBothCodecs(t, testHealth) }

func testHealth(t *testing.T, m mode) {
	service := m.service(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{})
	client := healthv1.NewHealthClient(serve(t, service))
	for _, step := range []struct {
		do   func()
		want healthv1.HealthCheckResponse_ServingStatus
	}{
		{func() {}, notServing},
		{func() { service.SetReady(true) }, serving},
		{func() { service.SetReady(false) }, notServing},
	} {
		step.do()
		for _, name := range healthServices() {
			got, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: name})
			if err != nil || got.GetStatus() != step.want {
				t.Errorf("%q: %v, %v; want %v", name, got.GetStatus(), err, step.want)
			}
		}
	}
	if _, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown service: %v", err)
	}
}

// TestDrain: watchers hear NOT_SERVING, checks go on being answered meanwhile,
// the one in progress is finished, and no watcher holds up the end.
func TestDrain(t *testing.T) { inBothCodecs(t, testDrain) }

func testDrain(t *testing.T, m mode) {
	entered, release := make(chan struct{}), make(chan struct{})
	slow := deciderFunc(func(_ context.Context, req *authz.Request) authz.Decision {
		if req.Path.Canonical == "/slow" {
			close(entered)
			<-release
		}
		return allow
	})
	service := m.service(NewServer(ServerOptions{Decider: slow}), ServiceOptions{DrainWait: time.Millisecond})
	service.SetReady(true)
	conn := serve(t, service)
	watch := watching(t, conn)
	expectHealth(t, watch, serving)
	answer := make(chan outcome, 1)
	go func() {
		request := plain()
		request.target = "/slow"
		wire, _ := callRaw(t.Context(), conn, encoded(t, request.raw()))
		answer <- envoyReadsBytes(t, wire)
	}()
	<-entered
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		service.Drain(t.Context())
	}()
	expectHealth(t, watch, notServing)
	if _, err := watch.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("the watch ended with %v", err)
	}
	select {
	case <-drained:
		t.Error("the drain ended before the check in progress")
	default:
	}
	close(release)
	if out := <-answer; out.verdict != envoyAllows {
		t.Errorf("the check in progress: %s", out.verdict)
	}
	<-drained
	if _, err := callRaw(t.Context(), conn, encoded(t, plain().raw())); status.Code(err) != codes.Unavailable {
		t.Errorf("after the drain: %v", err)
	}
}

// TestDrainAnswersWhileItWaits: until DrainWait is over nothing is refused, and
// readiness does not come back.
func TestDrainAnswersWhileItWaits(t *testing.T) { inBothCodecs(t, testDrainAnswersWhileItWaits) }

func testDrainAnswersWhileItWaits(t *testing.T, m mode) {
	service := m.service(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{DrainWait: time.Hour})
	service.SetReady(true)
	conn := serve(t, service)
	watch := watching(t, conn)
	expectHealth(t, watch, serving)
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		service.Drain(ctx)
	}()
	expectHealth(t, watch, notServing)
	service.SetReady(true)
	wire, err := callRaw(t.Context(), conn, encoded(t, plain().raw()))
	if out := envoyReadsBytes(t, wire); err != nil || out.verdict != envoyAllows {
		t.Errorf("while it waits: %v, %s", err, out.verdict)
	}
	for _, name := range healthServices() {
		got, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: name})
		if err != nil || got.GetStatus() != notServing {
			t.Errorf("%q while it drains: %v, %v", name, got.GetStatus(), err)
		}
	}
	cancel()
	<-drained
	service.Drain(t.Context()) // a second drain has nothing to do
}

// TestDrainCuts: when the context ends the check in progress is cut; its own
// context ends with it.
func TestDrainCuts(t *testing.T) { inBothCodecs(t, testDrainCuts) }

func testDrainCuts(t *testing.T, m mode) {
	entered := make(chan struct{})
	stuck := deciderFunc(func(ctx context.Context, _ *authz.Request) authz.Decision {
		close(entered)
		<-ctx.Done()
		return authz.Decision{Verdict: authz.Unavailable, Reason: authz.DeadlineExceeded}
	})
	observer := &recorder{}
	service := m.service(NewServer(ServerOptions{Decider: stuck, Observer: observer}), ServiceOptions{DrainWait: -1})
	conn := serve(t, service)
	failed := make(chan error, 1)
	go func() {
		_, err := callRaw(t.Context(), conn, encoded(t, plain().raw()))
		failed <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	service.Drain(ctx)
	if err := <-failed; status.Code(err) != codes.Unavailable {
		t.Errorf("the check that was cut: %v", err)
	}
	if got := observer.one(t); got.decision.Reason != authz.DeadlineExceeded {
		t.Errorf("the observer heard %v", got.decision.Reason)
	}
}

// TestDrainWaits: the default wait passes before anything closes, and a context
// that ends cuts it short.
func TestDrainWaits(t *testing.T) { inBothCodecs(t, testDrainWaits) }

func testDrainWaits(t *testing.T, m mode) {
	for name, tc := range map[string]struct {
		options ServiceOptions
		timeout time.Duration
		want    time.Duration
	}{
		"default":         {ServiceOptions{}, time.Minute, DefaultDrainWait},
		"configured":      {ServiceOptions{DrainWait: time.Second}, time.Minute, time.Second},
		"none":            {ServiceOptions{DrainWait: -1}, time.Minute, 0},
		"the context end": {ServiceOptions{}, time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tc.timeout)
				defer cancel()
				start := time.Now()
				m.service(NewServer(ServerOptions{Decider: always(allow)}), tc.options).Drain(ctx)
				if got := time.Since(start); got != tc.want {
					t.Errorf("drained after %v, want %v", got, tc.want)
				}
			})
		})
	}
}

// TestDrainLeavesStuckHandlers: a handler that ignores its context does not
// keep the process alive.
func TestDrainLeavesStuckHandlers(t *testing.T) { inBothCodecs(t, testDrainLeavesStuckHandlers) }

func testDrainLeavesStuckHandlers(t *testing.T, m mode) {
	synctest.Test(t, func(t *testing.T) {
		entered, release := make(chan struct{}), make(chan struct{})
		stuck := deciderFunc(func(context.Context, *authz.Request) authz.Decision {
			close(entered)
			<-release
			return allow
		})
		service := m.service(NewServer(ServerOptions{Decider: stuck}), ServiceOptions{DrainWait: -1})
		conn := serve(t, service)
		failed := make(chan error, 1)
		go func() {
			_, err := callRaw(t.Context(), conn, encoded(t, plain().raw()))
			failed <- err
		}()
		<-entered
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		service.Drain(ctx)
		if got, want := time.Since(start), time.Second+handlerGrace; got != want {
			t.Errorf("drained after %v, want %v", got, want)
		}
		if err := <-failed; status.Code(err) != codes.Unavailable {
			t.Errorf("the check that was cut: %v", err)
		}
		close(release)
	})
}

func TestTransportLimits(t *testing.T) { inBothCodecs(t, testTransportLimits) }

func testTransportLimits(t *testing.T, m mode) {
	conn := serve(t, m.service(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{MaxMessageBytes: 8 << 10}))
	large := metadata.AppendToOutgoingContext(t.Context(), "x-large", strings.Repeat("a", maxMetadataList))
	if _, err := callRaw(large, conn, encoded(t, plain().raw())); err == nil {
		t.Error("call headers beyond the limit were taken")
	}
	msg := plain().with("x-large", strings.Repeat("a", 8<<10)).raw()
	if _, err := callRaw(t.Context(), conn, encoded(t, msg)); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a message beyond the limit: %v", err)
	}
	if wire, err := callRaw(t.Context(), conn, encoded(t, plain().raw())); err != nil || envoyReadsBytes(t, wire).verdict != envoyAllows {
		t.Errorf("afterwards: %v", err)
	}
}

func watching(t *testing.T, conn *grpc.ClientConn) healthv1.Health_WatchClient {
	t.Helper()
	watch, err := healthv1.NewHealthClient(conn).Watch(t.Context(), &healthv1.HealthCheckRequest{Service: healthServices()[1]})
	if err != nil {
		t.Fatal(err)
	}
	return watch
}

func expectHealth(t *testing.T, watch healthv1.Health_WatchClient, want healthv1.HealthCheckResponse_ServingStatus) {
	t.Helper()
	got, err := watch.Recv()
	if err != nil || got.GetStatus() != want {
		t.Fatalf("the watch says %v, %v; want %v", got.GetStatus(), err, want)
	}
}

// TestP1SecondNet: a panic above Check is answered too, and one of health does
// not end the process.
func TestP1SecondNet(t *testing.T) { inBothCodecs(t, testP1SecondNet) }

func testP1SecondNet(t *testing.T, m mode) {
	service := m.service(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{})
	t.Cleanup(service.Stop)
	explode := func(context.Context, any) (any, error) { panic("x") }
	resp, err := service.guardUnary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: authv3.Authorization_Check_FullMethodName}, explode)
	response, ok := resp.(*authv3.CheckResponse)
	if out := envoyReads(t, response, nil); err != nil || !ok || out.verdict != envoyDenies || out.status != 500 {
		t.Errorf("Check: %v, %+v", err, out)
	}
	resp, err = service.guardUnary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: healthv1.Health_Check_FullMethodName}, explode)
	if resp != nil || status.Code(err) != codes.Internal {
		t.Errorf("health: %v, %v", resp, err)
	}
	err = service.guardStream(nil, fakeStream{t.Context()}, nil, func(any, grpc.ServerStream) error { panic("x") })
	if status.Code(err) != codes.Internal {
		t.Errorf("watch: %v", err)
	}
}

type fakeStream struct {
	ctx context.Context //nolint:containedctx // how grpc.ServerStream hands its context out
}

func (fakeStream) SetHeader(metadata.MD) error  { return nil }
func (fakeStream) SendHeader(metadata.MD) error { return nil }
func (fakeStream) SetTrailer(metadata.MD)       {}
func (s fakeStream) Context() context.Context   { return s.ctx }
func (fakeStream) SendMsg(any) error            { return nil }
func (fakeStream) RecvMsg(any) error            { return nil }

// TestTLS: Envoy's clients offer TLS 1.2 at most unless told otherwise; older
// versions are refused even where the configuration admits them.
func TestTLS(t *testing.T) { inBothCodecs(t, testTLS) }

func testTLS(t *testing.T, m mode) {
	certificate, roots := selfSigned(t)
	service := m.service(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{TLS: &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS10, // what the service must not follow
	}})
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, service, listener)
	config := func(version uint16) *tls.Config {
		return &tls.Config{RootCAs: roots, ServerName: "claimgate.test", NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS10, MaxVersion: version}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conn := connect(t, listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(config(version))))
		wire, err := callRaw(t.Context(), conn, encoded(t, plain().raw()))
		if err != nil || envoyReadsBytes(t, wire).verdict != envoyAllows {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	if conn, err := tls.Dial("tcp", listener.Addr().String(), config(tls.VersionTLS11)); err == nil {
		t.Error("TLS 1.1 was accepted")
		_ = conn.Close()
	}
}

func TestLeastTLSVersion(t *testing.T) {
	for given, want := range map[uint16]uint16{0: tls.VersionTLS12, tls.VersionTLS10: tls.VersionTLS12, tls.VersionTLS12: tls.VersionTLS12, tls.VersionTLS13: tls.VersionTLS13} {
		config := &tls.Config{MinVersion: given}
		if got := atLeastTLS12(config); got.MinVersion != want || config.MinVersion != given {
			t.Errorf("%#x became %#x, and %#x in the caller's; want %#x", given, got.MinVersion, config.MinVersion, want)
		}
	}
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "claimgate.test"}, DNSNames: []string{"claimgate.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// TestServesSeveralListeners: one service, TCP and a unix socket.
func TestServesSeveralListeners(t *testing.T) { inBothCodecs(t, testServesSeveralListeners) }

func testServesSeveralListeners(t *testing.T, m mode) {
	service := m.service(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{})
	path := socketPath(t)
	for _, address := range []string{"127.0.0.1:0", "unix://" + path} {
		listener, err := Listen(address)
		if err != nil {
			t.Fatal(err)
		}
		serveOn(t, service, listener)
		dial := func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, listener.Addr().Network(), listener.Addr().String())
		}
		wire, err := callRaw(t.Context(), connect(t, "passthrough:x", grpc.WithContextDialer(dial)), encoded(t, plain().raw()))
		if err != nil || envoyReadsBytes(t, wire).verdict != envoyAllows {
			t.Errorf("%s: %v", address, err)
		}
	}
}
