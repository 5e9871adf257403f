package envoy

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"github.com/claimgate/claimgate/authz"
)

// TestCheckIsHandledFromBytesToBytes: the handler that is served reads into an
// exchange, and the description of generated code keeps its own.
func TestCheckIsHandledFromBytesToBytes(t *testing.T) {
	w := newWireServer(NewServer(ServerOptions{Decider: always(allow)}), true)
	errDecode := errors.New("of the transport")
	for name, tc := range map[string]struct {
		desc *grpc.ServiceDesc
		own  bool
	}{"served": {w.serviceDesc(), true}, "generated": {&authv3.Authorization_ServiceDesc, false}} {
		asked := 0
		for _, method := range tc.desc.Methods {
			_, err := method.Handler(w, t.Context(), func(v any) error {
				asked++
				if _, own := v.(*exchange); own != tc.own {
					t.Errorf("%s: %s reads into a %T", name, method.MethodName, v)
				}
				return errDecode
			}, nil)
			if !errors.Is(err, errDecode) {
				t.Errorf("%s: %s returned %v", name, method.MethodName, err)
			}
		}
		if asked != 1 {
			t.Errorf("%s: %d methods", name, asked)
		}
	}
}

// TestEachCodecHasItsServer: what stands in a Service is what its options name.
func TestEachCodecHasItsServer(t *testing.T) {
	server := NewServer(ServerOptions{Decider: always(allow)})
	for _, overwrite := range []bool{false, true} {
		_, own := ServiceOptions{OverwriteFreed: overwrite}.authorization(server)
		if w, ok := own.(*wireServer); !ok || w.Server != server || w.overwrite != overwrite {
			t.Errorf("without a codec: %T", own)
		}
	}
	if desc, generated := (ServiceOptions{Codec: CodecGenerated}).authorization(server); desc != &authv3.Authorization_ServiceDesc || generated != any(server) {
		t.Errorf("of generated code: %T", generated)
	}
}

// TestInterceptorsStandAroundChecks: an interceptor is told what is called and
// of whom, is shown no part of the request, and has the last word. An exchange
// whose request did not arrive holds nothing any more.
func TestInterceptorsStandAroundChecks(t *testing.T) {
	decided := 0
	w := newWireServer(NewServer(ServerOptions{Decider: deciderFunc(func(context.Context, *authz.Request) authz.Decision { decided++; return allow })}), true)
	c := newCodec(w.responder.internal)
	decode := func(v any) error {
		data := pooled(encoded(t, plain().raw()))
		defer data.Free()
		return c.Unmarshal(data, v)
	}
	called := 0
	answer, err := handleCheck(w, t.Context(), decode, func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		called++
		if info.FullMethod != authv3.Authorization_Check_FullMethodName || info.Server != any(w) {
			t.Errorf("%+v", info)
		}
		if _, err := handler(ctx, req); err != nil {
			t.Error(err)
		}
		return "of the interceptor", nil
	})
	if answer != any("of the interceptor") || err != nil || called != 1 || decided != 1 {
		t.Errorf("%v, %v; %d calls, %d decisions", answer, err, called, decided)
	}
	var held *exchange
	_, err = handleCheck(w, t.Context(), func(v any) error {
		held = v.(*exchange)
		return errors.Join(decode(v), errUnsayable)
	}, nil)
	if !errors.Is(err, errUnsayable) || held.reply != nil || held.held != nil || held.message.http || decided != 1 {
		t.Errorf("%v, %+v; %d decisions", err, held.message, decided)
	}
}

// TestFreedBuffersAreOverwritten where that was asked for, and only there: those
// of requests and those of replies.
func TestFreedBuffersAreOverwritten(t *testing.T) {
	for _, overwrite := range []bool{true, false} {
		w := newWireServer(NewServer(ServerOptions{Decider: always(allow)}), overwrite)
		request := encoded(t, plain().raw())
		before := slices.Clone(request)
		e := w.exchange()
		e.receive(mem.BufferSlice{mem.SliceBuffer(request)})
		e.end()
		if slices.Equal(request, before) == overwrite {
			t.Errorf("overwrite %v: the request is % x", overwrite, request[:8])
		}
		r := w.replies.get()
		r.buf = append(r.buf, "answer"...)
		text := r.buf
		r.take().Free()
		if (string(text) == "answer") == overwrite {
			t.Errorf("overwrite %v: the reply is %q", overwrite, text)
		}
		if len(r.buf) != 0 {
			t.Errorf("a reply that was sent still says %q", r.buf)
		}
	}
}

// countingPool counts what comes back to it.
type countingPool struct {
	mem.NopBufferPool

	back int
}

func (p *countingPool) Put(*[]byte) { p.back++ }

// TestRequestsKeepTheirBufferToTheEnd: not shorter, since they are read from it,
// and not longer. That of a first message goes back when a second one arrives.
func TestRequestsKeepTheirBufferToTheEnd(t *testing.T) {
	w := newWireServer(NewServer(ServerOptions{Decider: always(allow)}), true)
	e, pool := w.exchange(), &countingPool{}
	for arrived := range 2 {
		request := append(encoded(t, plain().raw()), make([]byte, 4096)...) // none of so many bytes is copied
		request = request[:len(request)-4096]
		data := mem.BufferSlice{mem.NewBuffer(&request, pool)}
		e.receive(data)
		data.Free()
		if pool.back != arrived || e.message.path != "/orders/1?x=2" {
			t.Errorf("message %d: %d buffers came back, path %q", arrived, pool.back, e.message.path)
		}
	}
	if e.end(); pool.back != 2 {
		t.Errorf("%d buffers came back", pool.back)
	}
}

// TestLargeContextsAreNotKept: the room for many pairs does not stay.
func TestLargeContextsAreNotKept(t *testing.T) {
	for pairs, kept := range map[int]bool{0: true, keptContextPairs: true, keptContextPairs + 1: false} {
		m := message{context: map[string]string{}}
		for i := range pairs {
			m.context[strconv.Itoa(i)] = ""
		}
		before := m.context
		if m.reset(); len(m.context) != 0 || m.context == nil || (len(before) == 0) != kept {
			t.Errorf("%d pairs: %d are left, %d in the map that was", pairs, len(m.context), len(before))
		}
	}
}
