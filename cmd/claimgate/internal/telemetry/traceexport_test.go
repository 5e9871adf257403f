package telemetry

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/otlptest"
)

// hanging is an exporter that waits until it is given up.
type hanging struct{}

func (hanging) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hanging) Shutdown(context.Context) error { return nil }

// counted returns what became of spans.
func (t *Tracing) counted(result string) int {
	return int(testutil.ToFloat64(t.spans.WithLabelValues(result)))
}

// TestCollectorThatHangs: no check waits for it, what finds no room is dropped
// and counted, the end is not held up, and each span is accounted for.
func TestCollectorThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const more, timeout, patience = 100, 10 * time.Second, 3 * time.Second
		tracing := newTracingTo(hanging{}, &config.TracingSettings{Sample: 1, Timeout: timeout}, "1", zap.NewNop())
		began := time.Now()
		for range maxSpans + more {
			tracing.Traced(t.Context(), &authz.Decision{}, 0)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("checks waited %v", waited)
		}
		if n := tracing.counted(spanQueueFull); n != more {
			t.Errorf("%d are dropped, want %d", n, more)
		}
		<-time.After(timeout + batchWait) // the first batch is given up, and makes room
		tracing.Traced(t.Context(), &authz.Decision{}, 0)
		if failed, full := tracing.counted(spanFailed), tracing.counted(spanQueueFull); failed != maxBatch || full != more {
			t.Errorf("%d failed, %d dropped", failed, full)
		}
		ending := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		tracing.Stop(ctx)
		if took := time.Since(ending); took != patience {
			t.Errorf("the end took %v", took)
		}
		synctest.Wait()
		if failed, full := tracing.counted(spanFailed), tracing.counted(spanQueueFull); failed+full != maxSpans+more+1 || tracing.counted(spanExported) != 0 {
			t.Errorf("%d failed, %d dropped, %d exported", failed, full, tracing.counted(spanExported))
		}
	})
}

// TestExportOverHTTP: the collector gets the headers that are configured, the
// process with its attributes, and the spans, over TLS by the authorities that
// are configured.
func TestExportOverHTTP(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1") // which has no effect
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=gate-0,service.name=other")
	c := &otlptest.Collector{}
	server := httptest.NewTLSServer(c)
	defer server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	settings := &config.TracingSettings{
		Endpoint: server.URL + "/v1/traces", Sample: 1, Timeout: time.Second, CA: authority,
		Headers: map[string]string{"authorization": "Bearer sesame"}, Resource: map[string]string{"deployment.environment.name": "prod"},
	}
	tracing, err := newTracing(settings, "1.2.3", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	tracing.Traced(t.Context(), denial(), time.Millisecond)
	tracing.Stop(t.Context())
	heads, spans := c.Headers(), c.Spans()
	if !slices.Equal(c.Paths(), []string{"/v1/traces"}) || len(heads) != 1 || heads[0].Get("Authorization") != "Bearer sesame" || heads[0].Get("Content-Type") != "application/x-protobuf" {
		t.Fatalf("posts to %q with %v", c.Paths(), heads)
	}
	if len(spans) != 1 || spans[0].Name != checkSpan {
		t.Fatalf("spans %v", spans)
	}
	resource := spans[0].Resource
	if resource["service.name"] != "claimgate" || resource["service.version"] != "1.2.3" || resource["deployment.environment.name"] != "prod" ||
		resource["k8s.pod.name"] != "gate-0" || len(resource["service.instance.id"]) != 36 {
		t.Errorf("resource %v", resource)
	}
	if tracing.counted(spanExported) != 1 {
		t.Error("it is not counted")
	}
}

// TestForeignAuthorities: a collector whose certificate nobody vouches for gets
// nothing.
func TestForeignAuthorities(t *testing.T) {
	c := &otlptest.Collector{}
	server := httptest.NewUnstartedServer(c)
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	settings := &config.TracingSettings{Endpoint: server.URL + "/v1/traces", Sample: 1, Timeout: time.Second, CA: []byte{}}
	if pool := newCollectorTransport(settings).TLSClientConfig.RootCAs; !pool.Equal(x509.NewCertPool()) {
		t.Error("the system's authorities count beside those that are configured")
	}
	tracing, err := newTracing(settings, "1", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	tracing.Traced(t.Context(), denial(), 0)
	tracing.Stop(t.Context())
	if len(c.Paths()) != 0 || tracing.counted(spanFailed) != 1 {
		t.Errorf("%d posts, %d failed", len(c.Paths()), tracing.counted(spanFailed))
	}
}

// TestP7CollectorsWordsGoNowhere: the log says once that a collector takes no
// traces and once that it does again, and nothing that it said or was sent.
func TestP7CollectorsWordsGoNowhere(t *testing.T) {
	for name, status := range map[string]int{"refused": 401, "broken": 500, "redirected": 307, "busy": 503, "too large": 0} {
		t.Run(name, func(t *testing.T) {
			c := &otlptest.Collector{}
			server := httptest.NewServer(c)
			defer server.Close()
			tel, out := newTelemetry(t, LogSettings{})
			settings := &config.TracingSettings{Endpoint: server.URL + "/v1/traces", Sample: 1, Timeout: time.Minute, Headers: map[string]string{"x-key": "sesame"}}
			if err := tel.Trace(settings, "1"); err != nil {
				t.Fatal(err)
			}
			post := func(status int, body string) {
				c.Answer(status, body)
				tel.Tracer().Traced(t.Context(), denial(), 0)
				if err := tel.tracing.provider.ForceFlush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			body := "your key sesame is bad" + map[bool]string{true: strings.Repeat(" ", maxTraceReply)}[status == 0]
			post(status, body)
			post(status, body)
			post(0, "")
			post(0, "")
			tel.StopTracing(t.Context())
			if n := tel.tracing.counted(spanFailed); n != 2 || tel.tracing.counted(spanExported) != 2 {
				t.Errorf("%d failed", n)
			}
			if got := lines(t, out.String()); len(got) != 2 || got[0]["level"] != "warn" || got[1]["level"] != "info" || strings.Contains(out.String(), "sesame") {
				t.Errorf("the log: %s", out)
			}
			if slices.ContainsFunc(c.Paths(), func(path string) bool { return path != "/v1/traces" }) {
				t.Errorf("posts to %q", c.Paths())
			}
			scraped, err := testutil.GatherAndCount(tel.Metrics().Gatherer(), "claimgate_spans_total")
			if err != nil || scraped != 4 {
				t.Errorf("%d series, %v", scraped, err)
			}
		})
	}
}
