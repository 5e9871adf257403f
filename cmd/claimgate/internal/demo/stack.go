package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
	"github.com/claimgate/claimgate/examples"
)

// The ports that the examples write.
const (
	portGate     = 9191
	portFront    = 8000
	portAdmin    = 9901
	portUpstream = 8081
)

const envoyFile = "envoy.yaml"

// IssuerSpec is one issuer that an example's claimgate.yaml trusts.
type IssuerSpec struct {
	Name      string // as in claimgate.yaml
	Port      int    // as in claimgate.yaml; issuers with a path may share one
	Path      string // of the identifier, such as /realms/acme; "" for none
	Algorithm string
}

// StackOptions say what to run. Zero fields have defaults.
type StackOptions struct {
	Example      string // folder of package examples
	Issuers      []IssuerSpec
	Script       string // file of the folder that writes more of its files; "" for none
	WithoutEnvoy bool   // use the stand-in though there is an Envoy

	// Prepare may change the files before they are run.
	Prepare func(dir string) error
}

// Stack is a running example: issuers, upstream, claimgate and the proxy.
type Stack struct {
	Dir     string // the files as they are run
	Gate    *Gate
	Issuers map[string]*issuer.Issuer // by name
	Envoy   *proxy.Proxy              // nil with the stand-in
	Front   string                    // address that clients talk to

	opts     StackOptions
	ports    ports
	urls     map[string]string // of the issuers, by name
	gate     string            // address of claimgate
	upstream string
	stops    []func() // in the order of the starts
	stopOnce sync.Once
}

// StartStack copies the example to a folder of its own and runs it.
func StartStack(ctx context.Context, opts StackOptions) (*Stack, error) {
	s := &Stack{opts: opts, Issuers: map[string]*issuer.Issuer{}, urls: map[string]string{}, ports: ports{replaced: map[int]int{}}}
	for _, step := range []func(context.Context) error{s.startUpstream, s.startIssuers, s.startGate, s.startFront} {
		if err := step(ctx); err != nil {
			s.Stop()
			return nil, err
		}
	}
	return s, nil
}

// IssuerURL returns the identifier of the named issuer.
func (s *Stack) IssuerURL(name string) string { return s.urls[name] }

// Stop ends everything in the reverse order and removes the folder.
func (s *Stack) Stop() {
	s.stopOnce.Do(func() {
		for i := len(s.stops) - 1; i >= 0; i-- {
			s.stops[i]()
		}
	})
}

func (s *Stack) onStop(stop func()) { s.stops = append(s.stops, stop) }

func (s *Stack) startUpstream(ctx context.Context) error {
	l, err := s.ports.listen(ctx, portUpstream)
	if err != nil {
		return err
	}
	s.upstream = l.Addr().String()
	s.serveHTTP(l, http.HandlerFunc(Echo))
	return nil
}

func (s *Stack) startIssuers(ctx context.Context) error {
	servers := map[int]*http.ServeMux{}
	for _, spec := range s.opts.Issuers {
		if _, ok := servers[spec.Port]; !ok {
			l, err := s.ports.listen(ctx, spec.Port)
			if err != nil {
				return err
			}
			servers[spec.Port] = http.NewServeMux()
			s.serveHTTP(l, servers[spec.Port])
		}
		if err := s.startIssuer(spec, servers[spec.Port]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) startIssuer(spec IssuerSpec, server *http.ServeMux) error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.ports.replaced[spec.Port]))
	s.urls[spec.Name] = "http://" + address + spec.Path
	idp, err := issuer.New(issuer.Options{URL: s.urls[spec.Name], Algorithm: spec.Algorithm})
	if err != nil {
		return err
	}
	s.Issuers[spec.Name] = idp
	server.Handle(spec.Path+"/", idp)
	return nil
}

func (s *Stack) serveHTTP(l net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with Close
	}()
	s.onStop(func() {
		_ = server.Close()
		<-done
	})
}

// startGate writes the files, whose ports are all known by now, and serves
// them.
func (s *Stack) startGate(ctx context.Context) error {
	l, err := s.ports.listen(ctx, portGate)
	if err != nil {
		return err
	}
	s.gate = l.Addr().String()
	if err := s.writeFiles(ctx); err != nil {
		return errors.Join(err, l.Close())
	}
	s.Gate, err = StartGate(ctx, filepath.Join(s.Dir, "claimgate.yaml"), l)
	if err != nil {
		return err
	}
	s.onStop(s.Gate.Stop)
	return nil
}

func (s *Stack) writeFiles(ctx context.Context) error {
	files, err := fs.Sub(examples.FS, s.opts.Example)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if s.Dir, err = os.MkdirTemp("", "claimgate-"+s.opts.Example+"-"); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	s.onStop(func() { _ = os.RemoveAll(s.Dir) })
	s.ports.leave(ctx, portFront)
	s.ports.leave(ctx, portAdmin)
	if err := s.ports.copyTree(s.Dir, files); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := s.runScript(ctx); err != nil || s.opts.Prepare == nil {
		return err
	}
	return s.opts.Prepare(s.Dir)
}

// runScript has the example write more files, as its README says to.
func (s *Stack) runScript(ctx context.Context) error {
	if s.opts.Script == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, "sh", s.opts.Script) //nolint:gosec // a file of package examples
	cmd.Dir = s.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("demo: %s: %w: %s", s.opts.Script, err, out)
	}
	return nil
}

func (s *Stack) startFront(ctx context.Context) error {
	if _, err := proxy.Find(); s.opts.WithoutEnvoy || errors.Is(err, proxy.ErrUnavailable) {
		return s.startStandIn(ctx)
	}
	envoy, err := proxy.Start(ctx, proxy.Options{File: filepath.Join(s.Dir, envoyFile)})
	if err != nil && s.ports.replaced[portFront]+s.ports.replaced[portAdmin] != 0 && ctx.Err() == nil {
		envoy, err = s.startOnAnyPort(ctx) // somebody may have taken a port that was free
	}
	if err != nil {
		return err
	}
	s.Envoy = envoy
	s.onStop(envoy.Stop)
	s.Front, err = envoy.Address("ingress")
	return err
}

func (s *Stack) startOnAnyPort(ctx context.Context) (*proxy.Proxy, error) {
	s.ports.replaced[portFront], s.ports.replaced[portAdmin] = 0, 0
	text, err := fs.ReadFile(examples.FS, path.Join(s.opts.Example, envoyFile))
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return proxy.Start(ctx, proxy.Options{Config: s.ports.apply(text)})
}

func (s *Stack) startStandIn(ctx context.Context) error {
	connection, err := grpc.NewClient(s.gate, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	s.onStop(func() { _ = connection.Close() })
	l, err := s.ports.listen(ctx, portFront)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableCompression: true}
	s.onStop(transport.CloseIdleConnections)
	s.Front = l.Addr().String()
	s.serveHTTP(l, proxy.NewStandIn(proxy.StandInOptions{
		Authorizer: authorizer{authv3.NewAuthorizationClient(connection)},
		Upstream:   &url.URL{Scheme: "http", Host: s.upstream},
		Transport:  transport,
	}))
	return nil
}

// authorizer makes a gRPC client a proxy.Authorizer.
type authorizer struct{ client authv3.AuthorizationClient }

func (a authorizer) Check(ctx context.Context, req *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return a.client.Check(ctx, req)
}
