package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"claimgate": main})
}

// TestScripts runs the real binary. Two commands of our own:
//
//	ready FILE                 waits until the ready file is there and /readyz says so
//	http STATUS FILE NAME PATH asks the listener of that name and prints the answer
//	issuer NAME                starts a throw-away issuer and puts its URL into the variable
//	keyserver NAME FILE        serves a file as a key set and puts its URL into the variable
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command ends a second late under -race
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":     scriptReady,
			"http":      scriptHTTP,
			"issuer":    scriptIssuer,
			"keyserver": scriptKeyServer,
		},
	})
}

func scriptIssuer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: issuer NAME")
	}
	server := httptest.NewUnstartedServer(nil)
	idp, err := issuer.New(issuer.Options{URL: "http://" + server.Listener.Addr().String(), Algorithm: "ES256"})
	ts.Check(err)
	server.Config.Handler = idp
	server.Start()
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

func scriptKeyServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keyserver NAME FILE")
	}
	file := ts.MkAbs(args[1])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

// patience bounds what a script waits for.
const patience = 20 * time.Second

func scriptReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready FILE")
	}
	file := ts.MkAbs(args[0])
	ready := poll(func() bool {
		addresses, err := readAddresses(file)
		if err != nil {
			return false
		}
		status, _, err := ask(addresses["health"], "/readyz")
		return err == nil && status == http.StatusOK
	})
	if !ready {
		ts.Fatalf("not ready in %s", patience)
	}
}

// poll asks again and again until the answer is yes.
func poll(yes func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !yes() {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}

func scriptHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: http STATUS FILE NAME PATH")
	}
	addresses, err := readAddresses(ts.MkAbs(args[1]))
	ts.Check(err)
	status, body, err := ask(addresses[args[2]], args[3])
	ts.Check(err)
	_, err = io.WriteString(ts.Stdout(), body)
	ts.Check(err)
	if got := fmt.Sprint(status); got != args[0] {
		ts.Fatalf("status %s, want %s", got, args[0])
	}
}

func readAddresses(file string) (addresses map[string]string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return addresses, json.Unmarshal(text, &addresses)
}

// ask sends one GET to host:port or unix:///path.
func ask(address, path string) (status int, body string, err error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if socket, ok := strings.CutPrefix(address, "unix://"); ok {
				return (&net.Dialer{}).DialContext(ctx, "unix", socket)
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		},
	}}
	response, err := client.Get("http://localhost" + path)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}
