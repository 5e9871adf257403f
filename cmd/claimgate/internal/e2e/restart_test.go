package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
)

// TestP1RestartUnderLoad stops and starts claimgate while good and bad requests
// keep coming: no bad one is ever allowed, while it is down every request gets
// 503, and afterwards good ones are allowed again.
func TestP1RestartUnderLoad(t *testing.T) {
	w := the(t)
	configs := []string{w.config, w.generated} // in turns, each codec under load
	gate := w.startRestartGate(t, configs[0])
	good := "Bearer " + w.mint(t, mainIssuer, nil)
	l := startLoad(t, w, map[string]string{"good": good, "none": "", "junk": "Bearer junk", "foreign": "Bearer " + w.mint(t, secondIssuer, nil)})

	for round := range 3 {
		eventually(t, "good requests are allowed", l.more("good", http.StatusOK))
		eventually(t, "bad requests are refused", l.more("junk", http.StatusUnauthorized))
		gate.Stop()
		for name := range l.tokens {
			eventually(t, name+" gets 503 while claimgate is down", l.more(name, http.StatusServiceUnavailable))
		}
		if got := w.get(t, viaRestart, "main.test", "/any", "Authorization: "+good); got.status != http.StatusServiceUnavailable || got.seen != nil {
			t.Errorf("round %d: got %d while claimgate is down, want 503", round, got.status)
		}
		gate = w.startRestartGate(t, configs[(round+1)%2])
	}
	eventually(t, "good requests are allowed in the end", l.more("good", http.StatusOK))
	l.stop()

	for _, name := range []string{"none", "junk", "foreign"} {
		if n := w.upstream.count("restart-" + name); n != 0 {
			t.Errorf("%d requests with the token %q reached the upstream", n, name)
		}
		for status := range l.statuses(name) {
			if status != http.StatusUnauthorized && status != http.StatusServiceUnavailable {
				t.Errorf("token %q got %d", name, status)
			}
		}
	}
	for status, n := range l.statuses("good") {
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Errorf("%d good requests got %d", n, status)
		}
	}
}

// startRestartGate starts the claimgate behind viaRestart on its one address.
func (w *world) startRestartGate(t *testing.T, config string) *demo.Gate {
	t.Helper()
	var listener net.Listener
	eventually(t, "the address "+w.restart+" is free", func() bool {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", w.restart)
		listener = l
		return err == nil
	})
	gate, err := demo.StartGate(t.Context(), config, listener)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gate.Stop)
	return gate
}

// load sends requests with each token all the time and counts the answers.
type load struct {
	tokens  map[string]string
	cancel  context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	counts  map[string]map[int]int
	failed  atomic.Int64
}

func startLoad(t *testing.T, w *world, tokens map[string]string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{tokens: tokens, cancel: cancel, counts: map[string]map[int]int{}}
	url := "http://" + w.address(t, viaRestart) + "/any"
	for name, token := range tokens {
		l.counts[name] = map[int]int{}
		l.running.Go(func() { l.send(ctx, url, name, token) })
	}
	t.Cleanup(l.stop)
	return l
}

func (l *load) send(ctx context.Context, url, name, token string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			l.failed.Add(1)
			return
		}
		req.Host = "main.test"
		req.Header.Set("x-mark", "restart-"+name)
		if token != "" {
			req.Header.Set("Authorization", token)
		}
		res, err := client.Do(req)
		if err != nil {
			continue // the load was stopped
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		l.mu.Lock()
		l.counts[name][res.StatusCode]++
		l.mu.Unlock()
	}
}

// more returns a condition: since now, three more requests got the status.
func (l *load) more(name string, status int) func() bool {
	before := l.statuses(name)[status]
	return func() bool { return l.statuses(name)[status] >= before+3 }
}

func (l *load) statuses(name string) map[int]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[int]int, len(l.counts[name]))
	for status, n := range l.counts[name] {
		counts[status] = n
	}
	return counts
}

func (l *load) stop() {
	l.cancel()
	l.running.Wait()
}
