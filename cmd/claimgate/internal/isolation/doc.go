// Package isolation holds the tests and the benchmark of tenants under load: one
// floods the server with forged and first-seen tokens, unknown keys and the
// dearest algorithms, while another sends good tokens. It exports nothing.
//
//	go test ./cmd/claimgate/internal/isolation
//	go test ./cmd/claimgate/internal/isolation -run '^$' -bench . -benchtime 1x
package isolation
