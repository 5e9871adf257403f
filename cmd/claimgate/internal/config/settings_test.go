package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
	"github.com/claimgate/claimgate/envoy"
)

// loadText loads a main file below dir that has one tenant.
func loadText(t *testing.T, dir, head string) *Document {
	t.Helper()
	document, err := Load(write(t, head+mainHead+"tenants: [{name: acme, hosts: [a.example], issuers: [one]}]\n", dir, "claimgate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func settingsOf(t *testing.T, dir, head string) Settings {
	t.Helper()
	settings, err := loadText(t, dir, head).Settings()
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

func TestDefaultSettings(t *testing.T) {
	s := settingsOf(t, t.TempDir(), "")
	if s.Listen.Address != "127.0.0.1:9191" || s.Listen.TLS != nil || s.Health.Address != "" || s.Metrics.Address != "" || s.Admin.Address != "" {
		t.Errorf("listeners %+v", s)
	}
	if s.DrainWait != 5*time.Second || s.MaxConnectionAge != 0 || s.CacheTokens != 50000 {
		t.Errorf("waits and sizes %+v", s)
	}
	if s.Log.Level != zapcore.InfoLevel || s.Log.HashKey != nil || s.Log.PlainIdentifiers || s.Log.DenialsPerSecond != 10 {
		t.Errorf("log %+v", s.Log)
	}
	if len(s.Insecure) != 0 {
		t.Errorf("insecure words %v, and none was written", s.Insecure)
	}
}

func TestCodec(t *testing.T) {
	for head, want := range map[string]envoy.Codec{
		"": envoy.CodecOwn, "listen: {codec: own}\n": envoy.CodecOwn, "listen: {codec: generated}\n": envoy.CodecGenerated,
	} {
		if got := settingsOf(t, t.TempDir(), head).Codec; got != want {
			t.Errorf("%q: %v, want %v", head, got, want)
		}
	}
}

func TestSecretsAreResolved(t *testing.T) {
	dir := t.TempDir()
	write(t, "hash-key-0123456789\r\n", dir, "secrets", "hash")
	write(t, "bearer-0123456789\n", dir, "secrets", "bearer")
	t.Setenv("CLAIMGATE_TEST_KEY", "from-the-environment")
	s := settingsOf(t, dir, "log: {hashKey: file:secrets/hash}\nmetrics: {address: 0.0.0.0:9194, bearerTokenFile: secrets/bearer}\n")
	if string(s.Log.HashKey) != "hash-key-0123456789" || s.Metrics.BearerToken != "bearer-0123456789" {
		t.Errorf("secrets %q and %q", s.Log.HashKey, s.Metrics.BearerToken)
	}
	s = settingsOf(t, dir, "log: {hashKey: env:CLAIMGATE_TEST_KEY}\n")
	if string(s.Log.HashKey) != "from-the-environment" {
		t.Errorf("secret %q", s.Log.HashKey)
	}
}

func TestAdminHosts(t *testing.T) {
	s := settingsOf(t, t.TempDir(), "admin: {address: 127.0.0.1:0}\n")
	if !slices.Equal(s.AdminHosts, []string{"localhost", "127.0.0.1", "::1"}) {
		t.Errorf("hosts %v", s.AdminHosts)
	}
	s = settingsOf(t, t.TempDir(), "admin: {address: 127.0.0.1:0, hosts: [Admin.Internal, '[::1]']}\n")
	if !slices.Equal(s.AdminHosts, []string{"admin.internal", "::1"}) {
		t.Errorf("hosts %v", s.AdminHosts)
	}
}

func TestInsecureWordsAreListed(t *testing.T) {
	head := "listen: {address: 0.0.0.0:1, insecurePlaintext: true}\n" +
		"metrics: {address: 0.0.0.0:2, insecurePlaintext: true}\n" +
		"admin: {address: 0.0.0.0:3, insecureRemote: true}\n" +
		"log: {insecurePlainIdentifiers: true}\n" +
		"tracing: {endpoint: http://collector:4318, insecureHTTP: true}\n"
	text := head + strings.Replace(mainHead, "https://two.example,", "http://two.example, keys: {insecureHTTP: true},", 1)
	text += "tenants: [{name: acme, hosts: [a.example], issuers: [one], insecureShadow: {until: 2026-01-01T00:00:00Z}}]\n"
	document, err := Load(write(t, text, t.TempDir(), "claimgate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	settings, err := document.Settings()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"listen.insecurePlaintext", "metrics.insecurePlaintext", "admin.insecureRemote", "log.insecurePlainIdentifiers", "tracing.insecureHTTP", "issuers[1].keys.insecureHTTP", "tenants[0].insecureShadow"}
	if !slices.Equal(settings.Insecure, want) {
		t.Errorf("got %v, want %v", settings.Insecure, want)
	}
	if known := len(regexp.MustCompile(`(?m)\.insecure\w+ \(`).FindAllString(Reference(), -1)); known != len(want) {
		t.Errorf("there are %d insecure words, and this test writes %d", known, len(want))
	}
}

// A word that is written and false weakens nothing.
func TestInsecureFalseIsNotListed(t *testing.T) {
	s := settingsOf(t, t.TempDir(), "listen: {insecurePlaintext: false}\nlog: {insecurePlainIdentifiers: false}\n")
	if len(s.Insecure) != 0 {
		t.Errorf("insecure words %v", s.Insecure)
	}
}

func TestServerTLS(t *testing.T) {
	dir := t.TempDir()
	certificate, key := selfSigned(t)
	write(t, certificate, dir, "tls.crt")
	write(t, key, dir, "tls.key")
	s := settingsOf(t, dir, "listen: {address: 0.0.0.0:9191, tls: {certFile: tls.crt, keyFile: tls.key}}\n")
	if want := (certs.Files{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}); s.Listen.TLS == nil || !reflect.DeepEqual(*s.Listen.TLS, want) {
		t.Errorf("files %+v, want %+v", s.Listen.TLS, want)
	}
	s = settingsOf(t, dir, "listen: {tls: {certFile: tls.crt, keyFile: tls.key, clientCAFile: tls.crt, allowedClientSANs: [spiffe://td/*]}}\n")
	if s.Listen.TLS == nil || s.Listen.TLS.ClientCA != filepath.Join(dir, "tls.crt") || !slices.Equal(s.Listen.TLS.AllowedClientSANs, []string{"spiffe://td/*"}) {
		t.Errorf("files %+v", s.Listen.TLS)
	}
	_, otherKey := selfSigned(t)
	write(t, otherKey, dir, "tls.key")
	_, err := loadText(t, dir, "listen: {address: 0.0.0.0:9191, tls: {certFile: tls.crt, keyFile: tls.key}}\n").Settings()
	if err == nil || !strings.Contains(err.Error(), "listen.tls: certificate and key are of no use") {
		t.Errorf("got %v, want a problem with a key of another certificate", err)
	}
}

func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey}))
}

func TestAddresses(t *testing.T) {
	local := []string{"127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1", "LocalHost:1", "unix:///a", "[::ffff:127.0.0.1]:1"}
	for _, address := range local {
		if !envoy.IsLocal(address) || checkAddress(address) != "" {
			t.Errorf("%s is not local", address)
		}
	}
	for _, address := range []string{":1", "0.0.0.0:1", "[::]:1", "10.0.0.1:1", "example.com:1", "localhost.example.com:1", "127.0.0.1.example.com:1"} {
		if envoy.IsLocal(address) || checkAddress(address) != "" {
			t.Errorf("%s counts as local or wrong", address)
		}
	}
	for _, address := range []string{"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536", "unix://a", "unix:a", "http://a:1", "a b:1", "::1:1:"} {
		if checkAddress(address) == "" {
			t.Errorf("%q is accepted", address)
		}
	}
	for _, pair := range [][2]string{{"127.0.0.1:1", "127.0.0.1:1"}, {"0.0.0.0:1", "127.0.0.1:1"}, {":1", "[::1]:1"}, {"unix:///a", "unix:///a"}, {"localhost:1", "LOCALHOST:1"}} {
		if !collide(pair[0], pair[1]) {
			t.Errorf("%v do not collide", pair)
		}
	}
	for _, pair := range [][2]string{{"127.0.0.1:1", "127.0.0.1:2"}, {"127.0.0.1:0", "127.0.0.1:0"}, {"127.0.0.1:1", "127.0.0.2:1"}, {"unix:///a", "unix:///b"}} {
		if collide(pair[0], pair[1]) {
			t.Errorf("%v collide", pair)
		}
	}
}
