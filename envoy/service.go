package envoy

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// Defaults of ServiceOptions.
const (
	DefaultMaxConcurrentStreams = 1000
	DefaultMaxMessageBytes      = 16 << 20
	DefaultMaxConnectionAge     = 30 * time.Minute
	DefaultDrainWait            = 5 * time.Second
)

// Fixed settings of the transport.
const (
	connectionTimeout  = 5 * time.Second  // TLS and HTTP/2 handshakes
	connectionAgeGrace = 30 * time.Second // for the checks of a connection that has reached its age
	keepaliveTime      = 30 * time.Second
	keepaliveTimeout   = 20 * time.Second
	minClientPing      = 10 * time.Second // Envoy's keepalive may ping that often
	maxMetadataList    = 64 << 10         // headers of one call
	handlerGrace       = 2 * time.Second  // for handlers whose connection was cut
)

// Settings of the transport that are here for speed, all of them. What was
// measured, and what was left as gRPC has it, stands in
// cmd/authzbench/PERFORMANCE.md.
const (
	// streamWorkers run handlers one after the other, so that a call does not
	// grow the stack of a goroutine of its own: as many as a few connections
	// bring at once. When all are busy, as where tokens wait for keys, a call
	// gets a goroutine as without them: nobody waits for a worker.
	streamWorkers = 256

	// Windows that stay as they are: a request of Envoy fits many times, and gRPC
	// does not ping after each frame to learn the bandwidth of a socket. They
	// also bound what a connection has in flight.
	streamWindow     = 256 << 10
	connectionWindow = 1 << 20
)

// ServiceOptions tune the gRPC service around a Server. Zero fields have
// defaults.
type ServiceOptions struct {
	TLS                  *tls.Config   // nil: plain text; TLS 1.2 is the least version, as Envoy needs by default
	MaxConcurrentStreams uint32        // of one connection; default 1000
	MaxMessageBytes      int           // default 16 MiB; a greater message is answered with a gRPC error
	MaxConnectionAge     time.Duration // default 30 min, so that new replicas get their share
	DrainWait            time.Duration // between NOT_SERVING and closing; default 5s, negative: none
	Codec                Codec         // default CodecOwn
	// OverwriteFreed has CodecOwn overwrite the bytes of each request and answer
	// as soon as it has done with them, so that whatever still reads them
	// shows. It costs time and is meant for tests.
	OverwriteFreed bool
}

// Service is the gRPC server: Check, health, drain. Safe for concurrent use.
type Service struct {
	grpc      *grpc.Server
	health    *health.Server
	drainWait time.Duration
	internal  *authv3.CheckResponse
	closing   chan struct{} // closed when health watches are to end
	closeOnce sync.Once
	drainOnce sync.Once
}

// NewService returns a service that reports NOT_SERVING until SetReady(true).
func NewService(server *Server, opts ServiceOptions) *Service {
	opts = opts.withDefaults()
	s := &Service{
		health:    health.NewServer(),
		drainWait: opts.DrainWait,
		internal:  server.responder.internal,
		closing:   make(chan struct{}),
	}
	s.grpc = grpc.NewServer(s.grpcOptions(opts)...)
	s.grpc.RegisterService(opts.authorization(server))
	healthv1.RegisterHealthServer(s.grpc, s.health)
	s.SetReady(false)
	return s
}

// authorization returns what answers checks, with its description.
func (o ServiceOptions) authorization(server *Server) (*grpc.ServiceDesc, any) {
	if o.Codec == CodecGenerated {
		return &authv3.Authorization_ServiceDesc, server
	}
	wire := newWireServer(server, o.OverwriteFreed)
	return wire.serviceDesc(), wire
}

func (o ServiceOptions) withDefaults() ServiceOptions {
	if o.MaxConcurrentStreams == 0 {
		o.MaxConcurrentStreams = DefaultMaxConcurrentStreams
	}
	if o.MaxMessageBytes <= 0 {
		o.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if o.MaxConnectionAge <= 0 {
		o.MaxConnectionAge = DefaultMaxConnectionAge
	}
	if o.DrainWait == 0 {
		o.DrainWait = DefaultDrainWait
	}
	return o
}

func (s *Service) grpcOptions(opts ServiceOptions) []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec(s.internal)),
		grpc.UnaryInterceptor(s.guardUnary),
		grpc.StreamInterceptor(s.guardStream),
		grpc.MaxConcurrentStreams(opts.MaxConcurrentStreams),
		grpc.MaxRecvMsgSize(opts.MaxMessageBytes),
		grpc.MaxHeaderListSize(maxMetadataList),
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minClientPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge:      opts.MaxConnectionAge,
			MaxConnectionAgeGrace: connectionAgeGrace,
			Time:                  keepaliveTime,
			Timeout:               keepaliveTimeout,
		}),
	}
	if opts.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(atLeastTLS12(opts.TLS))))
	}
	return options
}

// atLeastTLS12 returns the configuration with its least version raised to 1.2.
// It is not raised further: Envoy's clients offer at most 1.2 by default.
func atLeastTLS12(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return config
}

// Serve answers on the listener until Drain or Stop, which end it without an
// error. It may be called for several listeners.
func (s *Service) Serve(l net.Listener) error { return s.grpc.Serve(l) }

// SetReady sets the state that grpc.health.v1 reports. After Drain or Stop it
// has no effect.
func (s *Service) SetReady(ready bool) {
	status := healthv1.HealthCheckResponse_NOT_SERVING
	if ready {
		status = healthv1.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus("", status)
	s.health.SetServingStatus(authv3.Authorization_ServiceDesc.ServiceName, status)
}

// Drain reports NOT_SERVING, waits DrainWait while it goes on answering, then
// ends gracefully; when ctx ends first it cuts what is left. It returns when
// all calls have ended, or 2 seconds after they were cut. A second call waits
// for the first.
func (s *Service) Drain(ctx context.Context) {
	s.drainOnce.Do(func() {
		s.health.Shutdown()
		s.waitForClients(ctx)
		s.endWatches()
		s.end(ctx)
	})
}

// waitForClients gives health checkers the time to take us out of service. A
// negative time is over at once.
func (s *Service) waitForClients(ctx context.Context) {
	timer := time.NewTimer(s.drainWait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (s *Service) end(ctx context.Context) {
	if ctx.Err() != nil || !finished(ctx, s.grpc.GracefulStop) {
		s.cut(ctx)
	}
}

// Stop ends at once: what is in progress is cut.
func (s *Service) Stop() {
	s.health.Shutdown()
	s.endWatches()
	s.cut(context.Background())
}

// cut closes all connections, which ends the contexts of their handlers. A
// handler that ignores this is not waited for longer than its grace, which ctx
// does not shorten.
func (s *Service) cut(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handlerGrace)
	defer cancel()
	finished(ctx, s.grpc.Stop)
}

// finished runs stop and reports whether it returned before ctx ended.
func finished(ctx context.Context, stop func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		stop()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// endWatches ends the streams of health watchers, which would hold up a
// graceful stop for ever.
func (s *Service) endWatches() { s.closeOnce.Do(func() { close(s.closing) }) }
