package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claimgate/claimgate/authz/jwks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open are gates that the test opens.
type open struct{ configured, fetched bool }

func (o *open) gates() Gates {
	return Gates{Configured: func() bool { return o.configured }, FetchesEnded: func() bool { return o.fetched }}
}

func readyReadiness() *Readiness {
	r := NewReadiness((&open{true, true}).gates())
	r.ListenersUp()
	return r
}

func TestReadinessNeedsEveryGate(t *testing.T) {
	gates := &open{}
	r := NewReadiness(gates.gates())
	steps := []struct {
		name string
		do   func()
		want Phase
	}{
		{"nothing", func() {}, Starting},
		{"fetched", func() { gates.fetched = true }, Starting},
		{"configured", func() { gates.configured = true }, Starting},
		{"listening", r.ListenersUp, Ready},
		{"an issuer fails later", func() { gates.fetched = false }, Ready},
		{"the configuration goes", func() { gates.configured = false }, Ready},
		{"draining", r.Drain, Draining},
		{"listeners again", r.ListenersUp, Draining},
	}
	for _, step := range steps {
		step.do()
		if got := r.Phase(); got != step.want || r.Ready() != (step.want == Ready) {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
	}
}

func TestReadinessTellsOnce(t *testing.T) {
	gates, told := (&open{true, true}).gates(), 0
	gates.Opened = func() { told++ }
	r := NewReadiness(gates)
	if r.Phase(); told != 0 {
		t.Error("told before listening")
	}
	r.ListenersUp()
	if r.Phase(); told != 1 || !r.Ready() || told != 1 {
		t.Errorf("told %d times", told)
	}
}

func TestReadinessDoesNotWaitForeverForAnIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReadiness((&open{configured: true}).gates())
		r.ListenersUp()
		start := time.Now()
		if r.Phase() != Fetching {
			t.Errorf("phase %s", r.Phase())
		}
		if !r.Wait(t.Context()) || time.Since(start) != fetchGrace {
			t.Errorf("ready after %s", time.Since(start))
		}
	})
}

func TestWaitEndsWithDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReadiness((&open{}).gates())
		time.AfterFunc(time.Second, r.Drain)
		if r.Wait(t.Context()) {
			t.Error("ready")
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if NewReadiness((&open{}).gates()).Wait(ctx) {
		t.Error("ready")
	}
}

// call sends one request; edit changes it first.
func call(h http.Handler, target string, edit func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Host = "localhost:9192"
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHealth(t *testing.T) {
	r := NewReadiness((&open{true, true}).gates())
	h := HealthHandler(r)
	check := func(path string, status int, body string) {
		t.Helper()
		if w := call(h, path, nil); w.Code != status || w.Body.String() != body {
			t.Errorf("%s: %d %q, want %d %q", path, w.Code, w.Body, status, body)
		}
	}
	check("/livez", 200, "live\n")
	check("/readyz", 503, "starting\n")
	r.ListenersUp()
	check("/readyz", 200, "ready\n")
	check("/readyz?verbose", 200, "ready\n")
	r.Drain()
	check("/readyz", 503, "draining\n")
	check("/livez", 200, "live\n")
	if w := call(h, "/config", nil); w.Code != 404 {
		t.Errorf("/config on the health listener: %d", w.Code)
	}
}

func page(hosts ...string) http.Handler {
	return PageHandler(PageOptions{
		Readiness: readyReadiness(), Hosts: hosts, Version: "v1.2.3", Started: time.Now(),
		Sources: func() []jwks.Status {
			return []jwks.Status{
				{Issuer: "https://a.example", Kind: "remote", Keys: 2, Skipped: 1, LastSuccess: time.Unix(1000, 0)},
				{Issuer: "https://b.example", Kind: "remote", LastFailure: time.Unix(1001, 0), LastError: "timeout"},
				{Issuer: "https://c.example", Kind: "remote"},
			}
		},
		Summary: func() Summary {
			return Summary{
				Generation: 7, File: "claimgate.yaml", Tenants: []string{"acme"}, Insecure: []string{"listen.insecurePlainText"},
				Warnings:  []string{"claimgate.yaml:3:1: issuers[0]: a warning"},
				Listeners: []Listener{{Name: "listen", Address: "127.0.0.1:9191"}},
			}
		},
	})
}

func TestEveryHandlerOnlyReads(t *testing.T) {
	handlers := map[string]http.Handler{
		"/readyz":  HealthHandler(readyReadiness()),
		"/metrics": MetricsHandler(prometheus.NewRegistry(), ""),
		"/config":  page(),
	}
	for path, h := range handlers {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "BREW", "get"} {
			w := call(h, path, func(r *http.Request) { r.Method = method })
			if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
		w := call(h, path, func(r *http.Request) { r.Method = http.MethodHead })
		if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("HEAD %s: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestPageAnswersOnlyItsOwnNames(t *testing.T) {
	for _, tc := range []struct {
		host string
		want int
	}{
		{"localhost", 200}, {"localhost:9192", 200}, {"LOCALHOST.", 200}, {"127.0.0.1:1", 200}, {"[::1]:9192", 200}, {"[::1]", 200},
		{"evil.example", 421}, {"evil.example:9192", 421}, {"localhost.evil.example", 421}, {"", 421},
		{"127.0.0.1.evil.example", 421}, {"127.0.0.2", 421}, {"localhost@evil.example", 421}, {"a:b:c", 421},
	} {
		for _, path := range []string{"/", "/livez", "/readyz?verbose", "/config", "/nothing"} {
			want := tc.want
			if path == "/nothing" && want == 200 {
				want = 404
			}
			w := call(page(), path, func(r *http.Request) { r.Host = tc.host })
			if w.Code != want {
				t.Errorf("Host %q, %s: %d, want %d", tc.host, path, w.Code, want)
			}
			if w.Code == 421 && strings.Contains(w.Body.String(), "acme") {
				t.Errorf("Host %q, %s: the refusal names a tenant", tc.host, path)
			}
		}
	}
	if w := call(page("Gate.internal"), "/", func(r *http.Request) { r.Host = "gate.internal:80" }); w.Code != 200 {
		t.Errorf("a configured name: %d", w.Code)
	}
	if w := call(page("gate.internal"), "/", nil); w.Code != 421 {
		t.Errorf("localhost beside a configured list: %d", w.Code)
	}
}

func TestPageRefusesOtherSites(t *testing.T) {
	for _, tc := range []struct {
		name, value string
		want        int
	}{
		{"Sec-Fetch-Site", "same-origin", 200}, {"Sec-Fetch-Site", "none", 200},
		{"Sec-Fetch-Site", "cross-site", 403}, {"Sec-Fetch-Site", "same-site", 403}, {"Sec-Fetch-Site", "", 403}, {"Sec-Fetch-Site", "new", 403},
		{"Origin", "http://localhost:9192", 200},
		{"Origin", "http://localhost:9193", 403}, {"Origin", "https://evil.example", 403}, {"Origin", "null", 403}, {"Origin", "", 403},
	} {
		w := call(page(), "/config", func(r *http.Request) { r.Header.Set(tc.name, tc.value) })
		if w.Code != tc.want {
			t.Errorf("%s: %q: %d, want %d", tc.name, tc.value, w.Code, tc.want)
		}
	}
	twice := func(r *http.Request) { r.Header["Sec-Fetch-Site"] = []string{"same-origin", "cross-site"} }
	if w := call(page(), "/config", twice); w.Code != 403 {
		t.Errorf("two values: %d", w.Code)
	}
}

func TestPageShowsWhoIsNotReady(t *testing.T) {
	got := call(page(), "/readyz?verbose", nil).Body.String()
	want := "ready\nno keys: https://b.example (timeout: the key server did not answer in time: is it slow or unreachable from here? keys.timeout is the limit)\nno keys: https://c.example (first fetch under way)\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if plain := call(page(), "/readyz", nil).Body.String(); plain != "ready\n" {
		t.Errorf("without verbose: %q", plain)
	}
}

func TestIndex(t *testing.T) {
	got := call(page(), "/", nil).Body.String()
	for _, want := range []string{
		"claimgate v1.2.3, up 0s, ready", "Configuration 7 from claimgate.yaml", "tenants 1",
		"INSECURE  listen.insecurePlainText", "WARNING   claimgate.yaml:3:1", "https://b.example  remote  0", "FAILED    https://b.example: timeout: the key server", "/readyz?verbose",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestConfigPage(t *testing.T) {
	w := call(page(), "/config", nil)
	var got struct {
		Generation uint64
		Tenants    []string
		KeySources []map[string]any
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Generation != 7 || len(got.Tenants) != 1 || len(got.KeySources) != 3 || got.KeySources[1]["lastError"] != "timeout" {
		t.Errorf("got %+v", got)
	}
	if _, shown := got.KeySources[2]["lastSuccess"]; shown {
		t.Error("a fetch that never was has a time")
	}
}

func TestActionsArePosted(t *testing.T) {
	ran := 0
	h := PageHandler(PageOptions{
		Readiness: readyReadiness(), Sources: func() []jwks.Status { return nil }, Summary: func() Summary { return Summary{} },
		Actions: map[string]Action{
			"/reload":  func(context.Context) (bool, string) { ran++; return true, "applied\n" },
			"/confirm": func(context.Context) (bool, string) { ran++; return false, "refused\n" },
		},
	})
	post := func(path string, edit func(*http.Request)) *httptest.ResponseRecorder {
		return call(h, path, func(r *http.Request) {
			r.Method = http.MethodPost
			if edit != nil {
				edit(r)
			}
		})
	}
	if w := post("/reload", nil); w.Code != 200 || w.Body.String() != "applied\n" || ran != 1 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("reload: %d %q, ran %d", w.Code, w.Body, ran)
	}
	if w := post("/confirm", nil); w.Code != 409 || w.Body.String() != "refused\n" || ran != 2 {
		t.Errorf("confirm: %d %q, ran %d", w.Code, w.Body, ran)
	}
	for name, edit := range map[string]func(*http.Request){
		"another site":          func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"no origin to speak of": func(r *http.Request) { r.Header.Set("Origin", "null") },
		"another site's fetch":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"another name":          func(r *http.Request) { r.Host = "evil.example" },
	} {
		if w := post("/reload", edit); w.Code != 403 && w.Code != 421 || ran != 2 {
			t.Errorf("%s: %d, ran %d", name, w.Code, ran)
		}
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		w := call(h, "/reload", func(r *http.Request) { r.Method = method })
		if w.Code != 405 || w.Header().Get("Allow") != "POST" || ran != 2 {
			t.Errorf("%s: %d, ran %d", method, w.Code, ran)
		}
	}
	for _, path := range []string{"/", "/config", "/reload/x", "/livez"} {
		if w := post(path, nil); w.Code != 405 || ran != 2 {
			t.Errorf("POST %s: %d, ran %d", path, w.Code, ran)
		}
	}
}

func TestPageShowsWhatIsNotInForce(t *testing.T) {
	h := PageHandler(PageOptions{
		Readiness: readyReadiness(), Sources: func() []jwks.Status { return nil },
		Summary: func() Summary {
			return Summary{
				States:      map[string]int{"active": 3, "stale": 1, "quarantined": 1},
				LastFailure: time.Now().Add(-time.Minute), Failure: "tenants/acme.yaml:1:1: bad", Restart: []string{"listen.address"},
				Ignored: []string{"tenants/x.yml:1:1: not read"},
				NotInForce: []NotInForce{
					{What: "tenant acme", State: "stale", Problem: "tenants/acme.yaml:1:1: bad", Since: time.Now().Add(-time.Minute), Confirms: true},
				},
			}
		},
	})
	got := call(h, "/", nil).Body.String()
	for _, want := range []string{
		"active 3  quarantined 1  stale 1", "(1m0s ago): tenants/acme.yaml:1:1: bad", "RESTART   listen.address", "IGNORED   tenants/x.yml",
		"NOT IN FORCE  tenant acme (stale, waits to be confirmed, for 1m0s): tenants/acme.yaml:1:1: bad",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if got := call(h, "/config", nil).Body.String(); !strings.Contains(got, `"waitsForConfirmation": true`) || !strings.Contains(got, `"stale": 1`) {
		t.Errorf("config %s", got)
	}
}

func TestBearer(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "x_total", Help: "X."}))
	h := MetricsHandler(registry, "s3cret")
	for _, tc := range []struct {
		authorization string
		want          int
	}{
		{"Bearer s3cret", 200}, {"bearer s3cret", 200}, {"Bearer  s3cret", 200},
		{"", 401}, {"Bearer", 401}, {"Bearer ", 401}, {"Bearer s3cre", 401}, {"Bearer s3cret2", 401}, {"Basic s3cret", 401}, {"s3cret", 401},
	} {
		w := call(h, "/metrics", func(r *http.Request) { r.Header.Set("Authorization", tc.authorization) })
		if w.Code != tc.want || strings.Contains(w.Body.String(), "x_total") != (tc.want == 200) {
			t.Errorf("Authorization %q: %d, want %d", tc.authorization, w.Code, tc.want)
		}
		if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("Authorization %q: no challenge", tc.authorization)
		}
	}
}

func TestServerHasLimits(t *testing.T) {
	s := NewServer(http.NewServeMux(), zap.NewNop())
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("a limit is missing: %+v", s)
	}
}

func TestServerReportsToTheLog(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	s := NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }), zap.New(core))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if r, err := client.Get("http://" + l.Addr().String()); err == nil {
		_ = r.Body.Close()
		t.Error("a panicking handler answered")
	}
	_ = s.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("served: %v", err)
	}
	if logs.FilterLoggerName("http").Len() == 0 {
		t.Error("nothing in the log")
	}
}
