package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options say which Envoy to run and how. Exactly one of File and Config is
// set; zero fields besides have defaults.
type Options struct {
	Binary       string        // executable; default: Find
	File         string        // path of the bootstrap
	Config       []byte        // text of the bootstrap
	Concurrency  int           // worker threads, default 1
	StartTimeout time.Duration // until it is ready, default 20 s
	StopGrace    time.Duration // between SIGTERM and SIGKILL, default 5 s
}

// Proxy is one running Envoy. Its methods are safe for concurrent use.
type Proxy struct {
	admin     admin
	listeners map[string]string
	process   *process
	dir       string
	grace     time.Duration
	unwatch   func() bool
	stopOnce  sync.Once
}

// Start runs an Envoy and returns once it is ready and its listeners are bound.
// It ends with ctx at the latest. An error carries what Envoy wrote.
func Start(ctx context.Context, opts Options) (*Proxy, error) {
	binary, err := opts.binary()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "claimgate-envoy-")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{dir: dir, grace: orDefault(opts.StopGrace, 5*time.Second)}
	if err := p.run(binary, opts); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, orDefault(opts.StartTimeout, 20*time.Second))
	defer cancel()
	if err := p.await(ready); err != nil {
		p.Stop()
		return nil, err
	}
	p.unwatch = context.AfterFunc(ctx, p.end)
	return p, nil
}

func (o *Options) binary() (string, error) {
	if (o.File == "") == (o.Config == nil) {
		return "", errors.New("proxy: exactly one of File and Config must be set")
	}
	if o.Binary != "" {
		return o.Binary, nil
	}
	return Find()
}

func (p *Proxy) run(binary string, opts Options) error {
	file := opts.File
	if opts.Config != nil {
		file = filepath.Join(p.dir, "envoy.yaml")
		if err := os.WriteFile(file, opts.Config, 0o600); err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
	}
	cmd := exec.Command(binary, //nolint:gosec,noctx // the caller chooses the executable; stop ends it gently with the context
		"-c", file,
		"--concurrency", fmt.Sprint(orDefault(opts.Concurrency, 1)),
		"--disable-hot-restart",
		"--log-level", "error",
		"--file-flush-interval-msec", "50",
		"--admin-address-path", p.adminFile())
	var err error
	p.process, err = start(cmd)
	return err
}

func (p *Proxy) adminFile() string { return filepath.Join(p.dir, "admin") }

// await polls until Envoy says that it is live and all listeners have a port.
func (p *Proxy) await(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if p.ready(ctx) {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.process.ended:
			return p.process.failure(fmt.Sprintf("Envoy ended while starting (%v)", p.process.err))
		case <-ctx.Done():
			return p.process.failure("Envoy is not ready: " + context.Cause(ctx).Error())
		}
	}
}

func (p *Proxy) ready(ctx context.Context) bool {
	address, err := os.ReadFile(p.adminFile())
	if err != nil || len(bytes.TrimSpace(address)) == 0 {
		return false
	}
	p.admin = admin("http://" + strings.TrimSpace(string(address)))
	if text, err := p.admin.get(ctx, "/ready"); err != nil || !strings.HasPrefix(text, "LIVE") {
		return false
	}
	p.listeners, err = p.admin.listeners(ctx)
	return err == nil
}

// Address returns the address that the listener of that name is bound to.
func (p *Proxy) Address(listener string) (string, error) {
	address, ok := p.listeners[listener]
	if !ok {
		return "", fmt.Errorf("proxy: Envoy has no listener %q", listener)
	}
	return address, nil
}

// AdminURL returns the URL of the admin page, without a final slash.
func (p *Proxy) AdminURL() string { return string(p.admin) }

// Stats returns the counters and gauges whose name contains part. Those that
// Envoy never touched are left out.
func (p *Proxy) Stats(ctx context.Context, part string) (map[string]uint64, error) {
	return p.admin.stats(ctx, part)
}

// Logs returns the end of what Envoy wrote to its standard streams.
func (p *Proxy) Logs() string { return p.process.output.String() }

// Running reports whether Envoy has not ended.
func (p *Proxy) Running() bool { return p.process.alive() }

// Stop ends Envoy and returns once it has ended and its files are gone.
func (p *Proxy) Stop() {
	if p.unwatch != nil {
		p.unwatch()
	}
	p.end()
}

func (p *Proxy) end() {
	p.stopOnce.Do(func() {
		p.process.stop(p.grace)
		_ = os.RemoveAll(p.dir)
	})
}

// Validate asks Envoy whether it would accept the bootstrap. It does not learn
// whether a cluster that the ext_authz filter names exists.
func Validate(ctx context.Context, file string) error {
	binary, err := Find()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, binary, "--mode", "validate", "--log-level", "error", "-c", file) //nolint:gosec // found by us
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("proxy: Envoy refuses %s: %w: %s", file, err, bytes.TrimSpace(out))
	}
	return nil
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
