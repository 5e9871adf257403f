package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimgate/claimgate/authz/token"
)

// Configuration is what the metrics tell of the configuration in force.
type Configuration struct {
	Loaded   time.Time
	Insecure int // insecure... words in use
}

// SetConfiguration publishes the configuration in force.
func (m *Metrics) SetConfiguration(c Configuration) {
	m.configuration.loaded.Set(float64(c.Loaded.Unix()))
	m.configuration.insecure.Set(float64(c.Insecure))
}

type configurationGauges struct{ loaded, insecure prometheus.Gauge }

func newConfigurationGauges() configurationGauges {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	return configurationGauges{
		loaded:   gauge("claimgate_config_loaded_timestamp_seconds", "When the configuration in force was put in force."),
		insecure: gauge("claimgate_config_insecure_settings", "Settings in use whose name begins with insecure."),
	}
}

func (g configurationGauges) all() []prometheus.Collector {
	return []prometheus.Collector{g.loaded, g.insecure}
}

// WatchReady publishes whether the process is ready. Call it once.
func (m *Metrics) WatchReady(ready func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "claimgate_ready", Help: "1 where the process is ready for requests, else 0."},
		func() float64 {
			if ready() {
				return 1
			}
			return 0
		}))
}

// WatchInFlight publishes the number of requests in progress. Call it once.
func (m *Metrics) WatchInFlight(inFlight func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "claimgate_checks_in_flight", Help: "Requests that are being decided."},
		func() float64 { return float64(inFlight()) }))
}

// WatchCache publishes the counts of the token cache. Call it once.
func (m *Metrics) WatchCache(stats func() token.CacheStats) {
	m.registry.MustRegister(&cacheCollector{
		stats:     stats,
		hits:      describe("claimgate_token_cache_hits_total", "Tokens that the cache of verified tokens answered."),
		misses:    describe("claimgate_token_cache_misses_total", "Tokens that were verified because the cache did not hold them."),
		evictions: describe("claimgate_token_cache_evictions_total", "Tokens that left the cache to make room."),
		entries:   describe("claimgate_token_cache_entries", "Tokens in the cache."),
		capacity:  describe("claimgate_token_cache_capacity", "Greatest number of tokens in the cache."),
	})
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

type cacheCollector struct {
	stats                                      func() token.CacheStats
	hits, misses, evictions, entries, capacity *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *cacheCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.hits, c.misses, c.evictions, c.entries, c.capacity} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *cacheCollector) Collect(metrics chan<- prometheus.Metric) {
	stats := c.stats()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64) {
		metrics <- prometheus.MustNewConstMetric(d, kind, value)
	}
	send(c.hits, prometheus.CounterValue, float64(stats.Hits))
	send(c.misses, prometheus.CounterValue, float64(stats.Misses))
	send(c.evictions, prometheus.CounterValue, float64(stats.Evictions))
	send(c.entries, prometheus.GaugeValue, float64(stats.Entries))
	send(c.capacity, prometheus.GaugeValue, float64(stats.Capacity))
}

// seconds is 0 for a time that never was.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
