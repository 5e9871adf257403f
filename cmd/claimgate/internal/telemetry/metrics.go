package telemetry

import (
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
)

// Label values that stand for more than one thing.
const (
	otherLabel = "_other" // beyond the cap
	noneLabel  = "_none"  // no tenant was found
)

// maxLabels caps the tenants and the issuers that have series of their own:
// the first ones seen. The rest share the series `_other`.
const maxLabels = 200

// verdicts is the number of verdicts there are.
const verdicts = int(authz.Unavailable) + 1

// Metrics are the metrics of one process, in a registry of their own.
type Metrics struct {
	registry *prometheus.Registry

	tenants       *tenantCounters
	accepted      *acceptedCounters
	duration      [verdicts]prometheus.Observer
	panics        prometheus.Counter
	suppressed    prometheus.Counter
	fetches       *prometheus.CounterVec
	fetchDuration prometheus.Histogram
	issuers       *labelCap
	configuration configurationGauges
	certificates  certificateCounters
	verifications verificationCounters
}

// NewMetrics returns metrics that are all zero.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "claimgate_panics_total", Help: "Requests denied because of a fault of our own, such as a recovered panic."}),
		suppressed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "claimgate_denial_lines_suppressed_total", Help: "Denials without a log line of their own, because of the rate limit."}),
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimgate_jwks_fetches_total", Help: "Fetches of key sets by issuer and result."}, []string{"issuer", "result"}),
		fetchDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "claimgate_jwks_fetch_duration_seconds", Help: "Duration of fetches of key sets.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
		tenants:       newTenantCounters(maxLabels),
		accepted:      newAcceptedCounters(),
		issuers:       newLabelCap(maxLabels),
		configuration: newConfigurationGauges(),
		certificates:  newCertificateCounters(),
		verifications: newVerificationCounters(),
	}
	m.addChecks()
	m.registry.MustRegister(m.panics, m.suppressed, m.fetches, m.fetchDuration, m.certificates.reloads, m.certificates.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.configuration.all()...)
	m.registry.MustRegister(m.verifications.all()...)
	return m
}

// addChecks makes the metrics of the hot path and resolves their labels ahead.
func (m *Metrics) addChecks() {
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "claimgate_check_duration_seconds", Help: "Time from the decoded request to the answer, by verdict.",
		Buckets: []float64{50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, .1, .2, .5, 1}},
		[]string{"verdict"})
	for v := range m.duration {
		m.duration[v] = durations.WithLabelValues(authz.Verdict(v).String())
	}
	m.registry.MustRegister(m.tenants, m.accepted, durations)
}

// Gatherer returns what a metrics page shows.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// SetBuild publishes what was built.
func (m *Metrics) SetBuild(version, revision string) {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "claimgate_build_info", Help: "Always 1; the labels say what was built.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(build)
}

func (m *Metrics) checked(decision *authz.Decision, elapsed time.Duration) {
	verdict := decision.Verdict
	if int(verdict) >= verdicts {
		verdict = authz.Deny
	}
	counts := m.tenants.of(decision.Tenant)
	counts.checked(verdict, decision.Reason)
	if decision.Issuer != "" {
		m.accepted.count(counts, decision)
	}
	if reason, ok := wouldBe(decision); ok {
		counts.passed(reason)
	}
	m.duration[verdict].Observe(elapsed.Seconds())
}

// wouldBe returns the reason for which an allowed request would have been
// refused, had the tenant or one of its deny rules not been in shadow.
func wouldBe(decision *authz.Decision) (authz.Reason, bool) {
	switch {
	case decision.Verdict != authz.Allow:
		return 0, false
	case decision.Reason == authz.ShadowPassed:
		return decision.Shadowed, true
	}
	return authz.PolicyDenied, decision.ShadowRule != ""
}

func (m *Metrics) fetched(issuer string, result jwks.FetchResult, elapsed time.Duration) {
	m.fetches.WithLabelValues(m.issuers.label(issuer), string(result)).Inc()
	m.fetchDuration.Observe(elapsed.Seconds())
}

// labelCap admits the first values of a label and names the rest `_other`.
type labelCap struct {
	mu       sync.Mutex
	limit    int
	admitted map[string]bool
}

func newLabelCap(limit int) *labelCap {
	return &labelCap{limit: limit, admitted: make(map[string]bool)}
}

func (l *labelCap) label(value string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.admitted[value] {
		if len(l.admitted) == l.limit {
			return otherLabel
		}
		l.admitted[value] = true
	}
	return value
}
