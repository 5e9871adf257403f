package e2e

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
)

//go:embed testdata/differential/claimgate.yaml
var pathsGateTemplate string

//go:embed testdata/differential/envoy.yaml
var pathsEnvoyTemplate string

// normalising is how a listener of Envoy treats paths before anybody sees them.
type normalising struct {
	Name             string
	Normalize, Merge bool
	Escaped          string // path_with_escaped_slashes_action
	Raw              bool   // encode_raw_headers
}

var normalisings = []normalising{
	{Name: "none", Raw: true},
	{Name: "normalize", Normalize: true},
	{Name: "both-keep", Normalize: true, Merge: true, Escaped: "KEEP_UNCHANGED", Raw: true},
	{Name: "both-reject", Normalize: true, Merge: true, Escaped: "REJECT_REQUEST", Raw: true},
	{Name: "both-unescape", Normalize: true, Merge: true, Escaped: "UNESCAPE_AND_FORWARD"},
	{Name: "only-unescape", Escaped: "UNESCAPE_AND_FORWARD", Raw: true},
}

// pathTenant is a tenant by its host, and whether its rules let a path pass. None
// lets /admin pass.
type pathTenant struct {
	host    string
	lets    func(path string) bool
	relaxed bool
}

var pathTenants = []pathTenant{
	{"allowed.test", belowPublic, false}, {"relaxed-allowed.test", belowPublic, true},
	{"single.test", inPublic, false}, {"relaxed-single.test", inPublic, true},
	{"denied.test", notAdmin, false}, {"relaxed-denied.test", notAdmin, true},
	{"except.test", notAdmin, false}, {"relaxed-except.test", notAdmin, true},
	{"open.test", belowPublic, false}, {"relaxed-open.test", belowPublic, true},
	{"prefix.test", belowPublic, false}, {"relaxed-prefix.test", belowPublic, true},
}

func belowPublic(p string) bool { return below(p, "/public") }

func notAdmin(p string) bool { return !below(p, "/admin") }

// inPublic is what the paths /public and /public/* cover.
func inPublic(p string) bool {
	one, found := strings.CutPrefix(p, "/public/")
	return p == "/public" || found && one != "" && !strings.Contains(one, "/")
}

// wrong says what is wrong about a request that this tenant let pass, "" where
// nothing is. Escapes of unreserved characters are nobody's difference (RFC 3986
// section 6.2.2.2), but for an Envoy that is not told to normalise: it routes
// /%70ublic by its widest route, which must not be that of /admin.
func (p *pathTenant) wrong(r *routed) string {
	plain := withoutIdleEscapes(r.saw)
	if r.route == "admin" || !p.lets("/other") && r.route != "public" && plain == r.saw {
		return "it took Envoy's route " + r.route
	}
	for _, read := range readings(plain) {
		if !p.lets(read) {
			return fmt.Sprintf("an upstream can read it as %q", read)
		}
	}
	return ""
}

// pathWorld is an Envoy of its own, whose listeners differ in how they
// normalise, before a claimgate of its own.
type pathWorld struct {
	envoy *proxy.Proxy
	gates [codecs]*demo.Gate // own and generated
	token string
}

// codecs is how many there are. Each has a gate and, for each way of
// normalising, a listener.
const codecs = 2

func newPathWorld(t *testing.T) *pathWorld {
	t.Helper()
	shared := the(t)
	w := &pathWorld{token: shared.mint(t, commonIssuer, map[string]any{"exp": time.Now().Add(time.Hour).Unix()})}
	upstream, err := startPathUpstream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(upstream.stop)
	text := string(filled(t, pathsGateTemplate, shared.common))
	var ports [codecs]int
	for codec, text := range []string{text, withGenerated(text)} {
		ports[codec] = w.startGate(t, codec, text)
	}
	config := filled(t, pathsEnvoyTemplate, map[string]any{
		"Listeners": normalisings, "Gates": ports, "Upstream": portOf(upstream.listener.Addr().String()),
	})
	if w.envoy, err = proxy.Start(context.WithoutCancel(t.Context()), proxy.Options{Config: config}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.envoy.Stop)
	return w
}

// startGate returns the port.
func (w *pathWorld) startGate(t *testing.T, codec int, text string) int {
	t.Helper()
	l, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "claimgate.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if w.gates[codec], err = demo.StartGate(t.Context(), file, l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.gates[codec].Stop)
	return portOf(l.Addr().String())
}

func filled(t *testing.T, text string, fields any) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := template.Must(template.New("").Parse(text)).Execute(&out, fields); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (w *pathWorld) clients(t *testing.T, listener string) (all [codecs]*pathClient) {
	t.Helper()
	for codec := range all {
		all[codec] = w.client(t, listener, codec)
	}
	return all
}

func (w *pathWorld) client(t *testing.T, listener string, codec int) *pathClient {
	t.Helper()
	address, err := w.envoy.Address(fmt.Sprint(listener, "-", codec))
	if err != nil {
		t.Fatal(err)
	}
	client := &pathClient{address: address, token: w.token, gate: w.gates[codec]}
	t.Cleanup(client.close)
	return client
}

// Sizes of the corpus: of all paths, and of those that are sent without asking
// claimgate.
const (
	pathsOfCorpus = 2000
	barePaths     = 400
	pathClients   = 4 // a listener
)

// tenantsOfAPath returns whom a path goes to under the normalisation of that
// number. The paths that are known to be a trap go to all. Any other goes to one
// tenant that admits oddities, each time to another, and every other time to one
// that does not.
func tenantsOfAPath(path, normalising int) []pathTenant {
	if path < len(trapPaths) {
		return pathTenants
	}
	kinds := len(pathTenants) / 2
	chosen := []pathTenant{pathTenants[2*((path+normalising)%kinds)+1]}
	if (path+normalising)%2 == 0 {
		chosen = append(chosen, pathTenants[2*((path/2+normalising)%kinds)])
	}
	return chosen
}

// codecsOfAPath returns by which codecs a path is read under the normalisation of
// that number: a trap by both, any other by one, and under the next by the other.
func codecsOfAPath(path, normalising int) []int {
	if path < len(trapPaths) {
		return []int{0, 1}
	}
	return []int{(path/2 + normalising) % codecs}
}

// TestP1PathsAgreeWithEnvoy sends thousands of paths that two readers may read
// differently through a real Envoy, under each way of normalising. What a
// tenant lets pass is, in each reading of the upstream that gets it, a path
// that the tenant's rules let pass.
func TestP1PathsAgreeWithEnvoy(t *testing.T) {
	w := newPathWorld(t)
	corpus := corpusOfPaths(pathsOfCorpus)
	for n, how := range normalisings {
		t.Run(how.Name, func(t *testing.T) {
			w.agreeOnCleanPaths(t, how.Name)
			w.bites(t, how, corpus[:barePaths])
			tally := newPathTally()
			var work sync.WaitGroup
			for c := range pathClients {
				clients := w.clients(t, how.Name)
				work.Go(func() {
					for i := c; i < len(corpus); i += pathClients {
						for _, codec := range codecsOfAPath(i, n) {
							for _, tenant := range tenantsOfAPath(i, n) {
								judge(t, clients[codec], corpus[i], i%3 == 0, tenant, tally)
							}
						}
					}
				})
			}
			work.Wait()
			tally.check(t)
		})
	}
}

// judge sends one path to one tenant.
func judge(t *testing.T, client *pathClient, target string, h2 bool, tenant pathTenant, tally *pathTally) {
	got, err := client.ask(t.Context(), tenant.host, target, h2 || !isASCII(target))
	switch {
	case err != nil:
		t.Error(err)
	case got.status/100 == 5:
		t.Errorf("%s %q: got %d: a fault of the test proves nothing", tenant.host, target, got.status)
	case got.reached:
		tally.count(tenant, got.saw)
		if wrong := tenant.wrong(&got); wrong != "" {
			record, _ := client.gate.Decision(got.id)
			t.Errorf("%s lets pass %q, which arrives as %q: %s (%s, rule %q)", tenant.host, target, got.saw, wrong, record.Reason, record.Rule)
		}
	case got.id != "":
		tally.refused.Add(1)
	default:
		tally.byEnvoy.Add(1)
	}
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) }

// pathTally counts, so that a test that has proved nothing is found.
type pathTally struct {
	refused, byEnvoy atomic.Int64
	mu               sync.Mutex
	passed, odd      map[string]int // by host
}

func newPathTally() *pathTally { return &pathTally{passed: map[string]int{}, odd: map[string]int{}} }

func (p *pathTally) count(tenant pathTenant, saw string) {
	saw, _, _ = strings.Cut(saw, "?")
	odd := slices.ContainsFunc([]string{"//", "%2F", "%2f", ";", "%3B", "%3b"}, func(sign string) bool { return strings.Contains(saw, sign) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed[tenant.host]++
	if odd {
		p.odd[tenant.host]++
	}
}

// check wants every tenant to have let something pass, and odd paths only where
// they are admitted.
func (p *pathTally) check(t *testing.T) {
	t.Helper()
	for _, tenant := range pathTenants {
		if p.passed[tenant.host] == 0 {
			t.Errorf("%s lets nothing pass: it proves nothing", tenant.host)
		}
		if odd := p.odd[tenant.host]; odd > 0 && !tenant.relaxed {
			t.Errorf("%s lets %d odd paths pass", tenant.host, odd)
		}
	}
	if p.refused.Load() == 0 {
		t.Error("claimgate refused nothing")
	}
	t.Logf("refused %d, by Envoy itself %d, passed %v, odd ones among them %v", p.refused.Load(), p.byEnvoy.Load(), p.passed, p.odd)
}

// agreeOnCleanPaths are the positive controls: what is clean passes or is
// refused as it is written, whatever Envoy does with paths, and arrives as sent.
func (w *pathWorld) agreeOnCleanPaths(t *testing.T, listener string) {
	t.Helper()
	for _, client := range w.clients(t, listener) {
		client.agreeOnCleanPaths(t)
	}
}

func (c *pathClient) agreeOnCleanPaths(t *testing.T) {
	t.Helper()
	for _, tenant := range pathTenants {
		for _, target := range []string{
			"/public", "/public/", "/public/orders", "/public/orders/?x=/admin", "/public/x?y=/../admin", "/public/admin/x", "/public/a%20b",
			"/admin", "/admin/", "/admin/orders", "/admin?x=/public", "/orders", "/adminx",
			"/public/x;v=1", // which no Envoy changes
		} {
			path, _, _ := strings.Cut(target, "?")
			odd := strings.Contains(path, ";")
			want := tenant.lets(path) && (tenant.relaxed || !odd)
			for _, h2 := range []bool{false, true} {
				got, err := c.ask(t.Context(), tenant.host, target, h2)
				if err != nil {
					t.Fatal(err)
				}
				if got.reached != want || want && got.saw != target {
					t.Errorf("%s %s (HTTP/2: %t): got %d, arrived as %q, want to arrive: %t", tenant.host, target, h2, got.status, got.saw, want)
				}
				if status := got.status; !want && !odd && status != http.StatusForbidden && status != http.StatusUnauthorized {
					t.Errorf("%s %s (HTTP/2: %t): got %d, want 401 or 403", tenant.host, target, h2, status)
				}
			}
		}
	}
}

// bites holds that the paths are worth sending: without claimgate some of them
// reach what a tenant protects, on a route that Envoy took for another, unless
// Envoy has taken all oddities away.
func (w *pathWorld) bites(t *testing.T, how normalising, paths []string) {
	t.Helper()
	client := w.client(t, how.Name, 0)
	bitten := 0
	for _, target := range paths {
		got, err := client.ask(t.Context(), "bare.test", target, !isASCII(target))
		if err != nil {
			t.Fatal(err)
		}
		if got.reached && got.route != "admin" && slices.ContainsFunc(readings(got.saw), func(p string) bool { return below(p, "/admin") }) {
			bitten++
		}
	}
	if bitten == 0 {
		t.Errorf("none of %d paths deceives Envoy: they prove nothing", len(paths))
	}
	t.Logf("%d of %d paths deceive Envoy", bitten, len(paths))
}
