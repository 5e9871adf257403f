package telemetry

import (
	"context"
	"io"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/envoy"
)

// LogSettings configure the log.
type LogSettings = config.LogSettings

// Telemetry is the observer of a process: envoy.Observer, jwks.Observer,
// token.SchedulerObserver and certs.Observer. Safe for concurrent use.
type Telemetry struct {
	log       *zap.Logger
	ids       identifiers
	metrics   *Metrics
	decisions *decisionLog
	outages   outages
	tracing   *Tracing // nil: no traces
	debugs    bool     // the log is at debug level, which does not change
}

// New returns a telemetry that logs to w.
func New(settings LogSettings, w io.Writer) *Telemetry {
	log := newLogger(settings.Level, w)
	ids := newIdentifiers(settings)
	metrics := NewMetrics()
	return &Telemetry{
		log:       log,
		debugs:    log.Core().Enabled(zapcore.DebugLevel),
		ids:       ids,
		metrics:   metrics,
		decisions: newDecisionLog(log, ids, settings.DenialsPerSecond, metrics.suppressed),
		outages:   outages{failing: make(map[string]bool)},
	}
}

// Log returns the logger. Whatever is written to it is redacted.
func (t *Telemetry) Log() *zap.Logger { return t.log }

// Metrics returns the metrics.
func (t *Telemetry) Metrics() *Metrics { return t.metrics }

// Announce logs once how this log treats identifiers.
func (t *Telemetry) Announce() { t.ids.announce(t.log) }

// Trace begins to trace, where the settings say so. Call it once, before anything
// is observed.
func (t *Telemetry) Trace(settings *config.TracingSettings, version string) error {
	if settings.Endpoint == "" {
		return nil
	}
	tracing, err := newTracing(settings, version, t.log)
	if err != nil {
		return err
	}
	t.tracing = tracing
	t.metrics.registry.MustRegister(tracing.spans)
	return nil
}

// Tracer returns the tracer of checks; nil where nothing is traced.
func (t *Telemetry) Tracer() envoy.Tracer {
	if t.tracing == nil {
		return nil
	}
	return t.tracing
}

// SetSample changes which share of the requests without a parent is traced.
func (t *Telemetry) SetSample(share float64) {
	if t.tracing != nil {
		t.tracing.sampler.set(share)
	}
}

// StopTracing exports the spans that wait until ctx ends. A second call does
// nothing.
func (t *Telemetry) StopTracing(ctx context.Context) {
	if t.tracing != nil {
		t.tracing.Stop(ctx)
	}
}

// Checked implements envoy.Observer. For a request that is allowed it takes no
// lock and allocates nothing, unless the log is at debug level.
func (t *Telemetry) Checked(req *authz.Request, decision *authz.Decision, elapsed time.Duration, fault error) {
	t.metrics.checked(decision, elapsed)
	if fault != nil {
		t.metrics.panics.Inc()
		t.decisions.faulted(decision, fault)
	}
	if !isServed(decision) {
		t.decisions.denied(req, decision, elapsed)
		return
	}
	if t.debugs {
		t.decisions.served(req, decision, elapsed)
	}
}

// Fetched implements jwks.Observer. The log hears only when an issuer begins
// to fail and when it recovers.
func (t *Telemetry) Fetched(issuer string, result jwks.FetchResult, elapsed time.Duration) {
	t.metrics.fetched(issuer, result, elapsed)
	if result == jwks.FetchCanceled {
		return // says nothing about the issuer
	}
	if t.tracing != nil {
		t.tracing.fetched(issuer, result, elapsed)
	}
	failed := failed(result)
	if !t.outages.changed(issuer, failed) {
		return
	}
	fields := []zap.Field{zap.String("issuer", issuer), zap.String("result", string(result)), zap.Duration("took", elapsed)}
	if failed {
		t.log.Warn("keys cannot be fetched", append(fields, zap.String("cause", result.Meaning()))...)
		return
	}
	t.log.Info("keys can be fetched again", fields...)
}

func failed(result jwks.FetchResult) bool {
	return result != jwks.FetchOK && result != jwks.FetchNotModified
}

// outages remembers which issuers fail. The issuers are those of the
// configuration, so their number is bounded.
type outages struct {
	mu      sync.Mutex
	failing map[string]bool
}

// changed records the state and reports whether it is news. That the first
// fetch of an issuer succeeds is none.
func (o *outages) changed(issuer string, failed bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failing[issuer] == failed {
		return false
	}
	if failed {
		o.failing[issuer] = true
	} else {
		delete(o.failing, issuer)
	}
	return true
}
