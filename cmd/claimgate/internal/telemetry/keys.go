package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimgate/claimgate/authz/jwks"
)

// WatchKeys publishes the state of every key source. Call it once.
func (m *Metrics) WatchKeys(status func() []jwks.Status) {
	c := &keyCollector{status: status, issuers: m.issuers}
	c.metrics = []keyMetric{
		{describe("claimgate_jwks_keys", "Usable keys of the issuer in force.", "issuer"),
			prometheus.GaugeValue, false, func(k *keyState) float64 { return float64(k.keys) }},
		{describe("claimgate_jwks_usable", "1 where the issuer has keys that are not too stale, else 0: its tokens then get 503.", "issuer"),
			prometheus.GaugeValue, false, func(k *keyState) float64 { return truth(!k.unusable) }},
		{describe("claimgate_jwks_skipped_keys", "Keys of the issuer's set in force that are unusable.", "issuer"),
			prometheus.GaugeValue, false, func(k *keyState) float64 { return float64(k.skipped) }},
		{describe("claimgate_jwks_unknown_kids_total", "Lookups of a key id that the issuer's set in force lacked.", "issuer"),
			prometheus.CounterValue, false, func(k *keyState) float64 { return float64(k.unknown) }},
		{describe("claimgate_jwks_last_success_timestamp_seconds",
			"When the keys of the issuer were last fetched; 0 before the first time. Alert on its age.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return k.success }},
		{describe("claimgate_jwks_last_failure_timestamp_seconds", "When a fetch of the issuer's keys last failed; 0 if none did.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return k.failure }},
		{describe("claimgate_jwks_next_refresh_timestamp_seconds",
			"When the next scheduled fetch of the issuer's keys is due; it is overdue where this lies in the past.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return k.next }},
		{describe("claimgate_jwks_refresh_overdue_seconds", "How long the next scheduled fetch of the issuer's keys has been due; 0 while it is not.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return k.overdue }},
		{describe("claimgate_jwks_set_age_seconds", "How long ago a fetch last confirmed the keys of the issuer in force, kept ones included; 0 without keys.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return k.age }},
		{describe("claimgate_jwks_set_stale_seconds", "How long the keys of the issuer stay in force without another good fetch; 0 without keys, and when they are too stale.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return k.left }},
		{describe("claimgate_jwks_failures", "Failed fetches of the issuer's keys since the last good one.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return float64(k.failures) }},
		{describe("claimgate_jwks_kept_set", "1 where the keys of the issuer come from stateDir and no fetch confirmed them yet, else 0.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return truth(k.restored) }},
		{describe("claimgate_jwks_waiting_requests", "Requests that wait for a fetch of the issuer's keys.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return float64(k.waiting) }},
		{describe("claimgate_jwks_absent_kids", "Key ids that are remembered as absent from the issuer's set.", "issuer"),
			prometheus.GaugeValue, true, func(k *keyState) float64 { return float64(k.absent) }},
		{describe("claimgate_jwks_gate_closures_total", "Lookups of an unknown key id that could neither start a fetch nor join one.", "issuer"),
			prometheus.CounterValue, true, func(k *keyState) float64 { return float64(k.closed) }},
	}
	c.skippedBy = describe("claimgate_jwks_skipped_keys_by_reason", "Keys of the issuer's set in force that are unusable, by reason.", "issuer", "reason")
	m.registry.MustRegister(c)
}

// WatchKeyStore publishes what is kept of key sets. Call it once.
func (m *Metrics) WatchKeyStore(status func() jwks.StoreStatus) {
	m.registry.MustRegister(&storeCollector{
		status:   status,
		usable:   describe("claimgate_jwks_store_usable", "1 where key sets outlive the process, else 0."),
		failing:  describe("claimgate_jwks_store_failing", "1 while key sets cannot be written to stateDir, else 0."),
		failures: describe("claimgate_jwks_store_failures_total", "Writes of key sets to stateDir that failed."),
		ignored:  describe("claimgate_jwks_store_ignored_total", "Key sets in stateDir that were damaged, foreign or too old, and not used."),
		restored: describe("claimgate_jwks_store_restored_total", "Issuers that began with a key set of stateDir."),
	})
}

type storeCollector struct {
	status                                       func() jwks.StoreStatus
	usable, failing, failures, ignored, restored *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *storeCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.usable, c.failing, c.failures, c.ignored, c.restored} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *storeCollector) Collect(metrics chan<- prometheus.Metric) {
	s := c.status()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64) {
		metrics <- prometheus.MustNewConstMetric(d, kind, value)
	}
	send(c.usable, prometheus.GaugeValue, truth(s.Usable))
	send(c.failing, prometheus.GaugeValue, truth(s.Failing))
	send(c.failures, prometheus.CounterValue, float64(s.Failures))
	send(c.ignored, prometheus.CounterValue, float64(s.Ignored))
	send(c.restored, prometheus.CounterValue, float64(s.Restored))
}

type keyCollector struct {
	status    func() []jwks.Status
	issuers   *labelCap
	metrics   []keyMetric
	skippedBy *prometheus.Desc
}

// keyMetric is one number of the key contract.
type keyMetric struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	remote bool // of sources that are fetched alone
	value  func(*keyState) float64
}

// keyState is the state under one label: of one source, or of several that
// share an issuer or lie beyond the cap. Of several the worst is shown.
type keyState struct {
	keys, skipped, failures, waiting, absent int
	skippedBy                                map[jwks.SkipReason]int
	remote, unusable, restored               bool
	success, failure, next                   float64
	age, left, overdue                       float64
	unknown, closed                          uint64
}

// Describe implements prometheus.Collector.
func (c *keyCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		descs <- m.desc
	}
	descs <- c.skippedBy
}

// Collect implements prometheus.Collector.
func (c *keyCollector) Collect(metrics chan<- prometheus.Metric) {
	for label, state := range c.states(time.Now()) {
		for _, m := range c.metrics {
			if !m.remote || state.remote {
				metrics <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(state), label)
			}
		}
		for reason, n := range state.skippedBy {
			metrics <- prometheus.MustNewConstMetric(c.skippedBy, prometheus.GaugeValue, float64(n), label, string(reason))
		}
	}
}

func (c *keyCollector) states(now time.Time) map[string]*keyState {
	states := make(map[string]*keyState)
	for _, s := range c.status() {
		label := c.issuers.label(s.Issuer)
		if states[label] == nil {
			states[label] = &keyState{skippedBy: make(map[jwks.SkipReason]int)}
		}
		states[label].add(&s, now)
	}
	return states
}

// add merges one source.
func (k *keyState) add(s *jwks.Status, now time.Time) {
	k.keys += s.Keys
	k.skipped += s.Skipped
	for reason, n := range s.SkippedBy {
		k.skippedBy[reason] += n
	}
	k.unknown += s.UnknownKIDs
	k.closed += s.GateClosures
	k.unusable = k.unusable || !s.Usable
	if s.Kind != jwks.KindStatic {
		k.addRemote(s, now)
	}
}

func (k *keyState) addRemote(s *jwks.Status, now time.Time) {
	success, next, left := seconds(s.LastSuccess), seconds(s.NextRefresh), 0.0
	if s.Usable {
		left = max(0, s.StaleAt.Sub(now).Seconds())
	}
	if !k.remote {
		k.remote, k.success, k.next, k.left = true, success, next, left
	}
	k.success, k.next, k.left = min(k.success, success), min(k.next, next), min(k.left, left)
	k.failure = max(k.failure, seconds(s.LastFailure))
	if !s.Fetched.IsZero() {
		k.age = max(k.age, now.Sub(s.Fetched).Seconds())
	}
	if !s.NextRefresh.IsZero() {
		k.overdue = max(k.overdue, now.Sub(s.NextRefresh).Seconds())
	}
	k.failures = max(k.failures, s.Failures)
	k.restored = k.restored || s.Restored
	k.waiting += s.Waiting
	k.absent += s.Absent
}
