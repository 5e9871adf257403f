package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"google.golang.org/grpc"

	"github.com/claimgate/claimgate/envoy"
)

// childEnv tells this program to be a server: its value is a childSpec.
const childEnv = "AUTHZBENCH_CHILD"

// childSpec is what a server needs to know.
type childSpec struct {
	Variant   string
	Address   string
	ReadyFile string
	Issuer    string
	JWKS      string
	Load      workload

	options []grpc.ServerOption // of the variant's tunings
	plain   bool
}

// runChild serves until standard input ends, as it does when the parent is
// gone, however that came about.
func runChild(text string) error {
	var spec childSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return err
	}
	v, err := variantNamed(spec.Variant)
	if err != nil {
		return err
	}
	profileOnSignals()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	spec.options, spec.plain = v.options, v.plain
	server, err := v.serve(ctx, spec)
	if err != nil {
		return err
	}
	listener, err := envoy.Listen(spec.Address)
	if err != nil {
		return err
	}
	page, err := serveMemory(ctx)
	if err != nil {
		return err
	}
	if err := announce(spec, listener.Addr(), page); err != nil {
		return err
	}
	go stopWithParent(server)
	return server.Serve(listener)
}

func stopWithParent(server *grpc.Server) {
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.Stop()
}

// announce writes the addresses as `claimgate serve --ready-file` does.
func announce(spec childSpec, at net.Addr, page string) error {
	address := at.String()
	if at.Network() == "unix" {
		address = "unix://" + address
	}
	text, err := json.Marshal(map[string]string{"listen": address, "metrics": page})
	if err != nil {
		return err
	}
	unfinished := spec.ReadyFile + ".new"
	if err := os.WriteFile(unfinished, text, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, spec.ReadyFile)
}

// serveMemory tells the counters of the runtime under the names that
// claimgate's metrics have, and returns its address. It lives as long as the
// process.
func serveMemory(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(rw http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_, _ = fmt.Fprintf(rw, "%s %d\n%s %d\n", metricObjects, m.Mallocs, metricBytes, m.TotalAlloc)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), nil
}
