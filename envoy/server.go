package envoy

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/claimgate/claimgate/authz"
)

// Decider decides requests; *authz.Engine is one.
type Decider interface {
	Decide(ctx context.Context, req *authz.Request) authz.Decision
}

// Observer hears of every answer, exactly once. It must not block and may keep
// nothing of the request. fault is what a recovered panic said, else nil.
type Observer interface {
	Checked(req *authz.Request, decision *authz.Decision, elapsed time.Duration, fault error)
}

// ServerOptions are what a Server needs.
type ServerOptions struct {
	Decider  Decider
	Observer Observer         // nil: none
	Now      func() time.Time // nil: time.Now
}

// Server implements authv3.AuthorizationServer.
type Server struct {
	authv3.UnimplementedAuthorizationServer
}

// NewServer returns a server.
func NewServer(opts ServerOptions) *Server { panic("not built") }

// Check implements authv3.AuthorizationServer.
func (s *Server) Check(ctx context.Context, req *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	panic("not built")
}

// ServiceOptions tune the gRPC service around a Server. Zero fields have
// defaults.
type ServiceOptions struct {
	TLS                  *tls.Config // nil: plain text
	MaxConcurrentStreams uint32      // of one connection; default 1000
	MaxMessageBytes      int         // default 16 MiB
	MaxConnectionAge     time.Duration
	DrainWait            time.Duration // between NOT_SERVING and closing; default 5s
}

// Service is the gRPC server: Check, health, drain.
type Service struct{}

// NewService returns a service that reports NOT_SERVING until SetReady(true).
func NewService(server *Server, opts ServiceOptions) *Service { panic("not built") }

// Serve answers on the listener until Drain or Stop.
func (s *Service) Serve(l net.Listener) error { panic("not built") }

// SetReady sets the state that grpc.health.v1 reports.
func (s *Service) SetReady(ready bool) { panic("not built") }

// Drain reports NOT_SERVING, waits DrainWait, then ends gracefully; when ctx
// ends first it cuts what is left.
func (s *Service) Drain(ctx context.Context) { panic("not built") }

// Stop ends at once.
func (s *Service) Stop() { panic("not built") }

// Listen opens `host:port`, or `unix:///path` with mode 0660, replacing a
// socket that nobody answers on.
func Listen(address string) (net.Listener, error) { panic("not built") }
