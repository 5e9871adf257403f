package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimgate/claimgate/authz/jwks"
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

// WatchKeys publishes the state of every key source. Call it once.
func (m *Metrics) WatchKeys(status func() []jwks.Status) {
	m.registry.MustRegister(&keyCollector{
		status:  status,
		issuers: m.issuers,
		success: describe("claimgate_jwks_last_success_timestamp_seconds",
			"When the keys of the issuer were last fetched; 0 before the first time. Alert on its age.", "issuer"),
		failure: describe("claimgate_jwks_last_failure_timestamp_seconds",
			"When a fetch of the issuer's keys last failed; 0 if none did.", "issuer"),
		keys:    describe("claimgate_jwks_keys", "Usable keys of the issuer in force.", "issuer"),
		skipped: describe("claimgate_jwks_skipped_keys", "Keys of the issuer's set in force that are unusable.", "issuer"),
		next: describe("claimgate_jwks_next_refresh_timestamp_seconds",
			"When the next scheduled fetch of the issuer's keys is due; it is overdue where this lies in the past.", "issuer"),
		unknown: describe("claimgate_jwks_unknown_kids_total",
			"Lookups of a key id that the issuer's set in force lacked.", "issuer"),
		closed: describe("claimgate_jwks_gate_closures_total",
			"Lookups of an unknown key id that could neither start a fetch nor join one.", "issuer"),
	})
}

type keyCollector struct {
	status  func() []jwks.Status
	issuers *labelCap

	success, failure, keys, skipped, next, unknown, closed *prometheus.Desc
}

// keyState is the state under one label: of one source, or of several that
// share an issuer or lie beyond the cap. Of several the worst is shown.
type keyState struct {
	keys, skipped          int
	remote                 bool
	success, failure, next float64
	unknown, closed        uint64
}

// Describe implements prometheus.Collector.
func (c *keyCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.success, c.failure, c.keys, c.skipped, c.next, c.unknown, c.closed} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *keyCollector) Collect(metrics chan<- prometheus.Metric) {
	for label, state := range c.states() {
		send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64) {
			metrics <- prometheus.MustNewConstMetric(d, kind, value, label)
		}
		send(c.keys, prometheus.GaugeValue, float64(state.keys))
		send(c.skipped, prometheus.GaugeValue, float64(state.skipped))
		send(c.unknown, prometheus.CounterValue, float64(state.unknown))
		if state.remote {
			send(c.success, prometheus.GaugeValue, state.success)
			send(c.failure, prometheus.GaugeValue, state.failure)
			send(c.next, prometheus.GaugeValue, state.next)
			send(c.closed, prometheus.CounterValue, float64(state.closed))
		}
	}
}

func (c *keyCollector) states() map[string]keyState {
	states := make(map[string]keyState)
	for _, s := range c.status() {
		label := c.issuers.label(s.Issuer)
		states[label] = states[label].with(s)
	}
	return states
}

func (k keyState) with(s jwks.Status) keyState {
	k.keys += s.Keys
	k.skipped += s.Skipped
	k.unknown += s.UnknownKIDs
	k.closed += s.GateClosures
	if s.Kind == jwks.KindStatic {
		return k
	}
	success, failure, next := seconds(s.LastSuccess), seconds(s.LastFailure), seconds(s.NextRefresh)
	if !k.remote {
		k.remote, k.success, k.failure, k.next = true, success, failure, next
		return k
	}
	k.success, k.failure, k.next = min(k.success, success), max(k.failure, failure), min(k.next, next)
	return k
}

// seconds is 0 for a time that never was.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
