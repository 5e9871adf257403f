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
// A check is read (requestFrom), decided (Decider) and put into words, in one
// of two forms. CodecOwn goes from bytes to bytes: the request is read where
// gRPC put it, so that all its texts alias that buffer, which is held until the
// answer is encoded and the observer has heard of it; and everything that a
// check needs is used again by a later one. So a check costs no memory of this
// package, and nobody may keep a part of a request or of a decision.
// CodecGenerated, and Server.Check for callers in this process, go through
// generated messages. What may be read and said is decided by code that both
// share.
//
// Both codecs take and refuse the same bytes, by the rules of proto3 and of
// Go's generated code: of a field that comes several times the last one counts,
// messages in it are merged, of two entries of one key in a map the last one
// counts, what is unknown or of another wire type is passed over if it is well
// formed, a text that is no UTF-8 spoils the message wherever it stands, also in
// fields that nobody reads, and messages nest at most 10,000 deep. There is
// nothing that the one refuses and the other takes.
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
