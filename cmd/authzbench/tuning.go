package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/mem"
)

var errTuning = errors.New("no such tuning")

// tuning changes one thing of a variant, to see what that does: floor+workers
// is the floor with stream workers.
type tuning struct {
	name string
	does string
	// options go behind the others of a server of ours, and win over them.
	options []grpc.ServerOption
	// env is set for the process.
	env []string
	// plain leaves away what claimgate sets for speed in the transport.
	plain bool
	// tcp has the server listen on loopback in place of a unix socket.
	tcp bool
	// generated has claimgate decode by generated code.
	generated bool
}

// forGate reports whether claimgate can be had in this way, too.
func (t *tuning) forGate() bool { return len(t.options) == 0 && !t.plain }

const (
	wideBuffers = 128 << 10
)

// tunings returns all of them. What claimgate has is tried behind plain, as in
// floor+plain+windows.
func tunings() []tuning {
	return []tuning{
		{name: "generated", does: "codec: generated (claimgate only)", generated: true},
		{name: "tcp", does: "loopback in place of a unix socket", tcp: true},
		{name: "gogc100", does: "GOGC=100", env: []string{"GOGC=100"}},
		{name: "gogc200", does: "GOGC=200", env: []string{"GOGC=200"}},
		{name: "gogc400", does: "GOGC=400", env: []string{"GOGC=400"}},
		{name: "gogc800", does: "GOGC=800", env: []string{"GOGC=800"}},
		{name: "stacks", does: "GODEBUG=adaptivestackstart=1: goroutines start with the stack that they need on average", env: []string{"GODEBUG=adaptivestackstart=1"}},
		{name: "workers0", does: "a goroutine for each call", options: []grpc.ServerOption{grpc.NumStreamWorkers(0)}},
		{name: "workers2", does: "2 stream workers", options: []grpc.ServerOption{grpc.NumStreamWorkers(2)}},
		{name: "workers8", does: "8 stream workers", options: []grpc.ServerOption{grpc.NumStreamWorkers(8)}},
		{name: "workers64", does: "64 stream workers", options: []grpc.ServerOption{grpc.NumStreamWorkers(64)}},
		{name: "workers256", does: "256 stream workers", options: []grpc.ServerOption{grpc.NumStreamWorkers(256)}},
		{name: "plain", does: "without what claimgate sets for speed in the transport", plain: true},
		{name: "windows", does: "claimgate's windows, which stay as they are", options: []grpc.ServerOption{grpc.StaticStreamWindowSize(streamWindow), grpc.StaticConnWindowSize(connectionWindow)}},
		{name: "narrow", does: "windows of 64 KiB that stay so, which turns the estimator off", options: []grpc.ServerOption{grpc.StaticStreamWindowSize(64 << 10), grpc.StaticConnWindowSize(64 << 10)}},
		{name: "buffers", does: "read and write buffers of 128 KiB", options: []grpc.ServerOption{grpc.ReadBufferSize(wideBuffers), grpc.WriteBufferSize(wideBuffers)}},
		{name: "smallbuffers", does: "read and write buffers of 16 KiB", options: []grpc.ServerOption{grpc.ReadBufferSize(16 << 10), grpc.WriteBufferSize(16 << 10)}},
		{name: "unshared", does: "a write buffer for each connection", options: []grpc.ServerOption{grpc.SharedWriteBuffer(false)}}, //nolint:staticcheck // the default is what it is compared with
		{name: "nowait", does: "stopping does not wait for handlers", options: []grpc.ServerOption{grpc.WaitForHandlers(false)}},
		{name: "nopool", does: "receive buffers from the heap", options: []grpc.ServerOption{experimental.BufferPool(mem.NopBufferPool{})}},
	}
}

func tuningNamed(name string) (tuning, error) {
	all := tunings()
	if i := slices.IndexFunc(all, func(t tuning) bool { return t.name == name }); i >= 0 {
		return all[i], nil
	}
	names := make([]string, 0, len(all))
	for i := range all {
		names = append(names, all[i].name)
	}
	return tuning{}, fmt.Errorf("%w: %q: choose from %s", errTuning, name, strings.Join(names, ","))
}

// tune returns the variant with the tunings of its name.
func tune(v variant, names []string) (variant, error) {
	for _, name := range names {
		t, err := tuningNamed(name)
		if err != nil {
			return variant{}, err
		}
		isGate := v.serve == nil
		if isGate && !t.forGate() || !isGate && t.generated {
			return variant{}, fmt.Errorf("%w: %s cannot be had with %s", errTuning, v.name, name)
		}
		v.name += "+" + name
		v.does += "; " + t.does
		v.options = slices.Concat(v.options, t.options)
		v.env = slices.Concat(v.env, t.env)
		v.plain = v.plain || t.plain
		v.tcp = v.tcp || t.tcp
		v.generated = v.generated || t.generated
	}
	return v, nil
}
