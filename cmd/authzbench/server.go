package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	connections = 4 // as many as an Envoy with four workers keeps
	startLimit  = 2 * time.Minute
	stopLimit   = 10 * time.Second
	pollEvery   = 5 * time.Millisecond
)

var errEnded = errors.New("the server ended")

// server is one variant in a process of its own, and the connections to it.
type server struct {
	variant

	traffic *traffic
	dir     string  // its own
	at      []level // the levels that it is measured at
	command *exec.Cmd
	input   io.Closer // its end ends our own children
	output  *bytes.Buffer
	ended   chan error
	address string // where it listens
	page    string // where it tells what it allocated
	conns   []*grpc.ClientConn
	start   startup
}

// startup is what a start took.
type startup struct {
	Variant  string  `json:"variant"`
	Workload string  `json:"workload,omitempty"`
	Seconds  float64 `json:"seconds"` // until it said where it listens
	Resident int64   `json:"residentBytes"`
}

// bench is one run: the world, and a server for each variant and workload.
type bench struct {
	world   *world
	dir     string // of sockets and configurations
	gate    string // the claimgate binary
	other   string // the one to compare it with
	profile bool   // children may be asked for profiles
	cross   bool   // h2load asks, too
	servers []*server

	envoyPath string
	envoyNote string // its version, or why there is none
	envoy     *envoyProcess
}

// start starts a process for each variant and workload, and checks its answers.
func (b *bench) start(ctx context.Context, e entry) (*server, error) {
	t, err := b.world.traffic(e.load)
	if err != nil {
		return nil, err
	}
	s, err := b.startServer(ctx, e.variant, t)
	if err != nil {
		return nil, fmt.Errorf("start %s %s: %w", e.variant.name, e.load, err)
	}
	s.at = e.levels
	b.servers = append(b.servers, s)
	if err := s.examine(ctx); err != nil {
		return nil, fmt.Errorf("%s %s answers wrongly: %w%s", e.variant.name, e.load, err, s.said())
	}
	return s, nil
}

func (b *bench) stop() {
	if b.envoy != nil {
		b.envoy.stop()
	}
	for _, s := range b.servers {
		s.stop()
	}
}

func (b *bench) startServer(ctx context.Context, v variant, t *traffic) (*server, error) {
	dir := filepath.Join(b.dir, fmt.Sprint(len(b.servers))) // short, since paths of sockets must be
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	spec := childSpec{
		Variant: v.name, Address: addressOf(v, filepath.Join(dir, "s")), ReadyFile: filepath.Join(dir, "ready.json"),
		Issuer: b.world.issuer, JWKS: b.world.jwks(), Load: t.workload,
	}
	command, err := b.command(ctx, v, spec)
	if err != nil {
		return nil, err
	}
	s := &server{variant: v, traffic: t, dir: dir, command: command, output: &bytes.Buffer{}, ended: make(chan error, 1)}
	began := time.Now()
	command.Stdout, command.Stderr = s.output, s.output
	if s.input, err = command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- command.Wait() }()
	if err := s.awaitAddresses(ctx, spec.ReadyFile); err != nil {
		s.stop()
		return nil, err
	}
	s.start = startup{Variant: v.name, Workload: t.String(), Seconds: time.Since(began).Seconds()}
	s.start.Resident, err = residentBytes(command.Process.Pid)
	return s, err
}

// command is a claimgate binary, or this program again.
func (b *bench) command(ctx context.Context, v variant, spec childSpec) (*exec.Cmd, error) {
	command, err := b.commandLine(ctx, v, spec)
	if err != nil {
		return nil, err
	}
	command.Env = append(append(os.Environ(), command.Env...), v.env...)
	if b.profile {
		command.Env = append(command.Env, profileEnv+"="+filepath.Dir(spec.ReadyFile))
	}
	return command, nil
}

func (b *bench) commandLine(ctx context.Context, v variant, spec childSpec) (*exec.Cmd, error) {
	if v.serve == nil {
		file, err := writeConfiguration(filepath.Dir(spec.ReadyFile), spec, v)
		if err != nil {
			return nil, err
		}
		return exec.CommandContext(ctx, b.binary(v), "serve", "--config", file, "--ready-file", spec.ReadyFile), nil //nolint:gosec // named by who runs this
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, self) //nolint:gosec // this program
	command.Env = []string{childEnv + "=" + string(text)}
	return command, nil
}

func (b *bench) binary(v variant) string {
	if v.other {
		return b.other
	}
	return b.gate
}

// awaitAddresses waits until the server says where it listens.
func (s *server) awaitAddresses(ctx context.Context, file string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		var addresses map[string]string
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &addresses)
		}
		if err == nil {
			s.page = "http://" + addresses["metrics"] + "/metrics"
			s.address = addresses["listen"]
			return s.dial(s.address)
		}
		select {
		case <-tick.C:
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("%w: %w%s", errEnded, errors.Join(err), s.said())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *server) dial(address string) error {
	for range connections {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithAuthority("authz"), grpc.WithUserAgent("Envoy"))
		if err != nil {
			return err
		}
		s.conns = append(s.conns, conn)
	}
	return nil
}

func (s *server) levels() []level { return s.at }

// begin makes clients of the level.
func (s *server) begin(ctx context.Context, l level) (session, error) {
	a := &asking{level: l, workers: s.workers(l), server: s}
	a.variant, a.workload, a.lean = s.name, s.traffic.String(), s.traffic.Lean
	return a.open(ctx)
}

// said is what the process wrote; whole once it ended.
func (s *server) said() string {
	s.stop()
	if s.output.Len() == 0 {
		return ""
	}
	return "\n" + s.output.String()
}

// stop ends the process, by force if it does not end by itself. Again it does
// nothing.
func (s *server) stop() {
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
	_ = s.input.Close()
	_ = s.command.Process.Signal(syscall.SIGTERM)
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case err := <-s.ended:
		s.ended <- err // for who asks next
	case <-limit.C:
		_ = s.command.Process.Kill()
		s.ended <- <-s.ended
	}
}
