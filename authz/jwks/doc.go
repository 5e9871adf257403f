// Package jwks provides key sources: static key sets (inline or from a file)
// and remote ones (a JWKS URI, or OpenID Connect discovery with a pinned
// issuer), refreshed in the background and kept through failures.
//
//	registry := jwks.NewRegistry(jwks.Options{})
//	source, err := registry.Source(jwks.SourceSpec{Issuer: "https://id.example.com/"})
//	go registry.Run(ctx)
//	set, err := source.KeySet(ctx, kid)
//
// It is the only HTTP client for keys. Nothing of an unverified token becomes
// part of a request that it makes. It never follows a redirect, never uses a
// proxy of the environment, and never puts one key in place of another.
//
// # The key contract
//
// Per source, with the defaults of SourceSpec:
//
//	RefreshInterval     5m0s   between two background fetches, 10 % more or less
//	UnknownKIDCooldown  10s    between two fetches that unknown kids cause
//	UnknownKIDWait      100ms  that a request waits for one
//	MaxStale            24h0m0s  that keys stay in force after the last good fetch
//	MaxBackoff          1m0s   between two attempts while fetches fail
//	Timeout             5s     of one fetch
//
// A token whose kid is in the set in force never waits, whatever its issuer
// does. Cache-Control or Expires shorten the interval down to 1m0s and never
// lengthen it; a 304 is a good fetch. Metadata is read with each fetch, so that a
// move of the keys is noticed by it; while it cannot be had, the keys are fetched
// from where the last ones came from.
//
// For an unknown kid a request takes part in a fetch that is under way, or has
// one made: at most one a cool-down for all such kids of the source, and none in
// back-off. No more than 64 requests of a source wait, each with 20ms of its
// deadline left, and no more than 1024 of all sources, but for the first of each,
// of which 256 more may. The answer is ErrKeysPending until a fetch of the last
// cool-down has shown that the kid is not there: then the set comes back as it
// is, which is final. Up to 1024 such kids are kept in mind, for the rest of that
// fetch's cool-down. Whoever publishes a key one cool-down ahead loses nothing
// by it. Such fetches of one origin share 10 a second, in turns; a slow origin
// holds at most an eighth of the pool. Scheduled fetches have a pool of their own,
// and those after a failure another. What takes more than 1s leaves its place in
// the pool to the next, so that servers which never answer delay nobody else.
//
// A failure is followed by exponential back-off with full jitter from 1s on,
// and Retry-After is honoured up to 10m0s. Keys in force stay in force until
// MaxStale; then the answer is ErrKeysUnavailable. Never does one key stand in
// for another. A key that an issuer in reach withdraws is out of force after 1.1
// intervals and one fetch at most, tokens in a cache included.
//
// Keys that cannot be used are skipped and counted; a set without a usable key,
// of more than 100 keys or 512 KiB is never installed. Only https, no redirects,
// and no loopback, private, link-local, multicast or unspecified address,
// checked as it is dialled.
//
// With a Store the last good set outlives the process. One that is younger than
// the interval serves at once, an older one when the first fetch failed or took
// 5s; its age counts from its fetch. What is damaged, foreign or too old is
// told once and never trusted.
package jwks
