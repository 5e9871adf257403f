package main

import (
	"os"
	"runtime/debug"
	"time"

	"github.com/claimgate/claimgate/envoy"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// gcPercent is what claimgate's process sets for a heap as small as that of a
// server that knows nothing. TestProcessIsClaimgates holds that.
const gcPercent = 800

// likeClaimgate sets the process up as claimgate does, unless the environment
// says otherwise.
func likeClaimgate() {
	if _, given := os.LookupEnv("GOGC"); !given {
		debug.SetGCPercent(gcPercent)
	}
}

// What claimgate sets for speed in the transport; see envoy/service.go.
const (
	streamWorkers    = 256
	streamWindow     = 256 << 10
	connectionWindow = 1 << 20
)

// claimgateOptions are the options with which package envoy makes its gRPC
// server, but for its codec and its interceptors, which are claimgate's own
// work; plain ones lack what is set for speed alone. TestOptionsAreClaimgates fails when they differ by name.
func claimgateOptions(plain bool) []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.MaxConcurrentStreams(envoy.DefaultMaxConcurrentStreams),
		grpc.MaxRecvMsgSize(envoy.DefaultMaxMessageBytes),
		grpc.MaxHeaderListSize(64 << 10),
		grpc.ConnectionTimeout(5 * time.Second),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge:      envoy.DefaultMaxConnectionAge,
			MaxConnectionAgeGrace: 30 * time.Second,
			Time:                  30 * time.Second,
			Timeout:               20 * time.Second,
		}),
	}
	if !plain {
		options = append(options, grpc.NumStreamWorkers(streamWorkers),
			grpc.StaticStreamWindowSize(streamWindow), grpc.StaticConnWindowSize(connectionWindow))
	}
	return options
}
