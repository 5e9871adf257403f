package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/admin"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/live"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/telemetry"
)

// newReloadTopic is a page of help, no command: `claimgate help reload`.
func newReloadTopic() *cobra.Command {
	topic := &cobra.Command{
		Use:   "reload",
		Short: "What happens when files of a running server change",
	}
	topic.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_ = write(cmd.OutOrStdout(), live.Help()) // as cobra does with its own pages
	})
	return topic
}

// hangups parts SIGHUP, which reloads, from the signals that end the process.
func hangups(signals <-chan os.Signal) (ends chan os.Signal, reloads chan struct{}, stop func()) {
	ends, reloads = make(chan os.Signal, cap(signals)), make(chan struct{}, 1)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				if s != syscall.SIGHUP {
					ends <- s
					continue
				}
				select {
				case reloads <- struct{}{}:
				default: // one is on its way
				}
			}
		}
	}()
	return ends, reloads, func() { close(done); <-ended }
}

// reloadOn reloads on each SIGHUP until ctx ends.
func (p *process) reloadOn(ctx context.Context, hangups <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			result := p.live.Signal(ctx)
			p.certificates.reload()
			p.log().Info("reloaded on SIGHUP", zap.String("result", string(result)))
		}
	}
}

// observe publishes what a reload changed.
func (p *process) observe(status live.Status) {
	p.telemetry.Metrics().SetConfiguration(telemetry.Configuration{Loaded: status.Loaded, Insecure: len(status.Insecure)})
	p.telemetry.SetSample(status.Sample)
	p.certificates.follow()
}

// reloads is what the metrics tell of reloads.
func (p *process) reloads() telemetry.Reloads {
	status := p.live.Status()
	r := telemetry.Reloads{
		Generation:  status.Generation,
		Tenants:     make(map[string]int, len(status.Tenants)),
		Results:     make(map[string]uint64, len(live.Results())),
		LastSuccess: status.LastSuccess,
		LastFailure: status.LastFailure,
		Failing:     status.Failing(),
		Waiting:     status.Waiting(),
		Remembers:   status.Remembers,
	}
	for state, n := range status.Tenants {
		r.Tenants[string(state)] = n
	}
	for _, result := range live.Results() {
		r.Results[string(result)] = status.Results[result]
	}
	return r
}

// summary is what the operator's page shows of the configuration.
func (p *process) summary() admin.Summary {
	status := p.live.Status()
	s := admin.Summary{
		Generation:  status.Generation,
		Loaded:      status.Loaded,
		File:        p.file,
		Tenants:     p.engine.Snapshot().TenantNames(),
		States:      make(map[string]int, len(status.Tenants)),
		NotInForce:  p.notInForce(&status),
		LastSuccess: status.LastSuccess,
		LastFailure: status.LastFailure,
		Failure:     status.Failure,
		Restart:     status.Restart,
		Ignored:     status.Ignored,
		Listeners:   p.bound(),
		TLSEnds:     p.certificates.ends(),
		Insecure:    append([]string{}, status.Insecure...),
		Warnings:    append([]string{}, status.Warnings...),
	}
	for state, n := range status.Tenants {
		s.States[string(state)] = n
	}
	return s
}

// notInForce lists what is on disk and not in force.
func (p *process) notInForce(status *live.Status) []admin.NotInForce {
	all := []admin.NotInForce{}
	add := func(what, state string, problem *live.Problem) {
		if problem != nil {
			all = append(all, admin.NotInForce{What: what, State: state, Problem: problem.Text, Since: problem.Since, Confirms: problem.Confirms})
		}
	}
	add("main file", "stale", status.Main)
	add("tenant directories", "stale", status.Dirs)
	for k := range status.Troubled {
		t := &status.Troubled[k]
		add("tenant "+t.Name, string(t.State), &t.Problem)
	}
	return append(all, p.certificates.notInForce()...)
}

// actions are what the operator's page can do.
func (p *process) actions() map[string]admin.Action {
	act := func(do func(context.Context) live.Result) admin.Action {
		return func(ctx context.Context) (done bool, report string) {
			result := do(ctx)
			p.certificates.reload()
			status := p.live.Status()
			var text strings.Builder
			fmt.Fprintf(&text, "%s: generation %d\n", result, status.Generation)
			for _, what := range p.notInForce(&status) {
				text.WriteString(what.Line(time.Now()))
			}
			good := result == live.Applied || result == live.Unchanged
			return good && len(p.certificates.notInForce()) == 0, text.String()
		}
	}
	return map[string]admin.Action{"/reload": act(p.live.Reload), "/confirm": act(p.live.Confirm)}
}

// needRestart lists the fields that take effect with the next start only.
func needRestart(started, now config.Settings) []string {
	var fields []string
	differ := func(field string, same bool) {
		if !same {
			fields = append(fields, field)
		}
	}
	for _, l := range []struct {
		name         string
		started, now config.Listener
	}{
		{"listen", started.Listen, now.Listen}, {"health", started.Health, now.Health},
		{"metrics", started.Metrics, now.Metrics}, {"admin", started.Admin, now.Admin},
	} {
		differ(l.name+".address", l.started.Address == l.now.Address)
		differ(l.name+".tls", (l.started.TLS == nil) == (l.now.TLS == nil))
		differ(l.name+".bearerTokenFile", l.started.BearerToken == l.now.BearerToken)
	}
	differ("admin.hosts", slices.Equal(started.AdminHosts, now.AdminHosts))
	differ("listen.drainWait", started.DrainWait == now.DrainWait)
	differ("listen.maxConnectionAge", started.MaxConnectionAge == now.MaxConnectionAge)
	differ("listen.codec", started.Codec == now.Codec)
	differ("cache.tokens", started.CacheTokens == now.CacheTokens)
	differ("stateDir", started.StateDir == now.StateDir)
	differ("stateKey", slices.Equal(started.StateKey, now.StateKey))
	differ("log.level", started.Log.Level == now.Log.Level)
	differ("log.hashKey", slices.Equal(started.Log.HashKey, now.Log.HashKey))
	differ("log.insecurePlainIdentifiers", started.Log.PlainIdentifiers == now.Log.PlainIdentifiers)
	differ("log.denialsPerSecond", started.Log.DenialsPerSecond == now.Log.DenialsPerSecond)
	return append(fields, tracingNeedsRestart(&started.Tracing, &now.Tracing)...)
}

// tracingNeedsRestart lists the fields of tracing, but for the sample, which is
// in force at once.
func tracingNeedsRestart(started, now *config.TracingSettings) []string {
	if (started.Endpoint == "") != (now.Endpoint == "") {
		return []string{"tracing"}
	}
	var fields []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"endpoint", started.Endpoint == now.Endpoint},
		{"headers", maps.Equal(started.Headers, now.Headers)},
		{"caFile", bytes.Equal(started.CA, now.CA)},
		{"timeout", started.Timeout == now.Timeout},
		{"resource", maps.Equal(started.Resource, now.Resource)},
	} {
		if !f.same {
			fields = append(fields, "tracing."+f.name)
		}
	}
	return fields
}
