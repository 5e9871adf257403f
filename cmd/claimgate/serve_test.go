package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
)

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// running is a server in this process.
type running struct {
	addresses map[string]string
	log       *buffer
	signals   chan os.Signal
	ended     chan error
}

const settings = `
apiVersion: claimgate.dev/v1alpha1
listen: {address: "127.0.0.1:0", drainWait: DRAIN}
health: {address: "127.0.0.1:0"}
metrics: {address: "127.0.0.1:0"}
admin: {address: "127.0.0.1:0"}
log: {level: debug}
issuers:
  - {name: idp, issuer: "ISSUER", audiences: [https://api.example.com], algorithms: [RS256]}
tenants:
  - name: acme
    hosts: [api.example.com]
    issuers: [idp]
    policy:
      rules:
        - {name: read, action: allow, methods: [GET], paths: [/orders/**], when: [{claim: scope, hasScope: "orders:read"}]}
    headers:
      - {name: x-user-id, claim: sub, required: true}
`

func writeSettings(t *testing.T, issuerURL, drainWait string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "claimgate.yaml")
	text := strings.NewReplacer("ISSUER", issuerURL, "DRAIN", drainWait).Replace(settings)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// start serves until the test ends or sends signals, and waits until ready.
func start(t *testing.T, file string) *running {
	t.Helper()
	r := &running{log: &buffer{}, signals: make(chan os.Signal, 2), ended: make(chan error, 1)}
	ready := filepath.Join(t.TempDir(), "ready.json")
	go func() { r.ended <- serve(serveOptions{config: file, readyFile: ready}, r.signals, r.log) }()
	up := poll(func() bool {
		addresses, err := readAddresses(ready)
		if err != nil {
			return false
		}
		r.addresses = addresses
		status, _, err := ask(addresses["health"], "/readyz")
		return err == nil && status == http.StatusOK
	})
	if !up {
		t.Fatalf("not ready; the log:\n%s", r.log)
	}
	return r
}

// stop sends one signal and waits for the end.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.signals <- syscall.SIGTERM
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func startIssuer(t *testing.T) (*issuer.Issuer, string) {
	t.Helper()
	var idp *issuer.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { idp.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	var err error
	if idp, err = issuer.New(issuer.Options{URL: server.URL}); err != nil {
		t.Fatal(err)
	}
	return idp, server.URL
}

func checkRequest(method, token string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
		Http: &authv3.AttributeContext_HttpRequest{
			Method: method, Path: "/orders/4711?secret=query-of-the-client", Host: "api.example.com",
			Headers: map[string]string{"authorization": "Bearer " + token},
		},
	}}}
}

// TestServeDecides goes all the way: discovery, keys, a token, verdicts, and
// what log, metrics and pages tell of them.
func TestServeDecides(t *testing.T) {
	idp, issuerURL := startIssuer(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := start(t, writeSettings(t, issuerURL, "0s"))

	token, err := idp.Mint(map[string]any{"sub": "alice@example.com", "aud": "https://api.example.com", "scope": "orders:read"})
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, r.addresses["listen"])
	client := authv3.NewAuthorizationClient(conn)
	verdicts := map[string]int32{}
	for _, method := range []string{"GET", "GET", "DELETE"} {
		response, err := client.Check(t.Context(), checkRequest(method, token))
		if err != nil {
			t.Fatal(err)
		}
		verdicts[method] = response.GetStatus().GetCode()
	}
	if verdicts["GET"] != 0 || verdicts["DELETE"] != 7 {
		t.Errorf("codes %v, want GET 0 and DELETE 7; the log:\n%s", verdicts, r.log)
	}
	status, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil || status.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", status, err)
	}

	_, metrics, err := ask(r.addresses["metrics"], "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`claimgate_checks_total{reason="allowed",tenant="acme",verdict="allow"} 2`,
		`claimgate_checks_total{reason="policy_denied",tenant="acme",verdict="deny"} 1`,
		`claimgate_token_cache_hits_total 2`,
		`claimgate_verifications_total 1`,
		`claimgate_verifications_queued_total 0`,
		`claimgate_jwks_keys{issuer="` + issuerURL + `"} 1`,
		`claimgate_jwks_fetches_total{issuer="` + issuerURL + `",result="ok"} 1`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no %s in the metrics", want)
		}
	}
	_, page, err := ask(r.addresses["admin"], "/config")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	r.stop(t)

	if !strings.Contains(r.log.String(), `"msg":"denied"`) || !strings.Contains(r.log.String(), `"msg":"allowed"`) {
		t.Errorf("a decision is not in the log:\n%s", r.log)
	}
	parts := strings.Split(token, ".")
	for _, secret := range []string{parts[0], parts[1], parts[2], "alice@example.com", "query-of-the-client"} {
		if strings.Contains(r.log.String()+metrics+page, secret) {
			t.Errorf("%s is in the log, the metrics or the page", secret)
		}
	}
}

// TestServeStartsWithoutItsIssuer: an issuer that is down keeps nobody waiting.
func TestServeStartsWithoutItsIssuer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	r := start(t, writeSettings(t, server.URL, "0s"))
	_, text, err := ask(r.addresses["admin"], "/readyz?verbose")
	if err != nil || !strings.HasPrefix(text, "ready\nno keys: "+server.URL+" (status: the key server answered") {
		t.Errorf("who is not ready: %q, %v", text, err)
	}
	r.stop(t)
	if !strings.Contains(r.log.String(), `"msg":"keys cannot be fetched"`) || !strings.Contains(r.log.String(), `"cause":"`) {
		t.Errorf("the failure is not in the log:\n%s", r.log)
	}
}

// TestServeDrains: after the first signal it reports not serving and goes on
// answering, after the second it ends at once.
func TestServeDrains(t *testing.T) {
	_, issuerURL := startIssuer(t)
	r := start(t, writeSettings(t, issuerURL, "10m"))
	conn := dial(t, r.addresses["listen"])
	client := authv3.NewAuthorizationClient(conn)
	if _, err := client.Check(t.Context(), checkRequest("GET", "x")); err != nil {
		t.Fatal(err)
	}

	r.signals <- syscall.SIGTERM
	draining := poll(func() bool {
		status, text, err := ask(r.addresses["health"], "/readyz")
		return err == nil && status == http.StatusServiceUnavailable && text == "draining\n"
	})
	if !draining {
		t.Fatal("not draining")
	}
	notServing := poll(func() bool {
		status, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
		return err == nil && status.GetStatus() == healthv1.HealthCheckResponse_NOT_SERVING
	})
	if !notServing {
		t.Error("health does not say NOT_SERVING")
	}
	response, err := client.Check(t.Context(), checkRequest("GET", "x"))
	if err != nil || response.GetStatus().GetCode() != 16 {
		t.Errorf("while draining: %v, %v", response, err)
	}

	r.signals <- syscall.SIGTERM
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the second signal did not end it")
	}
}

func TestServeFailsWhenAnAddressIsTaken(t *testing.T) {
	_, issuerURL := startIssuer(t)
	file := writeSettings(t, issuerURL, "0s")
	r := start(t, file)
	defer r.stop(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"listen", "metrics"} {
		taken := strings.Replace(string(text), name+`: {address: "127.0.0.1:0"`, name+`: {address: "`+r.addresses[name]+`"`, 1)
		if err := os.WriteFile(file, []byte(taken), 0o600); err != nil {
			t.Fatal(err)
		}
		err := serve(serveOptions{config: file}, nil, &buffer{})
		var f *failure
		if !errors.As(err, &f) || f.code != exitTrouble || !strings.HasPrefix(f.Error(), name+".address: ") {
			t.Errorf("%s taken: %v", name, err)
		}
	}
}

func TestServeFailsWithoutPlaceForTheReadyFile(t *testing.T) {
	_, issuerURL := startIssuer(t)
	err := serve(serveOptions{writeSettings(t, issuerURL, "0s"), filepath.Join(t.TempDir(), "no", "such")}, nil, &buffer{})
	var f *failure
	if !errors.As(err, &f) || f.code != exitTrouble {
		t.Errorf("got %v", err)
	}
}

// TestServeEndsWhenAListenerFails: half a server is none.
func TestServeEndsWhenAListenerFails(t *testing.T) {
	_, issuerURL := startIssuer(t)
	p, err := build(writeSettings(t, issuerURL, "10m"), &buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.listen(); err != nil {
		t.Fatal(err)
	}
	_ = p.pages[0].listener.Close()
	ended := make(chan error, 1)
	go func() { ended <- p.run(nil) }()
	select {
	case err := <-ended:
		if err == nil || !strings.HasPrefix(err.Error(), "health: ") {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
}

func TestReadyFileIsWhole(t *testing.T) {
	_, issuerURL := startIssuer(t)
	r := start(t, writeSettings(t, issuerURL, "0s"))
	defer r.stop(t)
	if len(r.addresses) != 4 {
		t.Errorf("addresses %v", r.addresses)
	}
	for name, address := range r.addresses {
		if strings.HasSuffix(address, ":0") || json.Valid([]byte(address)) {
			t.Errorf("%s: %s", name, address)
		}
	}
}

// TestP3ServeStartsDuringAnOutageWithKeptKeys: a process that starts while its
// issuer is down serves what the one before it fetched.
func TestP3ServeStartsDuringAnOutageWithKeptKeys(t *testing.T) {
	idp, issuerURL := startIssuer(t)
	file := writeSettings(t, issuerURL, "0s")
	state := t.TempDir()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, ("stateDir: " + state + "\n")...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	token, err := idp.Mint(map[string]any{"sub": "alice", "aud": "https://api.example.com", "scope": "orders:read"})
	if err != nil {
		t.Fatal(err)
	}
	answers := func(r *running, token string) int32 {
		t.Helper()
		response, err := authv3.NewAuthorizationClient(dial(t, r.addresses["listen"])).Check(t.Context(), checkRequest("GET", token))
		if err != nil {
			t.Fatal(err)
		}
		return response.GetStatus().GetCode()
	}

	first := start(t, file)
	if code := answers(first, token); code != 0 {
		t.Errorf("before the outage: %d", code)
	}
	kept := poll(func() bool {
		found, err := filepath.Glob(filepath.Join(state, "keys", "*.json"))
		return err == nil && len(found) == 1
	})
	first.stop(t)
	if !kept {
		t.Fatalf("no key set is kept; the log:\n%s", first.log)
	}

	idp.SetFailing(true)
	second := start(t, file)
	if code := answers(second, token); code != 0 {
		t.Errorf("during the outage: %d; the log:\n%s", code, second.log)
	}
	if code := answers(second, "2YotnFZFEjr1zCsicMWpAA"); code != 16 {
		t.Errorf("an opaque token: %d", code)
	}
	_, metrics, err := ask(second.addresses["metrics"], "/metrics")
	for _, want := range []string{`claimgate_accepted_tokens_total{issuer_name="idp",tenant="acme"} 1`, "claimgate_jwks_store_restored_total 1", "claimgate_jwks_store_usable 1", `claimgate_jwks_kept_set{issuer="` + issuerURL + `"} 1`} {
		if err != nil || !strings.Contains(metrics, want+"\n") {
			t.Errorf("no %s in the metrics (%v)", want, err)
		}
	}
	if _, page, err := ask(second.addresses["admin"], "/tokens"); err != nil || !strings.Contains(page, "idp     acme    1\n") {
		t.Errorf("what the issuer brings: %s, %v", page, err)
	}
	_, page, err := ask(second.addresses["admin"], "/keys?issuer="+issuerURL)
	if err != nil || !strings.Contains(page, "kept from before the start") || !strings.Contains(page, "THUMBPRINT") {
		t.Errorf("the page: %s, %v", page, err)
	}
	second.stop(t)
	if !strings.Contains(second.log.String(), `"hint":"it is no JWT but an opaque token`) {
		t.Errorf("no hint in the log:\n%s", second.log)
	}
}

// TestP3ServeWaitsForRequiredIssuers: the process is not ready, and answers
// nobody as if it were, until an issuer that is required has keys.
func TestP3ServeWaitsForRequiredIssuers(t *testing.T) {
	idp, issuerURL := startIssuer(t)
	idp.SetFailing(true)
	file := writeSettings(t, issuerURL, "0s")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "algorithms: [RS256]}", "algorithms: [RS256], required: true, keys: {maxBackoff: 1s}}", 1))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := build(file, &buffer{})
	if err != nil {
		t.Fatal(err)
	}
	p.readiness.ListenersUp()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.registry.Run(ctx) }()
	if err := p.registry.WaitFirstFetches(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.readiness.Ready() {
		t.Error("ready without the keys of a required issuer")
	}
	idp.SetFailing(false)
	if !poll(p.readiness.Ready) {
		t.Error("not ready with them")
	}
	cancel()
	<-ended
}
