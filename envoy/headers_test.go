package envoy

import (
	"context"
	"errors"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// TestP5NothingShapesTheMessage: no decision sets a header that says where a
// message ends, to whom it goes or what the connection turns into, in neither
// direction; one whose name holds such a name is any other.
func TestP5NothingShapesTheMessage(t *testing.T) {
	for _, name := range []string{
		"host", "connection", "content-length", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection", "te", "trailer",
	} {
		for way, check := range map[string]func(authz.Header) error{"upstream": checkRequestHeader, "client": checkResponseHeader} {
			if err := check(authz.Header{Name: name, Value: "a"}); !errors.Is(err, errUnsayable) {
				t.Errorf("%s to the %s: %v", name, way, err)
			}
			if err := check(authz.Header{Name: "x-" + name, Value: "a"}); err != nil {
				t.Errorf("x-%s to the %s: %v", name, way, err)
			}
		}
	}
}

// TestResponseHeadersAreSaidOnce: none comes twice, and www-authenticate is
// refused where the answer has one of its own, and only there.
func TestResponseHeadersAreSaidOnce(t *testing.T) {
	twice := []authz.Header{{Name: "x-a", Value: "1"}, {Name: "x-b", Value: "2"}, {Name: "x-a", Value: "1"}}
	challenge := []authz.Header{{Name: "www-authenticate", Value: "Basic"}}
	for name, tc := range map[string]struct {
		verdict authz.Verdict
		reason  authz.Reason
		headers []authz.Header
		said    bool
	}{
		"twice on an allow":        {authz.Allow, authz.Allowed, twice, false},
		"twice on a denial":        {authz.Deny, authz.PolicyDenied, twice, false},
		"once each":                {authz.Deny, authz.PolicyDenied, twice[:2], true},
		"a challenge on an allow":  {authz.Allow, authz.Allowed, challenge, true},
		"a challenge on a denial":  {authz.Deny, authz.PolicyDenied, challenge, true},
		"a second challenge":       {authz.Challenge, authz.NoToken, challenge, false},
		"a second one for a scope": {authz.Deny, authz.ScopeMissing, challenge, false},
	} {
		d := authz.Decision{Verdict: tc.verdict, Reason: tc.reason, ResponseHeaders: tc.headers}
		if _, err := said(t, newResponder(), &authz.Request{}, &d); (err == nil) != tc.said || err != nil && !errors.Is(err, errUnsayable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestP1OurOwnFaultIsSaidInFull: a denial that replaces what could not be said
// has the headers and the body that its kind of client reads; after a panic it
// is that for browsers.
func TestP1OurOwnFaultIsSaidInFull(t *testing.T) { inBothCodecs(t, testP1OurOwnFaultIsSaidInFull) }

func testP1OurOwnFaultIsSaidInFull(t *testing.T, m mode) {
	unsayable := allow
	unsayable.Set = []authz.Header{{Name: "x-user", Value: "a\nb"}}
	panicking := deciderFunc(func(context.Context, *authz.Request) authz.Decision { panic("a fault") })
	for _, tc := range []struct {
		decider    Decider
		kind, form string
	}{
		{always(unsayable), "application/json", "application/json"}, {always(unsayable), "application/grpc", "application/grpc"},
		{panicking, "application/json", "application/json"}, {panicking, "application/grpc", "application/json"},
	} {
		out := m.check(t.Context(), t, NewServer(ServerOptions{Decider: tc.decider}), plain().with("content-type", tc.kind).raw())
		expectDenial(t, out, wantAnswers()[authz.Internal], tc.form)
	}
}
