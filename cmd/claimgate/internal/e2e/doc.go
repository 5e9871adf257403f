// Package e2e holds the end-to-end tests: claimgate as it is assembled for
// service, behind a real Envoy, in front of an upstream that tells what it saw.
// It exports nothing.
//
//	go test ./cmd/claimgate/internal/e2e
//
// Where there is no Envoy the tests are skipped and say so; with
// CLAIMGATE_REQUIRE_ENVOY=1 they fail instead.
package e2e
