package isolation

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
	"github.com/claimgate/claimgate/envoy"
)

const (
	audience   = "https://api.example.com"
	goodHost   = "good.example.com"
	floodHost  = "flood.example.com"
	sharedHost = "shared.example.com" // where the tenant is known by a claim
)

const document = `
apiVersion: claimgate.dev/v1alpha1
listen: {address: "127.0.0.1:0"}
cache: {tokens: 128}
issuers:
  - {name: good, issuer: "GOOD", audiences: [https://api.example.com], algorithms: [RS256]}
  - {name: flood, issuer: "FLOOD", audiences: [https://api.example.com], algorithms: [RS256]}
  - {name: shared, issuer: "SHARED", audiences: [https://api.example.com], algorithms: [RS256], tenantClaim: org}
  - {name: es384, issuer: "https://es384.example.com", audiences: [https://api.example.com], algorithms: [ES384], jwks: KEYS-ES384}
  - {name: es512, issuer: "https://es512.example.com", audiences: [https://api.example.com], algorithms: [ES512], jwks: KEYS-ES512}
  - {name: rs4096, issuer: "https://rs4096.example.com", audiences: [https://api.example.com], algorithms: [RS512], jwks: KEYS-RS4096}
entries:
  - {name: shared, hosts: [shared.example.com], tenantFromClaim: [shared]}
tenantDefaults:
  entries: [shared]
  policy: {rules: [{name: any, action: allow, methods: [GET], paths: [/**], anyToken: true}]}
tenants:
  - {name: good, hosts: [good.example.com], issuers: [good, shared]}
  - {name: flood, hosts: [flood.example.com], issuers: [flood, shared, es384, es512, rs4096]}
`

// arena is a server as it is assembled for service, in this process, with all
// that can be counted.
type arena struct {
	good, bad, shared *issuer.Issuer // of the good tenant, of the one that floods, and of both
	goodURL           string
	dear              []*dearIssuer
	scheduler         *token.Scheduler
	cache             *token.Cache
	registry          *jwks.Registry
	seen              *recorder
	address           string
}

func newArena(tb testing.TB) *arena {
	tb.Helper()
	a := &arena{cache: token.NewCache(128), seen: newRecorder(), dear: newDearIssuers(tb)}
	var urls [3]string
	for n, idp := range []**issuer.Issuer{&a.good, &a.bad, &a.shared} {
		*idp, urls[n] = startIssuer(tb)
	}
	a.goodURL = urls[0]
	a.scheduler = token.NewScheduler(token.SchedulerOptions{Observer: a.seen})
	a.registry = jwks.NewRegistry(jwks.Options{})
	file := filepath.Join(tb.TempDir(), "claimgate.yaml")
	replaced := []string{"GOOD", urls[0], "FLOOD", urls[1], "SHARED", urls[2]}
	for _, dear := range a.dear {
		replaced = append(replaced, "KEYS-"+strings.ToUpper(dear.name), dear.keys)
	}
	if err := os.WriteFile(file, []byte(strings.NewReplacer(replaced...).Replace(document)), 0o600); err != nil {
		tb.Fatal(err)
	}
	loaded, err := config.Load(file)
	if err != nil {
		tb.Fatal(err)
	}
	built, err := loaded.Build(config.Runtime{Keys: a.registry, Cache: a.cache, Scheduler: a.scheduler})
	if err != nil {
		tb.Fatal(err)
	}
	a.serve(tb, built.Snapshot)
	return a
}

// serve serves until the test ends, and waits for the keys.
func (a *arena) serve(tb testing.TB, snapshot *authz.Snapshot) {
	tb.Helper()
	engine := authz.NewEngine(authz.Options{})
	engine.Swap(snapshot)
	options := envoy.ServiceOptions{DrainWait: -1}
	if os.Getenv("CLAIMGATE_TEST_CODEC") == "generated" { // `make test-codec`
		options.Codec = envoy.CodecGenerated
	}
	service := envoy.NewService(envoy.NewServer(envoy.ServerOptions{Decider: engine, Observer: a.seen}), options)
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	a.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.registry.Run(ctx) })
	running.Go(func() { _ = service.Serve(listener) })
	tb.Cleanup(func() { service.Stop(); cancel(); running.Wait() })
	if err := a.registry.WaitFirstFetches(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func startIssuer(tb testing.TB) (*issuer.Issuer, string) {
	tb.Helper()
	var idp *issuer.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { idp.ServeHTTP(w, r) }))
	tb.Cleanup(server.Close)
	var err error
	if idp, err = issuer.New(issuer.Options{URL: server.URL}); err != nil {
		tb.Fatal(err)
	}
	return idp, server.URL
}

// recorder counts what the server tells of its answers and of verifications.
type recorder struct {
	mu       sync.Mutex
	changed  *sync.Cond // an answer more
	verified map[token.Payer]int
	waited   map[token.Payer]int
	shed     map[token.Payer]int
	answers  map[answer]int
	elapsed  []time.Duration // of tokens of the good tenant that were cached
}

// answer is what is told of one.
type answer struct {
	tenant string
	reason authz.Reason
	cached bool
}

func newRecorder() *recorder {
	r := &recorder{verified: map[token.Payer]int{}, waited: map[token.Payer]int{}, shed: map[token.Payer]int{}, answers: map[answer]int{}}
	r.changed = sync.NewCond(&r.mu)
	return r
}

// Verified implements token.SchedulerObserver.
func (r *recorder) Verified(payer token.Payer, waited, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verified[payer]++
	if waited > 0 {
		r.waited[payer]++
	}
}

// Shed implements token.SchedulerObserver.
func (r *recorder) Shed(payer token.Payer, _ token.ShedCause) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shed[payer]++
}

// Checked implements envoy.Observer.
func (r *recorder) Checked(_ *authz.Request, d *authz.Decision, elapsed time.Duration, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[answer{d.Tenant, d.Reason, d.Cached}]++
	r.changed.Broadcast()
	if d.Tenant == "good" && d.Cached {
		r.elapsed = append(r.elapsed, elapsed)
	}
}

// counts are those of one payer.
type counts struct{ verified, waited, shed int }

func (r *recorder) of(payer token.Payer) counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return counts{r.verified[payer], r.waited[payer], r.shed[payer]}
}

// await waits until there were more answers of each reason.
func (r *recorder) await(reasons []authz.Reason, more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, reason := range reasons {
		for until := r.with(reason) + more; r.with(reason) < until; {
			r.changed.Wait()
		}
	}
}

// with counts the answers of one reason.
func (r *recorder) with(reason authz.Reason) (count int) {
	for a, n := range r.answers {
		if a.reason == reason {
			count += n
		}
	}
	return count
}

func (r *recorder) count(tenant string, reason authz.Reason, cached bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers[answer{tenant, reason, cached}]
}
