package main

import (
	"time"

	"github.com/claimgate/claimgate/envoy"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// claimgateOptions are the options with which package envoy makes its gRPC
// server, but for its codec and its interceptors, which are claimgate's own
// work. TestOptionsAreClaimgates fails when they differ by name.
func claimgateOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
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
}
