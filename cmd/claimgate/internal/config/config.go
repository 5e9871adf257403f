// Package config loads claimgate's documents and builds the runtime from them.
//
//	document, err := config.Load("claimgate.yaml")     // err: config.Problems
//	built, err := document.Build(config.Runtime{Keys: registry, Cache: cache})
//	engine.Swap(built.Snapshot)
//
// Loading is strict: unknown fields, duplicate keys, aliases and wrong types
// are problems, and all problems are reported at once with their places.
//
// A reload does the same in pieces, so that a changed file costs no more than
// its own reading and compiling:
//
//	main, err := config.LoadMain("claimgate.yaml")
//	base, err := main.Compile(config.Runtime{Keys: registry, Cache: cache})
//	file, err := config.ReadTenantFile("tenants/acme.yaml")
//	tenant, problems := base.Tenant(file)              // nil with a mistake
//	snapshot, conflicts := base.Snapshot(generation, tenants, held)
//
// What a tenant may read and reach is bounded by the main file: a tenant file
// sets owned headers only, and an issuer of its own names neither files nor
// loopback or private addresses of the machine.
//
// What an operator changes in an emergency, and how soon it is in force, is
// told by Levers.
package config

import (
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
	"github.com/claimgate/claimgate/envoy"
)

// Runtime is what a build shares with other builds. Nil fields are made anew,
// as for a check without a server.
type Runtime struct {
	Keys       *jwks.Registry
	Cache      *token.Cache
	Scheduler  *token.Scheduler // of verifications
	Now        func() time.Time // nil: time.Now
	Generation uint64
}

// Built is a compiled configuration.
type Built struct {
	Snapshot *authz.Snapshot
	Settings Settings
	Counts   Counts
	Warnings Problems
}

// Counts say how much is written, whatever it makes: a template counts once,
// and so does a rule of a policy that many tenants use.
type Counts struct {
	Tenants   int
	Delegated int // of these
	Issuers   int // of the main file and of the tenants' own
	Rules     int // allow and deny rules of policies, of tenantDefaults and of tenants
}

// Settings are the resolved settings of the process.
type Settings struct {
	Listen           Listener
	Health           Listener // Address "" turns it off; the same for the next two
	Metrics          Listener
	Admin            Listener
	AdminHosts       []string // Host names that the admin listener answers to
	DrainWait        time.Duration
	MaxConnectionAge time.Duration // 0: never
	Codec            envoy.Codec
	CacheTokens      int    // 0 turns the cache off
	StateDir         string // "": nothing is kept
	StateKey         []byte // nil: a checksum
	MaxTenantLoss    MaxTenantLoss
	Log              LogSettings
	Tracing          TracingSettings
	Required         []string // issuers without whose keys the process is not ready
	Insecure         []string // field paths of every insecure... word in use
}

// MaxTenantLoss bounds how many tenants one reload removes unasked.
type MaxTenantLoss struct{ Tenants, Percent int }

// Of returns the bound while so many tenants are in force.
func (m MaxTenantLoss) Of(tenants int) int { return max(m.Tenants, tenants*m.Percent/100) }

// Listener is one listening address.
type Listener struct {
	Address     string       // host:port or unix:///path
	TLS         *certs.Files // nil: plain text
	BearerToken string       // demanded of HTTP callers where not ""
}

// LogSettings configure the log.
type LogSettings struct {
	Level            zapcore.Level
	HashKey          []byte // nil: random
	PlainIdentifiers bool   // `insecurePlainIdentifiers`
	DenialsPerSecond int
}
