package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/metadata"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/otlptest"
)

const (
	traceHex = "0af7651916cd43dd8448eb211c80319c"
	spanHex  = "b7ad6b7169203331"
	parent   = "00-" + traceHex + "-" + spanHex
)

// tracedSettings writes a configuration that traces to a collector.
func tracedSettings(t *testing.T, issuerURL, tracing, codec string) string {
	t.Helper()
	file := writeSettings(t, issuerURL, "0s")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	replaced := strings.Replace(string(text), "drainWait: 0s", "drainWait: 0s, codec: "+codec, 1)
	if err := os.WriteFile(file, []byte(replaced+"tracing: {"+tracing+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// collect runs a collector of traces until the test ends, and returns its URL.
func collect(t *testing.T) (*otlptest.Collector, string) {
	t.Helper()
	sink := &otlptest.Collector{}
	server := httptest.NewServer(sink)
	t.Cleanup(server.Close)
	return sink, server.URL
}

// checkWith asks for nothing in particular, with metadata.
func checkWith(t *testing.T, r *running, pairs ...string) {
	t.Helper()
	client := authv3.NewAuthorizationClient(dial(t, r.addresses["listen"]))
	ctx := metadata.AppendToOutgoingContext(t.Context(), pairs...)
	if _, err := client.Check(ctx, checkRequest("GET", "x")); err != nil {
		t.Fatal(err)
	}
}

func checksOf(c *otlptest.Collector) []otlptest.Span {
	return slices.DeleteFunc(c.Spans(), func(s otlptest.Span) bool { return s.Name != "envoy.service.auth.v3.Authorization/Check" })
}

// TestServeTraces: over gRPC and in both codecs, a parent of the metadata is
// followed, another's word about one in the request is not, and what waits at
// the end is exported.
func TestServeTraces(t *testing.T) {
	for _, codec := range []string{"own", "generated"} {
		t.Run(codec, func(t *testing.T) {
			_, issuerURL := startIssuer(t)
			sink, address := collect(t)
			r := start(t, tracedSettings(t, issuerURL, "endpoint: "+address+", sample: 0", codec))
			checkWith(t, r, "traceparent", parent+"-01", "tracestate", "vendor=1")
			checkWith(t, r, "traceparent", parent+"-00")
			checkWith(t, r, "traceparent", "nonsense")
			checkWith(t, r)
			r.stop(t)
			spans := checksOf(sink)
			if len(spans) != 1 || spans[0].Trace != traceHex || spans[0].Parent != spanHex || spans[0].Service != "claimgate" ||
				spans[0].Attributes["claimgate.reason"] != "token_malformed" || spans[0].Attributes["claimgate.tenant"] != "acme" {
				t.Errorf("spans %+v\nlog:\n%s", spans, r.log)
			}
			if !strings.Contains(r.log.String(), spans[0].Attributes["claimgate.decision_id"]) {
				t.Error("the decision of the span is not in the log")
			}
		})
	}
}

// TestP7ThePathOfACollectorIsNotLogged: where some collectors have the secret of who
// sends.
func TestP7ThePathOfACollectorIsNotLogged(t *testing.T) {
	_, issuerURL := startIssuer(t)
	_, address := collect(t)
	r := start(t, tracedSettings(t, issuerURL, "endpoint: "+address+"/receiver/SECRET-OF-THE-PATH, sample: 1", "own"))
	checkWith(t, r)
	r.stop(t)
	if log := r.log.String(); strings.Contains(log, "SECRET-OF-THE-PATH") || !strings.Contains(log, address) {
		t.Errorf("the log says\n%s", log)
	}
}

// TestSampleIsInForceAtOnce: a reload changes the share, and a bad one changes
// nothing.
func TestSampleIsInForceAtOnce(t *testing.T) {
	_, issuerURL := startIssuer(t)
	sink, address := collect(t)
	file := tracedSettings(t, issuerURL, "endpoint: "+address+", sample: 0", "own")
	r := start(t, file)
	checkWith(t, r)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(sample, said string) {
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), "sample: 0", "sample: "+sample, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		r.signals <- syscall.SIGHUP
		if !poll(func() bool { return strings.Contains(r.log.String(), said) }) {
			t.Fatalf("the log lacks %s:\n%s", said, r.log)
		}
	}
	reload("1", `"result":"applied"`)
	checkWith(t, r)
	reload("7", "tracing.sample: this must be between 0 and 1")
	checkWith(t, r)
	r.stop(t)
	spans := checksOf(sink)
	if len(spans) != 2 || spans[0].Parent != "" || spans[0].Trace != spans[0].Attributes["claimgate.decision_id"] {
		t.Errorf("spans %+v", spans)
	}
	if strings.Contains(r.log.String(), "takes effect with the next start") {
		t.Errorf("a restart is asked for:\n%s", r.log)
	}
	fetched := slices.ContainsFunc(sink.Spans(), func(s otlptest.Span) bool { return s.Name == "fetch keys" })
	if fetched {
		t.Error("a fetch before the reload is traced")
	}
}

// TestFetchesAreTraced: a fetch of keys is a span.
func TestFetchesAreTraced(t *testing.T) {
	_, issuerURL := startIssuer(t)
	sink, address := collect(t)
	r := start(t, tracedSettings(t, issuerURL, "endpoint: "+address+", sample: 1", "own"))
	traced := poll(func() bool { // it may end behind the readiness that it brings
		return slices.ContainsFunc(sink.Spans(), func(s otlptest.Span) bool {
			return s.Name == "fetch keys" && s.Attributes["claimgate.issuer"] == issuerURL && s.Attributes["claimgate.result"] == "ok"
		})
	})
	if !traced {
		t.Errorf("spans %+v", sink.Spans())
	}
	r.stop(t)
}

// TestHangingCollectorHoldsNobodyUp: checks are answered, and a second signal
// ends the process at once.
func TestHangingCollectorHoldsNobodyUp(t *testing.T) {
	_, issuerURL := startIssuer(t)
	reached, release := make(chan struct{}, 64), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{}; <-release }))
	defer server.Close()
	defer close(release)
	r := start(t, tracedSettings(t, issuerURL, "endpoint: "+server.URL+", sample: 1", "own"))
	checkWith(t, r)
	<-reached
	checkWith(t, r)
	r.signals <- syscall.SIGTERM
	r.stop(t)
}
