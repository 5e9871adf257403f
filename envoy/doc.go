// Package envoy speaks Envoy's external authorization protocol
// (envoy.service.auth.v3.Authorization) over gRPC: CheckRequest in,
// CheckResponse out, health, drain and listeners.
//
//	server := envoy.NewServer(envoy.ServerOptions{Decider: engine, Observer: telemetry})
//	service := envoy.NewService(server, envoy.ServiceOptions{})
//	go service.Serve(listener)
//	service.Drain(ctx)
//
// It never answers with a gRPC error of its own and never with an empty
// message: either can open the door (see the filter's failure_mode_allow).
package envoy
