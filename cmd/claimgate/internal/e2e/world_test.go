package e2e

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"text/template"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
	"github.com/claimgate/claimgate/envoy"
)

// Names of Envoy's listeners.
const (
	viaMap     = "map"     // headers as a map, no normalisation
	viaRaw     = "raw"     // headers as they came, no normalisation
	viaProfile = "profile" // the recommended profile
	viaOpen    = "open"    // as raw, with failure_mode_allow: an error would open the door
	viaRestart = "restart" // a claimgate of its own, for tests that stop it
	viaBinary  = "binary"  // the real binary, which its test starts

	viaAttackMap  = "attack-map"  // the arena's claimgate, headers as a map
	viaAttackOpen = "attack-open" // the same, headers as they came, failure_mode_allow
)

// Names of the issuers.
const (
	mainIssuer    = "main"
	secondIssuer  = "second"
	failingIssuer = "failing"
	silentIssuer  = "silent"
	trialIssuer   = "trial"
	placedIssuer  = "placed"
	commonIssuer  = "common"
)

//go:embed testdata/claimgate.yaml
var gateTemplate string

//go:embed testdata/envoy.yaml
var envoyTemplate string

// world is what all tests of the package share.
type world struct {
	envoy    *proxy.Proxy
	gates    []*demo.Gate
	issuers  map[string]*issuer.Issuer
	upstream *upstream
	config   string          // claimgate.yaml of this run
	restart  string          // address of the claimgate behind viaRestart
	binary   string          // unix socket of the claimgate behind viaBinary
	common   string          // address of commonIssuer
	twins    map[string]bool // listeners that have a twin
	stops    []func()

	generated string // the same with the other codec
}

var shared struct {
	once  sync.Once
	world *world
	err   error
}

// the returns the shared world, which the first test that needs it starts.
func the(t *testing.T) *world {
	t.Helper()
	requireEnvoy(t)
	shared.once.Do(func() { shared.world, shared.err = newWorld() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.world
}

func requireEnvoy(t *testing.T) {
	t.Helper()
	if _, err := proxy.Find(); err != nil {
		if os.Getenv("CLAIMGATE_REQUIRE_ENVOY") == "1" || !errors.Is(err, proxy.ErrUnavailable) {
			t.Fatal(err)
		}
		t.Skipf("THIS TEST NEEDS A REAL ENVOY AND PROVES NOTHING NOW: %v", err)
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	removeBinary()
	if shared.world != nil {
		shared.world.stop()
	}
	if sharedArena.arena != nil {
		sharedArena.arena.stop()
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func newWorld() (_ *world, err error) {
	w := &world{issuers: map[string]*issuer.Issuer{}}
	defer func() {
		if err != nil {
			w.stop()
		}
	}()
	dir, err := os.MkdirTemp("", "cg-e2e-")
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, func() { _ = os.RemoveAll(dir) })
	for _, step := range []func(dir string) error{w.startUpstream, w.startIssuers, w.startGates} {
		if err := step(dir); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world) stop() {
	for i := len(w.stops) - 1; i >= 0; i-- {
		w.stops[i]()
	}
}

func listen() (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
}

func (w *world) startUpstream(string) error {
	l, err := listen()
	if err != nil {
		return err
	}
	w.upstream = &upstream{address: l.Addr().String(), reached: map[string]int{}}
	w.serveHTTP(l, w.upstream)
	return nil
}

func (w *world) serveHTTP(l net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	w.stops = append(w.stops, func() {
		_ = server.Close()
		<-done
	})
}

// addresses fill claimgate.yaml.
type addresses struct{ Main, Second, Silent, Failing, Trial, Placed, Common string }

func (w *world) startIssuers(dir string) error {
	at := map[string]string{}
	algorithms := map[string]string{
		mainIssuer: "RS256", secondIssuer: "ES256", failingIssuer: "RS256", silentIssuer: "RS256", trialIssuer: "RS256", placedIssuer: "ES256", commonIssuer: "ES256",
	}
	for name, algorithm := range algorithms {
		l, err := listen()
		if err != nil {
			return err
		}
		at[name] = l.Addr().String()
		if w.issuers[name], err = issuer.New(issuer.Options{URL: "http://" + at[name], Algorithm: algorithm}); err != nil {
			return err
		}
		if name == silentIssuer { // it signs, but nobody answers for it
			if err := l.Close(); err != nil {
				return err
			}
			continue
		}
		w.serveHTTP(l, w.issuers[name])
	}
	w.common = at[commonIssuer]
	var text bytes.Buffer
	fields := addresses{
		Main: at[mainIssuer], Second: at[secondIssuer], Silent: at[silentIssuer], Failing: at[failingIssuer],
		Trial: at[trialIssuer], Placed: at[placedIssuer], Common: at[commonIssuer],
	}
	if err := template.Must(template.New("").Parse(gateTemplate)).Execute(&text, fields); err != nil {
		return err
	}
	w.config, w.generated = filepath.Join(dir, "claimgate.yaml"), filepath.Join(dir, "generated.yaml")
	if err := os.WriteFile(w.generated, []byte(withGenerated(text.String())), 0o600); err != nil {
		return err
	}
	return os.WriteFile(w.config, text.Bytes(), 0o600)
}

// startGates starts the shared claimgate, the one on a unix socket, and Envoy.
// The claimgate behind viaRestart is started by its test.
func (w *world) startGates(dir string) error {
	socket := filepath.Join(dir, "authz.sock")
	w.binary = filepath.Join(dir, "binary.sock")
	shared, err := listen()
	if err != nil {
		return err
	}
	unix, err := envoy.Listen("unix://" + socket)
	if err != nil {
		return err
	}
	spare, err := listen()
	if err != nil {
		return err
	}
	w.restart = spare.Addr().String()
	if err := spare.Close(); err != nil {
		return err
	}
	for _, g := range []struct {
		config string
		on     net.Listener
	}{{w.config, shared}, {w.generated, unix}} {
		gate, err := demo.StartGate(context.Background(), g.config, g.on)
		if err != nil {
			return err
		}
		w.gates = append(w.gates, gate)
		w.stops = append(w.stops, gate.Stop)
	}
	arena, err := theArena()
	if err != nil {
		return err
	}
	w.gates = append(w.gates, arena.gate, arena.other)
	return w.startEnvoy(shared.Addr().String(), socket, arena)
}

type listenerSpec struct {
	Name, Cluster         string
	Raw, Normalises, Open bool
	Sends                 string // allowed_headers, "" for all
	Contexts              []string
}

type clusterSpec struct {
	Name, Pipe string
	Port       int
	HTTP2      bool
}

func (w *world) startEnvoy(gate, socket string, attacked *arena) error {
	health, err := w.startGRPCUpstream()
	if err != nil {
		return err
	}
	lean, err := allowedHeaders(leanExamples[0])
	if err != nil {
		return err
	}
	contexts := []string{"main", "second", "nobody"}
	listeners := w.withTwins(map[string]string{"gate": "generated", "attacked": "attacked_generated"},
		listenerSpec{Name: viaMap, Cluster: "gate", Contexts: contexts},
		listenerSpec{Name: viaRaw, Cluster: "gate", Raw: true, Contexts: contexts},
		listenerSpec{Name: viaProfile, Cluster: "gate", Raw: true, Normalises: true},
		listenerSpec{Name: viaOpen, Cluster: "gate", Raw: true, Open: true, Contexts: contexts},
		listenerSpec{Name: viaAttackMap, Cluster: "attacked"},
		listenerSpec{Name: viaAttackOpen, Cluster: "attacked", Raw: true, Open: true})
	var text bytes.Buffer
	err = template.Must(template.New("").Parse(envoyTemplate)).Execute(&text, map[string]any{
		"Listeners": append(listeners,
			listenerSpec{Name: viaRestart, Cluster: "restart", Raw: true},
			listenerSpec{Name: viaBinary, Cluster: "binary", Raw: true},
			// Whether headers are sent has no part in how they are decoded: no twins.
			listenerSpec{Name: viaLean, Cluster: "gate", Raw: true, Sends: lean},
			listenerSpec{Name: viaAttackLean, Cluster: "attacked", Raw: true, Sends: lean},
			listenerSpec{Name: viaAttackScanty, Cluster: "attacked", Raw: true, Sends: scantyHeaders}),
		"Clusters": []clusterSpec{
			{Name: "gate", Port: portOf(gate), HTTP2: true},
			{Name: "generated", Pipe: socket, HTTP2: true},
			{Name: "binary", Pipe: w.binary, HTTP2: true},
			{Name: "attacked", Pipe: attacked.socket, HTTP2: true},
			{Name: "attacked_generated", Pipe: attacked.generatedSocket, HTTP2: true},
			{Name: "restart", Port: portOf(w.restart), HTTP2: true},
			{Name: "upstream", Port: portOf(w.upstream.address)},
			{Name: "grpc_upstream", Port: portOf(health), HTTP2: true},
		},
	})
	if err != nil {
		return err
	}
	return w.runEnvoy(text.Bytes())
}

func (w *world) runEnvoy(bootstrap []byte) (err error) {
	if w.envoy, err = proxy.Start(context.Background(), proxy.Options{Config: bootstrap}); err != nil {
		return err
	}
	w.stops = append(w.stops, w.envoy.Stop)
	return nil
}

// startGRPCUpstream serves grpc.health.v1 and answers every other method with an
// empty message, for gRPC clients of the proxy.
func (w *world) startGRPCUpstream() (string, error) {
	l, err := listen()
	if err != nil {
		return "", err
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(&grpc_health_v1.HealthCheckRequest{}); err != nil {
			return err
		}
		if err := stream.SetHeader(metadataOf(stream.Context())); err != nil {
			return err
		}
		return stream.SendMsg(&grpc_health_v1.HealthCheckResponse{})
	}))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	w.stops = append(w.stops, func() {
		server.Stop()
		<-done
	})
	return l.Addr().String(), nil
}

func portOf(address string) int {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return n
}

// address returns where a listener of Envoy listens.
func (w *world) address(t *testing.T, listener string) string {
	t.Helper()
	address, err := w.envoy.Address(listener)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// decision finds the record of the decision in whichever gate made it.
func (w *world) decision(id string) (demo.Record, bool) {
	for _, gate := range w.gates {
		if record, ok := gate.Decision(id); ok {
			return record, true
		}
	}
	return demo.Record{}, false
}

// mint has an issuer sign claims: alice's with the scope orders:read unless
// they say otherwise.
func (w *world) mint(t *testing.T, name string, claims map[string]any) string {
	t.Helper()
	return w.mintWith(t, name, nil, claims)
}

func (w *world) mintWith(t *testing.T, name string, header, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"sub": "alice", "aud": "https://api.example.com", "scope": "orders:read"}
	for claim, value := range claims {
		all[claim] = value
	}
	token, err := w.issuers[name].MintWith(header, all)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// upstream tells what it saw and counts by the header x-mark how often it was
// reached.
type upstream struct {
	address string
	mu      sync.Mutex
	reached map[string]int
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.reached[r.Header.Get("x-mark")]++
	u.mu.Unlock()
	if r.Header.Get("Upgrade") != "" {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		w.Header().Set("X-Saw-User-Id", r.Header.Get("X-User-Id"))
		w.WriteHeader(http.StatusSwitchingProtocols)
		return
	}
	demo.Echo(w, r)
}

func (u *upstream) count(mark string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.reached[mark]
}

// eventually polls until the condition holds; a test fails when it does not
// within 20 s.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
