package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"os"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/admin"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/live"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/telemetry"
	"github.com/claimgate/claimgate/envoy"
)

// process holds the parts of one running server.
type process struct {
	file      string
	started   time.Time
	telemetry *telemetry.Telemetry
	registry  *jwks.Registry
	cache     *token.Cache
	scheduler *token.Scheduler
	settings  config.Settings // that took effect at the start
	live      *live.Configuration
	engine    *authz.Engine
	readiness *admin.Readiness
	service   *envoy.Service
	listener  net.Listener
	pages     []*page
	runtime   runtimeSettings

	certificates certificates
}

// build makes every part from the configuration, and opens nothing. The error
// is config.Problems where the main file is invalid. A bad tenant file is no
// error: its tenant is quarantined.
func build(file string, stderr io.Writer) (*process, error) {
	settings, err := settingsOf(file)
	if err != nil {
		return nil, err
	}
	p := &process{file: file, started: time.Now(), settings: settings, telemetry: telemetry.New(settings.Log, stderr)}
	if err := p.openCertificates(); err != nil {
		return nil, err
	}
	if err := p.telemetry.Trace(&settings.Tracing, buildVersion().version); err != nil {
		return nil, err
	}
	p.registry = jwks.NewRegistry(jwks.Options{Observer: p.telemetry, Store: p.openStore(), Warn: func(text string) { p.log().Warn(text) }})
	if settings.CacheTokens > 0 {
		p.cache = token.NewCache(settings.CacheTokens)
	}
	p.scheduler = token.NewScheduler(token.SchedulerOptions{Observer: p.telemetry})
	p.engine = authz.NewEngine(authz.Options{})
	p.live = live.New(live.Options{
		Documents: live.Files(file, config.Runtime{Keys: p.registry, Cache: p.cache, Scheduler: p.scheduler}),
		Keys:      p.registry,
		Swap:      p.engine.Swap,
		Watch:     live.WatchDirectories,
		Fixed:     needRestart,
		Log:       p.telemetry.Log(),
		Observe:   p.observe,
		Lock:      live.LockDirectory,
	})
	if err := p.live.Start(); err != nil {
		p.dropTraces()
		return nil, everything(file, err)
	}
	p.assemble()
	return p, nil
}

// openStore opens what keeps key sets over a restart. Without it a start during
// an outage of an issuer answers that issuer's tokens with 503.
func (p *process) openStore() *jwks.Store {
	if p.settings.StateDir == "" {
		return nil
	}
	store, err := openState(p.settings.StateDir, p.settings.StateKey)
	if err != nil {
		p.log().Warn("key sets are not kept over a restart", zap.Error(err))
		return nil
	}
	return store
}

// openState makes the state directory where it is missing, for our user alone,
// and opens the store of key sets in it. A directory that is there is taken as
// it is, never mended.
func openState(dir string, key []byte) (*jwks.Store, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("stateDir cannot be made: %w", err)
	}
	return jwks.OpenStore(dir, key)
}

// settingsOf returns the settings of the main file, or all problems of the
// configuration where the main file has some.
func settingsOf(file string) (config.Settings, error) {
	main, err := config.LoadMain(file)
	if err != nil {
		return config.Settings{}, everything(file, err)
	}
	base, err := main.Compile(config.Runtime{})
	if err != nil {
		return config.Settings{}, everything(file, err)
	}
	return base.Settings(), nil
}

// everything returns all problems of a configuration that cannot be put in
// force, as check finds them, or else the error that there was.
func everything(file string, err error) error {
	document, all := config.Load(file)
	if all == nil {
		_, all = document.Build(config.Runtime{})
	}
	if errors.As(all, new(config.Problems)) {
		return all
	}
	return err
}

// assemble connects the parts.
func (p *process) assemble() {
	server := envoy.NewServer(envoy.ServerOptions{Decider: p.engine, Observer: p.telemetry, Tracer: p.telemetry.Tracer()})
	p.service = envoy.NewService(server, serviceOptions(p.settings, tlsOf(p.certificates.listen)))
	p.readiness = admin.NewReadiness(admin.Gates{
		Configured:   func() bool { return p.engine.Snapshot() != nil },
		FetchesEnded: p.registry.FirstFetchesEnded,
		RequiredKeys: p.haveRequired,
		Opened:       func() { p.service.SetReady(true) },
	})
	p.measure(server)
}

// haveRequired reports whether the issuers that are required have keys.
func (p *process) haveRequired() bool {
	if len(p.settings.Required) == 0 {
		return true
	}
	for _, s := range p.registry.Status() {
		if !s.Usable && slices.Contains(p.settings.Required, s.Issuer) {
			return false
		}
	}
	return true
}

// serviceOptions translates settings, where 0 means none, into options, where
// 0 means the default.
func serviceOptions(settings config.Settings, secure *tls.Config) envoy.ServiceOptions {
	opts := envoy.ServiceOptions{
		TLS:              secure,
		DrainWait:        settings.DrainWait,
		MaxConnectionAge: settings.MaxConnectionAge,
		Codec:            settings.Codec,
	}
	if opts.DrainWait == 0 {
		opts.DrainWait = -1
	}
	if opts.MaxConnectionAge == 0 {
		opts.MaxConnectionAge = math.MaxInt64
	}
	return opts
}

// measure publishes what the parts count.
func (p *process) measure(server *envoy.Server) {
	metrics := p.telemetry.Metrics()
	what := buildVersion()
	metrics.SetBuild(what.version, what.revision)
	metrics.WatchReloads(p.reloads)
	metrics.WatchReady(p.readiness.Ready)
	metrics.WatchInFlight(server.InFlight)
	metrics.WatchKeys(p.registry.Status)
	metrics.WatchKeyStore(p.registry.StoreStatus)
	metrics.WatchScheduler(p.scheduler.Stats)
	metrics.WatchCertificates(p.certificates.status)
	if p.cache != nil {
		metrics.WatchCache(p.cache.Stats)
	}
}

func (p *process) log() *zap.Logger { return p.telemetry.Log() }

// greet writes what an operator wants to know of a start. What is weak, odd or
// bad about the configuration has been said.
func (p *process) greet() {
	log := p.log()
	fields := make([]zap.Field, 0, 8)
	fields = append(fields,
		zap.String("version", buildVersion().version),
		zap.String("config", p.file),
		zap.Int("tenants", p.engine.Snapshot().Tenants()),
	)
	for _, bound := range p.bound() {
		fields = append(fields, zap.String(bound.Name, bound.Address))
	}
	log.Info("listening", fields...)
	log.Info("runtime", p.runtime.fields()...)
	if tracing := p.settings.Tracing; tracing.Endpoint != "" {
		log.Info("tracing", zap.String("endpoint", originOf(tracing.Endpoint)), zap.Float64("sample", tracing.Sample))
	}
	if p.runtime.limitError != nil {
		log.Warn("no memory limit: that of the cgroup cannot be read; GOMEMLIMIT sets one", zap.Error(p.runtime.limitError))
	}
	p.telemetry.Announce()
}

// originOf returns the scheme and host of a URL. Some collectors are told who sends
// by a secret in the path.
func originOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "" // config has parsed it
	}
	return u.Scheme + "://" + u.Host
}
