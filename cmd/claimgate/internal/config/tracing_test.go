package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTracingSettings(t *testing.T) {
	dir := t.TempDir()
	authority, err := os.ReadFile("testdata/files/tls.crt")
	if err != nil {
		t.Fatal(err)
	}
	write(t, string(authority), dir, "ca.crt")
	write(t, "Bearer sesame\r\n", dir, "secrets", "otlp")
	t.Setenv("CLAIMGATE_TEST_KEY", "k")
	s := settingsOf(t, dir, "tracing: {endpoint: https://otel.example.com:4318/, sample: 1e-3, caFile: ca.crt, headers: {Authorization: file:secrets/otlp, x-key: env:CLAIMGATE_TEST_KEY}, resource: {service.name: gate}}\n").Tracing
	if s.Endpoint != "https://otel.example.com:4318/v1/traces" || s.Sample != 0.001 || s.Timeout != 10*time.Second || string(s.CA) != string(authority) {
		t.Errorf("settings %+v", s)
	}
	if !maps.Equal(s.Headers, map[string]string{"authorization": "Bearer sesame", "x-key": "k"}) || !maps.Equal(s.Resource, map[string]string{"service.name": "gate"}) {
		t.Errorf("headers %v, resource %v", s.Headers, s.Resource)
	}
	if off := settingsOf(t, dir, "").Tracing; off.Endpoint != "" {
		t.Errorf("on by itself: %+v", off)
	}
}

// TestTracingEndpoints: a path stands as it is written, and plain http needs
// loopback or a word.
func TestTracingEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://otel.example.com":                           "https://otel.example.com/v1/traces",
		"https://otel.example.com/tenants/7/v1/traces":       "https://otel.example.com/tenants/7/v1/traces",
		"http://127.0.0.1:4318":                              "http://127.0.0.1:4318/v1/traces",
		"'http://[::1]:4318'":                                "http://[::1]:4318/v1/traces",
		"http://localhost:4318":                              "http://localhost:4318/v1/traces",
		"http://otel.observability:4318, insecureHTTP: true": "http://otel.observability:4318/v1/traces",
	} {
		if s := settingsOf(t, t.TempDir(), "tracing: {endpoint: "+endpoint+"}\n").Tracing; s.Endpoint != want || s.Sample != 0.01 {
			t.Errorf("%s: %+v", endpoint, s)
		}
	}
}

// tracingProblem returns what is wrong with a configuration of tracing.
func tracingProblem(t *testing.T, dir, tracing string) string {
	t.Helper()
	document, err := Load(write(t, "tracing: "+tracing+"\n"+mainHead+"tenants: [{name: acme, hosts: [a.example], issuers: [one]}]\n", dir, "claimgate.yaml"))
	if err == nil {
		_, err = document.Settings()
	}
	if !errors.As(err, new(Problems)) {
		t.Fatalf("%s: %v", tracing, err)
	}
	return err.Error()
}

// TestP7TheExporterReadsNoSecretsOfTheEnvironment: it would print those that are
// malformed.
func TestP7TheExporterReadsNoSecretsOfTheEnvironment(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "authorization=%zz sesame")
			if got := tracingProblem(t, t.TempDir(), "{endpoint: https://otel.example.com}"); !strings.Contains(got, "tracing: the environment variable "+name+" is set") || strings.Contains(got, "sesame") {
				t.Error(got)
			}
			settingsOf(t, t.TempDir(), "") // without tracing it is nobody's business
		})
	}
}

// TestP7TracingProblemsQuoteNoSecret: whatever stands where a secret may be.
func TestP7TracingProblemsQuoteNoSecret(t *testing.T) {
	dir := t.TempDir()
	write(t, "zqsecretzq\nzqsecretzq", dir, "two-lines")
	write(t, strings.Repeat("zqsecretzq", 500), dir, "long")
	write(t, "", dir, "empty")
	write(t, " zqsecretzq", dir, "space")
	t.Setenv("CLAIMGATE_TEST_KEY", "zqsecretzq\x01")
	for _, header := range []string{"file:two-lines", "file:long", "file:empty", "file:space", "env:CLAIMGATE_TEST_KEY", "zqsecretzq", "file:zqsecretzq", "env:zqsecretzq", "[zqsecretzq]", "{zqsecretzq: 1}"} {
		if got := tracingProblem(t, dir, "{endpoint: https://otel.example.com, headers: {x-key: "+header+"}}"); strings.Contains(got, "zqsecretzq") || strings.Count(got, "\n") != 0 || !strings.Contains(got, "tracing.headers.x-key") {
			t.Errorf("%s: %s", header, got)
		}
	}
	for _, endpoint := range []string{"https://zqsecretzq@otel.example.com", "https://otel.example.com/?k=zqsecretzq", "https://otel.example.com/#zqsecretzq", "zqsecretzq", "'https://zqsecretzq:%zz'"} {
		if got := tracingProblem(t, dir, "{endpoint: "+endpoint+"}"); strings.Contains(got, "zqsecretzq") || !strings.Contains(got, "tracing.endpoint") {
			t.Errorf("%s: %s", endpoint, got)
		}
	}
}

// TestP8TracingIsBounded: headers and attributes are, in number.
func TestP8TracingIsBounded(t *testing.T) {
	t.Setenv("CLAIMGATE_TEST_KEY", "k")
	many := func(n int, value string) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "x-%d: %s, ", i, value)
		}
		return "{endpoint: https://otel.example.com, %s: {" + text.String() + "}}"
	}
	for field, most := range map[string]int{"headers": maxTracingHeaders, "resource": maxTracingResource} {
		settingsOf(t, t.TempDir(), "tracing: "+fmt.Sprintf(many(most, "env:CLAIMGATE_TEST_KEY"), field)+"\n")
		if got := tracingProblem(t, t.TempDir(), fmt.Sprintf(many(most+1, "env:CLAIMGATE_TEST_KEY"), field)); !strings.Contains(got, "are too many") {
			t.Error(got)
		}
	}
}

// TestTracingFiles: a change of what tracing refers to is a change of the
// configuration.
func TestTracingFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, "Bearer sesame", dir, "otlp")
	files := loadText(t, dir, "tracing: {endpoint: https://otel.example.com, headers: {authorization: file:otlp}}\n").Files()
	if len(files) != 2 || files[1] != filepath.Join(dir, "otlp") {
		t.Errorf("files %v", files)
	}
}
