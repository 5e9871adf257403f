// Package proxy runs a real Envoy as a child process, for tests and the demo:
//
//	envoy, err := proxy.Start(ctx, proxy.Options{File: "envoy.yaml"})
//	if errors.Is(err, proxy.ErrUnavailable) { ... } // no executable here
//	defer envoy.Stop()
//	address, err := envoy.Address("ingress")
//
// Listeners and the admin page may ask for port 0; the ports they got are read
// back from Envoy itself. The child never outlives its parent: it is ended with
// the context, by Stop and, on Linux, by the kernel.
//
// Where there is no Envoy, a StandIn takes its place: an HTTP reverse proxy
// that calls Check and applies the answer as Envoy's ext_authz filter does.
package proxy
