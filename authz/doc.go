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
package authz
