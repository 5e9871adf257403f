package e2e

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "embed"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
	"github.com/claimgate/claimgate/envoy"
)

//go:embed testdata/attack.yaml
var attackTemplate string

// arena is the claimgate that is attacked, with the issuers that it believes:
// a server that publishes whatever key sets the attacks need. Envoy is no part
// of it.
type arena struct {
	gate            *demo.Gate
	other           *demo.Gate // with `codec: generated`
	socket          string
	generatedSocket string
	connection      *grpc.ClientConn
	generated       *grpc.ClientConn // to the other gate
	origin          *httptest.Server
	keys            attackKeys
	documents       map[string]string // by path
	believes        []believed
	lured           atomic.Int64 // requests to an address that only a token names
	stops           []func()
}

// attackKeys are the private keys of all issuers, and those of the attacker.
type attackKeys struct {
	rsa, other, pss, attacker *rsa.PrivateKey
	tiny, small, medium       *rsa.PrivateKey
	p256, stranger            *ecdsa.PrivateKey
	p384                      *ecdsa.PrivateKey
	p521                      *ecdsa.PrivateKey
	ed                        ed25519.PrivateKey
}

// believed is an issuer of the arena and the tenant of the same name.
type believed struct {
	Name, URL, Algorithms, Types, MaxAge string
	alg, kid                             string // of tokens that pass
	sign                                 signer
}

// audience is the one that all tenants of the arena want.
const audience = "https://api.example.com"

var sharedArena struct {
	once  sync.Once
	arena *arena
	err   error
}

// theArena returns the shared arena, which the first test that needs it starts.
func theArena() (*arena, error) {
	sharedArena.once.Do(func() { sharedArena.arena, sharedArena.err = newArena() })
	return sharedArena.arena, sharedArena.err
}

func attacked(t *testing.T) *arena {
	t.Helper()
	a, err := theArena()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newArena() (_ *arena, err error) {
	a := &arena{documents: map[string]string{}}
	defer func() {
		if err != nil {
			a.stop()
		}
	}()
	dir, err := os.MkdirTemp("", "cg-attack-")
	if err != nil {
		return nil, err
	}
	a.stops = append(a.stops, func() { _ = os.RemoveAll(dir) })
	a.makeKeys()
	a.origin = httptest.NewServer(a)
	a.stops = append(a.stops, a.origin.Close)
	a.publish()
	a.believes = a.issuers()
	var text bytes.Buffer
	if err := template.Must(template.New("").Parse(attackTemplate)).Execute(&text, a.believes); err != nil {
		return nil, err
	}
	a.socket = filepath.Join(dir, "gate.sock")
	if a.gate, a.connection, err = a.start(filepath.Join(dir, "claimgate.yaml"), text.String(), a.socket); err != nil {
		return nil, err
	}
	a.generatedSocket = filepath.Join(dir, "generated.sock")
	a.other, a.generated, err = a.start(filepath.Join(dir, "generated.yaml"), withGenerated(text.String()), a.generatedSocket)
	return a, err
}

// start starts a claimgate with the configuration and connects to it.
func (a *arena) start(file, text, socket string) (*demo.Gate, *grpc.ClientConn, error) {
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, nil, err
	}
	l, err := envoy.Listen("unix://" + socket)
	if err != nil {
		return nil, nil, err
	}
	gate, err := demo.StartGate(context.Background(), file, l)
	if err != nil {
		return nil, nil, err
	}
	a.stops = append(a.stops, gate.Stop)
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, err
	}
	a.stops = append(a.stops, func() { _ = connection.Close() })
	return gate, connection, nil
}

func (a *arena) stop() {
	for i := len(a.stops) - 1; i >= 0; i-- {
		a.stops[i]()
	}
}

func (a *arena) makeKeys() {
	k := &a.keys
	var making sync.WaitGroup
	for _, rsaPart := range []struct {
		to   **rsa.PrivateKey
		bits int
	}{{&k.rsa, 2048}, {&k.other, 2048}, {&k.pss, 2048}, {&k.attacker, 2048}, {&k.small, 1024}, {&k.medium, 1536}} {
		making.Go(func() { *rsaPart.to = rsaKey(rsaPart.bits) })
	}
	k.p256, k.stranger, k.p384, k.p521 = ecKey(elliptic.P256()), ecKey(elliptic.P256()), ecKey(elliptic.P384()), ecKey(elliptic.P521())
	k.ed, k.tiny = edKey(), tinyKey()
	making.Wait()
}

// ServeHTTP serves the published documents. Any other path is one that only a
// token can have named.
func (a *arena) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, ok := a.documents[r.URL.Path]
	switch {
	case !ok:
		a.lured.Add(1)
		http.NotFound(w, r)
	case strings.HasPrefix(text, "redirect:"):
		http.Redirect(w, r, strings.TrimPrefix(text, "redirect:"), http.StatusFound)
	default:
		_, _ = w.Write([]byte(text))
	}
}

func (a *arena) url(name string) string { return a.origin.URL + "/" + name }

// publish writes the discovery document and the key set of every issuer.
func (a *arena) publish() {
	k := &a.keys
	sets := a.brokenSets()
	for name, set := range map[string]string{
		"rsa":    keySetOf(jwkOf(k.rsa.Public(), "k1").with("alg", `"RS256"`)),
		"cors":   keySetOf(jwkOf(k.rsa.Public(), "k1").with("alg", `"RS256"`)),
		"strict": keySetOf(jwkOf(k.rsa.Public(), "k1")),
		"places": keySetOf(jwkOf(k.rsa.Public(), "k1")),
		"twin":   keySetOf(jwkOf(k.other.Public(), "k1").with("alg", `"RS256"`)),
		"pss":    keySetOf(jwkOf(k.pss.Public(), "k1")),
		"ec":     keySetOf(jwkOf(k.p256.Public(), "k1")),
		"curves": keySetOf(jwkOf(k.p256.Public(), "p256"), jwkOf(k.p384.Public(), "p384"), jwkOf(k.p521.Public(), "p521")),
		"ed":     keySetOf(jwkOf(k.ed.Public(), "k1")),
		"mixed": keySetOf(jwkOf(k.rsa.Public(), "k1").with("alg", `"RS256"`), jwkOf(k.pss.Public(), "k2").with("alg", `"PS256"`),
			jwkOf(k.p256.Public(), "k3")),
		"odd": a.oddSet(),
	} {
		sets[name] = set
	}
	for name, set := range sets {
		a.documents["/"+name+"/.well-known/openid-configuration"] = `{"issuer":` + quoted(a.url(name)) + `,"jwks_uri":` + quoted(a.url(name)+"/jwks") + `}`
		a.documents["/"+name+"/jwks"] = set
	}
	a.brokenDiscoveries()
}

// issuers returns all issuers, with what a good token of each looks like.
func (a *arena) issuers() []believed {
	k := &a.keys
	rs := byRSA(k.rsa, crypto.SHA256)
	list := []believed{
		{Name: "rsa", Algorithms: "RS256", sign: rs},
		{Name: "cors", Algorithms: "RS256", sign: rs},
		{Name: "strict", Algorithms: "RS256", Types: "at+jwt", MaxAge: "1h", sign: rs},
		{Name: "places", Algorithms: "RS256", sign: rs}, // tokens of three tenants, in four places
		{Name: "twin", Algorithms: "RS256", sign: byRSA(k.other, crypto.SHA256)},
		{Name: "pss", Algorithms: "PS256", Types: `at+jwt, ""`, alg: "PS256", sign: byPSS(k.pss, crypto.SHA256, 32)},
		{Name: "ec", Algorithms: "ES256", alg: "ES256", sign: byECDSA(k.p256, crypto.SHA256)},
		{Name: "curves", Algorithms: "ES256, ES384, ES512", alg: "ES256", kid: "p256", sign: byECDSA(k.p256, crypto.SHA256)},
		{Name: "ed", Algorithms: "EdDSA, Ed25519", alg: "EdDSA", sign: byEd25519(k.ed)},
		{Name: "mixed", Algorithms: "RS256, PS256, ES256", sign: rs},
		{Name: "odd", Algorithms: "RS256, RS384, PS256, ES256, EdDSA", kid: "good", sign: rs},
	}
	for _, name := range a.brokenNames() {
		list = append(list, believed{Name: name, Algorithms: "RS256", sign: rs})
	}
	for i := range list {
		list[i].URL = a.url(list[i].Name)
		if list[i].alg == "" {
			list[i].alg = "RS256"
		}
		if list[i].kid == "" {
			list[i].kid = "k1"
		}
	}
	return list
}

// token returns a token that passes at the tenant of that name.
func (a *arena) token(tenant, id string) *forgery {
	for _, issuer := range a.believes {
		if issuer.Name != tenant {
			continue
		}
		now := time.Now().Unix()
		f := &forgery{
			header: object{{"alg", quoted(issuer.alg)}, {"typ", `"at+jwt"`}, {"kid", quoted(issuer.kid)}},
			claims: object{
				{"iss", quoted(issuer.URL)}, {"sub", `"alice"`}, {"aud", quoted(audience)},
				{"exp", strconv.FormatInt(now+3600, 10)}, {"iat", strconv.FormatInt(now-5, 10)},
				{"scope", `"orders:read"`}, {"jti", quoted(id)},
			},
			sign: issuer.sign,
		}
		if tenant == "places" {
			f.claims.add("org", quoted(tenant))
		}
		return f
	}
	panic("no tenant " + tenant)
}
