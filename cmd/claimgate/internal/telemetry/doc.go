// Package telemetry holds the log, the metrics and the observer that fills
// both.
//
//	t := telemetry.New(settings.Log, os.Stderr)
//	server := envoy.NewServer(envoy.ServerOptions{Decider: engine, Observer: t})
//	registry := jwks.NewRegistry(jwks.Options{Observer: t})
//	t.Log().Info("listening", zap.String("address", address))
//
// It never writes a token, a key or a secret: whatever reaches the logger, at
// any level and in any field, passes a filter that cannot be switched off (see
// redact.go for its rules). Identifiers of people are keyed hashes unless the
// operator opts out. Metrics live in a registry of their own, and their label
// values come from closed or capped sets.
package telemetry
