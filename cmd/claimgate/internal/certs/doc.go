// Package certs serves TLS with certificates that are replaced while
// connections live.
//
//	store, err := certs.Open(certs.Options{Listener: "listen", Files: files, Protocols: []string{"h2"}, Observer: telemetry, Log: log})
//	config := store.TLS()    // for the server; it follows the files by itself
//	go store.Run(ctx)        // watch them until ctx ends
//	store.Reload()           // look at them now: SIGHUP
//
// Certificate and key are one part, the bundle of client authorities another.
// Each part is replaced once all of it is good: a pair that does not belong
// together, is expired or not yet valid, a bundle that is cut short, an empty
// or unreadable file leave the part that was good in force. The log says so
// once, and Status and the metrics until it is mended. Connections that stand
// are never touched; the next handshake takes what is in force then.
//
// With client authorities a client must prove a certificate of theirs that is
// for clients and in its time, and where names are listed one of its names must
// be among them. There is no session resumption, so that every connection is
// judged by the authorities and names of its own time. The least version is TLS
// 1.2, since Envoy's clients offer no later one by default, with forward
// secrecy and authenticated encryption only.
package certs
