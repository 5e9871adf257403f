package main

import (
	"context"
	"errors"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"

	"github.com/claimgate/claimgate/envoy"
)

// refusing refuses everything.
type refusing struct {
	authv3.UnimplementedAuthorizationServer
}

func (refusing) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return denial(), nil
}

// inProcess serves in this process and returns connections to it.
func inProcess(t *testing.T, v variant, answers authv3.AuthorizationServer) *server {
	t.Helper()
	w := smallWorld(t)
	load := usual()
	load.Tokens, load.Tenants = 2, 2
	sent, err := w.traffic(load)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := envoy.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	service := grpc.NewServer()
	authv3.RegisterAuthorizationServer(service, answers)
	go func() { _ = service.Serve(listener) }()
	s := &server{variant: v, traffic: sent}
	t.Cleanup(func() {
		for _, conn := range s.conns {
			_ = conn.Close()
		}
		service.Stop()
	})
	if err := s.dial(listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return s
}

func smallWorld(t *testing.T) *world {
	t.Helper()
	w, err := newWorld(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// TestExamine holds that a server that answers wrongly is not measured.
func TestExamine(t *testing.T) {
	if err := inProcess(t, variant{}, fixed{}).examine(t.Context()); err != nil {
		t.Errorf("a server that is to answer alike: %v", err)
	}
	if err := inProcess(t, variant{decides: true}, fixed{}).examine(t.Context()); !errors.Is(err, errAdmitted) {
		t.Errorf("a server that admits all: %v, want %v", err, errAdmitted)
	}
	if err := inProcess(t, variant{injects: true}, fixed{}).examine(t.Context()); !errors.Is(err, errHeaders) {
		t.Errorf("a server that says the same of all: %v, want %v", err, errHeaders)
	}
	if err := inProcess(t, variant{}, refusing{}).allowsToken(t.Context(), 0); !errors.Is(err, errRefused) {
		t.Errorf("a server that refuses all: %v, want %v", err, errRefused)
	}
	if err := inProcess(t, variant{}, authv3.UnimplementedAuthorizationServer{}).examine(t.Context()); err == nil {
		t.Error("a server that answers nothing is measured")
	}
}

// TestLoadCounts holds that refusals and faults under load are errors, at
// every level.
func TestLoadCounts(t *testing.T) {
	for name, answers := range map[string]authv3.AuthorizationServer{"refusing": refusing{}, "faulty": authv3.UnimplementedAuthorizationServer{}} {
		s := inProcess(t, variant{}, answers)
		for _, l := range levels() {
			seen := s.load(t.Context(), l, 10*time.Millisecond)
			if seen.errors == 0 || seen.err == nil || len(seen.latencies) != 0 {
				t.Errorf("%s, %s: %d errors, %d answers, %v", name, l.name, seen.errors, len(seen.latencies), seen.err)
			}
		}
	}
}

// TestPaceIsWhole holds that each check that is due is sent or counts as missed.
func TestPaceIsWhole(t *testing.T) {
	seen := inProcess(t, variant{}, fixed{}).load(t.Context(), level{name: "paced", inFlight: 2, rate: 1000}, 50*time.Millisecond)
	if got := seen.checks() + seen.missed; got != 50 || seen.errors != 0 {
		t.Errorf("%d checks of 50, %d errors: %v", got, seen.errors, seen.err)
	}
}

// TestLoadEnds holds that an interrupt ends a load.
func TestLoadEnds(t *testing.T) {
	s := inProcess(t, variant{}, fixed{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, l := range levels() {
		if seen := s.load(ctx, l, time.Minute); len(seen.latencies) != 0 {
			t.Errorf("%s: %d answers after the end", l.name, len(seen.latencies))
		}
	}
}
