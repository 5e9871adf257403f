package proxy_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
)

func TestStartAndStop(t *testing.T) {
	authz, up := &scripted{}, upstream(t)
	envoy := startEnvoy(t, proxy.Options{Config: bootstrap(authz.serve(t), up.Listener.Addr().String())})

	if _, err := envoy.Address("nobody"); err == nil {
		t.Error("Address of an unknown listener reports no error")
	}
	address, err := envoy.Address("ingress")
	if err != nil {
		t.Fatal(err)
	}
	if got := statusOf(t, "http://"+address+"/"); got != http.StatusServiceUnavailable {
		t.Errorf("a failing authorizer gives %d, want 503", got)
	}
	stats, err := envoy.Stats(t.Context(), "ext_authz.error")
	if err != nil {
		t.Fatal(err)
	}
	if got := stats["http.ingress.ext_authz.error"]; got != 1 {
		t.Errorf("ext_authz.error = %d of %v, want 1", got, stats)
	}

	envoy.Stop()
	envoy.Stop() // a second time does nothing
	if envoy.Running() {
		t.Error("Envoy runs after Stop")
	}
	if res, err := get(t, "http://"+address+"/"); err == nil {
		_ = res.Body.Close()
		t.Error("the listener answers after Stop")
	}
}

func TestContextEndsEnvoy(t *testing.T) {
	requireEnvoy(t)
	authz, up := &scripted{}, upstream(t)
	ctx, cancel := context.WithCancel(t.Context())
	envoy, err := proxy.Start(ctx, proxy.Options{Config: bootstrap(authz.serve(t), up.Listener.Addr().String())})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	deadline := time.Now().Add(10 * time.Second)
	for envoy.Running() {
		if time.Now().After(deadline) {
			t.Fatal("Envoy runs 10 s after its context ended")
		}
		<-time.After(5 * time.Millisecond)
	}
	envoy.Stop()
}

func TestStartReportsWhatEnvoySays(t *testing.T) {
	requireEnvoy(t)
	_, err := proxy.Start(t.Context(), proxy.Options{Config: []byte("no_such_field: 1\n")})
	if err == nil || !strings.Contains(err.Error(), "no_such_field") {
		t.Errorf("got %v, want an error that quotes Envoy", err)
	}
}

func TestOptions(t *testing.T) {
	for name, opts := range map[string]proxy.Options{
		"neither": {},
		"both":    {File: "envoy.yaml", Config: []byte("admin: {}")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := proxy.Start(t.Context(), opts); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestValidate(t *testing.T) {
	requireEnvoy(t)
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	write(t, good, bootstrap("127.0.0.1:1", "127.0.0.1:2"))
	write(t, bad, []byte("no_such_field: 1\n"))
	if err := proxy.Validate(t.Context(), good); err != nil {
		t.Error(err)
	}
	if err := proxy.Validate(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "no_such_field") {
		t.Errorf("got %v, want an error that quotes Envoy", err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	executable := filepath.Join(dir, "envoy")
	if err := os.WriteFile(executable, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(dir, "plain")
	write(t, plain, nil)

	t.Run("named", func(t *testing.T) {
		t.Setenv("CLAIMGATE_ENVOY", executable)
		if got, err := proxy.Find(); err != nil || got != executable {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("named but no executable", func(t *testing.T) {
		t.Setenv("CLAIMGATE_ENVOY", plain)
		if _, err := proxy.Find(); err == nil || errors.Is(err, proxy.ErrUnavailable) {
			t.Errorf("got %v, want an error of its own", err)
		}
	})
	t.Run("on PATH", func(t *testing.T) {
		t.Setenv("CLAIMGATE_ENVOY", "")
		t.Setenv("PATH", dir)
		t.Chdir(t.TempDir())
		if got, err := proxy.Find(); err != nil || got != executable {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("nowhere", func(t *testing.T) {
		t.Setenv("CLAIMGATE_ENVOY", "")
		t.Setenv("PATH", "")
		t.Chdir(t.TempDir())
		if _, err := proxy.Find(); !errors.Is(err, proxy.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
	t.Run("below the module root", func(t *testing.T) {
		root := t.TempDir()
		bin := filepath.Join(root, ".build/envoy/lib/python3.12/site-packages/envoy/_bin")
		deep := filepath.Join(root, "a", "b")
		for _, d := range []string{bin, deep} {
			if err := os.MkdirAll(d, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(root, "go.mod"), []byte("module m\n"))
		want := filepath.Join(bin, "envoy")
		if err := os.WriteFile(want, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CLAIMGATE_ENVOY", "")
		t.Chdir(deep)
		if got, err := proxy.Find(); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		write(t, filepath.Join(root, "a", "go.mod"), []byte("module m/a\n"))
		if got, err := proxy.Find(); err != nil || got != want {
			t.Errorf("from a module inside: got %q, %v, want %q", got, err, want)
		}
	})
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
}

func statusOf(t *testing.T, url string) int {
	t.Helper()
	res, err := get(t, url)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}
