package envoy

import (
	"context"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/claimgate/claimgate/authz"
)

// TestP2WaitingStallsNobody: where more checks wait than there are stream
// workers, as those of a tenant whose keys are fetched do, others are answered,
// on the same connection and on another one.
func TestP2WaitingStallsNobody(t *testing.T) { inBothCodecs(t, testWaitingStallsNobody) }

func testWaitingStallsNobody(t *testing.T, m mode) {
	const waiting = 3 * streamWorkers
	var entered sync.WaitGroup
	entered.Add(waiting)
	release := make(chan struct{})
	decider := deciderFunc(func(_ context.Context, req *authz.Request) authz.Decision {
		if req.Path.Canonical == "/slow" {
			entered.Done()
			<-release
		}
		return allow
	})
	service := m.service(NewServer(ServerOptions{Decider: decider}), ServiceOptions{})
	busy, other := serve(t, service), serve(t, service)
	slow := plain()
	slow.target = "/slow"
	request := encoded(t, slow.raw())
	var ended sync.WaitGroup
	for range waiting {
		ended.Go(func() { expectAllow(t, busy, request) })
	}
	entered.Wait() // all of them run at once, and so more than there are workers
	for range 2 * streamWorkers {
		expectAllow(t, busy, encoded(t, plain().raw()))
		expectAllow(t, other, encoded(t, plain().raw()))
	}
	close(release)
	ended.Wait()
}

func expectAllow(t *testing.T, conn *grpc.ClientConn, request []byte) {
	t.Helper()
	wire, err := callRaw(t.Context(), conn, request)
	if err != nil {
		t.Error(err)
		return
	}
	if got := envoyReadsBytes(t, wire).verdict; got != envoyAllows {
		t.Errorf("the answer: %v", got)
	}
}

// TestLargeMessagesPassTheWindows: windows that stay as they are bound what is in
// flight, not how large a message may be.
func TestLargeMessagesPassTheWindows(t *testing.T) { inBothCodecs(t, testLargeMessages) }

func testLargeMessages(t *testing.T, m mode) {
	service := m.service(NewServer(ServerOptions{Decider: always(allow)}), ServiceOptions{})
	conn := serve(t, service)
	message := plain().raw()
	message.GetAttributes().GetRequest().GetHttp().Body = strings.Repeat("a", 3*connectionWindow)
	request := encoded(t, message)
	var ended sync.WaitGroup
	for range 4 {
		ended.Go(func() { expectAllow(t, conn, request) })
	}
	ended.Wait()
}
