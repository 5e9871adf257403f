package envoy

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"go.uber.org/goleak"

	"github.com/claimgate/claimgate/authz"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deciderFunc is a Decider.
type deciderFunc func(ctx context.Context, req *authz.Request) authz.Decision

func (f deciderFunc) DecideInto(ctx context.Context, req *authz.Request, d *authz.Decision) {
	*d = f(ctx, req)
}

// always decides the same, whatever the request.
func always(d authz.Decision) Decider {
	return deciderFunc(func(context.Context, *authz.Request) authz.Decision { return d })
}

// refusing decides as the engine does for a request with a fault and else as
// it is told to.
func refusing(d authz.Decision) Decider {
	return deciderFunc(func(_ context.Context, req *authz.Request) authz.Decision {
		if req.Fault != authz.NoFault {
			return authz.Decision{Verdict: authz.Deny, Reason: req.Fault}
		}
		return d
	})
}

var allow = authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed}

// observation is what an observer was told.
type observation struct {
	path     string
	decision authz.Decision
	elapsed  time.Duration
	fault    error
}

// recorder is an Observer.
type recorder struct {
	mu   sync.Mutex
	seen []observation
}

func (r *recorder) Checked(req *authz.Request, d *authz.Decision, elapsed time.Duration, fault error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, observation{path: strings.Clone(req.Path.Canonical), decision: *d, elapsed: elapsed, fault: fault})
}

// one returns the only observation.
func (r *recorder) one(t *testing.T) observation {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) != 1 {
		t.Fatalf("the observer heard of %d answers, want 1", len(r.seen))
	}
	return r.seen[0]
}

// sent is a request as a client sent it.
type sent struct {
	method, target, host string
	headers              []authz.Header
}

func plain() sent { return sent{method: "GET", target: "/orders/1?x=2", host: "api.example.com"} }

func (s sent) with(name, value string) sent {
	s.headers = append(s.headers[:len(s.headers):len(s.headers)], authz.Header{Name: name, Value: value})
	return s
}

// mapped returns the request in Envoy's default encoding.
func (s sent) mapped() *authv3.CheckRequest {
	headers := map[string]string{
		":method": s.method, ":path": sanitised(s.target), ":authority": sanitised(s.host), ":scheme": "https",
	}
	for _, h := range s.headers {
		if before, ok := headers[h.Name]; ok {
			headers[h.Name] = before + "," + sanitised(h.Value)
		} else {
			headers[h.Name] = sanitised(h.Value)
		}
	}
	msg := s.message()
	msg.Attributes.Request.Http.Headers = headers
	return msg
}

// raw returns the request as with encode_raw_headers.
func (s sent) raw() *authv3.CheckRequest {
	values := []*corev3.HeaderValue{
		{Key: ":method", RawValue: []byte(s.method)}, {Key: ":path", RawValue: []byte(s.target)},
		{Key: ":authority", RawValue: []byte(s.host)}, {Key: ":scheme", RawValue: []byte("https")},
	}
	for _, h := range s.headers {
		values = append(values, &corev3.HeaderValue{Key: h.Name, RawValue: []byte(h.Value)})
	}
	msg := s.message()
	msg.Attributes.Request.Http.HeaderMap = &corev3.HeaderMap{Headers: values}
	return msg
}

func (s sent) message() *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Principal: "spiffe://lab/client", Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{Address: "203.0.113.7"},
		}}},
		ContextExtensions: map[string]string{"tenant": "acme"},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Id: "1", Method: s.method, Path: sanitised(s.target), Host: sanitised(s.host), Scheme: "https", Protocol: "HTTP/1.1",
		}},
	}}
}

// sanitised does as Envoy does for strings: a byte that is no UTF-8 becomes `!`.
func sanitised(s string) string {
	out := make([]byte, 0, len(s))
	for i, r := range s {
		if r == '\uFFFD' && s[i] != 0xEF {
			out = append(out, '!')
		} else {
			out = append(out, string(r)...)
		}
	}
	return string(out)
}

// encodings are both forms of a request.
func (s sent) encodings() map[string]*authv3.CheckRequest {
	return map[string]*authv3.CheckRequest{"map": s.mapped(), "raw": s.raw()}
}
