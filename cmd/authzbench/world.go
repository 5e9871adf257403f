package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/errgroup"
)

const (
	algorithm  = "RS256"
	audience   = "https://api.example.com"
	keyID      = "2026-01-signing-key"
	rsaBits    = 2048
	tokenLife  = 24 * time.Hour // longer than any run
	tokenSize  = 970            // characters, about
	baseDomain = "api.example.com"
)

// world is what all servers have in common: an issuer with its keys, and the
// requests that are sent.
type world struct {
	issuer  string
	tenants int
	frames  [][]byte
	// forged is the first request with a signature that does not hold.
	forged []byte

	key  *rsa.PrivateKey
	keys *http.Server
}

// identity is who a token is about.
type identity struct {
	tenant, subject, email, client string
}

// identityAt returns the bearer of token i. All are of equal length.
func identityAt(i, tenants int) identity {
	return identity{
		tenant:  fmt.Sprintf("tenant-%05d", i%tenants),
		subject: fmt.Sprintf("user-%08d", i),
		email:   fmt.Sprintf("user-%08d@example.com", i),
		client:  "web-frontend",
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

// newWorld makes a key, serves it, and mints one token a request.
func newWorld(ctx context.Context, tokens, tenants int) (*world, error) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, err
	}
	w := &world{tenants: tenants, key: key, frames: make([][]byte, tokens)}
	if err := w.serveKeys(ctx); err != nil {
		return nil, err
	}
	if err := w.mintAll(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) close() { _ = w.keys.Close() }

func (w *world) jwks() string { return w.issuer + "/jwks.json" }

func (w *world) serveKeys(ctx context.Context) error {
	set, err := json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "kid": keyID, "use": "sig", "alg": algorithm,
		"n": base64.RawURLEncoding.EncodeToString(w.key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(w.key.E)).Bytes()),
	}}})
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

// mintAll signs on every processor: a signature takes about a millisecond.
func (w *world) mintAll() error {
	now := time.Now()
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range w.frames {
		group.Go(func() error {
			who := identityAt(i, w.tenants)
			text, err := w.mint(who, now)
			if err != nil {
				return err
			}
			if w.frames[i], err = encode(who, text); err != nil || i > 0 {
				return err
			}
			w.forged, err = encode(who, forge(text))
			return err
		})
	}
	return group.Wait()
}

// mint returns an access token with what such tokens carry.
func (w *world) mint(who identity, now time.Time) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": w.issuer, "aud": audience, "sub": who.subject,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
		"jti": "5c7f3c1e-" + who.subject, "azp": who.client, "org_id": who.tenant,
		"scope": "openid profile email orders:read orders:write", "email": who.email,
		"email_verified": true, "realm_access": map[string]any{"roles": []string{"reader", "writer", "billing"}},
		"sid": "e3f1a6c0-9f0d-4d3c-8a53-0a7f5f1a2b3c",
	})
	token.Header["kid"] = keyID
	return token.SignedString(w.key)
}

// forge changes the signature, and nothing else, so that it no longer holds.
func forge(text string) string {
	bytes := []byte(text)
	at := len(bytes) - 100
	if bytes[at] == 'A' {
		bytes[at] = 'B'
	} else {
		bytes[at] = 'A'
	}
	return string(bytes)
}
