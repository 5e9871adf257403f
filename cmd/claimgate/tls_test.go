package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/pki"
)

const (
	edgeName    = "spiffe://example.org/ns/edge/sa/envoy"
	scraperName = "prometheus.example.com"
	gateName    = "claimgate.example.com"
)

// mesh is a folder with a configuration that serves mutual TLS.
type mesh struct {
	t         *testing.T
	dir       string
	authority *pki.Authority
}

func newMesh(t *testing.T, issuerURL string) *mesh {
	t.Helper()
	m := &mesh{t: t, dir: filepath.Dir(writeSettings(t, issuerURL, "0s"))}
	text, err := os.ReadFile(m.path("claimgate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const files = "certFile: tls.crt, keyFile: tls.key, clientCAFile: ca.crt"
	secure := strings.NewReplacer(
		`drainWait: 0s}`, `drainWait: 0s, tls: {`+files+`, allowedClientSANs: [`+edgeName+`]}}`,
		`metrics: {address: "127.0.0.1:0"}`, `metrics: {address: "127.0.0.1:0", tls: {`+files+`, allowedClientSANs: [`+scraperName+`]}}`,
	).Replace(string(text))
	m.authority, err = pki.New("mesh")
	if err = errors.Join(err, os.WriteFile(m.path("claimgate.yaml"), []byte(secure), 0o600), m.authority.Write(m.path("ca.crt"))); err != nil {
		t.Fatal(err)
	}
	m.renew()
	return m
}

func (m *mesh) path(name string) string { return filepath.Join(m.dir, name) }

// renew replaces the server's certificate and returns the serial number of the
// new one.
func (m *mesh) renew() *big.Int {
	m.t.Helper()
	pair := m.issue(gateName)
	if err := pair.Write(m.path("tls.crt"), m.path("tls.key")); err != nil {
		m.t.Fatal(err)
	}
	return pair.Certificate.SerialNumber
}

func (m *mesh) issue(names ...string) *pki.Pair {
	m.t.Helper()
	pair, err := m.authority.Issue(names...)
	if err != nil {
		m.t.Fatal(err)
	}
	return pair
}

// client returns the TLS of a client of that name; "": without a certificate.
func (m *mesh) client(name string) *tls.Config {
	config := &tls.Config{RootCAs: m.authority.Pool(), ServerName: gateName, MinVersion: tls.VersionTLS12}
	if name != "" {
		pair := m.issue(name)
		config.Certificates = []tls.Certificate{{Certificate: [][]byte{pair.Certificate.Raw}, PrivateKey: pair.Key}}
	}
	return config
}

// serial asks which certificate a new connection gets.
func (m *mesh) serial(ctx context.Context, address string, config *tls.Config) (*big.Int, error) {
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber, nil
}

func (m *mesh) scrape(address string, config *tls.Config) (string, error) {
	transport := &http.Transport{TLSClientConfig: config, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + gateName + "/metrics")
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// checks sends checks until it is stopped, and counts those that failed.
type checks struct {
	sent, failed atomic.Int64
	fault        atomic.Pointer[error]
	cancel       context.CancelFunc
	running      sync.WaitGroup
}

// startChecks runs two clients that keep their connection and two that take a
// new one for each check.
func startChecks(t *testing.T, address string, config *tls.Config, token string) *checks {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &checks{cancel: cancel}
	for range 2 {
		c.running.Go(func() { c.keep(ctx, address, config, token) })
		c.running.Go(func() {
			for ctx.Err() == nil {
				c.once(ctx, address, config, token)
			}
		})
	}
	t.Cleanup(c.stop)
	return c
}

func (c *checks) stop() {
	c.cancel()
	c.running.Wait()
}

func (c *checks) keep(ctx context.Context, address string, config *tls.Config, token string) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		c.failed.Add(1)
		return
	}
	defer func() { _ = conn.Close() }()
	for ctx.Err() == nil {
		c.check(ctx, conn, token)
	}
}

func (c *checks) once(ctx context.Context, address string, config *tls.Config, token string) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		c.failed.Add(1)
		return
	}
	defer func() { _ = conn.Close() }()
	c.check(ctx, conn, token)
}

func (c *checks) check(ctx context.Context, conn *grpc.ClientConn, token string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	response, err := authv3.NewAuthorizationClient(conn).Check(ctx, checkRequest("GET", token))
	if ctx.Err() != nil && err != nil {
		return // stopped
	}
	c.sent.Add(1)
	if err == nil && response.GetStatus().GetCode() != 0 {
		err = errors.New(response.String())
	}
	if err != nil {
		c.failed.Add(1)
		c.fault.Store(&err)
	}
}

// TestP6CertificateReplacedUnderLoad: while checks keep coming over standing
// and over new connections, certificate, key and authorities are replaced by
// good ones and by bad ones, and not one check fails.
func TestP6CertificateReplacedUnderLoad(t *testing.T) {
	idp, issuerURL := startIssuer(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	m := newMesh(t, issuerURL)
	r := start(t, m.path("claimgate.yaml"))
	token, err := idp.Mint(map[string]any{"sub": "alice", "aud": "https://api.example.com", "scope": "orders:read"})
	if err != nil {
		t.Fatal(err)
	}
	edge, scraper := m.client(edgeName), m.client(scraperName)
	load := startChecks(t, r.addresses["listen"], edge, token)
	good := m.renewals(t, r, edge, load)
	m.spoilt(t, r, edge, load, good)

	metrics, err := m.scrape(r.addresses["metrics"], scraper)
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		`claimgate_tls_reloads_total{kind="certificate",listener="listen",result="failure"} 1`,
		`claimgate_tls_reload_failed{kind="certificate",listener="listen"} 1`,
		`claimgate_tls_certificate_expiry_timestamp_seconds{kind="client_ca",listener="metrics"} `,
		`claimgate_tls_clients_refused_total{listener="listen",reason="name_not_allowed"} 0`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	load.stop()
	if n := load.failed.Load(); n != 0 || load.sent.Load() == 0 {
		t.Errorf("%d of %d checks failed, the last by %v; the log:\n%s", n, load.sent.Load(), *load.fault.Load(), r.log)
	}
	r.stop(t)
}

// renewals replaces the certificate some times and returns the last serial.
func (m *mesh) renewals(t *testing.T, r *running, edge *tls.Config, load *checks) *big.Int {
	t.Helper()
	var serial *big.Int
	for range 3 {
		before := load.sent.Load()
		serial = m.renew()
		taken := poll(func() bool {
			got, err := m.serial(t.Context(), r.addresses["listen"], edge)
			return err == nil && got.Cmp(serial) == 0 && load.sent.Load() > before
		})
		if !taken {
			t.Fatalf("the new certificate is not served; the log:\n%s", r.log)
		}
	}
	return serial
}

// spoilt puts a key that does not belong to the certificate, and has it noticed
// by SIGHUP: the good pair stays, and the page says what is wrong.
func (m *mesh) spoilt(t *testing.T, r *running, edge *tls.Config, load *checks, good *big.Int) {
	t.Helper()
	if err := m.issue(gateName).Write(m.path("other.crt"), m.path("tls.key")); err != nil {
		t.Fatal(err)
	}
	r.signals <- syscall.SIGHUP
	var page string
	told := poll(func() bool {
		_, text, err := ask(r.addresses["admin"], "/")
		page = text
		return err == nil && strings.Contains(text, "NOT IN FORCE  certificate of listen (stale")
	})
	if !told || !strings.Contains(page, "TLS       listen: client_ca ends ") {
		t.Errorf("the page does not tell:\n%s", page)
	}
	before := load.sent.Load()
	if !poll(func() bool { return load.sent.Load() > before+10 }) {
		t.Error("the load stands still")
	}
	if got, err := m.serial(t.Context(), r.addresses["listen"], edge); err != nil || got.Cmp(good) != 0 {
		t.Errorf("serves %v (%v), want the last good one", got, err)
	}
}

// TestP1ClientsOfOneListenerAreNotThoseOfAnother: each listener has its own
// list, and whoever is on none asks nothing.
func TestP1ClientsOfOneListenerAreNotThoseOfAnother(t *testing.T) {
	_, issuerURL := startIssuer(t)
	m := newMesh(t, issuerURL)
	r := start(t, m.path("claimgate.yaml"))
	defer r.stop(t)
	for name, want := range map[string]struct{ checks, scrapes bool }{
		edgeName: {true, false}, scraperName: {false, true}, edgeName + "2": {false, false}, "": {false, false},
	} {
		config := m.client(name)
		load := &checks{}
		load.once(t.Context(), r.addresses["listen"], config, "none")
		answered := load.fault.Load() == nil || strings.Contains((*load.fault.Load()).Error(), "denied_response")
		if answered != want.checks {
			t.Errorf("%q: the service answers: %v, want %v (%v)", name, answered, want.checks, *load.fault.Load())
		}
		if _, err := m.scrape(r.addresses["metrics"], config); (err == nil) != want.scrapes {
			t.Errorf("%q: the metrics answer: %v, want %v", name, err, want.scrapes)
		}
	}
	metrics, err := m.scrape(r.addresses["metrics"], m.client(scraperName))
	if err != nil || !strings.Contains(metrics, `claimgate_tls_clients_refused_total{listener="metrics",reason="name_not_allowed"} 2`) {
		t.Errorf("refusals are not counted: %v", err)
	}
}

// TestListsOfClientsFollowTheMainFile: who is let in changes with the file and
// needs no restart.
func TestListsOfClientsFollowTheMainFile(t *testing.T) {
	_, issuerURL := startIssuer(t)
	m := newMesh(t, issuerURL)
	r := start(t, m.path("claimgate.yaml"))
	defer r.stop(t)
	scraper, next := m.client(scraperName), m.client("next.example.com")
	if _, err := m.scrape(r.addresses["metrics"], next); err == nil {
		t.Fatal("let in before it is listed")
	}
	text, err := os.ReadFile(m.path("claimgate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "["+scraperName+"]", "[next.example.com]", 1)
	if err := errors.Join(os.WriteFile(m.path("new"), []byte(changed), 0o600), os.Rename(m.path("new"), m.path("claimgate.yaml"))); err != nil {
		t.Fatal(err)
	}
	if !poll(func() bool { _, err := m.scrape(r.addresses["metrics"], next); return err == nil }) {
		t.Errorf("not let in though it is listed; the log:\n%s", r.log)
	}
	if _, err := m.scrape(r.addresses["metrics"], scraper); err == nil {
		t.Error("let in though it is not listed any more")
	}
}

// TestOtherFilesAreTriedAgain: where files that the settings name cannot be
// taken the old ones stay, the log says so once, and they are taken as soon as
// they can be.
func TestOtherFilesAreTriedAgain(t *testing.T) {
	m := newMesh(t, "https://id.example.com")
	core, lines := observer.New(zap.DebugLevel)
	made := time.Now()
	synctest.Test(t, func(t *testing.T) {
		blind := func() (certs.Watcher, error) { return nil, errors.New("none") }
		files := certs.Files{Certificate: m.path("tls.crt"), Key: m.path("tls.key")}
		now := func() time.Time { return made } // in the bubble's time the certificates are not valid yet
		store, err := certs.Open(certs.Options{Listener: "listen", Files: files, Watch: blind, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		c := &certificates{listen: store, changed: make(chan struct{}, 1)}
		settings := config.Settings{Listen: config.Listener{TLS: &certs.Files{Certificate: m.path("tls.crt"), Key: m.path("tls.key"), ClientCA: m.path("later.crt")}}}
		go c.run(t.Context(), func() config.Settings { return settings }, zap.New(core))
		c.follow()
		time.Sleep(10 * retryUse) //nolint:forbidigo // the bubble's time
		synctest.Wait()
		if n := lines.Len(); n != 1 || len(c.status()[0].Parts) != 1 {
			t.Errorf("%d lines, status %+v", n, c.status())
		}
		if err := m.authority.Write(m.path("later.crt")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(retryUse) //nolint:forbidigo // the bubble's time
		synctest.Wait()
		if len(c.status()[0].Parts) != 2 {
			t.Errorf("status %+v", c.status())
		}
	})
}
