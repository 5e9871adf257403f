// Package providers tests claimgate against OpenID providers that other people
// wrote, as an operator would set them up: a configuration file with nothing
// but the issuer's name, keys by discovery, requests through a real Envoy where
// there is one.
//
//   - github.com/zitadel/oidc runs in the test process. Its tokens say typ JWT.
//   - npm's oidc-provider runs under Node. Its access tokens say typ at+jwt, its
//     ID tokens say none, and it signs with every algorithm that claimgate knows.
//
// It is a module of its own so that claimgate's go.mod does not name what only
// these tests need. When go.mod of claimgate changes, `go mod tidy` here.
//
// Tests that need Envoy or Node are skipped loudly where there is none;
// CLAIMGATE_REQUIRE_ENVOY=1 and CLAIMGATE_REQUIRE_NODE=1 make that a failure.
package providers
