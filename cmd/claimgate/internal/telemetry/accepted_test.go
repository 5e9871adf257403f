package telemetry

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/claimgate/claimgate/authz"
)

// TestP3WhatAnIssuerStillBringsIsCounted: a tenant moves from one issuer to
// another, and its neighbour stays.
func TestP3WhatAnIssuerStillBringsIsCounted(t *testing.T) {
	m := NewMetrics()
	ask := func(decision authz.Decision, times int) {
		for range times {
			m.checked(&decision, 0)
		}
	}
	ask(authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: "acme", Issuer: "old"}, 3)
	ask(authz.Decision{Verdict: authz.Deny, Reason: authz.PolicyDenied, Tenant: "acme", Issuer: "old"}, 1)
	ask(authz.Decision{Verdict: authz.Challenge, Reason: authz.IssuerRetired, Tenant: "acme"}, 5)
	ask(authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: "acme", Issuer: "new"}, 2)
	ask(authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: "globex", Issuer: "old", Cached: true}, 7)
	ask(authz.Decision{Verdict: authz.Allow, Reason: authz.PublicRoute, Tenant: "globex"}, 9)
	ask(authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Issuer: "old"}, 1)
	want := []Accepted{{"acme", "new", 2}, {"_none", "old", 1}, {"acme", "old", 4}, {"globex", "old", 7}}
	if got := m.Accepted(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	const page = `
# HELP claimgate_accepted_tokens_total Requests whose token was accepted, whatever the policy said of them then, by tenant and by the configured name of the issuer. An issuer that brings nothing any more can go.
# TYPE claimgate_accepted_tokens_total counter
claimgate_accepted_tokens_total{issuer_name="new",tenant="acme"} 2
claimgate_accepted_tokens_total{issuer_name="old",tenant="_none"} 1
claimgate_accepted_tokens_total{issuer_name="old",tenant="acme"} 4
claimgate_accepted_tokens_total{issuer_name="old",tenant="globex"} 7
`
	if err := testutil.GatherAndCompare(m.Gatherer(), strings.NewReader(page), "claimgate_accepted_tokens_total"); err != nil {
		t.Error(err)
	}
}

// TestAcceptedTokensAreCapped: the tenants beyond the cap are still counted by
// issuer, the issuers beyond theirs together, and none is lost.
func TestAcceptedTokensAreCapped(t *testing.T) {
	m := NewMetrics()
	accept := func(tenant, issuer string) {
		m.checked(&authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: tenant, Issuer: issuer}, 0)
	}
	const tenants = 10_000
	for n := range tenants {
		accept(fmt.Sprint("t", n), "old")
	}
	for n := range tenants {
		accept(fmt.Sprint("t", n), "own"+fmt.Sprint(n))
	}
	accept("t0", "old") // which has a counter of its own for good
	if n := testutil.CollectAndCount(m.accepted); n != maxPairs+maxLabels+1 {
		t.Errorf("%d series", n)
	}
	counts, total := map[pair]uint64{}, uint64(0)
	for _, a := range m.Accepted() {
		counts[pair{a.Tenant, a.Issuer}] = a.Requests
		total += a.Requests
	}
	for of, want := range map[pair]uint64{
		{"t0", "old"}: 2, {otherLabel, "old"}: tenants - maxPairs, {otherLabel, "own0"}: 1, {otherLabel, otherLabel}: tenants - maxLabels + 1,
	} {
		if counts[of] != want {
			t.Errorf("%v counts %v, want %v", of, counts[of], want)
		}
	}
	if total != 2*tenants+1 {
		t.Errorf("%d in all", total)
	}
	late := &authz.Decision{Tenant: "late", Issuer: "latest"}
	if n := testing.AllocsPerRun(100, func() { m.checked(late, 0) }); n != 0 {
		t.Errorf("%v allocations beyond the caps", n)
	}
}

func TestAcceptedTokensUnderConcurrency(t *testing.T) {
	m := NewMetrics()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 1000 {
				m.checked(&authz.Decision{Tenant: fmt.Sprint("t", n%500), Issuer: fmt.Sprint("i", n%3)}, 0)
			}
		})
	}
	all.Wait()
	total := uint64(0)
	for _, a := range m.Accepted() {
		total += a.Requests
	}
	if total != 8000 {
		t.Errorf("%d in all", total)
	}
}
