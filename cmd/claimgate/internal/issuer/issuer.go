// Package issuer is a small throw-away OAuth 2.0 token issuer for demos and
// tests: discovery, JWKS, client credentials and key rotation, on the standard
// library alone. It is no identity provider and keeps its keys in memory.
//
//	idp, err := issuer.New(issuer.Options{URL: "http://127.0.0.1:8080"})
//	go http.Serve(listener, idp)
//	token, err := idp.Mint(map[string]any{"sub": "alice", "aud": "https://api.example.com"})
package issuer

import (
	"net/http"
	"time"
)

// Options configure an Issuer. Zero fields have defaults.
type Options struct {
	URL       string            // issuer identifier; served paths are below its path
	Algorithm string            // of new keys, RS256 by default; RS, PS, ES 256-512 or EdDSA
	Lifetime  time.Duration     // of tokens, 1 h by default
	Now       func() time.Time  // time.Now by default
	Clients   map[string]Client // for the client credentials grant, by client id
}

// Client is one client of the client credentials grant.
type Client struct {
	Secret string
	Claims map[string]any // of its tokens
	Scopes []string       // that it may ask for
}

// Issuer is an http.Handler. Safe for concurrent use.
type Issuer struct{}

// New returns an issuer with one fresh key.
func New(opts Options) (*Issuer, error) { panic("not built") }

// ServeHTTP answers /.well-known/openid-configuration, /jwks and /token.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { panic("not built") }

// Mint signs claims with the newest key. iss, iat, exp and jti are added
// unless claims name them; a nil value leaves the claim out. typ is at+jwt.
func (i *Issuer) Mint(claims map[string]any) (string, error) { panic("not built") }

// MintWith is Mint with header members that replace the usual ones; nil values
// leave them out.
func (i *Issuer) MintWith(header, claims map[string]any) (string, error) { panic("not built") }

// Rotate makes a new key, which signs from now on, and publishes it beside the
// old ones.
func (i *Issuer) Rotate() error { panic("not built") }

// Withdraw stops publishing every key but the newest.
func (i *Issuer) Withdraw() { panic("not built") }

// JWKS returns the published key set document.
func (i *Issuer) JWKS() []byte { panic("not built") }
