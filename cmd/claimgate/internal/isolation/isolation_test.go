package isolation

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

func TestMain(m *testing.M) {
	if os.Getenv(loadVariable) == "" {
		goleak.VerifyTestMain(m)
	}
	if err := generator(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func dial(tb testing.TB, address string) authv3.AuthorizationClient {
	tb.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return authv3.NewAuthorizationClient(conn)
}

// request is one of a client with a token.
func request(host, address, raw string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{Address: address},
		}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Path: "/orders", Host: host, Scheme: "https", Protocol: "HTTP/1.1",
			Headers: map[string]string{"authorization": "Bearer " + raw},
		}},
	}}
}

const (
	floodAddress = "192.0.2.66"
	goodAddress  = "192.0.2.7"
)

// flood sends what next returns from many clients at once until stop is called,
// which reports what was wrong with the answers.
func (a *arena) flood(t *testing.T, host string, clients int, next func() string) (stop func()) {
	t.Helper()
	client := dial(t, a.address)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for ctx.Err() == nil {
				response, err := client.Check(t.Context(), request(host, floodAddress, next()))
				if err != nil {
					t.Errorf("a gRPC error in place of an answer: %v", err)
					return
				}
				checkAnswer(t, response)
			}
		})
	}
	return func() { cancel(); running.Wait() }
}

// checkAnswer wants a message that allows, or that denies; and that says when to
// come again where the server could not decide.
func checkAnswer(t *testing.T, response *authv3.CheckResponse) {
	t.Helper()
	denied := response.GetDeniedResponse()
	if (response.GetStatus().GetCode() == 0) != (response.GetOkResponse() != nil) || (denied == nil) != (response.GetOkResponse() != nil) {
		t.Errorf("neither allowed nor denied: %v", response)
	}
	again := 0
	for _, header := range denied.GetHeaders() {
		if header.GetHeader().GetKey() == "retry-after" {
			again++
		}
	}
	if unavailable := denied.GetStatus().GetCode() == 503; unavailable != (again == 1) {
		t.Errorf("status %v with %d retry-after", denied.GetStatus(), again)
	}
}

// send sends tokens of the good tenant in turns and wants each allowed.
func (a *arena) send(t *testing.T, host string, tokens []string, times int) {
	t.Helper()
	client := dial(t, a.address)
	for range times {
		for _, raw := range tokens {
			response, err := client.Check(t.Context(), request(host, goodAddress, raw))
			if err != nil || response.GetStatus().GetCode() != 0 || response.GetOkResponse() == nil {
				t.Errorf("a good token at %s was refused: %v, %v", host, response, err)
			}
		}
	}
}

// circle returns the elements in turns, for many at once.
func circle(list []string) func() string {
	var at atomic.Int64
	return func() string { return list[int(at.Add(1)-1)%len(list)] }
}

// attack is one way to flood.
type attack struct {
	host    string
	clients int
	next    func(t *testing.T, a *arena) func() string
	seen    []authz.Reason // of which the flood must have had some
}

func attacks() map[string]attack {
	dear := func(which int) func(*testing.T, *arena) func() string {
		return func(_ *testing.T, a *arena) func() string { return a.dear[which].token }
	}
	forged := func(a *arena, t *testing.T, claims map[string]any) func() string {
		idp := a.bad
		if claims != nil {
			idp = a.shared
		}
		good := mint(t, idp, 1, nil, claims)[0]
		return func() string { return forge(good) }
	}
	return map[string]attack{
		"forged":     {floodHost, 16, func(t *testing.T, a *arena) func() string { return forged(a, t, nil) }, []authz.Reason{authz.SignatureInvalid}},
		"first seen": {floodHost, 16, func(t *testing.T, a *arena) func() string { return circle(mint(t, a.bad, 200, nil, nil)) }, []authz.Reason{authz.Allowed}},
		"unknown keys": {floodHost, 80, func(t *testing.T, a *arena) func() string {
			good := mint(t, a.bad, 1, nil, nil)[0]
			return func() string { return unknownKey(good) }
		}, []authz.Reason{authz.KeyUnknown}},
		"ES384":    {floodHost, 16, dear(0), []authz.Reason{authz.SignatureInvalid}},
		"ES512":    {floodHost, 280, dear(1), []authz.Reason{authz.SignatureInvalid, authz.Overloaded}},
		"RSA 4096": {floodHost, 16, dear(2), []authz.Reason{authz.SignatureInvalid}},
		"forged, before the tenant is known": {sharedHost, 150, func(t *testing.T, a *arena) func() string {
			return forged(a, t, map[string]any{"org": "good"})
		}, []authz.Reason{authz.SignatureInvalid, authz.Overloaded}},
		"first seen, before the tenant is known": {sharedHost, 16, func(t *testing.T, a *arena) func() string {
			return circle(mint(t, a.shared, 200, nil, map[string]any{"org": "flood"}))
		}, []authz.Reason{authz.Allowed}},
		"unknown keys, before the tenant is known": {sharedHost, 80, func(t *testing.T, a *arena) func() string {
			good := mint(t, a.shared, 1, nil, map[string]any{"org": "good"})[0]
			return func() string { return unknownKey(good) }
		}, []authz.Reason{authz.KeyUnknown}},
	}
}

// TestP8AFloodHoldsUpNobodyElse holds through a real gRPC server that, while one
// tenant or client floods it, all cached tokens of another tenant pass, each from
// the cache and none of them by way of the verification queue or of a fetch, and
// that its new tokens pass too.
func TestP8AFloodHoldsUpNobodyElse(t *testing.T) {
	a := newArena(t)
	ours, shared := mint(t, a.good, 12, nil, nil), mint(t, a.shared, 12, nil, map[string]any{"org": "good"})
	fresh := mint(t, a.good, 4*len(attacks()), nil, nil)
	a.send(t, goodHost, ours, 1)
	a.send(t, sharedHost, shared, 1)
	for name, attack := range attacks() {
		t.Run(name, func(t *testing.T) {
			stop := a.flood(t, attack.host, attack.clients, attack.next(t, a))
			a.seen.await(attack.seen, 20)
			before := a.measure()
			a.send(t, goodHost, ours, 4)
			a.send(t, sharedHost, shared, 4)
			after := a.measure()
			a.send(t, goodHost, fresh[:4], 1)
			fresh = fresh[4:]
			stop()
			if want := 4 * (len(ours) + len(shared)); after.cached-before.cached != want {
				t.Errorf("%d answers from the cache, want %d", after.cached-before.cached, want)
			}
			if after.good != before.good || after.fetches != before.fetches || after.unknown != before.unknown {
				t.Errorf("cached tokens took turns or waited for keys: %+v, before %+v", after, before)
			}
		})
	}
	if got := a.measure(); got.good.shed != 0 || got.good.verified != len(ours)+4*len(attacks()) {
		t.Errorf("the good tenant's own tokens: %+v", got.good)
	}
	for _, payer := range []token.Payer{{Tenant: "flood"}, {Entry: "shared"}} {
		if flood := a.seen.of(payer); flood.verified == 0 || flood.waited == 0 || flood.shed == 0 {
			t.Errorf("control: the flood at the expense of %v: %+v", payer, flood)
		}
	}
}

// measured are the counts of the good tenant and of what it depends on.
type measured struct {
	good    counts
	cached  int
	fetches int
	unknown uint64 // kids of its own issuer
}

func (a *arena) measure() measured {
	m := measured{good: a.seen.of(token.Payer{Tenant: "good"}), cached: a.seen.count("good", authz.Allowed, true), fetches: a.good.JWKSFetches()}
	for _, status := range a.registry.Status() {
		if status.Issuer == a.goodURL {
			m.unknown += status.UnknownKIDs
		}
	}
	return m
}

// TestP8AFloodOfOneClientHoldsUpNoOther holds the same for clients of one tenant:
// one floods it with forged tokens, and another's pass, new ones too.
func TestP8AFloodOfOneClientHoldsUpNoOther(t *testing.T) {
	a := newArena(t)
	ours, fresh := mint(t, a.good, 8, nil, nil), mint(t, a.good, 8, nil, nil)
	a.send(t, goodHost, ours, 1)
	good := ours[0]
	stop := a.flood(t, goodHost, 160, func() string { return forge(good) })
	a.seen.await([]authz.Reason{authz.SignatureInvalid, authz.Overloaded}, 20)
	before := a.measure()
	a.send(t, goodHost, ours, 4)
	a.send(t, goodHost, fresh, 1)
	after := a.measure()
	stop()
	if got := after.cached - before.cached; got != 4*len(ours) {
		t.Errorf("%d answers from the cache, want %d", got, 4*len(ours))
	}
}
