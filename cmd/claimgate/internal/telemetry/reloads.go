package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reloads is what the metrics tell of reloads.
type Reloads struct {
	Generation  uint64
	Tenants     map[string]int    // by state
	Results     map[string]uint64 // reloads by result
	LastSuccess time.Time
	LastFailure time.Time // zero: none
	Failing     time.Time // since when something on disk is not in force; zero: all of it is
	Waiting     bool      // something waits to be confirmed
	Remembers   bool      // the state directory is usable
}

// WatchReloads publishes what became of reloads. Call it once.
func (m *Metrics) WatchReloads(reloads func() Reloads) {
	m.registry.MustRegister(&reloadCollector{
		reloads:    reloads,
		generation: describe("claimgate_generation", "Number of the configuration in force: 1 at the start, one more with each change."),
		tenants: describe("claimgate_tenants",
			"Tenants by state: active as their file says, stale on their last good version, suspended, or quarantined without one.", "state"),
		results: describe("claimgate_reload_total", "Reloads by result.", "result"),
		success: describe("claimgate_reload_last_success_timestamp_seconds", "When all that had changed was last put in force."),
		failure: describe("claimgate_reload_last_failure_timestamp_seconds", "When something that had changed was last refused; 0 if never."),
		failed:  describe("claimgate_reload_failed", "1 while something on disk is not in force, else 0."),
		failing: describe("claimgate_reload_failed_age_seconds", "How long something on disk has not been in force; 0 while all of it is."),
		waiting: describe("claimgate_reload_waiting", "1 while a change waits to be confirmed, else 0."),
		state:   describe("claimgate_state_dir_usable", "1 where what tenants had, and the order in which they were accepted, outlives the process, else 0: also while another process has stateDir."),
	})
}

type reloadCollector struct {
	reloads func() Reloads

	generation, tenants, results, success, failure, failed, failing, waiting, state *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *reloadCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.generation, c.tenants, c.results, c.success, c.failure, c.failed, c.failing, c.waiting, c.state} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *reloadCollector) Collect(metrics chan<- prometheus.Metric) {
	r := c.reloads()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(c.generation, float64(r.Generation))
	for state, n := range r.Tenants {
		gauge(c.tenants, float64(n), state)
	}
	for result, n := range r.Results {
		metrics <- prometheus.MustNewConstMetric(c.results, prometheus.CounterValue, float64(n), result)
	}
	gauge(c.success, seconds(r.LastSuccess))
	gauge(c.failure, seconds(r.LastFailure))
	gauge(c.failed, truth(!r.Failing.IsZero()))
	age := 0.0
	if !r.Failing.IsZero() {
		age = max(0, time.Since(r.Failing).Seconds())
	}
	gauge(c.failing, age)
	gauge(c.waiting, truth(r.Waiting))
	gauge(c.state, truth(r.Remembers))
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
