// Package telemetry holds the log, the metrics, the traces and the observer that
// fills them.
//
//	t := telemetry.New(settings.Log, os.Stderr)
//	err := t.Trace(&settings.Tracing, version)      // nothing, where it is not configured
//	server := envoy.NewServer(envoy.ServerOptions{Decider: engine, Observer: t, Tracer: t.Tracer()})
//	registry := jwks.NewRegistry(jwks.Options{Observer: t})
//	t.Log().Info("listening", zap.String("address", address))
//
// It never writes a token, a key or a secret: whatever reaches the logger, at
// any level and in any field, passes a filter that cannot be switched off (see
// redact.go for its rules), and so does what a span says of a decision, which is
// part of what the log says (see facts.go). Identifiers of people are keyed hashes unless the
// operator opts out, and in no span at all. Metrics live in a registry of their own, and their label
// values come from closed or capped sets.
package telemetry
