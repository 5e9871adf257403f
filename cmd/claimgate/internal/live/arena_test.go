package live

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// arena is a real configuration in real files, with the engine that it is in
// force in.
type arena struct {
	t      testing.TB
	dir    string
	engine *authz.Engine
	live   *Configuration
	status chan Status // of every reload
	secret ed25519.PrivateKey
}

const arenaMain = `apiVersion: claimgate.dev/v1alpha1
realm: arena
ownedHeaders: [x-version]
issuers:
  - name: idp
    issuer: https://id.example.com
    audiences: [arena]
    algorithms: [EdDSA]
    tenantClaim: org
    jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}
entries:
  - {name: own, hosts: ["{tenant}.api.example.com"]}
tenantDefaults:
  entries: [own]
  issuers: [idp]
  headers: [{name: x-tenant, tenant: name}]
tenantDirs: [{path: tenants}]
`

// arenaYields is the main file of which the entry leaves hosts to a tenant.
func arenaYields(tenant string) string {
	return strings.Replace(arenaMain, `"{tenant}.api.example.com"]`, `"{tenant}.api.example.com"], yieldsTo: [`+tenant+"]", 1)
}

// arenaTenant allows orders, public news, and nothing below /orders/secret.
func arenaTenant(version string) string {
	return "labels: {version: " + version + "}\n" +
		"headers: [{name: x-version, tenant: labels.version}]\n" +
		"public: [{name: news, methods: [GET], paths: [/news]}]\n" +
		"policy:\n  rules:\n" +
		"    - {name: read, action: allow, methods: [GET], paths: [/orders/**], anyToken: true}\n" +
		"    - {name: secret, action: deny, paths: [/orders/secret/**]}\n"
}

// newArena makes the files of n tenants, t0 and on.
func newArena(t testing.TB, n int) *arena {
	t.Helper()
	a := &arena{t: t, dir: t.TempDir(), status: make(chan Status, 1024)}
	a.secret = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	a.main(arenaMain)
	if err := os.Mkdir(a.path("tenants"), 0o700); err != nil {
		t.Fatal(err)
	}
	for k := range n {
		a.tenant(fmt.Sprint("t", k), arenaTenant("v1"))
	}
	return a
}

func (a *arena) path(parts ...string) string {
	return filepath.Join(append([]string{a.dir}, parts...)...)
}

func (a *arena) main(text string) {
	a.t.Helper()
	public := base64.RawURLEncoding.EncodeToString(a.secret.Public().(ed25519.PublicKey))
	a.replace(a.path("claimgate.yaml"), strings.ReplaceAll(text, "PUBLIC", public))
}

func (a *arena) tenant(name, text string) {
	a.t.Helper()
	a.replace(a.path("tenants", name+".yaml"), text)
}

func (a *arena) replace(path, text string) {
	a.t.Helper()
	draft := filepath.Join(filepath.Dir(path), ".draft")
	if err := os.WriteFile(draft, []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
	if err := os.Rename(draft, path); err != nil {
		a.t.Fatal(err)
	}
}

// open starts with the files as they are.
func (a *arena) open() {
	a.t.Helper()
	a.engine = authz.NewEngine(authz.Options{})
	registry := jwks.NewRegistry(jwks.Options{})
	a.live = New(Options{
		Documents: Files(a.path("claimgate.yaml"), config.Runtime{Keys: registry, Cache: token.NewCache(50_000)}),
		Keys:      registry, Swap: a.engine.Swap, Watch: WatchDirectories,
		Observe: func(status Status) {
			select {
			case a.status <- status:
			default: // nobody looks
			}
		},
	})
	if err := a.live.Start(); err != nil {
		a.t.Fatal(err)
	}
}

// onLaterClock sets a clock on which no file is in the making.
func (a *arena) onLaterClock() { a.live.opts.Now, a.live.disk.now = later, later }

// run follows the files until the returned function is called.
func (a *arena) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.live.Run(ctx) })
	return func() { cancel(); running.Wait() }
}

// until waits for a reload after which the condition holds.
func (a *arena) until(what string, holds func(*Status) bool) {
	a.t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		status := a.live.Status()
		if holds(&status) {
			return
		}
		select {
		case <-a.status:
		case <-limit.C:
			a.t.Fatalf("%s: never; %+v", what, status)
		}
	}
}

func (a *arena) token(org string) string {
	a.t.Helper()
	return a.signed("https://id.example.com", org)
}

// signed returns a good token of the issuer.
func (a *arena) signed(issuer, org string) string {
	a.t.Helper()
	return a.signedFor("arena", issuer, org)
}

func (a *arena) signedFor(audience, issuer, org string) string {
	a.t.Helper()
	now := time.Now()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "u1", "org": org, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	unsigned.Header["kid"] = "k1"
	signed, err := unsigned.SignedString(a.secret)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed
}

// ask decides one request and renders the answer: the reason, and on an allow
// the headers that are set.
func (a *arena) ask(host, path, bearer string) string {
	var headers authz.Headers
	if bearer != "" {
		headers.Lines = []authz.Header{{Name: "authorization", Value: "Bearer " + bearer}}
	}
	d := a.engine.Decide(context.Background(), &authz.Request{
		Method: "GET", Host: host, Scheme: "https", Path: authz.CanonicalPath(path), Headers: headers,
	})
	text := d.Reason.String()
	if d.Verdict == authz.Allow {
		for _, header := range d.Set {
			text += " " + header.Name + "=" + header.Value
		}
	}
	return text
}

// crowd asks for every one of some tenants, all the time, and counts answers
// other than the one that is right for it.
type crowd struct {
	asked, wrong atomic.Int64
	first        atomic.Pointer[string]
	running      sync.WaitGroup
	done         chan struct{}
}

func (c *crowd) leave() { close(c.done); c.running.Wait() }

func (a *arena) crowd(tenants int, except string) *crowd {
	c := &crowd{done: make(chan struct{})}
	type question struct{ host, path, bearer, want string }
	var questions []question
	for k := range tenants {
		name := fmt.Sprint("t", k)
		if name == except {
			continue
		}
		own, foreign := a.token(name), a.token(fmt.Sprint("t", k+1))
		host := name + ".api.example.com"
		set := " x-tenant=" + name + " x-version=v1"
		questions = append(questions,
			question{host, "/orders/1", own, "allowed" + set},
			question{host, "/orders/secret/1", own, "policy_denied"},
			question{host, "/orders/1", foreign, "tenant_mismatch"},
			question{host, "/orders/1", "", "no_token"},
			question{host, "/news", "", "public_route" + set})
	}
	for worker := range 2 {
		c.running.Go(func() {
			for k := worker; ; k += 7 {
				select {
				case <-c.done:
					return
				default:
				}
				q := questions[k%len(questions)]
				got := a.ask(q.host, q.path, q.bearer)
				c.asked.Add(1)
				if got != q.want {
					c.wrong.Add(1)
					text := fmt.Sprintf("%s%s: %q, want %q", q.host, q.path, got, q.want)
					c.first.CompareAndSwap(nil, &text)
				}
			}
		})
	}
	return c
}
