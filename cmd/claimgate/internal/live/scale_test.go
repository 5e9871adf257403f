package live

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// shortTenant is a file of a label, a host and a policy by name.
func shortTenant(k int) string {
	return fmt.Sprintf("labels: {version: v1, realm: r%d}\nhosts: [h%d.example.net]\npolicy: {use: [standard]}\n", k, k)
}

// longTenant has ten rules of its own.
func longTenant(k int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "labels: {version: v1, realm: r%d}\npolicy:\n  rules:\n", k)
	for rule := range 10 {
		fmt.Fprintf(&text, "    - {name: r%d, action: allow, methods: [GET, POST], paths: [/t%d/r%d/**], when: [{claim: scope, hasScope: 'orders:%d'}]}\n", rule, k, rule, rule)
	}
	return text.String()
}

// scaleMain has an issuer of each tenant's own by template. Nothing is fetched.
const scaleMain = `  - name: realm
    issuer: "https://id.example.net/{tenant.labels.realm}"
    audiences: [arena]
    algorithms: [EdDSA]
policies:
  - {name: standard, rules: [{name: read, action: allow, methods: [GET], paths: [/orders/**], anyToken: true}]}
entries:
`

// BenchmarkStart is a start with so many tenant files: the CPU that it takes, and
// what is on the heap then.
func BenchmarkStart(b *testing.B) {
	for _, kind := range []struct {
		name   string
		count  int
		tenant func(int) string
	}{{"short-10000", 10_000, shortTenant}, {"rules-10000", 10_000, longTenant}, {"short-50000", 50_000, shortTenant}} {
		b.Run(kind.name, func(b *testing.B) {
			a := newArena(b, 0)
			main := strings.Replace(strings.Replace(arenaMain, "entries:\n", scaleMain, 1), "issuers: [idp]", "issuers: [realm]", 1)
			a.main(main)
			for k := range kind.count {
				if err := os.WriteFile(a.path("tenants", fmt.Sprintf("t%d.yaml", k)), []byte(kind.tenant(k)), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			var work time.Duration
			var resident float64
			var heap, wide runtime.MemStats
			for b.Loop() {
				b.StopTimer()
				a.live, a.engine = nil, nil
				runtime.GC()
				runtime.ReadMemStats(&heap)
				b.StartTimer()
				began := cpu(b)
				a.open()
				work += cpu(b) - began
				b.StopTimer()
				resident = residentMB()
				runtime.GC()
				runtime.ReadMemStats(&wide)
				b.StartTimer()
			}
			if got := a.live.Status().Tenants[Active]; got != kind.count {
				b.Fatalf("%d serve: %+v", got, a.live.Status().Troubled[0])
			}
			b.ReportMetric(float64(work.Milliseconds())/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(wide.HeapAlloc-heap.HeapAlloc)/1e6, "heap-MB")
			b.ReportMetric(resident, "resident-MB") // of all the process, right after the start
		})
	}
}

// residentMB returns what the process occupies of the memory, 0 where that cannot
// be told.
func residentMB() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	var size, pages int
	if _, scanned := fmt.Sscan(string(text), &size, &pages); err != nil || scanned != nil {
		return 0
	}
	return float64(pages*os.Getpagesize()) / 1e6
}

// servingMain gives the realms the arena's key, so that their tokens can be made.
var servingMain = strings.Replace(scaleMain, "    algorithms: [EdDSA]\n", "    algorithms: [EdDSA]\n    jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: PUBLIC}]}\n", 1)

// TestP2FiftyThousandTenantsServe starts with fifty thousand tenants, one half
// with an issuer of their own and the other told apart by a claim, and asks a
// sample of them: each admits its own tokens and nobody else's.
func TestP2FiftyThousandTenantsServe(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("fifty thousand files: not with -short or -race")
	}
	const tenants, sample = 50_000, 250
	began := time.Now()
	a := newArena(t, 0)
	a.main(strings.Replace(strings.Replace(arenaMain, "entries:\n", servingMain, 1), "issuers: [idp]", "issuers: [realm]", 1))
	for k := range tenants {
		text := shortTenant(k)
		if k%2 == 1 {
			text += "issuers: [idp]\n"
		}
		if err := os.WriteFile(a.path("tenants", fmt.Sprintf("t%d.yaml", k)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written := time.Since(began)
	a.open()
	started := time.Since(began) - written
	if got := a.live.Status().Tenants[Active]; got != tenants {
		t.Fatalf("%d serve: %+v", got, a.live.Status().Troubled[0])
	}
	for n := range sample {
		a.servesAlone(n * (tenants - 1) / (sample - 1))
	}
	t.Logf("%d tenants: written in %v, started in %v, %d asked in %v", tenants, written, started, sample, time.Since(began)-written-started)
}

// servesAlone asks at both hosts of a tenant, with tokens of its own, of its
// neighbours and of nobody.
func (a *arena) servesAlone(k int) {
	a.t.Helper()
	tokenOf := func(k int) string {
		if k%2 == 1 {
			return a.token(fmt.Sprint("t", k))
		}
		return a.signed(fmt.Sprint("https://id.example.net/r", k), "")
	}
	name, own := fmt.Sprint("t", k), tokenOf(k)
	otherKind := "issuer_unknown"
	sameKind := map[bool]string{true: "tenant_mismatch", false: "issuer_unknown"}[k%2 == 1]
	forged := own[:len(own)-8] + "AAAAAAAA"
	for _, host := range []string{name + ".api.example.com", fmt.Sprintf("h%d.example.net", k)} {
		for _, q := range []struct{ what, path, bearer, want string }{
			{"its own token", "/orders/1", own, "allowed x-tenant=" + name},
			{"the same, cached", "/orders/2", own, "allowed x-tenant=" + name},
			{"elsewhere", "/admin", own, "policy_denied"},
			{"of the next tenant", "/orders/1", tokenOf(k + 1), otherKind},
			{"of the one after it", "/orders/1", tokenOf(k + 2), sameKind},
			{"forged", "/orders/1", forged, "signature"},
			{"none", "/orders/1", "", "no_token"},
		} {
			if got := a.ask(host, q.path, q.bearer); got != q.want {
				a.t.Errorf("%s, %s: %q, want %q", host, q.what, got, q.want)
			}
		}
	}
}
