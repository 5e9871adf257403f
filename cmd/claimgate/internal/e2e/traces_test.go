package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/otlptest"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
)

// tracedSidecar is the example on a socket, with the real binary and a collector
// that both sides know.
func tracedSidecar(t *testing.T, config ...string) (*sidecar, *server, *otlptest.Collector) {
	t.Helper()
	s := newSidecar(t, gateID, ordersID)
	sink := &otlptest.Collector{}
	traces := httptest.NewServer(sink)
	t.Cleanup(traces.Close)
	at := strings.TrimPrefix(traces.URL, "http://")
	text := inTheCodec(s.file(t, "claimgate.yaml", append(config, "127.0.0.1:4318", at)...))
	if err := os.WriteFile(s.path("claimgate.yaml"), []byte(text+"health: {address: \"127.0.0.1:0\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gate := startServer(t, s.path("claimgate.yaml"))
	bootstrap := s.file(t, "envoy.yaml", "127.0.0.1:4318", at, "port_value: 4318", "port_value: "+port(at), "random_sampling: {value: 1}", "random_sampling: {value: 100}")
	var err error
	if s.envoy, err = proxy.Start(context.Background(), proxy.Options{Config: []byte(bootstrap)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.envoy.Stop)
	return s, gate, sink
}

const checkSpan = "envoy.service.auth.v3.Authorization/Check"

func ofService(spans []otlptest.Span, service string) map[string]otlptest.Span {
	found := map[string]otlptest.Span{}
	for _, span := range spans {
		if span.Service == service {
			found[span.ID] = span
		}
	}
	return found
}

// TestTracesThroughEnvoy: the span of a check lies in Envoy's trace, below the
// span of Envoy's call, whose parent is that of the request; and all of it is in
// the trace of a caller that has one.
func TestTracesThroughEnvoy(t *testing.T) {
	s, gate, sink := tracedSidecar(t)
	const caller = "0af7651916cd43dd8448eb211c80319c"
	client := &http.Client{Timeout: 20 * time.Second, Transport: &withHeader{"traceparent", "00-" + caller + "-b7ad6b7169203331-01"}}
	status, user, err := s.get(t.Context(), client, "/orders/7", s.mint(t, "orders:read"))
	if err != nil || status != http.StatusOK || user != "alice" {
		t.Fatalf("%d, %q, %v", status, user, err)
	}
	if status, _, err = s.get(t.Context(), &http.Client{Timeout: 20 * time.Second, Transport: &withHeader{"x-other", "1"}}, "/orders/7", ""); err != nil || status != http.StatusUnauthorized {
		t.Fatalf("%d, %v", status, err)
	}
	eventually(t, "Envoy exports its spans", func() bool { return len(ofService(sink.Spans(), "orders-proxy")) >= 4 })
	if err := gate.stop(); err != nil {
		t.Error(err)
	}
	spans := sink.Spans()
	envoys, reasons := ofService(spans, "orders-proxy"), []string{}
	for _, span := range ofService(spans, "claimgate") {
		call, known := envoys[span.Parent]
		request, root := envoys[call.Parent]
		if span.Name != checkSpan || !known || !root || span.Trace != call.Trace || span.Trace != request.Trace {
			t.Errorf("%+v below %+v below %+v", span, call, request)
		}
		if ofCaller := span.Trace == caller; ofCaller != (span.Attributes["claimgate.reason"] == "allowed") {
			t.Errorf("trace %s of the reason %s", span.Trace, span.Attributes["claimgate.reason"])
		}
		reasons = append(reasons, span.Attributes["claimgate.reason"])
	}
	slices.Sort(reasons)
	if !slices.Equal(reasons, []string{"allowed", "no_token"}) {
		t.Errorf("reasons %v, of %+v", reasons, spans)
	}
}

// TestUnsampledThroughEnvoy: what Envoy does not sample claimgate does not
// either, though it would by itself.
func TestUnsampledThroughEnvoy(t *testing.T) {
	s, gate, sink := tracedSidecar(t, "sample: 0", "sample: 1")
	client := &http.Client{Timeout: 20 * time.Second, Transport: &withHeader{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}}
	if status, _, err := s.get(t.Context(), client, "/orders/7", s.mint(t, "orders:read")); err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v", status, err)
	}
	if err := gate.stop(); err != nil {
		t.Error(err)
	}
	for _, span := range ofService(sink.Spans(), "claimgate") {
		if span.Name == checkSpan {
			t.Errorf("%+v", span)
		}
	}
}

// withHeader sends a header with each request, over a connection of its own.
type withHeader struct{ name, value string }

func (h *withHeader) RoundTrip(req *http.Request) (*http.Response, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	req = req.Clone(req.Context())
	req.Header.Set(h.name, h.value)
	return transport.RoundTrip(req)
}
