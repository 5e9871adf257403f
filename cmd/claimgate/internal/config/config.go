// Package config loads claimgate's documents and builds the runtime from them.
//
//	document, err := config.Load("claimgate.yaml")     // err: config.Problems
//	built, err := document.Build(config.Runtime{Keys: registry, Cache: cache})
//	engine.Swap(built.Snapshot)
//
// Loading is strict: unknown fields, duplicate keys, aliases and wrong types
// are problems, and all problems are reported at once with their places.
package config

import (
	"crypto/tls"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
)

// Problem is one mistake at one place of a file.
type Problem struct {
	File         string
	Line, Column int
	Path         string // field path, as in `tenants[1].headers[0].name`
	Message      string
	Mend         string
	Warning      bool // does not stop the configuration
}

// Problems is a list of mistakes in file order. It is an error.
type Problems []Problem

// Error renders one problem a line: file:line:column: path: message; mend.
func (p Problems) Error() string { panic("not built") }

// Document is a loaded configuration with all its files: well-formed and of
// the right shape, not yet compiled.
type Document struct{}

// Load reads the main file and the tenant files that it names. The error is
// Problems, or another error where the main file cannot be read at all.
func Load(path string) (*Document, error) { panic("not built") }

// Runtime is what a build shares with other builds. Nil fields are made anew,
// as for a check without a server.
type Runtime struct {
	Keys       *jwks.Registry
	Cache      *token.Cache
	Generation uint64
}

// Built is a compiled configuration.
type Built struct {
	Snapshot *authz.Snapshot
	Settings Settings
	Warnings Problems
}

// Build compiles the document. The error is Problems, all of them.
func (d *Document) Build(rt Runtime) (*Built, error) { panic("not built") }

// Settings returns the part of the document that is no policy, with defaults
// and secrets resolved. The error is Problems.
func (d *Document) Settings() (Settings, error) { panic("not built") }

// Settings are the resolved settings of the process.
type Settings struct {
	Listen      Listener
	Health      Listener // Address "" turns it off; the same for the next two
	Metrics     Listener
	Admin       Listener
	AdminHosts  []string // Host names that the admin listener answers to
	DrainWait   time.Duration
	CacheTokens int
	Log         LogSettings
	Insecure    []string // field paths of every insecure... word in use
}

// Listener is one listening address.
type Listener struct {
	Address     string      // host:port or unix:///path
	TLS         *tls.Config // nil: plain text
	BearerToken string      // demanded of HTTP callers where not ""
}

// LogSettings configure the log.
type LogSettings struct {
	Level            zapcore.Level
	HashKey          []byte // nil: random
	PlainIdentifiers bool   // `insecurePlainIdentifiers`
	DenialsPerSecond int
}
