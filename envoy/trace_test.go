package envoy

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/claimgate/claimgate/authz"
)

// spans is a Tracer that notes what it hears, and panics where it is told to.
type spans struct {
	mu     sync.Mutex
	heard  []authz.Reason
	parent []string
	fails  bool
}

func (s *spans) Traced(ctx context.Context, d *authz.Decision, elapsed time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if elapsed < 0 {
		panic("a span without a time")
	}
	s.heard = append(s.heard, d.Reason)
	s.parent = append(s.parent, metadata.ValueFromIncomingContext(ctx, "traceparent")...)
	if s.fails {
		panic("no span")
	}
}

// TestTracerHears: the tracer hears of each answer after the observer, with the
// metadata of the call and never the headers of the request within it.
func TestTracerHears(t *testing.T) { inBothCodecs(t, testTracerHears) }

func testTracerHears(t *testing.T, m mode) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	tracer := &spans{}
	conn := serve(t, m.service(NewServer(ServerOptions{Decider: always(allow), Tracer: tracer}), ServiceOptions{}))
	request := encoded(t, plain().with("traceparent", "00-00000000000000000000000000000001-0000000000000001-01").raw())
	for _, ctx := range []context.Context{t.Context(), metadata.AppendToOutgoingContext(t.Context(), "traceparent", parent)} {
		wire, err := callRaw(ctx, conn, request)
		if out := envoyReadsBytes(t, wire); err != nil || out.verdict != envoyAllows {
			t.Errorf("%v, %v", out, err)
		}
	}
	tracer.mu.Lock()
	defer tracer.mu.Unlock()
	if !slices.Equal(tracer.heard, []authz.Reason{authz.Allowed, authz.Allowed}) || !slices.Equal(tracer.parent, []string{parent}) {
		t.Errorf("heard %v with parents %q", tracer.heard, tracer.parent)
	}
}

// TestTracerPanicChangesNoAnswer: a span is nothing that a verdict hangs on.
func TestTracerPanicChangesNoAnswer(t *testing.T) { inBothCodecs(t, testTracerPanicChangesNoAnswer) }

func testTracerPanicChangesNoAnswer(t *testing.T, m mode) {
	for want, d := range map[envoyVerdict]authz.Decision{
		envoyAllows: allow, envoyDenies: {Verdict: authz.Challenge, Reason: authz.Expired},
	} {
		tracer := &spans{fails: true}
		if out := m.check(t.Context(), t, NewServer(ServerOptions{Decider: always(d), Tracer: tracer}), plain().raw()); out.verdict != want {
			t.Errorf("%v: %v", d.Reason, out)
		}
		if !slices.Equal(tracer.heard, []authz.Reason{d.Reason}) {
			t.Errorf("heard %v", tracer.heard)
		}
	}
}

// TestTracerHearsWhatWasAnswered: where the observer panics the answer is a
// denial, and so is the span.
func TestTracerHearsWhatWasAnswered(t *testing.T) { inBothCodecs(t, testTracerHearsWhatWasAnswered) }

func testTracerHearsWhatWasAnswered(t *testing.T, m mode) {
	tracer := &spans{}
	m.check(t.Context(), t, NewServer(ServerOptions{Decider: always(allow), Observer: &panicky{}, Tracer: tracer}), plain().raw())
	if !slices.Equal(tracer.heard, []authz.Reason{authz.Internal}) {
		t.Errorf("heard %v", tracer.heard)
	}
}
