package token

import (
	"context"
	"time"
)

// IssuerSpec is what verification reads about one issuer.
type IssuerSpec struct {
	Name        string   // configured name, for logs and rules
	URL         string   // exact `iss` (RFC 8725 section 3.8)
	Audiences   []string // at least one; a token must name at least one of them
	Algorithms  []string // at least one registered name
	Types       []string // accepted `typ` without "application/", case-insensitive; "" admits tokens without typ
	ClockSkew   time.Duration
	MaxTokenAge time.Duration // now - iat; 0 turns the check off
	Keys        KeySource
	KeysID      string // fingerprint of the key source
}

// Issuer is a compiled, immutable issuer.
type Issuer struct{}

// NewIssuer checks and compiles an issuer.
func NewIssuer(spec IssuerSpec) (*Issuer, error) { panic("not built") }

// Name returns the configured name.
func (i *Issuer) Name() string { panic("not built") }

// URL returns the issuer identifier.
func (i *Issuer) URL() string { panic("not built") }

// Limits on tokens.
const (
	MaxTokenBytes = 16 << 10 // of the compact form
	MaxKIDBytes   = 256
	MaxDepth      = 16
)

// Verified is a verified token. It is shared with the cache and read-only.
type Verified struct {
	Issuer  *Issuer
	Claims  *Value // an Object
	Subject string // `sub`, "" where absent
	Cached  bool   // answered by the cache
}

// Verifier verifies the tokens of one scope, that is of the issuers that one
// tenant admits. It is immutable and safe for concurrent use.
type Verifier struct{}

// NewVerifier builds a verifier. No two issuers may have one URL. A nil cache
// turns caching off.
func NewVerifier(issuers []*Issuer, cache *Cache) (*Verifier, error) { panic("not built") }

// Verify checks one compact JWS in the order: size, alphabet, cache, header,
// issuer, key, signature, claims. The error is one of the sentinels of this
// package. A cached token is judged as strictly as a fresh one.
func (v *Verifier) Verify(ctx context.Context, raw string, now time.Time) (Verified, error) {
	panic("not built")
}

// Cache is a bounded cache of verified tokens. It never holds a verdict nor
// token text: entries are found by the SHA-256 of the token and the
// fingerprint of the settings that verified it.
type Cache struct{}

// NewCache returns a cache of at most entries tokens.
func NewCache(entries int) *Cache { panic("not built") }

// CacheStats counts since the start.
type CacheStats struct {
	Hits, Misses, Evictions uint64
	Entries, Capacity       int
}

// Stats returns the counts.
func (c *Cache) Stats() CacheStats { panic("not built") }
