package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed envoy.yaml.tmpl
var envoyTemplate string

// installedEnvoy is where make envoy leaves the executable, below the root.
const installedEnvoy = ".build/envoy/lib/python3*/site-packages/envoy/_bin/envoy"

var (
	errNoEnvoy    = errors.New("there is no Envoy: make envoy, or name one with -envoy or $CLAIMGATE_ENVOY")
	errEnvoyStart = errors.New("no ready Envoy")
)

// versionPart finds the version between the commit and the kind of build.
var versionPart = regexp.MustCompile(`/(\d+\.\d+\.\d+[^/]*)/`)

// front is a listener of Envoy: one way of deciding there.
type front struct {
	name   string
	native bool // jwt_authn and rbac, in Envoy
	cached bool // with jwt_authn's cache of tokens
	server string
	lean   bool // sends the server only what it needs
}

// noFilter is the yardstick of what a filter adds.
const noFilter = "no filter"

// fronts returns all of them.
func fronts() []front {
	return []front{
		{name: noFilter},
		{name: "jwt_authn", native: true},
		{name: "jwt_authn, cached", native: true, cached: true},
		{name: stock, server: stock},
		{name: stock + ", lean", server: stock, lean: true},
		{name: floor, server: floor},
		{name: claimgate, server: claimgate},
		{name: claimgate + ", lean", server: claimgate, lean: true},
	}
}

func joinEnvoy(l *lineup, _ *settings) error {
	l.fronts = fronts()
	var all []error
	for _, f := range l.fronts {
		switch {
		case f.server == "":
		case f.lean:
			all = append(all, l.add(f.server, f.load())) // which asks it nothing but through Envoy
		default:
			all = append(all, l.each(f.server, f.load()))
		}
	}
	return errors.Join(all...)
}

// load is what the server of a front is asked. No two fronts share a server,
// whose heap is counted while all of them take turns.
func (f front) load() workload {
	load := usual()
	load.Lean = f.lean
	return load
}

// envoyProcess is one running Envoy. All fronts are listeners of it: those that
// are not asked cost nothing.
type envoyProcess struct {
	command *exec.Cmd
	output  bytes.Buffer
	ended   chan error
}

// startEnvoy starts Envoy and returns its fronts as contenders. Without an
// executable there are none, and the bench says why.
func (b *bench) startEnvoy(ctx context.Context, all []front) ([]contender, error) {
	if len(all) == 0 {
		return nil, nil
	}
	binary, err := findEnvoy(b.envoyPath)
	if err != nil {
		b.envoyNote = err.Error()
		return nil, nil //nolint:nilerr // the report says it; the first part counts without
	}
	b.envoyNote = envoyVersion(ctx, binary)
	ports, err := freePorts(ctx, len(all)+1)
	if err != nil {
		return nil, err
	}
	config, err := b.envoyConfig(all, ports)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "envoy.yaml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, binary, "-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error") //nolint:gosec // named by who runs this
	e := &envoyProcess{command: command, ended: make(chan error, 1)}
	command.Stdout, command.Stderr = &e.output, &e.output
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() { e.ended <- command.Wait() }()
	b.envoy = e
	if err := e.await(ctx, ports[len(all)]); err != nil {
		return nil, err
	}
	return b.passages(ctx, all, ports)
}

// findEnvoy returns the executable.
func findEnvoy(named string) (string, error) {
	if named == "" {
		named = os.Getenv("CLAIMGATE_ENVOY")
	}
	if named != "" {
		return exec.LookPath(named)
	}
	for _, root := range []string{".", filepath.Join("..", "..")} {
		found, _ := filepath.Glob(filepath.Join(root, installedEnvoy)) // the pattern is sound
		if len(found) > 0 {
			return filepath.Abs(found[0])
		}
	}
	if file, err := exec.LookPath("envoy"); err == nil {
		return file, nil
	}
	return "", errNoEnvoy
}

func envoyVersion(ctx context.Context, binary string) string {
	out, err := exec.CommandContext(ctx, binary, "--version").Output()
	if err != nil {
		return "unknown"
	}
	if found := versionPart.FindSubmatch(out); found != nil {
		return string(found[1])
	}
	return "unknown"
}

// freePorts returns ports of loopback that nobody has at the moment.
func freePorts(ctx context.Context, n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port) // of a TCP listener
	}
	return ports, nil
}

// listenerOf is a front as the template reads it.
type listenerOf struct {
	Name, Cluster        string
	Port                 int
	Native, Cached, Lean bool
}

type clusterOf struct{ Name, Path string }

func (b *bench) envoyConfig(all []front, ports []int) ([]byte, error) {
	issuer, err := url.Parse(b.world.issuer)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(issuer.Port())
	if err != nil {
		return nil, err
	}
	data := struct {
		Admin, IssuerPort              int
		Issuer, JWKS, Audience, Tenant string
		Listeners                      []listenerOf
		Clusters                       []clusterOf
		Needed                         []pattern
	}{
		Admin: ports[len(all)], IssuerPort: port, Issuer: b.world.issuer, JWKS: b.world.jwks(), Audience: audience,
		Tenant: identityAt(0, 1).tenant, Needed: neededHeaders(),
	}
	for i, f := range all {
		one := listenerOf{Name: f.name, Port: ports[i], Native: f.native, Cached: f.cached, Lean: f.lean}
		if s := b.server(f.server, f.load()); s != nil {
			one.Cluster = "server of " + f.name
			data.Clusters = append(data.Clusters, clusterOf{one.Cluster, strings.TrimPrefix(s.address, "unix://")})
		}
		data.Listeners = append(data.Listeners, one)
	}
	var text bytes.Buffer
	t, err := template.New("envoy.yaml").Parse(envoyTemplate)
	if err != nil {
		return nil, err
	}
	err = t.Execute(&text, data)
	return text.Bytes(), err
}

// server returns that of a variant under a workload; nil where there is none.
func (b *bench) server(name string, load workload) *server {
	for _, s := range b.servers {
		if s.name == name && s.traffic.workload == load {
			return s
		}
	}
	return nil
}

// await waits until Envoy says that it is ready.
func (e *envoyProcess) await(ctx context.Context, admin int) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(4 * pollEvery)
	defer tick.Stop()
	for {
		if page, err := fetch(ctx, fmt.Sprintf("http://127.0.0.1:%d/ready", admin)); err == nil && bytes.HasPrefix(page, []byte("LIVE")) {
			return nil
		}
		select {
		case <-tick.C:
		case err := <-e.ended:
			e.ended <- err
			return fmt.Errorf("%w: it ended: %w\n%s", errEnvoyStart, err, &e.output)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errEnvoyStart, context.Cause(ctx))
		}
	}
}

func (e *envoyProcess) stop() {
	_ = e.command.Process.Signal(os.Interrupt)
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case err := <-e.ended:
		e.ended <- err
	case <-limit.C:
		_ = e.command.Process.Kill()
		e.ended <- <-e.ended
	}
}
