package telemetry

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/claimgate/claimgate/authz"
)

// TestParents: a parent of the proxy is followed, sampled or not; what is none
// leaves the decision to the share.
func TestParents(t *testing.T) {
	const unsampled = "00-" + traceHex + "-" + spanHex + "-00"
	long := strings.Repeat("x", maxTraceparent)
	for name, c := range map[string]struct {
		pairs  []string
		parent bool // or else a trace of its own, or none with traced: false
		traced [2]bool
	}{
		"none":                   {nil, false, [2]bool{false, true}},
		"sampled":                {[]string{"traceparent", sampledParent}, true, [2]bool{true, true}},
		"sampled and random":     {[]string{"traceparent", "00-" + traceHex + "-" + spanHex + "-03"}, true, [2]bool{true, true}},
		"unsampled":              {[]string{"traceparent", unsampled}, true, [2]bool{false, false}},
		"later version":          {[]string{"traceparent", "cc-" + traceHex + "-" + spanHex + "-01-what"}, true, [2]bool{true, true}},
		"b3 alone":               {[]string{"b3", traceHex + "-" + spanHex + "-1", "x-b3-sampled", "1"}, false, [2]bool{false, true}},
		"empty":                  {[]string{"traceparent", ""}, false, [2]bool{false, true}},
		"twice":                  {[]string{"traceparent", sampledParent, "traceparent", sampledParent}, false, [2]bool{false, true}},
		"upper case":             {[]string{"traceparent", strings.ToUpper(sampledParent)}, false, [2]bool{false, true}},
		"version ff":             {[]string{"traceparent", "ff" + sampledParent[2:]}, false, [2]bool{false, true}},
		"version is no number":   {[]string{"traceparent", "0x" + sampledParent[2:]}, false, [2]bool{false, true}},
		"zero trace":             {[]string{"traceparent", "00-" + strings.Repeat("0", 32) + "-" + spanHex + "-01"}, false, [2]bool{false, true}},
		"zero span":              {[]string{"traceparent", "00-" + traceHex + "-" + strings.Repeat("0", 16) + "-01"}, false, [2]bool{false, true}},
		"flags are no number":    {[]string{"traceparent", sampledParent[:53] + "0g"}, false, [2]bool{false, true}},
		"cut":                    {[]string{"traceparent", sampledParent[:54]}, false, [2]bool{false, true}},
		"longer":                 {[]string{"traceparent", sampledParent + "-x"}, false, [2]bool{false, true}},
		"space":                  {[]string{"traceparent", " " + sampledParent}, false, [2]bool{false, true}},
		"other dashes":           {[]string{"traceparent", strings.ReplaceAll(sampledParent, "-", "_")}, false, [2]bool{false, true}},
		"not ASCII":              {[]string{"traceparent", strings.Replace(sampledParent, "a", "é", 1)}, false, [2]bool{false, true}},
		"oversized":              {[]string{"traceparent", "01" + sampledParent[2:] + "-" + long}, false, [2]bool{false, true}},
		"a token":                {[]string{"traceparent", jws}, false, [2]bool{false, true}},
		"with a malformed state": {[]string{"traceparent", sampledParent, "tracestate", "=,=,\x00"}, true, [2]bool{true, true}},
		"with a huge state":      {[]string{"traceparent", sampledParent, "tracestate", "a=" + strings.Repeat("b", 60_000)}, true, [2]bool{true, true}},
	} {
		for share, want := range c.traced {
			spans := traced(t, float64(share), func(tr *Tracing) {
				tr.Traced(metadata.NewIncomingContext(t.Context(), metadata.Pairs(c.pairs...)), &authz.Decision{ID: authz.DecisionID{7}}, 0)
			})
			if (len(spans) == 1) != want {
				t.Errorf("%s, share %d: %d spans", name, share, len(spans))
				continue
			}
			if !want {
				continue
			}
			span := &spans[0]
			if got := span.SpanContext.TraceID().String() == traceHex; got != c.parent || span.Parent.IsValid() != c.parent ||
				c.parent && (span.Parent.SpanID().String() != spanHex || !span.Parent.IsRemote()) {
				t.Errorf("%s, share %d: trace %s below %s", name, share, span.SpanContext.TraceID(), span.Parent.SpanID())
			}
			if span.SpanContext.TraceState().Len() != 0 {
				t.Errorf("%s: a state that is of no use is kept: %s", name, span.SpanContext.TraceState())
			}
		}
	}
}

// TestTraceState: what comes in several lines is one state, in their order.
func TestTraceState(t *testing.T) {
	for text, lines := range map[string][]string{
		"a=1":         {"a=1"},
		"a=1,b=2,c=3": {"a=1,b=2", "c=3"},
		"":            {"a=" + strings.Repeat("b", maxTracestate-1)},
	} {
		pairs := []string{"traceparent", sampledParent}
		for _, line := range lines {
			pairs = append(pairs, "tracestate", line)
		}
		parent, ok := parentOf(carrying(t, pairs...))
		if !ok || parent.TraceState().String() != text {
			t.Errorf("%q: %v, %q", lines, ok, parent.TraceState())
		}
	}
	longest := "a=" + strings.Repeat("b", 250) + ",c=" + strings.Repeat("d", 250) + ",ef=ghi"
	if parent, _ := parentOf(carrying(t, "traceparent", sampledParent, "tracestate", longest)); len(longest) != maxTracestate || parent.TraceState().Len() != 3 {
		t.Errorf("%d bytes: %s", len(longest), parent.TraceState())
	}
}

// FuzzTraceparent: whatever comes, a parent is what the propagator of
// OpenTelemetry says it is, up to our bounds, and nothing panics.
func FuzzTraceparent(f *testing.F) {
	for _, seed := range []string{sampledParent, "", "00-", "ff" + sampledParent[2:], "cc" + sampledParent[2:] + "-x", sampledParent + "-", sampledParent[:54], strings.ToUpper(sampledParent), strings.Repeat("0", 55), sampledParent[:53] + "04", "01" + sampledParent[2:53] + "ff"} {
		f.Add(seed, "a=b,c=d")
	}
	f.Fuzz(func(t *testing.T, text, state string) {
		got, ok := parentOf(carrying(t, "traceparent", text, "tracestate", state))
		carrier := propagation.MapCarrier{"traceparent": text, "tracestate": state}
		want := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(t.Context(), carrier))
		longer := strings.HasPrefix(text, "00-") && len(text) > 55 // with a dash at the end theirs takes it
		if ok != (want.IsValid() && len(text) <= maxTraceparent && !longer) {
			t.Fatalf("%q is a parent: %v", text, ok)
		}
		if ok && (got.TraceID() != want.TraceID() || got.SpanID() != want.SpanID() || got.TraceFlags() != want.TraceFlags() || !got.IsRemote()) {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
		if ok && got.IsSampled() && len(state) <= maxTracestate && got.TraceState().String() != want.TraceState().String() {
			t.Fatalf("%q: state %q, want %q", state, got.TraceState(), want.TraceState())
		}
	})
}
