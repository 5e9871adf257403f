package telemetry

import (
	"encoding/binary"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimgate/claimgate/authz"
)

// tenantCounters find what is counted of a tenant without a lock: in a row by a
// hash of its name, which knows most, or in a map that is copied when a tenant is
// seen for the first time. It is a prometheus.Collector.
type tenantCounters struct {
	checks, shadowed *prometheus.Desc

	row [1 << rowBits]atomic.Pointer[tenantCounts]

	mu    sync.Mutex // held to add a tenant
	known atomic.Pointer[map[string]*tenantCounts]
	other *tenantCounts
	cap   int
}

const rowBits = 9

// tenantCounts are the counts of one tenant.
type tenantCounts struct {
	name     string
	checks   []atomic.Uint64 // by verdict, and then by reason
	reasons  int
	accepted acceptedOf

	label    string
	shadowed []atomic.Uint64 // by what would have been the reason
}

func newTenantCounters(limit int) *tenantCounters {
	c := &tenantCounters{
		checks: describe("claimgate_checks_total", "Decided requests by tenant, verdict and reason.", "tenant", "verdict", "reason"),
		shadowed: describe("claimgate_shadowed_total",
			"Requests that were allowed although they would have been refused, by tenant and by what would have been the reason.", "tenant", "reason"),
	}
	none := newTenantCounts("", noneLabel)
	c.other = newTenantCounts(otherLabel, otherLabel)
	known := map[string]*tenantCounts{"": none, noneLabel: none, otherLabel: c.other}
	c.known.Store(&known)
	c.cap = limit + len(known)
	return c
}

func newTenantCounts(name, label string) *tenantCounts {
	reasons := len(authz.Reasons())
	return &tenantCounts{
		name: name, label: label, reasons: reasons,
		checks: make([]atomic.Uint64, verdicts*reasons), shadowed: make([]atomic.Uint64, reasons),
	}
}

// of returns the counts of a tenant, or those of all others beyond the cap.
func (c *tenantCounters) of(tenant string) *tenantCounts {
	if t := c.row[place(tenant)].Load(); t != nil && t.name == tenant {
		return t
	}
	if t, ok := (*c.known.Load())[tenant]; ok {
		return t
	}
	return c.add(tenant)
}

// place returns where in the row a tenant may be.
func place(tenant string) uint64 {
	n := len(tenant)
	if n < 8 {
		var short [8]byte
		copy(short[:], tenant)
		return binary.LittleEndian.Uint64(short[:]) * 0x9E3779B97F4A7C15 >> (64 - rowBits)
	}
	b := []byte(tenant) // no copy: nobody writes to it
	ends := binary.LittleEndian.Uint64(b) + 31*binary.LittleEndian.Uint64(b[n-8:])
	return ends * 0x9E3779B97F4A7C15 >> (64 - rowBits)
}

// add gives a tenant its counts, or those of all others beyond the cap. The map
// never grows beyond it, so that what is not in it costs nothing to keep.
func (c *tenantCounters) add(tenant string) *tenantCounts {
	if len(*c.known.Load()) >= c.cap {
		return c.other
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := *c.known.Load()
	if t, ok := known[tenant]; ok {
		return t
	}
	if len(known) >= c.cap {
		return c.other
	}
	tenant = strings.Clone(tenant) // kept longer than the decision
	t := newTenantCounts(tenant, tenant)
	grown := maps.Clone(known)
	grown[tenant] = t
	c.known.Store(&grown)
	c.row[place(tenant)].CompareAndSwap(nil, t)
	return t
}

// checked counts a decision. The verdict is one that there is.
func (t *tenantCounts) checked(verdict authz.Verdict, reason authz.Reason) {
	t.checks[int(verdict)*t.reasons+int(t.sound(reason))].Add(1)
}

// passed counts a request that was allowed although it would have been refused,
// for this reason.
func (t *tenantCounts) passed(reason authz.Reason) { t.shadowed[t.sound(reason)].Add(1) }

// sound returns a reason that there is.
func (t *tenantCounts) sound(reason authz.Reason) authz.Reason {
	if int(reason) >= t.reasons {
		return authz.Internal
	}
	return reason
}

// Describe implements prometheus.Collector.
func (c *tenantCounters) Describe(descs chan<- *prometheus.Desc) {
	descs <- c.checks
	descs <- c.shadowed
}

// Collect implements prometheus.Collector. What never happened has no series.
func (c *tenantCounters) Collect(metrics chan<- prometheus.Metric) {
	for name, t := range *c.known.Load() {
		if name == t.label { // and not its other name
			t.collect(c, metrics)
		}
	}
}

func (t *tenantCounts) collect(c *tenantCounters, metrics chan<- prometheus.Metric) {
	for at := range t.checks {
		verdict, reason := authz.Verdict(at/t.reasons), authz.Reason(at%t.reasons)
		send(metrics, c.checks, &t.checks[at], t.label, verdict.String(), reason.String())
	}
	for at := range t.shadowed {
		send(metrics, c.shadowed, &t.shadowed[at], t.label, authz.Reason(at).String())
	}
}

func send(metrics chan<- prometheus.Metric, desc *prometheus.Desc, count *atomic.Uint64, labels ...string) {
	if n := count.Load(); n > 0 {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
	}
}
