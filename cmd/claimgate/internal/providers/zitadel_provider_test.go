package providers

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const clientSecret = "a client's secret"

// registration is one client of the provider.
type registration struct {
	audience string
	lifetime time.Duration
}

// registrations are the clients of every provider here, by id.
var registrations = map[string]registration{
	"orders-service": {audience: "https://api.example.com", lifetime: time.Hour},
	"brief-service":  {audience: "https://api.example.com", lifetime: 2 * time.Second},
	"mail-service":   {audience: "https://mail.example.com", lifetime: time.Hour},
}

// provider is a zitadel/oidc provider with an address of its own.
type provider struct {
	*storage
	url     string
	op      *op.Provider
	down    atomic.Bool
	fetched atomic.Int64 // times that the key set was served
	missed  atomic.Int64 // requests while it was down
}

// startProvider starts a provider that signs with the algorithm, with a first
// key whose id is the same for every provider.
func startProvider(t *testing.T, algorithm jose.SignatureAlgorithm) *provider {
	t.Helper()
	l := listen(t)
	p := newProvider(t, "http://"+l.Addr().String(), algorithm)
	serve(t, l, p)
	return p
}

// newProvider makes a provider for the issuer; nothing serves it yet.
func newProvider(t *testing.T, issuer string, algorithm jose.SignatureAlgorithm) *provider {
	t.Helper()
	p := &provider{storage: &storage{algorithm: algorithm}, url: issuer}
	p.publish(t, "key-1")
	p.sign("key-1")
	var err error
	p.op, err = op.NewProvider(&op.Config{CodeMethodS256: true}, p.storage, op.StaticIssuer(issuer),
		op.WithAllowInsecure(), op.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ServeHTTP cuts the connection while the provider is down.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.down.Load() {
		p.missed.Add(1)
		panic(http.ErrAbortHandler)
	}
	p.op.ServeHTTP(w, r)
	if r.URL.Path == "/keys" {
		p.fetched.Add(1)
	}
}

// token has the client ask for an access token, as RFC 6749 section 4.4 says.
func (p *provider) token(t *testing.T, client string) string {
	t.Helper()
	token, err := p.grant(t.Context(), client, "orders:read")
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (p *provider) grant(ctx context.Context, client, scope string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(clientSecret))
	return accessToken(plainClient(), req)
}

// accessToken returns the access token of a token endpoint's answer.
func accessToken(client *http.Client, req *http.Request) (string, error) {
	res, body, err := send(client, req)
	if err != nil {
		return "", err
	}
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &granted); err != nil || granted.AccessToken == "" {
		return "", fmt.Errorf("the token endpoint answers %d: %s", res.StatusCode, body)
	}
	return granted.AccessToken, nil
}

// idToken returns an ID token for alice, made by the provider's own code.
func (p *provider) idToken(t *testing.T, client string) string {
	t.Helper()
	token, err := op.CreateIDToken(t.Context(), p.url, idTokenRequest(client), time.Hour, "", "", p.storage, application{id: client})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

type idTokenRequest string

func (r idTokenRequest) GetAMR() []string       { return []string{"pwd"} }
func (r idTokenRequest) GetAudience() []string  { return []string{string(r)} }
func (r idTokenRequest) GetAuthTime() time.Time { return time.Now() }
func (r idTokenRequest) GetClientID() string    { return string(r) }
func (r idTokenRequest) GetScopes() []string    { return nil }
func (r idTokenRequest) GetSubject() string     { return "alice" }

// storage is what zitadel/oidc needs for the client credentials grant. What
// other grants need is not there and panics.
type storage struct {
	op.Storage
	algorithm jose.SignatureAlgorithm
	tokens    atomic.Int64

	mu        sync.Mutex
	published []key
	signing   key
}

// key is a key pair of the provider.
type key struct {
	id        string
	algorithm jose.SignatureAlgorithm
	pair      crypto.Signer
}

func (k key) ID() string                                  { return k.id }
func (k key) SignatureAlgorithm() jose.SignatureAlgorithm { return k.algorithm }
func (k key) Key() any                                    { return k.pair }

// publicKey is the half that the key set shows.
type publicKey struct{ key }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return k.algorithm }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return k.pair.Public() }

// newKey makes a key pair that nobody knows of yet.
func (s *storage) newKey(t *testing.T, id string) key {
	t.Helper()
	var pair crypto.Signer
	var err error
	if s.algorithm == jose.ES256 {
		pair, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		pair, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key{id: id, algorithm: s.algorithm, pair: pair}
}

// publish adds a new key to the key set.
func (s *storage) publish(t *testing.T, id string) {
	t.Helper()
	k := s.newKey(t, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published = append(s.published, k)
}

// sign has the published key of that id sign from now on.
func (s *storage) sign(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing = s.published[slices.IndexFunc(s.published, func(k key) bool { return k.id == id })]
}

// signUnpublished has a key sign that the key set does not show.
func (s *storage) signUnpublished(t *testing.T, id string) {
	t.Helper()
	k := s.newKey(t, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing = k
}

// withdraw takes the key of that id out of the key set.
func (s *storage) withdraw(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published = slices.DeleteFunc(slices.Clone(s.published), func(k key) bool { return k.id == id })
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signing, nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.algorithm}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := make([]op.Key, 0, len(s.published))
	for _, k := range s.published {
		set = append(set, publicKey{k})
	}
	return set, nil
}

func (s *storage) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	if _, known := registrations[id]; !known || secret != clientSecret {
		return nil, errors.New("no such client")
	}
	return application{id: id}, nil
}

func (s *storage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{
		Subject:  "service-account-of-" + id,
		Audience: oidc.Audience{registrations[id].audience},
		Scopes:   scopes,
		Issuer:   id,
	}, nil
}

func (s *storage) CreateAccessToken(_ context.Context, request op.TokenRequest) (string, time.Time, error) {
	id := strings.TrimPrefix(request.GetSubject(), "service-account-of-")
	return fmt.Sprint("token-", s.tokens.Add(1)), time.Now().Add(registrations[id].lifetime), nil
}

// GetPrivateClaimsFromScopes adds the claims that an operator adds by an action
// or mapper: zitadel/oidc writes no scope by itself.
func (s *storage) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " "), "roles": []string{"reader", "auditor"}}, nil
}

func (s *storage) Health(context.Context) error { return nil }

// application is a client that may use the client credentials grant. What other
// grants ask of it is not there and panics.
type application struct {
	op.Client
	id string
}

func all(scopes []string) []string { return scopes }

func (a application) GetID() string { return a.id }
func (a application) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}
func (a application) AccessTokenType() op.AccessTokenType                          { return op.AccessTokenTypeJWT }
func (a application) ClockSkew() time.Duration                                     { return 0 }
func (a application) RestrictAdditionalAccessTokenScopes() func([]string) []string { return all }

//nolint:revive // the interface's name for it
func (a application) RestrictAdditionalIdTokenScopes() func([]string) []string { return all }
