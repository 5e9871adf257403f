package telemetry

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
)

// Names of W3C Trace Context in the metadata of a call.
const (
	parentName = "traceparent"
	stateName  = "tracestate"
)

// Bounds on what is read of a parent. A version 00 of traceparent has 55 bytes,
// later ones may have more; the state may have 512 (W3C Trace Context section
// 3.3.1.5).
const (
	maxTraceparent = 256
	maxTracestate  = 512
)

// parentOf returns the span of the proxy that the metadata of a call names. What
// is malformed, oversized or there twice is no parent. Of one that is not sampled
// nothing but that is read.
func parentOf(ctx context.Context) (trace.SpanContext, bool) {
	values := metadata.ValueFromIncomingContext(ctx, parentName)
	if len(values) != 1 {
		return trace.SpanContext{}, false
	}
	config, ok := parseParent(values[0])
	if ok && config.TraceFlags.IsSampled() {
		config.TraceState = stateOf(metadata.ValueFromIncomingContext(ctx, stateName))
	}
	return trace.NewSpanContext(config), ok
}

// parseParent reads a traceparent (W3C Trace Context section 3.2) without
// allocating. It takes what the propagator of OpenTelemetry takes.
func parseParent(text string) (config trace.SpanContextConfig, ok bool) {
	if len(text) < 55 || len(text) > maxTraceparent || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return config, false
	}
	version, okVersion := hexByte(text[:2])
	flags, okFlags := hexByte(text[53:55])
	id, errTrace := trace.TraceIDFromHex(text[3:35])
	span, errSpan := trace.SpanIDFromHex(text[36:52])
	switch {
	case !okVersion || !okFlags || errTrace != nil || errSpan != nil || version == 0xff:
		return config, false
	case version == 0 && (len(text) > 55 || flags > 3):
		return config, false
	case len(text) > 55 && text[55] != '-':
		return config, false
	}
	known := trace.FlagsSampled | trace.FlagsRandom
	return trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: trace.TraceFlags(flags) & known, Remote: true}, true
}

// hexByte reads two lower-case hexadecimal digits.
func hexByte(text string) (value byte, ok bool) {
	const digits = "0123456789abcdef"
	high, low := strings.IndexByte(digits, text[0]), strings.IndexByte(digits, text[1])
	return byte(high<<4 | low), high >= 0 && low >= 0
}

// stateOf reads what may stand in several lines. A state that is of no use is
// left out, as the standard wants it; the parent remains.
func stateOf(values []string) trace.TraceState {
	size := 0
	for _, value := range values {
		size += len(value) + 1
	}
	if size > maxTracestate+1 {
		return trace.TraceState{}
	}
	state, err := trace.ParseTraceState(strings.Join(values, ","))
	if err != nil {
		return trace.TraceState{}
	}
	return state
}
