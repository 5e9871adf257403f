//go:build unix

package authz_test

import (
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// TestCachedCheckAllocatesNothing holds that a check whose token is cached makes
// no garbage. What an expression in CEL makes is the library's, and is printed.
func TestCachedCheckAllocatesNothing(t *testing.T) {
	for name, c := range map[string]benchCase{
		"by host": {tenants: 1}, "by claim": {tenants: 3, byClaim: true}, "CEL": {tenants: 1, cel: true},
	} {
		c.cache = token.NewCache(1000)
		w := newBenchWorld(t, c)
		raw := "Bearer " + benchIDP().mint(t, benchClaims(1, "tenant-00000"))
		var d authz.Decision
		w.decide(t, &d, raw)
		allocs := testing.AllocsPerRun(200, func() { w.decide(t, &d, raw) })
		if !d.Cached || len(d.Set) != 6 {
			t.Fatalf("%s: %+v", name, d)
		}
		if c.cel {
			t.Logf("with CEL: %v allocations", allocs)
		} else if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// A check that is refused before or after its token was looked up makes none
// either, so that a flood of them is no burden on the collector.
func TestRefusalAllocatesNothing(t *testing.T) {
	w := newBenchWorld(t, benchCase{tenants: 1, cache: token.NewCache(1000)})
	raw := "Bearer " + benchIDP().mint(t, benchClaims(1, "tenant-00000"))
	var d authz.Decision
	w.decide(t, &d, raw)
	for name, change := range map[string]func(*authz.Request){
		"no token":    func(r *authz.Request) { r.Headers.Lines[w.line].Value = "Basic x" },
		"malformed":   func(r *authz.Request) { r.Headers.Lines[w.line].Value = "Bearer a b" },
		"unknown":     func(r *authz.Request) { r.Host = "unknown.example" },
		"path":        func(r *authz.Request) { r.Path = authz.CanonicalPath("/admin/x") },
		"method":      func(r *authz.Request) { r.Method = "DELETE" },
		"faulty":      func(r *authz.Request) { r.Fault = authz.RequestInvalid },
		"not allowed": func(r *authz.Request) { r.Path = authz.CanonicalPath("/other") },
	} {
		req := w.request
		req.Headers.Lines = append([]authz.Header(nil), w.request.Headers.Lines...)
		change(&req)
		if allocs := testing.AllocsPerRun(200, func() { w.engine.DecideInto(t.Context(), &req, &d) }); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
		if d.Verdict == authz.Allow {
			t.Errorf("%s: allowed", name)
		}
	}
}
