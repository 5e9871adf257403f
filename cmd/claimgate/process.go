package main

import (
	"io"
	"math"
	"net"
	"time"

	"go.uber.org/zap"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/admin"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
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
	built     *config.Built
	engine    *authz.Engine
	readiness *admin.Readiness
	service   *envoy.Service
	listener  net.Listener
	pages     []*page
}

// build makes every part from the configuration, and opens nothing. The error
// is config.Problems where the configuration is invalid.
func build(file string, stderr io.Writer) (*process, error) {
	document, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	settings, err := settingsOf(document)
	if err != nil {
		return nil, err
	}
	p := &process{file: file, started: time.Now(), telemetry: telemetry.New(settings.Log, stderr)}
	p.registry = jwks.NewRegistry(jwks.Options{Observer: p.telemetry})
	if settings.CacheTokens > 0 {
		p.cache = token.NewCache(settings.CacheTokens)
	}
	p.built, err = document.Build(config.Runtime{Keys: p.registry, Cache: p.cache, Generation: 1})
	if err != nil {
		return nil, err
	}
	p.assemble()
	return p, nil
}

// settingsOf returns the settings, or all problems of the document where these
// have some.
func settingsOf(document *config.Document) (config.Settings, error) {
	settings, err := document.Settings()
	if err != nil {
		if _, all := document.Build(config.Runtime{}); all != nil {
			return settings, all
		}
	}
	return settings, err
}

// assemble puts the configuration in force and connects the parts.
func (p *process) assemble() {
	p.engine = authz.NewEngine(authz.Options{})
	p.engine.Swap(p.built.Snapshot)
	server := envoy.NewServer(envoy.ServerOptions{Decider: p.engine, Observer: p.telemetry})
	p.service = envoy.NewService(server, serviceOptions(p.built.Settings))
	p.readiness = admin.NewReadiness(admin.Gates{
		Configured:   func() bool { return p.engine.Snapshot() != nil },
		FetchesEnded: p.registry.FirstFetchesEnded,
		Opened:       func() { p.service.SetReady(true) },
	})
	p.measure(server)
}

// serviceOptions translates settings, where 0 means none, into options, where
// 0 means the default.
func serviceOptions(settings config.Settings) envoy.ServiceOptions {
	opts := envoy.ServiceOptions{
		TLS:              settings.Listen.TLS,
		DrainWait:        settings.DrainWait,
		MaxConnectionAge: settings.MaxConnectionAge,
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
	metrics.SetConfiguration(telemetry.Configuration{
		Generation: p.built.Snapshot.Generation(),
		Loaded:     p.started,
		Tenants:    len(p.built.Snapshot.TenantNames()),
		Insecure:   len(p.built.Settings.Insecure),
	})
	metrics.WatchReady(p.readiness.Ready)
	metrics.WatchInFlight(server.InFlight)
	metrics.WatchKeys(p.registry.Status)
	if p.cache != nil {
		metrics.WatchCache(p.cache.Stats)
	}
}

func (p *process) log() *zap.Logger { return p.telemetry.Log() }

// greet writes what an operator wants to know of a start: where it listens,
// what is weak, and what is odd.
func (p *process) greet() {
	log := p.log()
	fields := make([]zap.Field, 0, 8)
	fields = append(fields,
		zap.String("version", buildVersion().version),
		zap.String("config", p.file),
		zap.Int("tenants", len(p.built.Snapshot.TenantNames())),
	)
	for _, bound := range p.bound() {
		fields = append(fields, zap.String(bound.Name, bound.Address))
	}
	log.Info("listening", fields...)
	p.telemetry.Announce()
	for _, word := range p.built.Settings.Insecure {
		log.Warn("insecure setting in use", zap.String("setting", word))
	}
	for _, warning := range p.built.Warnings {
		log.Warn("configuration warning", zap.String("warning", warning.String()))
	}
}

// summary is what the operator's page shows of the configuration.
func (p *process) summary() admin.Summary {
	snapshot := p.engine.Snapshot()
	warnings := make([]string, len(p.built.Warnings))
	for i, warning := range p.built.Warnings {
		warnings[i] = warning.String()
	}
	return admin.Summary{
		Generation: snapshot.Generation(),
		Loaded:     p.started,
		File:       p.file,
		Tenants:    snapshot.TenantNames(),
		Listeners:  p.bound(),
		Insecure:   append([]string{}, p.built.Settings.Insecure...),
		Warnings:   warnings,
	}
}
