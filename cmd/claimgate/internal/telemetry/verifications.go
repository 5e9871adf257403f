package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimgate/claimgate/authz/token"
)

// verificationCounters count the signatures that the cache did not spare.
type verificationCounters struct {
	spent   *prometheus.CounterVec
	shed    *prometheus.CounterVec
	waited  prometheus.Histogram
	tenants *labelCap
	entries *labelCap
}

func newVerificationCounters() verificationCounters {
	return verificationCounters{
		spent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimgate_verification_seconds_total", Help: "Time that the verification of signatures took, by tenant, or by entry where no tenant was known yet."},
			[]string{"tenant", "entry"}),
		shed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimgate_verifications_shed_total", Help: "Tokens that were given up before their signature was checked, by cause."}, []string{"cause"}),
		waited: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "claimgate_verification_wait_seconds", Help: "Time that tokens waited for their verification, of those that had to.",
			Buckets: []float64{100e-6, 500e-6, 1e-3, 5e-3, 10e-3, 50e-3, .1, .2, .5, 1}}),
		tenants: newLabelCap(maxLabels),
		entries: newLabelCap(maxLabels),
	}
}

func (c *verificationCounters) all() []prometheus.Collector {
	for _, cause := range token.ShedCauses() {
		c.shed.WithLabelValues(string(cause)) // from the start, so that an alert sees the first one
	}
	return []prometheus.Collector{c.spent, c.shed, c.waited}
}

// labelsOf names who paid: a tenant, an entry, or neither.
func (c *verificationCounters) labelsOf(payer token.Payer) []string {
	tenant, entry := noneLabel, noneLabel
	if payer.Tenant != "" {
		tenant = c.tenants.label(payer.Tenant)
	}
	if payer.Entry != "" {
		entry = c.entries.label(payer.Entry)
	}
	return []string{tenant, entry}
}

// verified counts what a verification took, and what it waited if it did.
func (c *verificationCounters) verified(payer token.Payer, waited, took time.Duration) {
	c.spent.WithLabelValues(c.labelsOf(payer)...).Add(took.Seconds())
	if waited > 0 {
		c.waited.Observe(waited.Seconds())
	}
}

// Verified implements token.SchedulerObserver.
func (t *Telemetry) Verified(payer token.Payer, waited, took time.Duration) {
	t.metrics.verifications.verified(payer, waited, took)
}

// Shed implements token.SchedulerObserver. Whose token it was is counted with the
// checks.
func (t *Telemetry) Shed(_ token.Payer, cause token.ShedCause) {
	t.metrics.verifications.shed.WithLabelValues(string(cause)).Inc()
}

// WatchScheduler publishes the counts of the scheduler of verifications. Call it
// once.
func (m *Metrics) WatchScheduler(stats func() token.SchedulerStats) {
	m.registry.MustRegister(&schedulerCollector{
		stats:    stats,
		slots:    describe("claimgate_verification_slots", "Signatures that are checked at a time."),
		running:  describe("claimgate_verifications_in_progress", "Signatures that are being checked."),
		waiting:  describe("claimgate_verifications_waiting", "Tokens that wait for their verification."),
		verified: describe("claimgate_verifications_total", "Signatures that were checked, good and bad ones."),
		queued:   describe("claimgate_verifications_queued_total", "Tokens that had to wait for their verification."),
	})
}

type schedulerCollector struct {
	stats                                     func() token.SchedulerStats
	slots, running, waiting, verified, queued *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *schedulerCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.slots, c.running, c.waiting, c.verified, c.queued} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *schedulerCollector) Collect(metrics chan<- prometheus.Metric) {
	stats := c.stats()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64) {
		metrics <- prometheus.MustNewConstMetric(d, kind, value)
	}
	send(c.slots, prometheus.GaugeValue, float64(stats.Slots))
	send(c.running, prometheus.GaugeValue, float64(stats.Running))
	send(c.waiting, prometheus.GaugeValue, float64(stats.Waiting))
	send(c.verified, prometheus.CounterValue, float64(stats.Verified))
	send(c.queued, prometheus.CounterValue, float64(stats.Queued))
}
