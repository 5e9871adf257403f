package telemetry

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// Names of spans. The first is that of the semantic conventions for RPC.
const (
	checkSpan = "envoy.service.auth.v3.Authorization/Check"
	fetchSpan = "fetch keys"
)

// Attributes of our own; the others of decisions stand with their facts.
const (
	verdictKey = attribute.Key("claimgate.verdict")
	entryKey   = attribute.Key("claimgate.entry")
	cachedKey  = attribute.Key("claimgate.cached")
	issuerKey  = attribute.Key("claimgate.issuer")
	resultKey  = attribute.Key("claimgate.result")
)

// Tracing makes spans of checks and of fetches of keys: an envoy.Tracer. It keeps
// nothing in the globals of OpenTelemetry. Safe for concurrent use.
type Tracing struct {
	provider  *sdktrace.TracerProvider
	tracer    trace.Tracer
	sampler   sampler
	queue     *courier
	now       func() time.Time // of the clock of the proxy's spans: the wall clock, as it is set by now
	spans     *prometheus.CounterVec
	transport *http.Transport // nil: somebody else's
}

// newTracing exports to a collector over the network. log hears when that begins
// to fail.
func newTracing(settings *config.TracingSettings, version string, log *zap.Logger) (*Tracing, error) {
	transport := newCollectorTransport(settings)
	exporter, err := newExporter(settings, transport)
	if err != nil {
		return nil, err
	}
	t := newTracingTo(exporter, settings, version, log)
	t.transport = transport
	return t, nil
}

func newTracingTo(exporter sdktrace.SpanExporter, settings *config.TracingSettings, version string, log *zap.Logger) *Tracing {
	t := &Tracing{spans: newSpanCounter(), now: time.Now}
	t.queue = newCourier(exporter, settings.Timeout, t.spans, log)
	t.sampler.set(settings.Sample)
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSampler(&t.sampler),
		sdktrace.WithIDGenerator(ids{}),
		sdktrace.WithSpanProcessor(t.queue),
		sdktrace.WithResource(resourceOf(settings.Resource, version)),
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{AttributeValueLengthLimit: maxIdentifier, AttributeCountLimit: 32}))
	t.tracer = t.provider.Tracer("github.com/claimgate/claimgate")
	return t
}

func newSpanCounter() *prometheus.CounterVec {
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "claimgate_spans_total", Help: "Spans by what became of them: exported, or lost for one of several causes."}, []string{"result"})
	for _, result := range []string{spanExported, spanQueueFull, spanFailed, spanFault} {
		spans.WithLabelValues(result) // from the start, so that an alert sees the first one
	}
	return spans
}

// resourceOf names the process. What is configured wins.
func resourceOf(configured map[string]string, version string) *resource.Resource {
	attributes := append(make([]attribute.KeyValue, 0, 3+len(configured)),
		semconv.ServiceName("claimgate"), semconv.ServiceVersion(version), semconv.ServiceInstanceID(uuid.NewString()))
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		attributes = append(attributes, attribute.String(name, configured[name]))
	}
	return resource.NewSchemaless(attributes...)
}

// Traced implements envoy.Tracer. A request that is not sampled costs the look
// at the metadata and no more.
func (t *Tracing) Traced(ctx context.Context, d *authz.Decision, elapsed time.Duration) {
	defer func() {
		if recover() != nil {
			t.spans.WithLabelValues(spanFault).Inc()
		}
	}()
	parent, ok := parentOf(ctx)
	if ok {
		if parent.IsSampled() {
			t.check(trace.ContextWithRemoteSpanContext(ctx, parent), d, elapsed)
		}
		return
	}
	if id := rooted(d.ID); t.sampler.samples(id) {
		t.check(context.WithValue(ctx, rootKey{}, id), d, elapsed)
	}
}

// check makes the span of a check that is sampled. One that would be dropped is
// not made: a flood of them costs little.
func (t *Tracing) check(ctx context.Context, d *authz.Decision, elapsed time.Duration) {
	if t.queue.full() {
		t.spans.WithLabelValues(spanQueueFull).Inc()
		return
	}
	attributes := append(make([]attribute.KeyValue, 0, 16),
		semconv.RPCSystemNameGRPC, semconv.RPCMethod(checkSpan), semconv.RPCResponseStatusCode("OK"), // a denial is a message
		verdictKey.String(d.Verdict.String()), cachedKey.Bool(d.Cached))
	if d.Entry != "" {
		attributes = append(attributes, kept(entryKey, d.Entry))
	}
	for _, f := range factsOf(d) {
		if f.text != "" {
			attributes = append(attributes, f.attribute())
		}
	}
	end := t.now()
	_, span := t.tracer.Start(ctx, checkSpan, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(end.Add(-elapsed)), trace.WithAttributes(attributes...))
	if ours(d) {
		fail(span, d.Reason.String())
	}
	span.End(trace.WithTimestamp(end))
}

// fetched makes the span of a fetch that has ended.
func (t *Tracing) fetched(issuer string, result jwks.FetchResult, elapsed time.Duration) {
	end := t.now()
	_, span := t.tracer.Start(context.Background(), fetchSpan, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(end.Add(-elapsed)),
		trace.WithAttributes(kept(issuerKey, issuer), resultKey.String(string(result))))
	if failed(result) {
		fail(span, string(result))
	}
	span.End(trace.WithTimestamp(end))
}

func fail(span trace.Span, what string) {
	span.SetStatus(codes.Error, what)
	span.SetAttributes(semconv.ErrorTypeKey.String(what))
}

// Stop exports what waits, for as long as ctx lets it.
func (t *Tracing) Stop(ctx context.Context) {
	_ = t.provider.Shutdown(ctx) // what was lost is counted
	if t.transport != nil {
		t.transport.CloseIdleConnections()
	}
}

// sampler follows the parent, or else takes a share of the traces, which may
// change.
type sampler struct {
	now atomic.Pointer[sdktrace.Sampler]
}

func (s *sampler) set(share float64) {
	next := sdktrace.ParentBased(sdktrace.TraceIDRatioBased(share))
	s.now.Store(&next)
}

// samples reports whether a trace without a parent is sampled.
func (s *sampler) samples(id trace.TraceID) bool {
	return s.ShouldSample(sdktrace.SamplingParameters{TraceID: id}).Decision == sdktrace.RecordAndSample
}

// ShouldSample implements sdktrace.Sampler.
func (s *sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return (*s.now.Load()).ShouldSample(p)
}

// Description implements sdktrace.Sampler.
func (s *sampler) Description() string { return (*s.now.Load()).Description() }

// rootKey is the key of the id that a trace without a parent gets: that of the
// decision, so that one leads to the other.
type rootKey struct{}

// ids implements sdktrace.IDGenerator.
type ids struct{}

// NewIDs implements sdktrace.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, ok := ctx.Value(rootKey{}).(trace.TraceID)
	if !ok {
		id = randomTrace()
	}
	return id, randomSpan()
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return randomSpan() }

// rooted returns the id of the trace that a decision begins: its own, or a random
// one where it has none, since the request was refused before anybody decided.
func rooted(id authz.DecisionID) trace.TraceID {
	if id == (authz.DecisionID{}) {
		return randomTrace()
	}
	return trace.TraceID(id)
}

func randomTrace() (id trace.TraceID) {
	for !id.IsValid() {
		_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	}
	return id
}

func randomSpan() (id trace.SpanID) {
	for !id.IsValid() {
		_, _ = rand.Read(id[:])
	}
	return id
}
