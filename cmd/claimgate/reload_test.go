package main

import (
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/envoy"
)

const reloadMain = `
apiVersion: claimgate.dev/v1alpha1
listen: {address: "127.0.0.1:0", drainWait: 0s}
health: {address: "127.0.0.1:0"}
metrics: {address: "127.0.0.1:0"}
admin: {address: "127.0.0.1:0"}
stateDir: state
maxTenantLoss: {tenants: 0, percent: 0}
issuers:
  - name: idp
    issuer: https://id.example.com
    audiences: [https://api.example.com]
    algorithms: [EdDSA]
    tenantClaim: org
    jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}]}
tenantDefaults: {issuers: [idp]}
tenantDirs: [{path: tenants}]
`

func reloadTenant(host string) string {
	return "hosts: [" + host + "]\npolicy: {rules: [{name: read, action: allow, paths: [/**], anyToken: true}]}\n"
}

// TestP6ServeFollowsItsFiles runs a whole process: a bad tenant file does not
// stop it, a changed one is in force by itself, SIGHUP and the admin listener
// reload, what waits is confirmed, and all of it can be seen.
func TestP6ServeFollowsItsFiles(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".tmp", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("claimgate.yaml", reloadMain)
	write("tenants/acme.yaml", reloadTenant("api.acme.example"))
	write("tenants/bad.yaml", "nonsense: true\n")
	r := start(t, filepath.Join(dir, "claimgate.yaml")) // and ready
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	page := func(listener, path string) string {
		_, body, err := ask(r.addresses[listener], path)
		if err != nil {
			t.Error(err)
		}
		return body
	}
	shows := func(what, listener, path, text string) {
		t.Helper()
		if !poll(func() bool { return strings.Contains(page(listener, path), text) }) {
			t.Fatalf("%s: %s never shows %q:\n%s\n%s", what, path, text, page(listener, path), r.log)
		}
	}
	shows("start", "metrics", "/metrics", `claimgate_tenants{state="quarantined"} 1`)
	shows("start", "metrics", "/metrics", "claimgate_reload_failed 1")
	shows("start", "metrics", "/metrics", "claimgate_state_dir_usable 1")
	shows("start", "admin", "/", "NOT IN FORCE  tenant bad (quarantined")
	if !strings.Contains(r.log.String(), "tenants/bad.yaml:1:1: nonsense") {
		t.Errorf("the log does not say what is wrong:\n%s", r.log)
	}

	write("tenants/bad.yaml", reloadTenant("api.bad.example"))
	shows("mended", "metrics", "/metrics", `claimgate_tenants{state="active"} 2`)
	shows("mended", "metrics", "/metrics", "claimgate_reload_failed 0")

	if err := os.Remove(filepath.Join(dir, "tenants/bad.yaml")); err != nil {
		t.Fatal(err)
	}
	shows("one of them vanished", "metrics", "/metrics", "claimgate_reload_waiting 1")
	shows("one of them vanished", "admin", "/config", `"waitsForConfirmation": true`)
	post := func(path string) (int, string) {
		t.Helper()
		client := &http.Client{Timeout: 20 * time.Second}
		response, err := client.Post("http://"+r.addresses["admin"]+path, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	if status, body := post("/reload"); status != http.StatusConflict || !strings.Contains(body, "waits to be confirmed") {
		t.Errorf("reload: %d %s", status, body)
	}
	if status, body := post("/confirm"); status != http.StatusOK || !strings.Contains(body, "applied") {
		t.Errorf("confirm: %d %s", status, body)
	}
	shows("confirmed", "metrics", "/metrics", `claimgate_tenants{state="active"} 1`)

	write("claimgate.yaml", strings.Replace(reloadMain, `health: {address: "127.0.0.1:0"}`, `health: {address: "127.0.0.1:1"}`, 1))
	r.signals <- syscall.SIGHUP
	shows("another address", "admin", "/", "RESTART   health.address")
	if !poll(func() bool { return strings.Contains(r.log.String(), "reloaded on SIGHUP") }) {
		t.Error("SIGHUP is not in the log")
	}
	write("claimgate.yaml", "nonsense\n")
	if status, body := post("/reload"); status != http.StatusConflict || !strings.Contains(body, "main file") {
		t.Errorf("a bad main file: %d %s", status, body)
	}
	r.stop(t)
	info, err := os.Stat(filepath.Join(dir, "state", "tenants.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("state file %v, %v", info, err)
	}
}

// TestP6BadMainFilesEndAtTheStart: whatever is bad about the main file, a tenant
// in it or an entry against another, it is a list of problems with their places.
func TestP6BadMainFilesEndAtTheStart(t *testing.T) {
	tenant := func(name string) string {
		return "  - {name: " + name + ", hosts: [api.example], policy: {rules: [{name: r, action: allow, paths: [/**], anyToken: true}]}}\n"
	}
	for name, more := range map[string]string{
		"a tenant is bad":         "tenants: [{name: a, hosts: [x.example], policy: {rules: [{name: r}]}}]\n",
		"two contest a host":      "tenants:\n" + tenant("a") + tenant("b"),
		"two entries are one":     "entries: [{name: a, hosts: ['{tenant}.example']}, {name: b, hosts: ['{tenant}.example']}]\n",
		"a tenant and a bad file": "tenants: [{name: a, hosts: [x.example], issuers: [nobody]}]\n",
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "claimgate.yaml")
		if err := os.MkdirAll(filepath.Join(dir, "tenants"), 0o700); err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{file: reloadMain + more, filepath.Join(dir, "tenants", "bad.yaml"): "nonsense: true\n"} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := build(file, io.Discard)
		var problems config.Problems
		if !errors.As(err, &problems) || !slices.ContainsFunc(problems, func(p config.Problem) bool { return p.File == file && p.Line > 1 }) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNeedRestart(t *testing.T) {
	started := config.Settings{Listen: config.Listener{Address: "a"}, CacheTokens: 1, Log: config.LogSettings{HashKey: []byte("one")}}
	if got := needRestart(started, started); len(got) != 0 {
		t.Errorf("nothing changed: %v", got)
	}
	now := started
	now.Listen.Address, now.CacheTokens, now.Log.HashKey, now.AdminHosts = "b", 2, []byte("two"), []string{"x"}
	now.Codec = envoy.CodecGenerated
	now.Insecure, now.MaxTenantLoss.Tenants = []string{"w"}, 7 // these are in force at once
	if got := needRestart(started, now); !slices.Equal(got, []string{"listen.address", "admin.hosts", "listen.codec", "cache.tokens", "log.hashKey"}) {
		t.Errorf("got %v", got)
	}
}

// TestTracingNeedsRestart: all of it but the sample.
func TestTracingNeedsRestart(t *testing.T) {
	off := config.Settings{}
	on := config.Settings{Tracing: config.TracingSettings{Endpoint: "https://a", Sample: 0.1, Timeout: 1}}
	other := config.Settings{Tracing: config.TracingSettings{Endpoint: "https://b", Sample: 1, Timeout: 2,
		Headers: map[string]string{"a": "b"}, CA: []byte("x"), Resource: map[string]string{"a": "b"}}}
	sampled := on
	sampled.Tracing.Sample = 1
	for _, c := range []struct {
		started, now config.Settings
		want         []string
	}{
		{off, on, []string{"tracing"}}, {on, off, []string{"tracing"}}, {on, sampled, nil},
		{on, other, []string{"tracing.endpoint", "tracing.headers", "tracing.caFile", "tracing.timeout", "tracing.resource"}},
	} {
		if got := needRestart(c.started, c.now); !slices.Equal(got, c.want) {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
}

func TestServiceOptions(t *testing.T) {
	opts := serviceOptions(config.Settings{Codec: envoy.CodecGenerated}, nil)
	if opts.Codec != envoy.CodecGenerated || opts.OverwriteFreed || opts.DrainWait >= 0 || opts.MaxConnectionAge != math.MaxInt64 {
		t.Errorf("%+v", opts)
	}
}
