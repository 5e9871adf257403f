// Package envoy speaks Envoy's external authorization protocol
// (envoy.service.auth.v3.Authorization) over gRPC: CheckRequest in,
// CheckResponse out, health, drain and listeners.
//
//	server := envoy.NewServer(envoy.ServerOptions{Decider: engine, Observer: telemetry})
//	service := envoy.NewService(server, envoy.ServiceOptions{})
//	listener, err := envoy.Listen("unix:///run/claimgate/authz.sock")
//	...
//	go service.Serve(listener)
//	service.SetReady(true)
//	...
//	service.Drain(ctx)
//
// Server.Check reads the message (requestFrom), has it decided (Decider) and
// puts the decision into words (responseFrom).
//
// Both encodings of headers are read. Envoy's own choice, a map, joins repeated
// headers by commas and shows each byte that is no UTF-8 as `!`; so a path with
// `!` is refused there, and a header with `!` or a comma decides no condition.
// With encode_raw_headers: true nothing is hidden, and decoding costs less.
//
// It never answers a Check with a gRPC error of its own and never with an
// empty message: Envoy reads an empty CheckResponse as an allow, and forwards
// the request after an error where its filter says failure_mode_allow. So a
// fault, a panic, an overload and a message that cannot be decoded are all
// answered with a denied response.
package envoy
