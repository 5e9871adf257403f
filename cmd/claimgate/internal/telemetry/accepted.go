package telemetry

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimgate/claimgate/authz"
)

// maxPairs caps the pairs of a tenant and an issuer that have a series of their
// own: the first ones seen. The tenants beyond share one for each issuer.
const maxPairs = 2 * maxLabels

// pair is a tenant and the configured name of an issuer.
type pair struct{ tenant, issuer string }

// acceptedCounters count by pair without a lock: a map that is copied when a
// pair is seen for the first time, and never holds more than the pairs, an
// issuer for each label, and one for all others. It is a prometheus.Collector.
type acceptedCounters struct {
	desc *prometheus.Desc

	mu     sync.Mutex // held to add a counter
	pairs  int        // those with a series of their own
	shared int        // issuers of the tenants beyond the cap
	known  atomic.Pointer[map[pair]*atomic.Uint64]
}

func newAcceptedCounters() *acceptedCounters {
	c := &acceptedCounters{desc: describe("claimgate_accepted_tokens_total",
		"Requests whose token was accepted, whatever the policy said of them then, by tenant and by the configured name of the issuer. An issuer that brings nothing any more can go.",
		"tenant", "issuer_name")}
	c.known.Store(&map[pair]*atomic.Uint64{})
	return c
}

// Describe implements prometheus.Collector.
func (c *acceptedCounters) Describe(descs chan<- *prometheus.Desc) { descs <- c.desc }

// Collect implements prometheus.Collector.
func (c *acceptedCounters) Collect(metrics chan<- prometheus.Metric) {
	for of, counter := range *c.known.Load() {
		metrics <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(counter.Load()), of.tenant, of.issuer)
	}
}

// acceptedOf remembers the counters of some issuers of one tenant.
type acceptedOf struct {
	newest atomic.Pointer[acceptedIssuer]
}

type acceptedIssuer struct {
	name    string
	counter *atomic.Uint64
	before  *acceptedIssuer
	count   int // of issuers, with those before
}

// maxRemembered is how many issuers a tenant remembers: more than it has.
const maxRemembered = 8

// count counts a decision for which a token was accepted, of the tenant that has
// these counts. It costs no look at the map where the tenant remembers the issuer.
func (c *acceptedCounters) count(of *tenantCounts, decision *authz.Decision) {
	for i := of.accepted.newest.Load(); i != nil; i = i.before {
		if i.name == decision.Issuer {
			i.counter.Add(1)
			return
		}
	}
	c.counterOf(of, decision).Add(1)
}

// counterOf returns the counter of a decision from the map, and has the tenant
// remember it: the counter of a pair stays the same.
func (c *acceptedCounters) counterOf(of *tenantCounts, decision *authz.Decision) *atomic.Uint64 {
	wanted := pair{cmp.Or(decision.Tenant, noneLabel), decision.Issuer}
	counter, ok := find(*c.known.Load(), wanted)
	if !ok {
		counter = c.add(wanted)
	}
	if of.label != otherLabel {
		of.accepted.remember(decision.Issuer, counter)
	}
	return counter
}

// remember adds a counter unless there are many, or another one is added just now.
func (a *acceptedOf) remember(issuer string, counter *atomic.Uint64) {
	before, count := a.newest.Load(), 1
	if before != nil {
		count += before.count
	}
	if count <= maxRemembered {
		a.newest.CompareAndSwap(before, &acceptedIssuer{name: strings.Clone(issuer), counter: counter, before: before, count: count})
	}
}

// find returns the counter of a pair: its own, or the one that it shares.
func find(known map[pair]*atomic.Uint64, of pair) (*atomic.Uint64, bool) {
	for _, candidate := range [...]pair{of, {otherLabel, of.issuer}, {otherLabel, otherLabel}} {
		if counter, ok := known[candidate]; ok {
			return counter, true
		}
	}
	return nil, false
}

func (c *acceptedCounters) add(of pair) *atomic.Uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := *c.known.Load()
	if counter, ok := find(known, of); ok {
		return counter
	}
	switch {
	case c.pairs < maxPairs:
		c.pairs++
	case c.shared < maxLabels:
		c.shared++
		of.tenant = otherLabel
	default:
		of = pair{otherLabel, otherLabel}
	}
	of = pair{strings.Clone(of.tenant), strings.Clone(of.issuer)} // kept longer than the decision
	counter := new(atomic.Uint64)
	grown := maps.Clone(known)
	grown[of] = counter
	c.known.Store(&grown)
	return counter
}

// Accepted is how many requests came with an accepted token of an issuer since
// the start.
type Accepted struct {
	Tenant, Issuer string // as the labels of the metric have them
	Requests       uint64
}

// Accepted returns what the metric of accepted tokens shows, by issuer and then
// by tenant.
func (m *Metrics) Accepted() []Accepted {
	known := *m.accepted.known.Load()
	all := make([]Accepted, 0, len(known))
	for of, counter := range known {
		all = append(all, Accepted{of.tenant, of.issuer, counter.Load()})
	}
	slices.SortFunc(all, func(a, b Accepted) int {
		return cmp.Or(cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Tenant, b.Tenant))
	})
	return all
}
