package telemetry

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
)

func certificateStatus() []certs.Status {
	return []certs.Status{
		{Listener: "listen", Parts: []certs.Part{
			{Kind: certs.Certificate, NotAfter: time.Unix(2000, 0)},
			{Kind: certs.ClientCA, NotAfter: time.Unix(3000, 0), Problem: "bad", Since: time.Unix(1, 0)},
		}},
		{Listener: "metrics", Parts: []certs.Part{{Kind: certs.Certificate, NotAfter: time.Unix(4000, 0)}}},
	}
}

func TestCertificateMetrics(t *testing.T) {
	telemetry := New(LogSettings{}, io.Discard)
	m := telemetry.Metrics()
	m.WatchCertificates(certificateStatus)
	telemetry.CertificateReloaded("listen", certs.Certificate, true)
	telemetry.CertificateReloaded("listen", certs.ClientCA, false)
	telemetry.ClientRefused("listen", certs.NameNotAllowed)
	telemetry.ClientRefused("listen", certs.NameNotAllowed)
	const want = `
# HELP claimgate_tls_certificate_expiry_timestamp_seconds When the first certificate of what is in force ends: of the chain of the listener, or of the authorities of its clients.
# TYPE claimgate_tls_certificate_expiry_timestamp_seconds gauge
claimgate_tls_certificate_expiry_timestamp_seconds{kind="certificate",listener="listen"} 2000
claimgate_tls_certificate_expiry_timestamp_seconds{kind="certificate",listener="metrics"} 4000
claimgate_tls_certificate_expiry_timestamp_seconds{kind="client_ca",listener="listen"} 3000
# HELP claimgate_tls_reload_failed 1 while certificate files on disk are not in force, because they are bad, else 0.
# TYPE claimgate_tls_reload_failed gauge
claimgate_tls_reload_failed{kind="certificate",listener="listen"} 0
claimgate_tls_reload_failed{kind="certificate",listener="metrics"} 0
claimgate_tls_reload_failed{kind="client_ca",listener="listen"} 1
# HELP claimgate_tls_reloads_total Changes of certificate files by result: success, or failure, after which the last good one stays in force.
# TYPE claimgate_tls_reloads_total counter
claimgate_tls_reloads_total{kind="certificate",listener="listen",result="failure"} 0
claimgate_tls_reloads_total{kind="certificate",listener="listen",result="success"} 1
claimgate_tls_reloads_total{kind="certificate",listener="metrics",result="failure"} 0
claimgate_tls_reloads_total{kind="certificate",listener="metrics",result="success"} 0
claimgate_tls_reloads_total{kind="client_ca",listener="listen",result="failure"} 1
claimgate_tls_reloads_total{kind="client_ca",listener="listen",result="success"} 0
`
	names := []string{"claimgate_tls_certificate_expiry_timestamp_seconds", "claimgate_tls_reload_failed", "claimgate_tls_reloads_total"}
	if err := testutil.GatherAndCompare(m.Gatherer(), strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	if n := testutil.ToFloat64(m.certificates.refused.WithLabelValues("listen", "name_not_allowed")); n != 2 {
		t.Errorf("%v refusals", n)
	}
	if n := testutil.CollectAndCount(m.certificates.refused); n != 2*len(certs.Reasons()) {
		t.Errorf("%d series of refusals, want one for each listener and reason from the start", n)
	}
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
