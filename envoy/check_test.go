package envoy

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/claimgate/claimgate/authz"
)

// nilMap hides from the linter that writing to it panics.
func nilMap() map[string]int { return nil }

func TestP1MissingStructuresDeny(t *testing.T) { inBothCodecs(t, testP1MissingStructuresDeny) }

func testP1MissingStructuresDeny(t *testing.T, m mode) {
	headers := &corev3.HeaderMap{Headers: []*corev3.HeaderValue{nil, {}}}
	for name, msg := range map[string]*authv3.CheckRequest{
		"nil":           nil,
		"empty":         {},
		"no request":    {Attributes: &authv3.AttributeContext{}},
		"no http":       {Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{}}},
		"empty http":    {Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{}}}},
		"empty headers": {Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{HeaderMap: headers}}}},
	} {
		for kind, decider := range map[string]Decider{"engine": refusing(allow), "careless engine": always(allow)} {
			observer := &recorder{}
			out := m.check(t.Context(), t, NewServer(ServerOptions{Decider: decider, Observer: observer}), msg)
			if out.verdict != envoyDenies || out.status != 400 {
				t.Errorf("%s, %s: %s %d, want deny 400", name, kind, out.verdict, out.status)
			}
			if got := observer.one(t); got.decision.Reason != authz.RequestInvalid {
				t.Errorf("%s, %s: the observer heard %v", name, kind, got.decision.Reason)
			}
		}
	}
}

type panicky struct{ recorder }

func (p *panicky) Checked(req *authz.Request, d *authz.Decision, elapsed time.Duration, fault error) {
	p.recorder.Checked(req, d, elapsed, fault)
	panic("disk full")
}

func TestP1PanicsDeny(t *testing.T) { inBothCodecs(t, testP1PanicsDeny) }

func testP1PanicsDeny(t *testing.T, m mode) {
	secret := "eyJhbGciOi.J9.c2ln"
	throw := func(v any) Decider {
		return deciderFunc(func(context.Context, *authz.Request) authz.Decision { panic(v) })
	}
	for name, tc := range map[string]struct {
		decider Decider
		say     string
	}{
		"text":    {throw("bad token " + secret), "a value of type string"},
		"error":   {throw(errors.New(secret)), "a value of type *errors.errorString"},
		"runtime": {deciderFunc(func(context.Context, *authz.Request) authz.Decision { nilMap()["x"]++; return allow }), "assignment to entry in nil map"},
		"nil":     {throw(nil), "nil"},
		"none":    {nil, "nil pointer"},
	} {
		observer := &recorder{}
		out := m.check(t.Context(), t, NewServer(ServerOptions{Decider: tc.decider, Observer: observer}), plain().raw())
		if out.verdict != envoyDenies || out.status != 500 {
			t.Errorf("%s: %s %d, want deny 500", name, out.verdict, out.status)
		}
		got := observer.one(t)
		var fault *PanicError
		if !errors.As(got.fault, &fault) || !strings.Contains(fault.Error(), tc.say) || len(fault.Stack) == 0 {
			t.Errorf("%s: fault %v, want one that says %q", name, got.fault, tc.say)
		}
		if strings.Contains(got.fault.Error(), secret) || got.decision.Reason != authz.Internal || got.decision.Verdict != authz.Deny {
			t.Errorf("%s: the observer heard %+v", name, got)
		}
	}
}

func TestP1ObserverPanicDenies(t *testing.T) { inBothCodecs(t, testP1ObserverPanicDenies) }

func testP1ObserverPanicDenies(t *testing.T, m mode) {
	for _, d := range []authz.Decision{allow, {}, {Verdict: authz.Challenge, Reason: authz.NoToken}} {
		observer := &panicky{}
		server := NewServer(ServerOptions{Decider: always(d), Observer: observer})
		if out := m.check(t.Context(), t, server, plain().raw()); out.verdict != envoyDenies || out.status != 500 {
			t.Errorf("%v: %s %d, want deny 500", d.Reason, out.verdict, out.status)
		}
		observer.one(t)
		if server.InFlight() != 0 {
			t.Errorf("%d checks still count as in flight", server.InFlight())
		}
	}
}

// TestP1FaultsAreNoAllow: a request with a fault is never allowed, and the
// denial of one stays what it is.
func TestP1FaultsAreNoAllow(t *testing.T) { inBothCodecs(t, testP1FaultsAreNoAllow) }

func testP1FaultsAreNoAllow(t *testing.T, m mode) {
	faulty := plain()
	faulty.host = "a,b"
	for _, tc := range []struct {
		d    authz.Decision
		want authz.Reason
	}{
		{allow, authz.HostInvalid},
		{authz.Decision{Verdict: authz.Unavailable, Reason: authz.TenantUnavailable}, authz.TenantUnavailable},
		{authz.Decision{Verdict: authz.Allow, Reason: authz.PolicyDenied}, authz.HostInvalid},
		{authz.Decision{Verdict: authz.Deny, Reason: authz.Allowed}, authz.Internal},
	} {
		observer := &recorder{}
		out := m.check(t.Context(), t, NewServer(ServerOptions{Decider: always(tc.d), Observer: observer}), faulty.raw())
		if got := observer.one(t).decision; out.verdict != envoyDenies || got.Reason != tc.want || got.Verdict != tc.want.Verdict() {
			t.Errorf("%v, %v: %s, the observer heard %v, %v", tc.d.Verdict, tc.d.Reason, out.verdict, got.Verdict, got.Reason)
		}
	}
}

// TestP1PanickingClockDenies: even the clock is below the net.
func TestP1PanickingClockDenies(t *testing.T) { inBothCodecs(t, testP1PanickingClockDenies) }

func testP1PanickingClockDenies(t *testing.T, m mode) {
	server := NewServer(ServerOptions{Decider: always(allow), Observer: &recorder{}, Clock: func() time.Duration { panic("no clock") }})
	if out := m.check(t.Context(), t, server, plain().raw()); out.verdict != envoyDenies || out.status != 500 {
		t.Errorf("%s %d, want deny 500", out.verdict, out.status)
	}
}

func TestP1UnsayableDecisionsDeny(t *testing.T) { inBothCodecs(t, testP1UnsayableDecisionsDeny) }

func testP1UnsayableDecisionsDeny(t *testing.T, m mode) {
	set := func(name, value string) authz.Decision {
		return authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Set: []authz.Header{{Name: name, Value: value}}}
	}
	back := func(verdict authz.Verdict, reason authz.Reason, name, value string) authz.Decision {
		return authz.Decision{Verdict: verdict, Reason: reason, ResponseHeaders: []authz.Header{{Name: name, Value: value}}}
	}
	remove := func(name string) authz.Decision {
		return authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Remove: []string{name}}
	}
	for name, d := range map[string]authz.Decision{
		"CR LF":             set("x-user", "a\r\nx-admin: 1"),
		"NUL":               set("x-user", "a\x00"),
		"DEL":               set("x-user", "a\x7f"),
		"invalid UTF-8":     set("x-user", "a\xff"),
		"leading space":     set("x-user", " a"),
		"trailing tab":      set("x-user", "a\t"),
		"blank":             set("x-user", ""),
		"too long":          set("x-user", strings.Repeat("a", maxHeaderValue+1)),
		"no name":           set("", "a"),
		"upper case":        set("X-User", "a"),
		"space in name":     set("x user", "a"),
		"line in name":      set("x\r\ny", "a"),
		"invalid name":      set("x\xff", "a"),
		"path":              set(":path", "/admin"),
		"host":              set("host", "evil"),
		"content-length":    set("content-length", "5"),
		"transfer-encoding": set("transfer-encoding", "chunked"),
		"upgrade":           set("upgrade", "websocket"),
		"twice":             {Verdict: authz.Allow, Reason: authz.Allowed, Set: []authz.Header{{Name: "x-a", Value: "1"}, {Name: "x-b", Value: "2"}, {Name: "x-a", Value: "3"}}},
		"split client":      back(authz.Allow, authz.Allowed, "x-id", "a\r\n\r\n<html>"),
		"status to client":  back(authz.Allow, authz.Allowed, ":status", "200"),
		"length to client":  back(authz.Allow, authz.Allowed, "content-length", "1"),
		"split denied":      back(authz.Deny, authz.PolicyDenied, "x-id", "a\r\nset-cookie: b"),
		"grpc ok on denied": back(authz.Deny, authz.PolicyDenied, "grpc-status", "0"),
		"second challenge":  back(authz.Challenge, authz.NoToken, "www-authenticate", "Basic"),
		"second cache":      back(authz.Deny, authz.PolicyDenied, "cache-control", "public"),
		"remove pseudo":     remove(":path"),
		"remove host":       remove("host"),
		"remove nothing":    remove(""),
		"remove invalid":    remove("x\xff"),
		"remove upper":      remove("X-User"),
		"metadata":          {Verdict: authz.Allow, Reason: authz.Allowed, Metadata: []authz.MetadataField{{Name: "a", Text: "\xff"}}},
		"metadata name":     {Reason: authz.PolicyDenied, Metadata: []authz.MetadataField{{Name: "\xff", Text: "a"}}},
	} {
		observer := &recorder{}
		out := m.check(t.Context(), t, NewServer(ServerOptions{Decider: always(d), Observer: observer}), plain().raw())
		if out.verdict != envoyDenies || out.status != 500 || out.corrupt != "" {
			t.Errorf("%s: %+v, want deny 500", name, out)
		}
		if got := observer.one(t); got.decision.Reason != authz.Internal || !errors.Is(got.fault, errUnsayable) {
			t.Errorf("%s: the observer heard %v, %v", name, got.decision.Reason, got.fault)
		}
	}
}

func TestP1MetadataOversizeDenies(t *testing.T) { inBothCodecs(t, testP1MetadataOversizeDenies) }

func testP1MetadataOversizeDenies(t *testing.T, m mode) {
	large := []authz.MetadataField{{Name: "sub", Text: strings.Repeat("a", maxMetadataBytes)}}
	for _, tc := range []struct {
		d      authz.Decision
		status int
	}{
		{authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Metadata: large}, 403},
		{authz.Decision{Verdict: authz.Challenge, Reason: authz.Expired, Metadata: large}, 401},
	} {
		out := m.check(t.Context(), t, NewServer(ServerOptions{Decider: always(tc.d)}), plain().raw())
		if out.verdict != envoyDenies || out.status != tc.status {
			t.Errorf("%v: %s %d, want deny %d", tc.d.Reason, out.verdict, out.status, tc.status)
		}
	}
}

func TestP1DeadlineDenies(t *testing.T) { inBothCodecs(t, testP1DeadlineDenies) }

func testP1DeadlineDenies(t *testing.T, m mode) {
	synctest.Test(t, func(t *testing.T) {
		never := deciderFunc(func(context.Context, *authz.Request) authz.Decision {
			t.Error("a decision was made that nobody waits for")
			return allow
		})
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		short, cancel := context.WithTimeout(t.Context(), minTimeLeft-1)
		defer cancel()
		for name, ctx := range map[string]context.Context{"cancelled": cancelled, "too short": short} {
			observer := &recorder{}
			out := m.check(ctx, t, NewServer(ServerOptions{Decider: never, Observer: observer}), plain().raw())
			if got := observer.one(t); out.verdict != envoyDenies || out.status != 503 || got.decision.Reason != authz.DeadlineExceeded || got.decision.Verdict != authz.Unavailable {
				t.Errorf("%s: %s %d, %+v", name, out.verdict, out.status, got)
			}
		}
		enough, cancel := context.WithTimeout(t.Context(), minTimeLeft)
		defer cancel()
		if out := m.check(enough, t, NewServer(ServerOptions{Decider: always(allow)}), plain().raw()); out.verdict != envoyAllows {
			t.Errorf("with time left: %s", out.verdict)
		}
	})
}

func TestP1OverloadDenies(t *testing.T) { inBothCodecs(t, testP1OverloadDenies) }

func testP1OverloadDenies(t *testing.T, m mode) {
	const limit = 3
	release, entered := make(chan struct{}), make(chan struct{}, limit)
	observer := &recorder{}
	server := NewServer(ServerOptions{MaxInFlight: limit, Observer: observer, Decider: deciderFunc(func(context.Context, *authz.Request) authz.Decision {
		entered <- struct{}{}
		<-release
		return allow
	})})
	var wg sync.WaitGroup
	for range limit {
		wg.Go(func() {
			if out := m.check(t.Context(), t, server, plain().raw()); out.verdict != envoyAllows {
				t.Errorf("within the limit: %s", out.verdict)
			}
		})
	}
	for range limit {
		<-entered
	}
	out := m.check(t.Context(), t, server, plain().raw())
	if got := observer.one(t); out.status != 503 || got.decision.Reason != authz.Overloaded || server.InFlight() != limit {
		t.Errorf("over the limit: %d %v, %d in flight", out.status, got.decision.Reason, server.InFlight())
	}
	close(release)
	wg.Wait()
	if server.InFlight() != 0 {
		t.Errorf("%d checks still count as in flight", server.InFlight())
	}
}

// TestP1EngineWithoutConfiguration: the real engine, before it was given
// anything.
func TestP1EngineWithoutConfiguration(t *testing.T) {
	inBothCodecs(t, testP1EngineWithoutConfiguration)
}

func testP1EngineWithoutConfiguration(t *testing.T, m mode) {
	server := NewServer(ServerOptions{Decider: authz.NewEngine(authz.Options{})})
	for _, msg := range plain().with("authorization", "Bearer a.b.c").encodings() {
		if out := m.check(t.Context(), t, server, msg); out.verdict != envoyDenies || out.status != 503 {
			t.Errorf("%s %d, want deny 503", out.verdict, out.status)
		}
	}
	if out := m.check(t.Context(), t, server, nil); out.verdict != envoyDenies {
		t.Errorf("an empty request: %s, want deny", out.verdict)
	}
}

func TestObserverHears(t *testing.T) { inBothCodecs(t, testObserverHears) }

func testObserverHears(t *testing.T, m mode) {
	ticks := 0
	clock := func() time.Duration { ticks++; return time.Duration(ticks) * time.Millisecond }
	observer := &recorder{}
	d := authz.Decision{Verdict: authz.Challenge, Reason: authz.Expired, Tenant: "acme", Issuer: "idp"}
	m.check(t.Context(), t, NewServer(ServerOptions{Decider: always(d), Observer: observer, Clock: clock}), plain().raw())
	got := observer.one(t)
	if got.path != "/orders/1" || got.decision.Tenant != "acme" || got.decision.Reason != authz.Expired || got.elapsed != time.Millisecond || got.fault != nil {
		t.Errorf("the observer heard %+v", got)
	}
}
