package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/pki"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
	"github.com/claimgate/claimgate/envoy"
)

// Names of examples/mesh-sidecar.
const (
	gateID    = "spiffe://cluster.local/ns/claimgate/sa/claimgate"
	ordersID  = "spiffe://cluster.local/ns/shop/sa/orders"
	ingressID = "spiffe://cluster.local/ns/ingress/sa/gateway"
)

// sidecar is examples/mesh-sidecar as it stands, save for ports and paths.
type sidecar struct {
	w         *world
	dir       string
	authority *pki.Authority
	gate      *demo.Gate
	envoy     *proxy.Proxy
	issuer    *issuer.Issuer
	url       string // of the issuer
	listening string // claimgate's address
}

// newSidecar makes the folder and the certificates of both sides.
func newSidecar(t *testing.T, gateName, proxyName string) *sidecar {
	t.Helper()
	dir, err := os.MkdirTemp("", "cg-mesh-") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &sidecar{w: the(t), dir: dir}
	if s.authority, err = pki.New("mesh"); err != nil {
		t.Fatal(err)
	}
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.issuer.ServeHTTP(w, r) }))
	t.Cleanup(keys.Close)
	s.url = keys.URL
	if s.issuer, err = issuer.New(issuer.Options{URL: s.url}); err != nil {
		t.Fatal(err)
	}
	for side, name := range map[string]string{"gate": gateName, "proxy": proxyName} {
		if err := errors.Join(os.Mkdir(s.path(side), 0o700), s.authority.Write(s.path(side, "ca.crt"))); err != nil {
			t.Fatal(err)
		}
		s.renew(t, side, name)
	}
	return s
}

func (s *sidecar) path(elements ...string) string {
	return filepath.Join(append([]string{s.dir}, elements...)...)
}

// renew replaces the certificate of one side and returns its serial number.
func (s *sidecar) renew(t *testing.T, side, name string) *big.Int {
	t.Helper()
	pair := s.issue(t, name)
	if err := pair.Write(s.path(side, "tls.crt"), s.path(side, "tls.key")); err != nil {
		t.Fatal(err)
	}
	return pair.Certificate.SerialNumber
}

func (s *sidecar) issue(t *testing.T, name string) *pki.Pair {
	t.Helper()
	pair, err := s.authority.Issue(name)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// file returns a file of the example with the paths and ports of this run.
func (s *sidecar) file(t *testing.T, name string, replaced ...string) string {
	t.Helper()
	text, err := os.ReadFile("../../../../examples/mesh-sidecar/" + name)
	if err != nil {
		t.Fatal(err)
	}
	pairs := append([]string{
		"http://127.0.0.1:8080", s.url, "/run/claimgate/authz.sock", s.path("authz.sock"),
		"/etc/claimgate/tls", s.path("gate"), "/etc/envoy/tls", s.path("proxy"),
		"port_value: 8000", "port_value: 0", "port_value: 9901", "port_value: 0", "port_value: 8081", "port_value: " + port(s.w.upstream.address),
		"port_value: 9191", "port_value: " + port(s.listening),
	}, replaced...)
	for i := 0; i < len(replaced); i += 2 {
		if !strings.Contains(string(text), replaced[i]) {
			t.Fatalf("%s holds no %q", name, replaced[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(string(text))
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// start runs one variant of the example: "" is the one on a socket.
func (s *sidecar) start(t *testing.T, variant string, replaced ...string) {
	t.Helper()
	address := "127.0.0.1:0"
	if variant == "" {
		address = "unix://" + s.path("authz.sock")
	}
	l, err := envoy.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	s.listening = l.Addr().String()
	config := s.path("claimgate.yaml")
	if err := os.WriteFile(config, []byte(s.file(t, variant+"claimgate.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.gate, err = demo.StartGate(t.Context(), config, l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.gate.Stop)
	bootstrap := s.file(t, variant+"envoy.yaml", replaced...)
	if s.envoy, err = proxy.Start(context.Background(), proxy.Options{Config: []byte(bootstrap)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.envoy.Stop)
}

func (s *sidecar) mint(t *testing.T, scope string) string {
	t.Helper()
	token, err := s.issuer.Mint(map[string]any{"sub": "alice", "aud": "https://api.example.com", "scope": scope})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// get sends a request to the proxy and returns the status and the user that the
// upstream saw.
func (s *sidecar) get(ctx context.Context, client *http.Client, target, token string) (int, string, error) {
	address, err := s.envoy.Address("ingress")
	if err != nil {
		return 0, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+target, nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = "orders.shop.svc.cluster.local"
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("x-user-id", "forged")
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	var seen demo.Seen
	if err == nil && res.StatusCode == http.StatusOK {
		err = json.Unmarshal(body, &seen)
	}
	return res.StatusCode, strings.Join(seen.Headers["x-user-id"], ","), err
}

// TestMeshSidecar runs both variants of the example, and those who are not let
// in as well.
func TestMeshSidecar(t *testing.T) {
	tests := []struct {
		name, variant, gate, proxy string
		served                     bool
	}{
		{"socket", "", gateID, ordersID, true},
		{"mutual TLS", "mutual-tls/", gateID, ordersID, true},
		{"a workload by its namespace", "mutual-tls/", gateID, ingressID, true},
		{"a workload that is not listed", "mutual-tls/", gateID, "spiffe://cluster.local/ns/shop/sa/other", false},
		{"a workload in claimgate's place", "mutual-tls/", ordersID, ordersID, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSidecar(t, tt.gate, tt.proxy)
			s.start(t, tt.variant)
			good, narrow := s.mint(t, "orders:read"), s.mint(t, "other")
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
			for _, step := range []struct {
				token, user string
				status      int
			}{{"", "", 401}, {good, "alice", 200}, {narrow, "", 403}} {
				if !tt.served {
					step.status, step.user = 503, "" // never an open door
				}
				status, user, err := s.get(t.Context(), client, "/orders/7", step.token)
				if err != nil || status != step.status || user != step.user {
					t.Errorf("got %d, user %q, %v; want %d, %q", status, user, err, step.status, step.user)
				}
			}
		})
	}
}

// flow sends good requests until it is stopped, and counts what is not 200.
type flow struct {
	good, bad atomic.Int64
	last      atomic.Pointer[string]
	cancel    context.CancelFunc
	running   sync.WaitGroup
}

func (s *sidecar) flow(t *testing.T) *flow {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &flow{cancel: cancel}
	token := s.mint(t, "orders:read")
	for range 4 {
		f.running.Go(func() { f.send(ctx, s, token) })
	}
	t.Cleanup(f.stop)
	return f
}

func (f *flow) stop() {
	f.cancel()
	f.running.Wait()
}

func (f *flow) send(ctx context.Context, s *sidecar, token string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	for ctx.Err() == nil {
		status, user, err := s.get(ctx, client, "/orders/7", token)
		if ctx.Err() != nil {
			return
		}
		if err != nil || status != http.StatusOK || user != "alice" {
			what := http.StatusText(status)
			if err != nil {
				what = err.Error()
			}
			f.bad.Add(1)
			f.last.Store(&what)
			continue
		}
		f.good.Add(1)
	}
}

// more returns a condition: since now, so many more requests were good.
func (f *flow) more(n int64) func() bool {
	before := f.good.Load()
	return func() bool { return f.good.Load() >= before+n }
}

// serves returns a condition: new connections get that certificate.
func (s *sidecar) serves(t *testing.T, serial *big.Int) func() bool {
	t.Helper()
	own := s.issue(t, ordersID)
	config := &tls.Config{
		InsecureSkipVerify: true, // it is the serial number that is asked for
		NextProtos:         []string{"h2"},
		Certificates:       []tls.Certificate{{Certificate: [][]byte{own.Certificate.Raw}, PrivateKey: own.Key}},
	}
	return func() bool {
		conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", s.listening)
		if err != nil {
			return false
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Cmp(serial) == 0
	}
}

// TestP6CertificateReplacedBehindEnvoy: a real Envoy, which takes a new
// connection every few checks, loses no request while claimgate's certificate
// is renewed again and again, and while a bad one lies there.
func TestP6CertificateReplacedBehindEnvoy(t *testing.T) {
	s := newSidecar(t, gateID, ordersID)
	s.start(t, "mutual-tls/", "max_connection_duration: 600s", "max_requests_per_connection: 10")
	f := s.flow(t)
	eventually(t, "requests are allowed", f.more(100))
	for range 4 {
		serial := s.renew(t, "gate", gateID)
		eventually(t, "the new certificate is served", s.serves(t, serial))
		eventually(t, "requests are allowed", f.more(100))
	}
	serial := s.renew(t, "gate", gateID)
	eventually(t, "the last good certificate is served", s.serves(t, serial))
	if err := os.WriteFile(s.path("gate", "tls.key"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.gate.Reload(); err == nil {
		t.Error("garbage is a key")
	}
	eventually(t, "requests are allowed", f.more(100))
	if !s.serves(t, serial)() {
		t.Error("the last good certificate is not served any more")
	}
	f.stop()
	if n := f.bad.Load(); n != 0 {
		t.Errorf("%d of %d requests failed, the last: %s", n, n+f.good.Load(), *f.last.Load())
	}
	stats, err := s.envoy.Stats(t.Context(), "cluster.claimgate.ssl.handshake")
	if err != nil || stats["cluster.claimgate.ssl.handshake"] < 20 {
		t.Errorf("%v, %v: too few handshakes to prove anything", stats, err)
	}
	t.Logf("%d requests over %d connections", f.good.Load(), stats["cluster.claimgate.ssl.handshake"])
}
