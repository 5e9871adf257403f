package telemetry

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"google.golang.org/grpc/metadata"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/envoy"
)

var _ envoy.Tracer = (*Tracing)(nil)

const (
	traceHex      = "0af7651916cd43dd8448eb211c80319c"
	spanHex       = "b7ad6b7169203331"
	sampledParent = "00-" + traceHex + "-" + spanHex + "-01"
)

// memory is an exporter that keeps what it is given.
type memory struct {
	mu    sync.Mutex
	spans tracetest.SpanStubs
}

func (m *memory) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spans = append(m.spans, tracetest.SpanStubsFromReadOnlySpans(spans)...)
	return nil
}

func (m *memory) Shutdown(context.Context) error { return nil }

// traced returns the spans that something makes.
func traced(t *testing.T, sample float64, do func(*Tracing)) tracetest.SpanStubs {
	t.Helper()
	kept := &memory{}
	tracing := newTracingTo(kept, &config.TracingSettings{Sample: sample, Timeout: time.Second}, "1.2.3", zap.NewNop())
	do(tracing)
	tracing.Stop(t.Context())
	return kept.spans
}

// carrying returns the context of a call with metadata.
func carrying(t testing.TB, pairs ...string) context.Context {
	t.Helper()
	return metadata.NewIncomingContext(t.Context(), metadata.Pairs(pairs...))
}

func attributesOf(span *tracetest.SpanStub) map[string]string {
	all := map[string]string{}
	for _, a := range span.Attributes {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

// TestSpanOfACheck: a span tells what the decision log tells of a decision, and
// nothing of who asked for what.
func TestSpanOfACheck(t *testing.T) {
	always := map[string]string{
		"rpc.system.name": "grpc", "rpc.method": checkSpan, "rpc.response.status_code": "OK",
		"claimgate.decision_id": "01020000000000000000000000000000",
	}
	for name, c := range map[string]struct {
		decision authz.Decision
		want     map[string]string
		failed   string
	}{
		"denied": {*denial(), map[string]string{"claimgate.verdict": "deny", "claimgate.reason": "policy_denied", "claimgate.cached": "false",
			"claimgate.tenant": "acme", "claimgate.rule": "export-needs-plan", "claimgate.issuer": "idp"}, ""},
		"allowed": {authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, ID: authz.DecisionID{1, 2}, Tenant: "acme", Entry: "own-host", Issuer: "idp", Rule: "read", Cached: true, ShadowRule: "soon"},
			map[string]string{"claimgate.verdict": "allow", "claimgate.reason": "allowed", "claimgate.cached": "true", "claimgate.entry": "own-host",
				"claimgate.tenant": "acme", "claimgate.rule": "read", "claimgate.shadow_rule": "soon", "claimgate.issuer": "idp"}, ""},
		"shadow": {authz.Decision{Verdict: authz.Allow, Reason: authz.ShadowPassed, Shadowed: authz.PolicyDenied, ID: authz.DecisionID{1, 2}},
			map[string]string{"claimgate.verdict": "allow", "claimgate.reason": "shadow", "claimgate.shadowed": "policy_denied", "claimgate.cached": "false"}, ""},
		"ours": {authz.Decision{Verdict: authz.Unavailable, Reason: authz.KeysUnavailable, ID: authz.DecisionID{1, 2}, Tenant: "acme"},
			map[string]string{"claimgate.verdict": "unavailable", "claimgate.reason": "keys_unavailable", "claimgate.cached": "false", "claimgate.tenant": "acme", "error.type": "keys_unavailable"}, "keys_unavailable"},
	} {
		c.decision.Header, c.decision.Set = "x-secret", []authz.Header{{Name: "x-user", Value: "alice"}}
		before := time.Now()
		spans := traced(t, 1, func(tr *Tracing) { tr.Traced(t.Context(), &c.decision, 3*time.Millisecond) })
		if len(spans) != 1 {
			t.Fatalf("%s: %d spans", name, len(spans))
		}
		span := &spans[0]
		maps.Copy(c.want, always)
		if got := attributesOf(span); !maps.Equal(got, c.want) {
			t.Errorf("%s:\n got %v\nwant %v", name, got, c.want)
		}
		if span.Name != checkSpan || span.SpanKind != trace.SpanKindServer || span.EndTime.Before(before) || span.EndTime.After(time.Now()) || span.EndTime.Sub(span.StartTime) != 3*time.Millisecond {
			t.Errorf("%s: %s, %s, %s to %s", name, span.Name, span.SpanKind, span.StartTime, span.EndTime)
		}
		if (span.Status.Code == codes.Error) != (c.failed != "") || span.Status.Description != c.failed {
			t.Errorf("%s: status %v", name, span.Status)
		}
		if got := span.SpanContext.TraceID().String(); got != "01020000000000000000000000000000" || span.Parent.IsValid() {
			t.Errorf("%s: trace %s below %v", name, got, span.Parent)
		}
	}
}

// TestSpansKeepNothing: the memory of a decision is another's by the time its
// span is exported.
func TestSpansKeepNothing(t *testing.T) {
	memory := &lent{}
	spans := traced(t, 1, func(tr *Tracing) {
		d := authz.Decision{ID: authz.DecisionID{1}, Tenant: memory.text("acme"), Rule: memory.text("read"), Entry: memory.text("own-host"), Issuer: memory.text("idp"), ShadowRule: memory.text("soon"), Subject: memory.text("alice")}
		tr.Traced(t.Context(), &d, time.Millisecond)
		memory.takeBack()
	})
	for key, text := range attributesOf(&spans[0]) {
		if strings.Contains(text, "#") {
			t.Errorf("%s is %q", key, text)
		}
	}
}

// TestP7SpansAreScrubbed: a name that holds a token is redacted as it is in the
// log, whatever attribute it is in.
func TestP7SpansAreScrubbed(t *testing.T) {
	spans := traced(t, 1, func(tr *Tracing) {
		tr.Traced(t.Context(), &authz.Decision{Tenant: jws, Rule: jws, Entry: jws, Issuer: jws, ShadowRule: jws, Subject: jws}, 0)
		tr.fetched("https://id.example/?access_token="+jws, jwks.FetchOK, 0)
	})
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	for i := range spans {
		for key, text := range attributesOf(&spans[i]) {
			if strings.Contains(text, "eyJ") {
				t.Errorf("%s is %q", key, text)
			}
		}
	}
}

// TestFetchSpans: fetches of keys are client spans, and one that failed says so
// in a word of a closed set.
func TestFetchSpans(t *testing.T) {
	spans := traced(t, 1, func(tr *Tracing) {
		tr.fetched("https://id.example.com/", jwks.FetchOK, 20*time.Millisecond)
		tr.fetched("https://id.example.com/", jwks.FetchTimeout, 5*time.Second)
	})
	for i, want := range []struct {
		result string
		took   time.Duration
		code   codes.Code
	}{{"ok", 20 * time.Millisecond, codes.Unset}, {"timeout", 5 * time.Second, codes.Error}} {
		span := &spans[i]
		got := attributesOf(span)
		if span.Name != fetchSpan || span.SpanKind != trace.SpanKindClient || got["claimgate.issuer"] != "https://id.example.com/" ||
			got["claimgate.result"] != want.result || span.EndTime.Sub(span.StartTime) != want.took || span.Status.Code != want.code {
			t.Errorf("%s %s %v %v, %v", span.Name, span.SpanKind, got, span.EndTime.Sub(span.StartTime), span.Status)
		}
	}
}

// TestSampleChanges: the share is in force at once, and spans keep to it.
func TestSampleChanges(t *testing.T) {
	const checks = 2000
	for share, want := range map[float64][2]int{0: {0, 0}, 0.25: {350, 650}, 1: {checks, checks}} {
		spans := traced(t, 0.5, func(tr *Tracing) {
			tr.sampler.set(share)
			for range checks {
				tr.Traced(t.Context(), &authz.Decision{ID: authz.DecisionID(randomTrace())}, 0)
			}
		})
		if len(spans) < want[0] || len(spans) > want[1] {
			t.Errorf("a share of %v: %d of %d", share, len(spans), checks)
		}
	}
}

// TestTracingFaults: a panic of ours is counted, and nobody's business.
func TestTracingFaults(t *testing.T) {
	traced(t, 1, func(tr *Tracing) {
		tr.Traced(t.Context(), nil, 0)
		if n := testutil.ToFloat64(tr.spans.WithLabelValues(spanFault)); n != 1 {
			t.Errorf("%v faults", n)
		}
	})
}

// TestNoTracing: where there is no endpoint there is no tracer, which is what
// makes it free.
func TestNoTracing(t *testing.T) {
	tel, _ := newTelemetry(t, LogSettings{})
	if err := tel.Trace(&config.TracingSettings{}, "1"); err != nil || tel.Tracer() != nil {
		t.Errorf("%v, %v", tel.Tracer(), err)
	}
	tel.SetSample(1)
	tel.Fetched("https://id.example.com/", jwks.FetchOK, time.Millisecond)
	tel.StopTracing(t.Context())
}

// quiet is a tracing that samples nothing by itself.
func quiet(tb testing.TB) *Tracing {
	tb.Helper()
	tracing := newTracingTo(&memory{}, &config.TracingSettings{Timeout: time.Second}, "1", zap.NewNop())
	tb.Cleanup(func() { tracing.Stop(context.Background()) })
	return tracing
}

// TestSpansEndByTheClock: a span ends when its tracer hears of the check, by the
// clock as it is set then, and is as long as the check.
func TestSpansEndByTheClock(t *testing.T) {
	end := time.Date(2031, 5, 6, 7, 8, 9, 10, time.UTC)
	spans := traced(t, 1, func(tr *Tracing) {
		tr.now = func() time.Time { return end }
		tr.Traced(t.Context(), &authz.Decision{}, 3*time.Millisecond)
		tr.fetched("https://issuer.example", "ok", time.Second)
	})
	for i, took := range []time.Duration{3 * time.Millisecond, time.Second} {
		if len(spans) != 2 || !spans[i].EndTime.Equal(end) || spans[i].EndTime.Sub(spans[i].StartTime) != took {
			t.Fatalf("spans %+v", spans)
		}
	}
}

// TestP8AFullQueueMakesNoSpan: a sampled check whose span would be dropped costs
// the look at its parent, and is counted.
func TestP8AFullQueueMakesNoSpan(t *testing.T) {
	tracing := quiet(t)
	tracing.queue.held.Store(maxSpans)
	defer tracing.queue.held.Store(0)
	ctx, d := carrying(t, "traceparent", sampledParent), &authz.Decision{Tenant: "acme"}
	if n := testing.AllocsPerRun(100, func() { tracing.Traced(ctx, d, 0) }); n > 6 {
		t.Errorf("%v allocations", n)
	}
	if n := tracing.counted(spanQueueFull); n != 101 { // once to warm up
		t.Errorf("%d are counted", n)
	}
}

// TestUnsampledCostsNothing: without a parent nothing is allocated, and with one
// that is not sampled no more than the copy that gRPC makes of the metadata.
func TestUnsampledCostsNothing(t *testing.T) {
	tracing, d := quiet(t), &authz.Decision{ID: authz.DecisionID{1}, Tenant: "acme"}
	tracing.sampler.set(0.0001)
	for i := range d.ID {
		d.ID[i] = 0xff // the last that a share takes in
	}
	for name, c := range map[string]struct {
		pairs []string
		most  float64
	}{
		"no parent": {[]string{"user-agent", "envoy", ":authority", "claimgate", "x-request-id", "1"}, 0},
		"unsampled": {[]string{"traceparent", strings.TrimSuffix(sampledParent, "1") + "0", "tracestate", "a=b"}, 1},
	} {
		ctx := carrying(t, c.pairs...)
		if n := testing.AllocsPerRun(200, func() { tracing.Traced(ctx, d, 0) }); n > c.most {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkTraced(b *testing.B) {
	d := &authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, ID: authz.DecisionID{1}, Tenant: "acme", Entry: "own-host", Issuer: "idp", Rule: "read"}
	for name, ctx := range map[string]context.Context{
		"absent": b.Context(), "unsampled": carrying(b, "traceparent", strings.TrimSuffix(sampledParent, "1")+"0"), "sampled": carrying(b, "traceparent", sampledParent),
	} {
		b.Run(name, func(b *testing.B) {
			tracing := quiet(b)
			b.ReportAllocs()
			for b.Loop() {
				tracing.Traced(ctx, d, time.Millisecond)
			}
		})
	}
}
