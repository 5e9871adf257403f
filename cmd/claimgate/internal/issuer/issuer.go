// Package issuer is a small throw-away OAuth 2.0 token issuer for demos and
// tests: discovery, JWKS, client credentials and key rotation, on the standard
// library alone. It is no identity provider and keeps its keys in memory.
//
//	idp, err := issuer.New(issuer.Options{URL: "http://127.0.0.1:8080"})
//	go http.Serve(listener, idp)
//	token, err := idp.Mint(map[string]any{"sub": "alice", "aud": "https://api.example.com"})
package issuer

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure an Issuer. Zero fields have defaults.
type Options struct {
	URL       string            // issuer identifier; served paths are below its path
	Algorithm string            // of new keys, RS256 by default; RS, PS, ES 256-512 or EdDSA
	Lifetime  time.Duration     // of tokens, 1 h by default
	MaxAge    time.Duration     // Cache-Control of the key set, 5 min by default
	Now       func() time.Time  // time.Now by default
	Clients   map[string]Client // for the client credentials grant, by client id
}

// Client is one client of the client credentials grant.
type Client struct {
	Secret string
	Claims map[string]any // of its tokens
	Scopes []string       // that it may ask for
}

// ErrOptions is matched by every error of New that is a mistake of the options.
var ErrOptions = errors.New("issuer: bad options")

// Issuer is an http.Handler. Safe for concurrent use.
type Issuer struct {
	opts Options
	alg  algorithm
	mux  *http.ServeMux

	failing     atomic.Bool
	jwksFetches atomic.Int64

	mu        sync.RWMutex
	keys      []*signingKey // published ones, oldest first; the last one signs
	published document
}

// document is the key set as it is served.
type document struct {
	body []byte
	etag string
}

// New returns an issuer with one fresh key.
func New(opts Options) (*Issuer, error) {
	opts = opts.withDefaults()
	base, err := basePath(opts.URL)
	if err != nil {
		return nil, err
	}
	alg, ok := algorithmNamed(opts.Algorithm)
	if !ok {
		return nil, fmt.Errorf("%w: algorithm %q: use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA",
			ErrOptions, opts.Algorithm)
	}
	for id, client := range opts.Clients {
		if id == "" || client.Secret == "" {
			return nil, fmt.Errorf("%w: client %q: a client needs an id and a secret", ErrOptions, id)
		}
	}
	i := &Issuer{opts: opts, alg: alg}
	i.mux = i.routes(base)
	if err := i.Rotate(); err != nil {
		return nil, err
	}
	return i, nil
}

func (o Options) withDefaults() Options {
	if o.Algorithm == "" {
		o.Algorithm = "RS256"
	}
	if o.Lifetime == 0 {
		o.Lifetime = time.Hour
	}
	if o.MaxAge == 0 {
		o.MaxAge = 5 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// basePath checks an issuer identifier (RFC 8414 section 2, with http allowed)
// and returns its path without a trailing slash.
func basePath(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("%w: URL %q: %w", ErrOptions, raw, err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("%w: URL %q: write http://host or https://host, with an optional path", ErrOptions, raw)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("%w: URL %q: an issuer has no query, fragment or user", ErrOptions, raw)
	}
	base := strings.TrimSuffix(u.Path, "/")
	if strings.ContainsAny(base, "{} ") || (base != "" && path.Clean(base) != base) {
		return "", fmt.Errorf("%w: URL %q: write a plain path such as /realms/demo", ErrOptions, raw)
	}
	return base, nil
}

// base returns the issuer identifier without a trailing slash.
func (i *Issuer) base() string { return strings.TrimSuffix(i.opts.URL, "/") }

// Rotate makes a new key, which signs from now on, and publishes it beside the
// old ones.
func (i *Issuer) Rotate() error {
	key, err := newSigningKey(i.alg)
	if err != nil {
		return fmt.Errorf("issuer: new key: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.publish(slices.Concat(i.keys, []*signingKey{key}))
}

// Withdraw stops publishing every key but the newest.
func (i *Issuer) Withdraw() {
	i.mu.Lock()
	defer i.mu.Unlock()
	// The newest key was encoded before, so that it cannot fail to be now.
	_ = i.publish(i.keys[len(i.keys)-1:])
}

// publish makes keys the key set in force. The caller holds mu.
func (i *Issuer) publish(keys []*signingKey) error {
	body, err := encodeKeySet(keys)
	if err != nil {
		return fmt.Errorf("issuer: key set: %w", err)
	}
	i.keys = keys
	i.published = document{body: body, etag: entityTag(body)}
	return nil
}

// newest returns the key that signs.
func (i *Issuer) newest() *signingKey {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.keys[len(i.keys)-1]
}

func (i *Issuer) keySet() document {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.published
}

// JWKS returns the published key set document.
func (i *Issuer) JWKS() []byte {
	return append([]byte(nil), i.keySet().body...)
}

// KeyID returns the kid of the key that signs.
func (i *Issuer) KeyID() string { return i.newest().kid }

// JWKSFetches returns how many requests for the key set arrived, those that
// were answered with 304 or 503 among them.
func (i *Issuer) JWKSFetches() int { return int(i.jwksFetches.Load()) }

// SetFailing switches an outage on or off: while it is on, every request is
// answered with 503. Mint works on.
func (i *Issuer) SetFailing(failing bool) { i.failing.Store(failing) }
