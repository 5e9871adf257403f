package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/errgroup"
)

const (
	audience   = "https://api.example.com"
	keyName    = "2026-01-signing-"
	rsaBits    = 2048
	tokenLife  = 24 * time.Hour // longer than any run
	tokenSize  = 970            // characters of one with an RSA signature, about
	baseDomain = "api.example.com"
)

// world is what all servers have in common: an issuer with its keys, and the
// tokens that it issued.
type world struct {
	issuer  string
	started time.Time

	signers map[string]crypto.Signer // by algorithm
	keys    *http.Server

	mutex sync.Mutex
	pools map[pool][]string
}

// pool are tokens that workloads share.
type pool struct {
	algorithm string
	tenants   int
}

// algorithms returns those that tokens can be signed with.
func algorithms() []string { return []string{"RS256", "PS256", "ES256", "EdDSA"} }

// identity is who a token is about.
type identity struct {
	tenant, subject, email, client string
	address                        string // that the requests come from
}

// identityAt returns the bearer of token i. All are of equal length.
func identityAt(i, tenants int) identity {
	return identity{
		tenant:  fmt.Sprintf("tenant-%05d", i%tenants),
		subject: fmt.Sprintf("user-%08d", i),
		email:   fmt.Sprintf("user-%08d@example.com", i),
		client:  "web-frontend",
		address: fmt.Sprintf("198.18.1%02d.1%02d", i/100%100, i%100), // of the range for benchmarks (RFC 2544)
	}
}

// headersOf returns what an upstream is told of an identity.
func headersOf(who identity) [][2]string {
	return [][2]string{
		{"x-tenant", who.tenant},
		{"x-plan", "gold"},
		{"x-user-id", who.subject},
		{"x-user-email", who.email},
		{"x-client-id", who.client},
		{"x-roles", "reader,writer,billing"},
	}
}

// newWorld makes keys and serves them.
func newWorld(ctx context.Context) (*world, error) {
	w := &world{started: time.Now(), signers: map[string]crypto.Signer{}, pools: map[pool][]string{}}
	for _, name := range algorithms() {
		signer, err := newSigner(name)
		if err != nil {
			return nil, err
		}
		w.signers[name] = signer
	}
	return w, w.serveKeys(ctx)
}

var errAlgorithm = errors.New("no such algorithm")

func newSigner(name string) (crypto.Signer, error) {
	switch name {
	case "RS256", "PS256":
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	default:
		return nil, fmt.Errorf("%w: %s", errAlgorithm, name)
	}
}

func (w *world) close() { _ = w.keys.Close() }

func (w *world) jwks() string { return w.issuer + "/jwks.json" }

func keyID(algorithm string) string { return keyName + strings.ToLower(algorithm) }

func (w *world) serveKeys(ctx context.Context) error {
	set, err := w.keySet()
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.issuer = "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jwks.json", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write(set)
	})
	w.keys = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = w.keys.Serve(listener) }() // ends by close
	return nil
}

func (w *world) keySet() ([]byte, error) {
	var set jwkset.JWKSMarshal
	for _, name := range algorithms() {
		key, err := jwkset.NewJWKFromKey(w.signers[name].Public(), jwkset.JWKOptions{
			Metadata: jwkset.JWKMetadataOptions{ALG: jwkset.ALG(name), KID: keyID(name), USE: jwkset.UseSig},
		})
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, key.Marshal())
	}
	return json.Marshal(set)
}

// traffic returns a workload in frames. Tokens are made once for all workloads
// that can share them.
func (w *world) traffic(load workload) (*traffic, error) {
	tokens, err := w.tokens(pool{load.Algorithm, load.Tenants}, load.Tokens)
	if err != nil {
		return nil, err
	}
	t := &traffic{workload: load, frames: make([][]byte, len(tokens)), meta: metadataOf(load.Lean)}
	for i, text := range tokens {
		if t.frames[i], err = encode(identityAt(i, load.Tenants), text, load.Lean); err != nil {
			return nil, err
		}
	}
	t.forged, err = encode(identityAt(0, load.Tenants), forge(tokens[0]), load.Lean)
	return t, err
}

// tokens returns the first n of a pool. It signs on every processor: an RSA
// signature takes about a millisecond.
func (w *world) tokens(p pool, n int) ([]string, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	have := w.pools[p]
	if len(have) >= n {
		return have[:n], nil
	}
	all := make([]string, n)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := copy(all, have); i < n; i++ {
		group.Go(func() (err error) {
			all[i], err = w.mint(identityAt(i, p.tenants), p.algorithm)
			return err
		})
	}
	w.pools[p] = all
	return all, group.Wait()
}

// mint returns an access token with what such tokens carry.
func (w *world) mint(who identity, algorithm string) (string, error) {
	now := w.started
	token := jwt.NewWithClaims(jwt.GetSigningMethod(algorithm), jwt.MapClaims{
		"iss": w.issuer, "aud": audience, "sub": who.subject,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
		"jti": "5c7f3c1e-" + who.subject, "azp": who.client, "org_id": who.tenant,
		"scope": "openid profile email orders:read orders:write", "email": who.email,
		"email_verified": true, "realm_access": map[string]any{"roles": []string{"reader", "writer", "billing"}},
		"sid": "e3f1a6c0-9f0d-4d3c-8a53-0a7f5f1a2b3c",
	})
	token.Header["kid"] = keyID(algorithm)
	return token.SignedString(w.signers[algorithm])
}

// forge changes the signature, and nothing else, so that it no longer holds.
func forge(text string) string {
	bytes := []byte(text)
	at := len(bytes) - 50
	if bytes[at] == 'A' {
		bytes[at] = 'B'
	} else {
		bytes[at] = 'A'
	}
	return string(bytes)
}
