package demo

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/examples"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStoriesWithStandIn runs every story without Envoy; package e2e runs them
// with one.
func TestStoriesWithStandIn(t *testing.T) {
	for name := range Stories() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Run(t.Context(), Options{Out: &out, Example: name, Once: true, WithoutEnvoy: true}); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			if !strings.Contains(out.String(), "stands in for it") {
				t.Error("the stand-in is not said to be one")
			}
			for line := range strings.Lines(out.String()) {
				if len(line) > 121 {
					t.Errorf("a line of %d columns: %s", len(line)-1, line)
				}
			}
			if strings.Contains(out.String(), "eyJ") {
				t.Error("--once prints a token")
			}
		})
	}
}

// TestEveryExampleHasAStory holds that no folder of examples is left unrun.
func TestEveryExampleHasAStory(t *testing.T) {
	entries, err := fs.ReadDir(examples.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if _, ok := Stories()[entry.Name()]; !ok {
			t.Errorf("example %s has no story", entry.Name())
		}
	}
	if len(entries) != len(Stories()) {
		t.Errorf("%d examples, %d stories", len(entries), len(Stories()))
	}
}

// TestWrongExpectation holds that a row that comes out otherwise is an error
// and is shown.
func TestWrongExpectation(t *testing.T) {
	story := quickstartStory()
	story.Steps = story.Steps[:2]
	story.Steps[1].Want = refusedAs(403, "policy_denied", "")
	stack, err := StartStack(t.Context(), StackOptions{Example: story.Example, Issuers: story.Issuers, WithoutEnvoy: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Stop()
	var out bytes.Buffer
	unexpected, err := stack.tell(t.Context(), &out, story)
	if err != nil || unexpected != 1 {
		t.Fatalf("%d unexpected rows, %v", unexpected, err)
	}
	for _, want := range []string{`status: want "403", got "200"`, `reason: want "policy_denied", got "allowed"`, "1 of 2 requests"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// TestTakenPorts holds that no port needs to be free.
func TestTakenPorts(t *testing.T) {
	for _, port := range []int{portGate, portFront, portUpstream, 8080, 8082} {
		if l, err := listenLoopback(t.Context(), port); err == nil {
			defer func() { _ = l.Close() }()
		}
	}
	if err := Run(t.Context(), Options{Example: "demo", Once: true, WithoutEnvoy: true}); err != nil {
		t.Fatal(err)
	}
}

func TestUnknownExample(t *testing.T) {
	err := Run(t.Context(), Options{Example: "nowhere"})
	if err == nil || !strings.Contains(err.Error(), "demo, multi-tenant, quickstart") {
		t.Errorf("got %v, want an error that lists the examples", err)
	}
	if errors.Is(err, ErrUnexpected) {
		t.Error("an unknown example counts as an unexpected row")
	}
}

// TestStaysUntilEnd holds that the demo prints commands that work, stays until
// its context ends, and leaves nothing behind.
func TestStaysUntilEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &watched{want: "not alice's", seen: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Out: out, Example: "quickstart", WithoutEnvoy: true})
	}()
	select {
	case <-out.seen:
	case err := <-done:
		t.Fatalf("ended early: %v\n%s", err, out)
	case <-time.After(30 * time.Second):
		t.Fatalf("no commands after 30 s:\n%s", out)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the end of the context is an error: %v", err)
	}
	text := out.String()
	if !strings.Contains(text, `curl -i -H 'Host: localhost' -H "Authorization: Bearer $ALICE" http://127.0.0.1:`) {
		t.Errorf("no curl command in\n%s", text)
	}
	if !strings.Contains(text, "ALICE=eyJ") {
		t.Error("no token to go on with")
	}
	if dir := regexp.MustCompile(`files +(\S+)`).FindStringSubmatch(text); dir == nil {
		t.Error("the folder is not named")
	} else if _, err := os.Stat(dir[1]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left behind (%v)", dir[1], err)
	}
}

// TestOnceInterrupted holds that a table that was not finished is no success.
func TestOnceInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &watched{want: "good token", seen: make(chan struct{})}
	go func() {
		<-out.seen
		cancel()
	}()
	slow := writerFunc(func(p []byte) (int, error) {
		n, err := out.Write(p)
		if strings.Contains(out.String(), out.want) {
			<-ctx.Done()
		}
		return n, err
	})
	if err := Run(ctx, Options{Out: slow, Example: "quickstart", Once: true, WithoutEnvoy: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// watched is a writer that tells when a text was written.
type watched struct {
	mu   sync.Mutex
	text strings.Builder
	want string
	seen chan struct{}
	once sync.Once
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if strings.Contains(w.text.String(), w.want) {
		w.once.Do(func() { close(w.seen) })
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func TestBadConfigurationIsReported(t *testing.T) {
	file := t.TempDir() + "/claimgate.yaml"
	if err := os.WriteFile(file, []byte("apiVersion: claimgate.dev/v1alpha1\nnoSuchField: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := listenLoopback(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := StartGate(t.Context(), file, l); err == nil || !strings.Contains(err.Error(), "noSuchField") {
		t.Errorf("got %v, want the problem", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is left open: %v", err)
	}
}

func TestPortsApply(t *testing.T) {
	p := ports{replaced: map[int]int{9191: 1, 8000: 0}}
	for text, want := range map[string]string{
		"listen: {address: 127.0.0.1:9191}":        "listen: {address: 127.0.0.1:1}",
		"address: 127.0.0.1, port_value: 8000}":    "address: 127.0.0.1, port_value: 0}",
		"127.0.0.1:91910 x9191 9191 1.0.0.1:8000":  "127.0.0.1:91910 x9191 9191 1.0.0.1:8000",
		"port_value: 8081":                         "port_value: 8081",
		"http://127.0.0.1:9191/realm127.0.0.1:801": "http://127.0.0.1:1/realm127.0.0.1:801",
	} {
		if got := string(p.apply([]byte(text))); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	got := wrap("aaa bbb ccccccccc d", 7)
	if want := []string{"aaa bbb", "ccccccccc", "d"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := wrap("", 7); len(got) != 1 || got[0] != "" {
		t.Errorf("got %q for nothing", got)
	}
}

func TestRecorderIsBounded(t *testing.T) {
	r := &recorder{}
	for i := range maxRecords + 10 {
		d := decisionNumbered(i)
		r.Checked(nil, &d, 0, nil)
	}
	if len(r.records) != maxRecords || len(r.order) != maxRecords {
		t.Errorf("%d records, %d in order", len(r.records), len(r.order))
	}
	first, last := decisionNumbered(0), decisionNumbered(maxRecords+9)
	if _, ok := r.find(first.ID.String()); ok {
		t.Error("the oldest record is kept")
	}
	if _, ok := r.find(last.ID.String()); !ok {
		t.Error("the newest record is lost")
	}
}

func decisionNumbered(n int) (d authz.Decision) {
	d.ID[0], d.ID[1] = byte(n), byte(n>>8)
	return d
}
