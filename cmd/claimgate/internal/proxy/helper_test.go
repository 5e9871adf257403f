package proxy_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sort"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
)

// bootstrap is an Envoy with the profile that a StandIn stands for.
func bootstrap(authz, upstream string) []byte {
	return fmt.Appendf(nil, `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: ingress
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          normalize_path: true
          merge_slashes: true
          path_with_escaped_slashes_action: REJECT_REQUEST
          common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}
          route_config:
            virtual_hosts:
            - {name: v, domains: ["*"], routes: [{match: {prefix: "/"}, route: {cluster: upstream}}]}
          http_filters:
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              encode_raw_headers: true
              validate_mutations: true
              status_on_error: {code: ServiceUnavailable}
              grpc_service: {envoy_grpc: {cluster_name: authz}, timeout: 2s}
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: authz
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment: {cluster_name: authz, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}]}]}
  - name: upstream
    type: STATIC
    load_assignment: {cluster_name: upstream, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}]}]}
`, port(authz), port(upstream))
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// startEnvoy starts an Envoy for a test. Without an executable the test is
// skipped, or fails where CLAIMGATE_REQUIRE_ENVOY=1.
func startEnvoy(t *testing.T, opts proxy.Options) *proxy.Proxy {
	t.Helper()
	requireEnvoy(t)
	p, err := proxy.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func requireEnvoy(t *testing.T) {
	t.Helper()
	if _, err := proxy.Find(); err != nil {
		if os.Getenv("CLAIMGATE_REQUIRE_ENVOY") == "1" {
			t.Fatalf("CLAIMGATE_REQUIRE_ENVOY=1: %v", err)
		}
		t.Skipf("THIS TEST NEEDS A REAL ENVOY AND PROVES NOTHING NOW: %v", err)
	}
}

// scripted answers the check of the case that the request header x-case names,
// and serves the same over gRPC.
type scripted struct {
	authv3.UnimplementedAuthorizationServer
	answers map[string]*authv3.CheckResponse // nil: a gRPC error
}

func (s *scripted) Check(_ context.Context, req *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	for _, line := range req.GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders() {
		if line.GetKey() == "x-case" {
			if answer := s.answers[string(line.GetRawValue())]; answer != nil {
				return answer, nil
			}
		}
	}
	return nil, grpcstatus.Error(codes.PermissionDenied, "scripted")
}

func (s *scripted) serve(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, s)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

// seen is what an upstream saw of the headers that the cases speak about.
func seen(h http.Header) string {
	var lines []string
	for name, values := range h {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-t") || name == "authorization" {
			for _, value := range values {
				lines = append(lines, name+"="+value)
			}
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, " ")
}

// upstream answers with what it saw.
func upstream(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-resp", "upstream")
		_, _ = fmt.Fprintf(w, "%s %s", r.RequestURI, seen(r.Header))
	}))
	t.Cleanup(s.Close)
	return s
}

func option(name, value string, edits ...func(*corev3.HeaderValueOption)) *corev3.HeaderValueOption {
	o := &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, Value: value}}
	for _, edit := range edits {
		edit(o)
	}
	return o
}

func appended(o *corev3.HeaderValueOption) {
	o.Append = wrapperspb.Bool(true) //nolint:staticcheck // released Envoys read it
}

func overwriting(o *corev3.HeaderValueOption) {
	o.Append = wrapperspb.Bool(false) //nolint:staticcheck // released Envoys read it
}

func action(a corev3.HeaderValueOption_HeaderAppendAction) func(*corev3.HeaderValueOption) {
	return func(o *corev3.HeaderValueOption) { o.AppendAction = a }
}

func rawOnly(o *corev3.HeaderValueOption) {
	o.Header.RawValue, o.Header.Value = []byte(o.GetHeader().GetValue()), ""
}

func allow(remove []string, set ...*corev3.HeaderValueOption) *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status:       &status.Status{},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{Headers: set, HeadersToRemove: remove}},
	}
}

func respond(add ...*corev3.HeaderValueOption) *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status:       &status.Status{},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{ResponseHeadersToAdd: add}},
	}
}

func deny(code typev3.StatusCode, body string, headers ...*corev3.HeaderValueOption) *authv3.CheckResponse {
	denied := &authv3.DeniedHttpResponse{Headers: headers, Body: body}
	if code != 0 {
		denied.Status = &typev3.HttpStatus{Code: code}
	}
	return &authv3.CheckResponse{
		Status:       &status.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: denied},
	}
}

func faulty(code typev3.StatusCode) *authv3.CheckResponse {
	e := &authv3.DeniedHttpResponse{}
	if code != 0 {
		e.Status = &typev3.HttpStatus{Code: code}
	}
	return &authv3.CheckResponse{
		Status:       &status.Status{Code: int32(codes.Internal)},
		HttpResponse: &authv3.CheckResponse_ErrorResponse{ErrorResponse: e},
	}
}
