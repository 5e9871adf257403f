package telemetry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// Bounds of the export.
const (
	maxSpans      = 2048 // that wait or are on their way
	maxBatch      = 512
	batchWait     = time.Second // until a batch goes that is not full
	maxTraceReply = 64 << 10    // bytes of an answer of the collector
	firstRetry    = 500 * time.Millisecond
	collectorDial = 5 * time.Second
)

// What becomes of spans, as the metric names it.
const (
	spanExported  = "exported"
	spanQueueFull = "queue_full"    // the collector does not keep up
	spanFailed    = "export_failed" // it did not take the batch, or not all of it
	spanFault     = "fault"         // of our own
)

// newCollectorTransport reaches the collector as keys are reached: TLS 1.2 or
// later, no proxy of the environment.
func newCollectorTransport(settings *config.TracingSettings) *http.Transport {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if settings.CA != nil {
		secure.RootCAs = x509.NewCertPool()
		secure.RootCAs.AppendCertsFromPEM(settings.CA) // config has parsed it
	}
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: collectorDial}).DialContext,
		TLSClientConfig:        secure,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxTraceReply,
	}
}

// newExporter says everything that the exporter would otherwise look for in the
// environment.
func newExporter(settings *config.TracingSettings, transport http.RoundTripper) (sdktrace.SpanExporter, error) {
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(settings.Endpoint),
		otlptracehttp.WithHeaders(settings.Headers),
		otlptracehttp.WithTimeout(settings.Timeout),
		otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf),
		otlptracehttp.WithCompression(otlptracehttp.NoCompression),
		otlptracehttp.WithMaxResponseSize(maxTraceReply),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: firstRetry, MaxInterval: settings.Timeout, MaxElapsedTime: settings.Timeout}),
		otlptracehttp.WithHTTPClient(client))
}

// courier stands around the exporter and the queue of the SDK, which neither
// tell what they lose nor keep their errors from the standard error output.
type courier struct {
	sdktrace.SpanProcessor // the queue

	exporter sdktrace.SpanExporter
	held     atomic.Int64 // spans that wait or are on their way
	spans    *prometheus.CounterVec
	log      *zap.Logger
	failing  atomic.Bool
	ended    chan struct{} // closed when exports are given up
	endOnce  sync.Once
}

func newCourier(exporter sdktrace.SpanExporter, timeout time.Duration, spans *prometheus.CounterVec, log *zap.Logger) *courier {
	c := &courier{exporter: exporter, spans: spans, log: log, ended: make(chan struct{})}
	c.SpanProcessor = sdktrace.NewBatchSpanProcessor(outlet{c},
		sdktrace.WithMaxQueueSize(maxSpans), sdktrace.WithMaxExportBatchSize(maxBatch),
		sdktrace.WithBatchTimeout(batchWait), sdktrace.WithExportTimeout(timeout))
	return c
}

// full reports whether a span that ended now would be dropped.
func (c *courier) full() bool { return c.held.Load() >= maxSpans }

// OnEnd implements sdktrace.SpanProcessor. It never waits: what finds no room is
// dropped and counted. So the queue behind, which has as much room, drops none.
func (c *courier) OnEnd(span sdktrace.ReadOnlySpan) {
	if c.held.Add(1) > maxSpans {
		c.held.Add(-1)
		c.spans.WithLabelValues(spanQueueFull).Inc()
		return
	}
	c.SpanProcessor.OnEnd(span)
}

// Shutdown implements sdktrace.SpanProcessor. What is not exported when ctx ends
// is given up.
func (c *courier) Shutdown(ctx context.Context) error {
	defer c.endOnce.Do(func() { close(c.ended) })
	return c.SpanProcessor.Shutdown(ctx)
}

// outlet is what the queue exports through.
type outlet struct{ *courier }

// ExportSpans implements sdktrace.SpanExporter. There is no error, which the SDK
// would print.
func (o outlet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	defer o.held.Add(-int64(len(spans)))
	if o.export(ctx, spans) != nil {
		o.spans.WithLabelValues(spanFailed).Add(float64(len(spans)))
		o.report(true)
		return nil
	}
	o.spans.WithLabelValues(spanExported).Add(float64(len(spans)))
	o.report(false)
	return nil
}

// export exports until it ends, or until nobody waits any longer.
func (o outlet) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-o.ended:
		return context.Canceled
	default:
	}
	go func() {
		select {
		case <-o.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return o.exporter.ExportSpans(ctx, spans)
}

// Shutdown implements sdktrace.SpanExporter.
func (o outlet) Shutdown(ctx context.Context) error { return o.exporter.Shutdown(ctx) }

// report tells of a change. Why an export failed is text from the network, which
// goes nowhere.
func (o outlet) report(failing bool) {
	if o.failing.Swap(failing) == failing {
		return
	}
	if failing {
		o.log.Warn("traces cannot be exported", zap.String("mend", "is tracing.endpoint right, and does the collector take OTLP over HTTP there?"))
		return
	}
	o.log.Info("traces can be exported again")
}
