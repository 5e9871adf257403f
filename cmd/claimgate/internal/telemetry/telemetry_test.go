package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
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
		"cached": false, "took": 0.0015, "method": "GET", "host": "api.example.com", "path": "/orders/1",
	}
	if a, b := fmt.Sprint(got[0]), fmt.Sprint(want); a != b {
		t.Errorf("line\n got %s\nwant %s", a, b)
	}
}

// TestShadowLine: what a shadow lets pass is told as a refusal would be, what a
// rule in shadow would refuse and a public document are not.
func TestShadowLine(t *testing.T) {
	tel, out := newTelemetry(t, LogSettings{HashKey: []byte("key"), DenialsPerSecond: 10})
	passed := &authz.Decision{Verdict: authz.Allow, Reason: authz.ShadowPassed, Shadowed: authz.ScopeMissing, Tenant: "acme"}
	tel.Checked(request("GET", "/orders/1"), passed, time.Millisecond, nil)
	tel.Checked(request("GET", "/orders/1"), &authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, ShadowRule: "trial"}, time.Millisecond, nil)
	tel.Checked(request("GET", "/x"), &authz.Decision{Reason: authz.MetadataDocument}, time.Millisecond, nil)
	got := lines(t, out.String())
	if len(got) != 1 || got[0]["msg"] != "passed in shadow" || got[0]["reason"] != "shadow" || got[0]["shadowed"] != "scope_missing" || got[0]["level"] != "info" {
		t.Errorf("lines %v", got)
	}
	tel, out = newTelemetry(t, LogSettings{Level: zapcore.DebugLevel})
	tel.Checked(request("GET", "/orders/1"), &authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, ShadowRule: "trial"}, time.Millisecond, nil)
	if got := lines(t, out.String()); len(got) != 1 || got[0]["shadow_rule"] != "trial" || got[0]["shadowed"] != nil {
		t.Errorf("lines %v", got)
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
			hostile := request("GET", path)
			hostile.Host = jws
			tel.Checked(hostile, denial(), 0, nil)
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
