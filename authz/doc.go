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
// What is judged is what the proxy forwards, with limits that an operator
// should know. Paths are compared byte by byte, so an upstream that ignores
// case or folds Unicode takes more paths for one than the policy does. And some
// upstreams let a header replace the path, the method or the host that was
// judged. Owning `x-original-url`, `x-rewrite-url` or `x-http-method-override`
// without setting it removes it from every request; `x-forwarded-host` is the
// proxy's to remove.
package authz
