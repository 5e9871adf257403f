package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
)

// certificateCounters count what happens to certificates of ours and of
// clients. Listeners, kinds and reasons are few.
type certificateCounters struct{ reloads, refused *prometheus.CounterVec }

func newCertificateCounters() certificateCounters {
	return certificateCounters{
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimgate_tls_reloads_total", Help: "Changes of certificate files by result: success, or failure, after which the last good one stays in force."},
			[]string{"listener", "kind", "result"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimgate_tls_clients_refused_total", Help: "Connections refused in the TLS handshake, by reason."},
			[]string{"listener", "reason"}),
	}
}

func reloadResult(good bool) string {
	if good {
		return "success"
	}
	return "failure"
}

// CertificateReloaded implements certs.Observer.
func (t *Telemetry) CertificateReloaded(listener string, kind certs.Kind, good bool) {
	t.metrics.certificates.reloads.WithLabelValues(listener, string(kind), reloadResult(good)).Inc()
}

// ClientRefused implements certs.Observer.
func (t *Telemetry) ClientRefused(listener string, reason certs.Reason) {
	t.metrics.certificates.refused.WithLabelValues(listener, string(reason)).Inc()
}

// WatchCertificates publishes when certificates end. Call it once, with the
// status of every listener that serves TLS.
func (m *Metrics) WatchCertificates(status func() []certs.Status) {
	for _, s := range status() {
		for _, reason := range certs.Reasons() {
			m.certificates.refused.WithLabelValues(s.Listener, string(reason))
		}
		for _, part := range s.Parts {
			for _, good := range []bool{true, false} {
				m.certificates.reloads.WithLabelValues(s.Listener, string(part.Kind), reloadResult(good))
			}
		}
	}
	m.registry.MustRegister(&certificateCollector{
		status: status,
		expiry: describe("claimgate_tls_certificate_expiry_timestamp_seconds",
			"When the first certificate of what is in force ends: of the chain of the listener, or of the authorities of its clients.", "listener", "kind"),
		failed: describe("claimgate_tls_reload_failed",
			"1 while certificate files on disk are not in force, because they are bad, else 0.", "listener", "kind"),
	})
}

type certificateCollector struct {
	status         func() []certs.Status
	expiry, failed *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *certificateCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- c.expiry
	descs <- c.failed
}

// Collect implements prometheus.Collector.
func (c *certificateCollector) Collect(metrics chan<- prometheus.Metric) {
	for _, s := range c.status() {
		for _, part := range s.Parts {
			failed := 0.0
			if part.Problem != "" {
				failed = 1
			}
			metrics <- prometheus.MustNewConstMetric(c.expiry, prometheus.GaugeValue, float64(part.NotAfter.Unix()), s.Listener, string(part.Kind))
			metrics <- prometheus.MustNewConstMetric(c.failed, prometheus.GaugeValue, failed, s.Listener, string(part.Kind))
		}
	}
}
