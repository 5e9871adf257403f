package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/envoy"
)

var (
	_ envoy.Observer = (*Telemetry)(nil)
	_ jwks.Observer  = (*Telemetry)(nil)
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTelemetry(t *testing.T, settings LogSettings) (*Telemetry, *strings.Builder) {
	t.Helper()
	var out strings.Builder
	return New(settings, &out), &out
}

// lines parses the log.
func lines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var parsed []map[string]any
	for line := range strings.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		parsed = append(parsed, fields)
	}
	return parsed
}

func denial() *authz.Decision {
	return &authz.Decision{
		Verdict: authz.Deny, Reason: authz.PolicyDenied, ID: authz.DecisionID{1, 2}, Tenant: "acme",
		Issuer: "idp", Subject: "alice@example.com", Rule: "export-needs-plan",
	}
}

func request(method, path string) *authz.Request {
	return &authz.Request{
		Method: method, Path: authz.Path{Canonical: path}, Host: "api.example.com",
		Headers: authz.Headers{Lines: []authz.Header{{Name: "authorization", Value: "Bearer " + jws}}},
	}
}

func TestDenialLine(t *testing.T) {
	tel, out := newTelemetry(t, LogSettings{HashKey: []byte("key"), DenialsPerSecond: 10})
	tel.Checked(request("GET", "/orders/1?access_token=x"), denial(), 1500*time.Microsecond, nil)
	got := lines(t, out.String())
	if len(got) != 1 {
		t.Fatalf("want one line, got %v", got)
	}
	delete(got[0], "time")
	want := map[string]any{
		"level": "info", "msg": "denied", "decision_id": "01020000000000000000000000000000", "tenant": "acme",
		"reason": "policy_denied", "rule": "export-needs-plan", "issuer": "idp", "subject_hash": "7f5869472f793738",
		"cached": false, "took": 0.0015, "method": "GET", "path": "/orders/1",
	}
	if a, b := fmt.Sprint(got[0]), fmt.Sprint(want); a != b {
		t.Errorf("line\n got %s\nwant %s", a, b)
	}
}

func TestDenialLineWithoutRequest(t *testing.T) {
	tel, out := newTelemetry(t, LogSettings{DenialsPerSecond: 10})
	tel.Checked(nil, &authz.Decision{}, 0, nil)
	if got := lines(t, out.String()); len(got) != 1 || got[0]["reason"] != "internal" || got[0]["level"] != "warn" {
		t.Errorf("got %v", got)
	}
}

func TestP7RequestInDenialLine(t *testing.T) {
	for name, path := range map[string]string{
		"query":    "/a?access_token=" + opaque,
		"token":    "/reset/" + jws,
		"cut":      "/" + strings.Repeat("x", maxPath-40) + jws,
		"cut late": "/" + strings.Repeat("x", maxPath-6) + jws,
	} {
		t.Run(name, func(t *testing.T) {
			tel, out := newTelemetry(t, LogSettings{Level: zapcore.DebugLevel, DenialsPerSecond: 10})
			tel.Checked(request("GET", path), denial(), 0, nil)
			tel.Checked(request("GET", path), &authz.Decision{Verdict: authz.Allow, Subject: jws, Tenant: jws, Rule: jws}, 0, nil)
			mustHide(t, out.String())
			if strings.Contains(out.String(), "alice") {
				t.Errorf("the subject is in the log: %s", out)
			}
		})
	}
}

func TestPathIsBoundedAndEscaped(t *testing.T) {
	for path, want := range map[string]string{
		"/a b\n\x00\x7f":                   "/a%20b%0A%00%7F",
		"/é\xff":                           "/%C3%A9%FF",
		"/%0A":                             "/%0A",
		strings.Repeat("/", maxPath):       strings.Repeat("/", maxPath),
		strings.Repeat("/", maxPath+1):     strings.Repeat("/", maxPath-3) + "...",
		strings.Repeat("\n", 2000000):      strings.Repeat("%0A", maxPath)[:maxPath-3] + "...",
		"/" + strings.Repeat("é", maxPath): ("/" + strings.Repeat("%C3%A9", maxPath))[:maxPath-3] + "...",
	} {
		if got := printable(path, maxPath); got != want {
			t.Errorf("printable(%.20q) = %q, want %q", path, got, want)
		}
	}
}

func TestDenialsAreRateLimited(t *testing.T) {
	tel, out := newTelemetry(t, LogSettings{DenialsPerSecond: 2})
	tel.decisions.denials.SetLimit(0) // no refill while the test runs
	for range 10 {
		tel.Checked(request("GET", "/"), denial(), 0, nil)
	}
	if n := len(lines(t, out.String())); n != 4 {
		t.Errorf("%d lines, want the burst of 4", n)
	}
	if n := testutil.ToFloat64(tel.metrics.suppressed); n != 6 {
		t.Errorf("%v suppressed, want 6", n)
	}
	tel.decisions.denials.SetBurst(100)
	tel.decisions.denials.SetLimit(1e9)
	for range 2 {
		tel.Checked(request("GET", "/"), denial(), 0, nil)
	}
	got := lines(t, out.String())
	if len(got) < 6 || got[4]["suppressed"] != 6.0 || got[5]["suppressed"] != nil {
		t.Errorf("the line after the flood: %v", got[4:])
	}
}

func TestDenialRateSettings(t *testing.T) {
	for setting, want := range map[int]int{0: 0, 3: 6, -1: 0} {
		l := newDecisionLog(zap.NewNop(), identifiers{}, setting, nil)
		if got := l.denials.Burst(); got != want {
			t.Errorf("DenialsPerSecond %d: burst %d, want %d", setting, got, want)
		}
	}
}

func TestAllowedLinesAtDebugOnly(t *testing.T) {
	allowed := &authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Cached: true}
	for level, want := range map[zapcore.Level]int{zapcore.InfoLevel: 0, zapcore.DebugLevel: 1} {
		tel, out := newTelemetry(t, LogSettings{Level: level})
		tel.Checked(request("GET", "/"), allowed, 0, nil)
		if got := len(lines(t, out.String())); got != want {
			t.Errorf("at %s: %d lines, want %d", level, got, want)
		}
	}
}

func TestPanicLine(t *testing.T) {
	tel, out := newTelemetry(t, LogSettings{DenialsPerSecond: 10})
	tel.Checked(request("GET", "/secret-path"), &authz.Decision{}, 0, &envoy.PanicError{What: "boom with " + jws, Stack: []byte("goroutine 1 [running]:\nmain.f()")})
	got := lines(t, out.String())
	if len(got) != 2 || got[0]["level"] != "error" || !strings.Contains(fmt.Sprint(got[0]["stack"]), "main.f()") {
		t.Fatalf("got %v", got)
	}
	if strings.Contains(fmt.Sprint(got[0]), "secret-path") {
		t.Errorf("the panic's line holds the path: %v", got[0])
	}
	mustHide(t, out.String())
	if n := testutil.ToFloat64(tel.metrics.panics); n != 1 {
		t.Errorf("claimgate_panics_total = %v", n)
	}
}

func TestPanicLinesAreRateLimited(t *testing.T) {
	tel, out := newTelemetry(t, LogSettings{})
	tel.decisions.panics.SetLimit(0)
	for range 20 {
		tel.Checked(nil, &authz.Decision{}, 0, errors.New("boom"))
	}
	if n := len(lines(t, out.String())); n != panicBurst {
		t.Errorf("%d lines, want %d", n, panicBurst)
	}
}

func TestSubjects(t *testing.T) {
	hashed, _ := newTelemetry(t, LogSettings{HashKey: []byte("k")})
	again, _ := newTelemetry(t, LogSettings{HashKey: []byte("k")})
	random, randomOut := newTelemetry(t, LogSettings{})
	plain, plainOut := newTelemetry(t, LogSettings{PlainIdentifiers: true, HashKey: []byte("k")})

	a, b := hashed.ids.field("alice"), again.ids.field("alice")
	if a.Key != "subject_hash" || len(a.String) != 16 || a.String != b.String {
		t.Errorf("equal keys: %v and %v", a, b)
	}
	if c := random.ids.field("alice"); c.String == a.String || c.Key != "subject_hash" {
		t.Errorf("a random key: %v", c)
	}
	if p := plain.ids.field("alice"); p.Key != "subject" || p.String != "alice" {
		t.Errorf("in the clear: %v", p)
	}
	if none := hashed.ids.field(""); none.Type != zapcore.SkipType {
		t.Errorf("no subject: %v", none)
	}
	random.Announce()
	plain.Announce()
	if !strings.Contains(randomOut.String(), "random key") || !strings.Contains(plainOut.String(), "in the clear") {
		t.Errorf("announced: %s%s", randomOut, plainOut)
	}
}

func TestFetchedLogsChangesOnly(t *testing.T) {
	tel, out := newTelemetry(t, LogSettings{})
	const issuer = "https://id.example.com/"
	for _, result := range []jwks.FetchResult{jwks.FetchOK, jwks.FetchTimeout, jwks.FetchCanceled, jwks.FetchTimeout, jwks.FetchStatus, jwks.FetchNotModified, jwks.FetchOK} {
		tel.Fetched(issuer, result, time.Millisecond)
	}
	got := lines(t, out.String())
	if len(got) != 2 || got[0]["level"] != "warn" || got[0]["result"] != "timeout" || got[1]["level"] != "info" {
		t.Errorf("got %v", got)
	}
	if n := testutil.ToFloat64(tel.metrics.fetches.WithLabelValues(issuer, "timeout")); n != 2 {
		t.Errorf("counted %v timeouts", n)
	}
}

// fill makes every metric have a series.
func fill(m *Metrics) {
	m.SetBuild("v1.2.3", "abc")
	m.SetConfiguration(Configuration{Generation: 3, Loaded: time.Unix(1000, 0), Tenants: 2, Insecure: 1})
	m.WatchReady(func() bool { return true })
	m.WatchInFlight(func() int { return 7 })
	m.WatchCache(func() token.CacheStats {
		return token.CacheStats{Hits: 5, Misses: 4, Evictions: 3, Entries: 2, Capacity: 10}
	})
	m.WatchKeys(func() []jwks.Status {
		return []jwks.Status{
			{Issuer: "https://a.example", Kind: "remote", Keys: 2, Skipped: 1, LastSuccess: time.Unix(500, 0), UnknownKIDs: 4, GateClosures: 1},
			{Issuer: "https://a.example", Kind: "remote", Keys: 1, LastSuccess: time.Unix(400, 0), LastFailure: time.Unix(450, 0)},
			{Issuer: "https://b.example", Kind: "static", Keys: 1, LastSuccess: time.Unix(100, 0)},
			{Issuer: "https://c.example", Kind: "remote"},
		}
	})
	m.fetched("https://a.example", jwks.FetchOK, time.Second)
	m.checked(&authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: "acme"}, time.Millisecond)
	m.checked(&authz.Decision{Verdict: authz.Challenge, Reason: authz.PlaceUnknown}, time.Millisecond)
}

func TestMetricsLint(t *testing.T) {
	m := NewMetrics()
	fill(m)
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricValues(t *testing.T) {
	m := NewMetrics()
	fill(m)
	const want = `
# HELP claimgate_checks_total Decided requests by tenant, verdict and reason.
# TYPE claimgate_checks_total counter
claimgate_checks_total{reason="allowed",tenant="acme",verdict="allow"} 1
claimgate_checks_total{reason="place_unknown",tenant="_none",verdict="challenge"} 1
# HELP claimgate_jwks_keys Usable keys of the issuer in force.
# TYPE claimgate_jwks_keys gauge
claimgate_jwks_keys{issuer="https://a.example"} 3
claimgate_jwks_keys{issuer="https://b.example"} 1
claimgate_jwks_keys{issuer="https://c.example"} 0
# HELP claimgate_jwks_last_success_timestamp_seconds When the keys of the issuer were last fetched; 0 before the first time. Alert on its age.
# TYPE claimgate_jwks_last_success_timestamp_seconds gauge
claimgate_jwks_last_success_timestamp_seconds{issuer="https://a.example"} 400
claimgate_jwks_last_success_timestamp_seconds{issuer="https://c.example"} 0
# HELP claimgate_config_insecure_settings Settings in use whose name begins with insecure.
# TYPE claimgate_config_insecure_settings gauge
claimgate_config_insecure_settings 1
# HELP claimgate_ready 1 where the process is ready for requests, else 0.
# TYPE claimgate_ready gauge
claimgate_ready 1
# HELP claimgate_token_cache_hits_total Tokens that the cache of verified tokens answered.
# TYPE claimgate_token_cache_hits_total counter
claimgate_token_cache_hits_total 5
`
	err := testutil.GatherAndCompare(m.Gatherer(), strings.NewReader(want), "claimgate_checks_total", "claimgate_jwks_keys",
		"claimgate_jwks_last_success_timestamp_seconds", "claimgate_config_insecure_settings", "claimgate_ready",
		"claimgate_token_cache_hits_total")
	if err != nil {
		t.Error(err)
	}
}

func TestLabelsAreCapped(t *testing.T) {
	m := NewMetrics()
	for i := range maxLabels + 50 {
		for range 2 {
			m.checked(&authz.Decision{Tenant: fmt.Sprintf("t%d", i)}, 0)
		}
		m.fetched(fmt.Sprintf("https://%d.example", i), jwks.FetchOK, 0)
	}
	if n := testutil.CollectAndCount(m.checks.counts); n != maxLabels+1 {
		t.Errorf("%d series of tenants, want %d", n, maxLabels+1)
	}
	if n := testutil.ToFloat64(m.checks.counts.WithLabelValues(otherLabel, "deny", "internal")); n != 100 {
		t.Errorf("%s counts %v, want 100", otherLabel, n)
	}
	if n := testutil.CollectAndCount(m.fetches); n != maxLabels+1 {
		t.Errorf("%d series of issuers, want %d", n, maxLabels+1)
	}
}

func TestOddDecisionsAreCountedAsInternalDenials(t *testing.T) {
	m := NewMetrics()
	m.checked(&authz.Decision{Verdict: 250, Reason: 250}, 0)
	if n := testutil.ToFloat64(m.checks.counts.WithLabelValues(noneLabel, "deny", "internal")); n != 1 {
		t.Errorf("counted %v", n)
	}
}

func TestCountersUnderConcurrency(t *testing.T) {
	m := NewMetrics()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1000 {
				m.checked(&authz.Decision{Tenant: fmt.Sprintf("t%d", i%10)}, 0)
			}
		})
	}
	wg.Wait()
	for i := range 10 {
		if n := testutil.ToFloat64(m.checks.counts.WithLabelValues(fmt.Sprintf("t%d", i), "deny", "internal")); n != 800 {
			t.Errorf("t%d: %v, want 800", i, n)
		}
	}
}

func TestCheckedAllocatesNothing(t *testing.T) {
	tel, _ := newTelemetry(t, LogSettings{})
	req, decision := request("GET", "/"), &authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: "acme"}
	if n := testing.AllocsPerRun(100, func() { tel.Checked(req, decision, time.Millisecond, nil) }); n != 0 {
		t.Errorf("%v allocations for an allowed request", n)
	}
}

func BenchmarkCheckedAllowed(b *testing.B) {
	tel := New(LogSettings{}, os.Stderr)
	req := request("GET", "/")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		decision := &authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: "acme"}
		for pb.Next() {
			tel.Checked(req, decision, time.Millisecond, nil)
		}
	})
}

func BenchmarkCheckedDenied(b *testing.B) {
	tel := New(LogSettings{DenialsPerSecond: 10}, discard{})
	req, decision := request("GET", "/orders/4711"), denial()
	b.ReportAllocs()
	for b.Loop() {
		tel.Checked(req, decision, time.Millisecond, nil)
	}
}

func BenchmarkDenialLine(b *testing.B) {
	tel := New(LogSettings{}, discard{})
	tel.decisions.denials.SetLimit(1e12)
	req, decision := request("GET", "/orders/4711"), denial()
	b.ReportAllocs()
	for b.Loop() {
		tel.Checked(req, decision, time.Millisecond, nil)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
