// Package jwks provides key sources: static key sets (inline or from a file)
// and remote ones (a JWKS URI, or OpenID Connect discovery with a pinned
// issuer), refreshed in the background and kept through failures.
//
//	registry := jwks.NewRegistry(jwks.Options{})
//	source, err := registry.Source(jwks.SourceSpec{Issuer: "https://id.example.com/"})
//	go registry.Run(ctx)
//	set, err := source.KeySet(ctx, kid)
//
// It is the only HTTP client for keys. Nothing of an unverified token becomes
// part of a request that it makes.
package jwks

import (
	"context"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// SourceSpec describes one key source. Equal specs share one source. Exactly
// one of Inline, File and URI is set, or none of them for discovery.
type SourceSpec struct {
	Issuer string // issuer identifier; pins the discovery document
	URI    string // JWKS URI
	File   string // path of a JWKS file, read when the source is made
	Inline string // JWKS document

	RefreshInterval       time.Duration // default 5 min
	UnknownKIDCooldown    time.Duration // default 10 s
	UnknownKIDWait        time.Duration // default 100 ms
	MaxStale              time.Duration // default 24 h
	MaxBackoff            time.Duration // default 60 s
	Timeout               time.Duration // default 5 s, of one fetch
	CAFile                string        // PEM bundle in place of the system's
	AllowPrivateAddresses bool
	InsecureHTTP          bool
}

// Options are what a registry needs from outside. Zero fields have defaults.
type Options struct {
	Now      func() time.Time
	Rand     func() float64 // in [0,1), for jitter
	Observer Observer
}

// Observer hears about fetches. It must not block.
type Observer interface {
	Fetched(issuer string, result FetchResult, elapsed time.Duration)
}

// FetchResult is a closed set, fit for a metric label.
type FetchResult string

// Registry owns the sources, their schedules and the fetch pool.
type Registry struct{}

// NewRegistry returns an empty registry.
func NewRegistry(opts Options) *Registry { panic("not built") }

// Source returns the source of the spec, new or shared. Static sources are
// parsed here; a remote one is fetched once Run is called, or at once where it
// already is. Errors are mistakes of the spec.
func (r *Registry) Source(spec SourceSpec) (*Source, error) { panic("not built") }

// Run fetches and refreshes until ctx ends, then returns once every goroutine
// of the registry has ended.
func (r *Registry) Run(ctx context.Context) { panic("not built") }

// FirstFetchesEnded reports whether every remote source ended its first fetch.
func (r *Registry) FirstFetchesEnded() bool { panic("not built") }

// Status describes every source, ordered by issuer.
func (r *Registry) Status() []Status { panic("not built") }

// Status is the state of one source.
type Status struct {
	Issuer      string
	Kind        string // "static" or "remote"
	Keys        int
	Skipped     int // unusable keys of the set in force
	LastSuccess time.Time
	LastFailure time.Time
	LastError   string // a FetchResult, never text from the network
}

// Source is a token.KeySource.
type Source struct{}

// ID returns the fingerprint of the spec.
func (s *Source) ID() string { panic("not built") }

// KeySet implements token.KeySource.
func (s *Source) KeySet(ctx context.Context, kid string) (*token.KeySet, error) { panic("not built") }
