package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// Bounds on the end of a process.
const (
	gracefulStop = 20 * time.Second // for requests in progress, after the drain wait
	pageStop     = 2 * time.Second  // for health, metrics and admin pages
	traceFlush   = 3 * time.Second  // for traces that wait, whatever the collector does
)

// serveOptions are the flags of serve.
type serveOptions struct {
	config    string
	readyFile string
}

func newServeCommand() *cobra.Command {
	var opts serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer Envoy",
		Long: `Loads the configuration and answers Envoy's external authorization calls until
SIGTERM or SIGINT. It then reports that it is not serving, waits listen.drainWait
so that proxies notice, lets requests in progress end, and exits with 0. A second
signal stops it at once.

Nothing is served from an invalid main file: every problem is printed, as check
does, and the exit code is 2. The tenant of a bad file is quarantined and the
others are served. The log goes to standard error, one JSON object a line.

Changed files are put in force as they are noticed, whole or not at all: what is
bad is said, and what was good stays. SIGHUP, or a POST to /reload of the admin
listener, looks at every file at once. What waits to be confirmed is confirmed
by SIGHUP or by a POST to /confirm.

Memory is limited to nine tenths of what the cgroup allows, and small heaps are
collected less often than Go would. GOMEMLIMIT and GOGC replace either.`,
		Example: `  claimgate serve
  claimgate serve --config /etc/claimgate/claimgate.yaml
  CLAIMGATE_CONFIG=claimgate.yaml claimgate serve

  # in scripts: listen on port 0 and read the addresses that were bound
  claimgate serve -c claimgate.yaml --ready-file ready.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			signals := make(chan os.Signal, 2)
			signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
			defer signal.Stop(signals)
			return serve(opts, signals, cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.config, "config", "c", "", "configuration file (default $CLAIMGATE_CONFIG, or else claimgate.yaml)")
	flags.StringVar(&opts.readyFile, "ready-file", "", "write the bound addresses as JSON to this file once listening; removed at the end")
	return cmd
}

// serve runs one process from its configuration to its end.
func serve(opts serveOptions, signals <-chan os.Signal, stderr io.Writer) error {
	tuned, untune := tuneRuntime(memlimit.FromCgroup)
	defer untune()
	p, err := build(configPath(opts.config), stderr)
	if err != nil {
		return invalid(err, stderr)
	}
	defer p.dropTraces()
	p.runtime = tuned
	if err := p.listen(); err != nil {
		p.service.Stop()
		return err
	}
	if err := p.publish(opts.readyFile); err != nil {
		p.close()
		p.service.Stop()
		return err
	}
	defer p.unpublish(opts.readyFile)
	p.greet()
	return p.run(signals)
}

// invalid prints what is wrong with a configuration.
func invalid(err error, stderr io.Writer) error {
	var problems config.Problems
	if !errors.As(err, &problems) {
		hint := "name the configuration with --config or $" + configEnv
		if !errors.Is(err, fs.ErrNotExist) {
			hint = unreadable(err)
		}
		return &failure{exitTrouble, err, hint}
	}
	if wrote := write(stderr, problems.Error()+"\n"); wrote != nil {
		return wrote
	}
	return &failure{
		code: exitInvalid,
		err:  errors.New("the configuration is invalid: " + count(len(problems), "problem")),
		hint: "'claimgate check' finds the same without serving; 'claimgate help config' explains every field",
	}
}

// run answers until a signal arrives or a listener fails.
func (p *process) run(signals <-chan os.Signal) error {
	signals, hangups, stop := hangups(signals)
	defer stop()
	group, ctx := errgroup.WithContext(context.Background())
	keys, stopKeys := context.WithCancel(context.Background())
	defer stopKeys()
	group.Go(func() error { p.registry.Run(keys); return nil })
	group.Go(func() error { p.live.Run(keys); return nil })
	group.Go(func() error { p.certificates.run(keys, p.live.Settings, p.log()); return nil })
	group.Go(func() error { p.reloadOn(keys, hangups); return nil })
	group.Go(func() error { return p.service.Serve(p.listener) })
	for _, page := range p.pages {
		group.Go(page.serve)
	}
	group.Go(func() error { p.becomeReady(ctx); return nil })
	group.Go(func() error {
		defer stopKeys()
		p.stopAfter(ctx, signals)
		return nil
	})
	if err := group.Wait(); err != nil {
		return &failure{code: exitTrouble, err: err}
	}
	p.log().Info("stopped")
	return nil
}

// becomeReady sees to it that readiness is noticed, whether anybody asks or
// not. Health checkers are told by the gate.
func (p *process) becomeReady(ctx context.Context) {
	p.readiness.ListenersUp()
	if p.readiness.Wait(ctx) {
		p.log().Info("ready", zap.Duration("after", time.Since(p.started)))
	}
}

// stopAfter waits for the first signal, or for a listener that fails, and ends
// everything in order: authorization first, so that the pages tell of it.
func (p *process) stopAfter(ctx context.Context, signals <-chan os.Signal) {
	select {
	case s := <-signals:
		p.log().Info("draining", zap.Stringer("signal", s), zap.Duration("wait", p.settings.DrainWait))
		p.drain(context.WithoutCancel(ctx), signals)
	case <-ctx.Done():
		p.readiness.Drain()
		p.service.Drain(ctx) // which has ended, so that this waits for nobody
		p.flushTraces(context.WithoutCancel(ctx))
	}
	for _, page := range p.pages {
		page.stop(context.WithoutCancel(ctx))
	}
}

// drain ends the service gracefully, or at once when another signal arrives.
func (p *process) drain(ctx context.Context, signals <-chan os.Signal) {
	ctx, cancel := context.WithTimeout(ctx, p.settings.DrainWait+gracefulStop)
	defer cancel()
	p.readiness.Drain()
	var impatient errgroup.Group
	impatient.Go(func() error {
		select {
		case <-signals:
			p.log().Warn("stopping at once: a second signal")
			cancel()
		case <-ctx.Done():
		}
		return nil
	})
	p.service.Drain(ctx)
	p.flushTraces(ctx)
	cancel()
	_ = impatient.Wait() // it returns no error
}

// flushTraces exports the traces that wait, for a while.
func (p *process) flushTraces(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, traceFlush)
	defer cancel()
	p.telemetry.StopTracing(ctx)
}

// dropTraces ends tracing at once, where it has not ended.
func (p *process) dropTraces() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p.telemetry.StopTracing(ctx)
}
