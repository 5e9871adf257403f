// Package authz decides requests: it finds the tenant, reads the one
// credential, has it verified, asks the tenant's policy and computes the
// headers to inject.
//
//	engine := authz.NewEngine(authz.Options{})
//	engine.Swap(snapshot)
//	decision := engine.Decide(ctx, &request)
//
// It knows neither Envoy's messages (package envoy translates them) nor where
// keys come from (package jwks provides them). A decision that was never made
// is a denial: the zero value of Decision denies.
//
// Decide takes these steps, each of which may end in a refusal: admit (can the
// request be judged at all), resolvePlace (whose is it), preflight and public
// routes, credential, token.Verifier.Verify, policy.Policy.Evaluate, and last
// headers, which are set or removed on every allow.
//
// A request belongs to one place: by a context value of the proxy, else by its
// host, exact or the most specific wildcard, and there by the longest path
// prefix; see EntrySpec. Where that finds nothing no wider place is tried, and
// places of two tenants overlap only where the wider one says that it yields.
// The proxy must route by the very thing that names the tenant. An issuer that
// several tenants admit must let their tokens be told apart: by a claim that
// names the tenant, or by audiences of which each has a part. All of this is
// checked when a snapshot is built, and what a tenant demands of a token
// (IssuerGrant) on every request, whether the token was cached or not.
//
// What is judged is what the proxy forwards, with limits that an operator
// should know. Paths are compared byte by byte, so an upstream that ignores
// case or folds Unicode takes more paths for one than the policy does. And some
// upstreams let a header replace the path, the method or the host that was
// judged. Owning `x-original-url`, `x-rewrite-url` or `x-http-method-override`
// without setting it removes it from every request; `x-forwarded-host` is the
// proxy's to remove.
//
// A path with oddities that a place may admit (Relaxable) is judged in two
// readings; see Path.Forms. Whether the place admits them is told only to who
// has a token that is good there: without one such a path is answered as any
// other is, at an unknown place too, so that names cannot be probed by it. All
// other odd paths are refused before anything is looked up. Public routes,
// preflights and ResourceMetadata do tell that a place exists, each by being
// what it is: an operator who must hide names has none of them.
//
// A token stands in exactly one of the places that the issuers of the tenant,
// or of the entry, list; see CredentialSpec. One that stands where its own
// issuer does not list is no token there. Every such place is emptied on the
// way to the upstream, the one with the verified token too unless it is to be
// forwarded. To take a parameter out, Envoy writes the query anew, sorted by
// name; a cookie is taken out of its line, where the proxy shows that line.
//
// A shadow passes what would have been refused, as an allow of its own reason;
// see ShadowMode. It never passes a request that is malformed or not this
// tenant's.
package authz
