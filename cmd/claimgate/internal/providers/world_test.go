package providers

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
)

//go:embed testdata/envoy.yaml
var envoyTemplate string

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is one claimgate with a proxy before it and an upstream behind that.
type world struct {
	gate  *demo.Gate
	front string // address of the proxy
}

// start runs a claimgate with the configuration that the template yields.
func start(t *testing.T, config string, fields any) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "claimgate.yaml")
	if err := os.WriteFile(file, fill(t, config, fields), 0o600); err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	gate, err := demo.StartGate(t.Context(), file, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gate.Stop)
	w := &world{gate: gate}
	w.startFront(t, l.Addr().String(), serve(t, listen(t), http.HandlerFunc(demo.Echo)))
	return w
}

// startFront starts Envoy or, where there is none, its stand-in, which asks
// claimgate over gRPC.
func (w *world) startFront(t *testing.T, gate, upstream string) {
	t.Helper()
	if _, err := proxy.Find(); err != nil {
		if os.Getenv("CLAIMGATE_REQUIRE_ENVOY") == "1" || !errors.Is(err, proxy.ErrUnavailable) {
			t.Fatal(err)
		}
		t.Logf("THERE IS NO ENVOY: its stand-in asks claimgate over gRPC: %v", err)
		w.front = startStandIn(t, gate, upstream)
		return
	}
	config := fill(t, envoyTemplate, map[string]string{"Gate": port(gate), "Upstream": port(upstream)})
	envoy, err := proxy.Start(t.Context(), proxy.Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(envoy.Stop)
	if w.front, err = envoy.Address("ingress"); err != nil {
		t.Fatal(err)
	}
}

// authorizer makes a gRPC client a proxy.Authorizer.
type authorizer struct{ client authv3.AuthorizationClient }

func (a authorizer) Check(ctx context.Context, req *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return a.client.Check(ctx, req)
}

func startStandIn(t *testing.T, gate, upstream string) string {
	t.Helper()
	connection, err := grpc.NewClient(gate, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return serve(t, listen(t), proxy.NewStandIn(proxy.StandInOptions{
		Authorizer: authorizer{authv3.NewAuthorizationClient(connection)},
		Upstream:   &url.URL{Scheme: "http", Host: upstream},
		Transport:  transport,
		Timeout:    10 * time.Second,
	}))
}

func fill(t *testing.T, text string, fields any) []byte {
	t.Helper()
	var filled bytes.Buffer
	if err := template.Must(template.New("").Parse(text)).Execute(&filled, fields); err != nil {
		t.Fatal(err)
	}
	return filled.Bytes()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve serves on the listener until the test ends and returns its address.
func serve(t *testing.T, l net.Listener, handler http.Handler) string {
	t.Helper()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with Close
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return l.Addr().String()
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// answer is what a client got and what claimgate recorded about it.
type answer struct {
	status int
	header http.Header
	body   string
	seen   demo.Seen // by the upstream; empty where it was not reached
	record demo.Record
}

// get asks for /orders/7 of the host, with one Authorization header unless it
// is empty.
func (w *world) get(t *testing.T, host, authorization string) answer {
	t.Helper()
	a, err := w.ask(t.Context(), host, authorization)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *world) ask(ctx context.Context, host, authorization string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.front+"/orders/7", nil)
	if err != nil {
		return answer{}, err
	}
	req.Host = host
	req.Header.Set("X-User-Id", "forged") // what claimgate owns never passes
	req.Header.Set("X-Client", "forged")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, body, err := send(plainClient(), req)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	a.record, _ = w.gate.Decision(res.Header.Get("X-Decision-Id"))
	if res.StatusCode == http.StatusOK {
		err = json.Unmarshal(body, &a.seen)
	}
	return a, err
}

// plainClient follows no redirect and keeps no connection.
func plainClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func send(client *http.Client, req *http.Request) (*http.Response, []byte, error) {
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

// allowed holds that the request passed and what the upstream saw of the given
// headers; an empty text stands for none at all.
func (a *answer) allowed(t *testing.T, headers map[string]string) {
	t.Helper()
	if a.status != http.StatusOK || a.record.Reason != "allowed" {
		t.Fatalf("got %d %q, want 200 allowed: %s", a.status, a.record.Reason, a.body)
	}
	for name, want := range headers {
		if got := strings.Join(a.seen.Headers[name], " and "); got != want {
			t.Errorf("the upstream saw %s: %q, want %q", name, got, want)
		}
	}
	if got := a.seen.Headers["authorization"]; got != nil {
		t.Error("the token reached the upstream")
	}
}

// refused holds status and recorded reason, and that the client is not told.
func (a *answer) refused(t *testing.T, status int, reason string) {
	t.Helper()
	if a.status != status || a.record.Reason != reason {
		t.Errorf("got %d %q, want %d %s: %s", a.status, a.record.Reason, status, reason, a.body)
	}
	if a.seen.Method != "" {
		t.Error("the upstream was reached")
	}
	wanted := status == http.StatusUnauthorized || reason == "scope_missing"
	if challenge := a.header.Get("WWW-Authenticate"); (challenge != "") != wanted {
		t.Errorf("challenge %q with status %d", challenge, status)
	}
}

func bearer(token string) string { return "Bearer " + token }

// eventually polls until the condition holds; a test fails when it does not
// within 30 s.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
