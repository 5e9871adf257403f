package admin

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// HealthHandler serves /livez and /readyz. It names nothing, so that it may
// listen where a kubelet reaches it.
func HealthHandler(r *Readiness) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", livez)
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { writePhase(w, r.Phase()) })
	return readOnly(mux)
}

func livez(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "live\n") }

func writePhase(w http.ResponseWriter, phase Phase) {
	status := http.StatusServiceUnavailable
	if phase == Ready {
		status = http.StatusOK
	}
	writeText(w, status, string(phase)+"\n")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, text) // the caller hung up
}

// maxScrapes bounds the scrapes that are answered at one time.
const maxScrapes = 4

// MetricsHandler serves /metrics to whoever has the bearer token, or to
// everybody where it is "".
func MetricsHandler(gatherer prometheus.Gatherer, bearerToken string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", withBearer(bearerToken, promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxScrapes,
	})))
	return readOnly(mux)
}
