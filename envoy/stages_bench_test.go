//go:build unix

package envoy

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz"
)

// browserRequest is what a browser behind a load balancer sends: 20 headers,
// four of them pseudo headers, and a token of 970 bytes.
func browserRequest() sent {
	s := sent{method: "GET", target: "/orders/4711/items?fields=id,name,price&limit=50", host: "t00042.api.example.com"}
	for _, h := range []authz.Header{
		{Name: "user-agent", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"},
		{Name: "accept", Value: "application/json, text/plain, */*"},
		{Name: "accept-encoding", Value: "gzip, deflate, br, zstd"},
		{Name: "accept-language", Value: "en-GB,en;q=0.9,de;q=0.8"},
		{Name: "authorization", Value: "Bearer " + strings.Repeat("eyJhbGciOi", 97)},
		{Name: "origin", Value: "https://app.example.com"},
		{Name: "referer", Value: "https://app.example.com/orders"},
		{Name: "sec-fetch-mode", Value: "cors"},
		{Name: "sec-fetch-site", Value: "same-site"},
		{Name: "cache-control", Value: "no-cache"},
		{Name: "x-forwarded-for", Value: "203.0.113.7"},
		{Name: "x-forwarded-proto", Value: "https"},
		{Name: "x-request-id", Value: "8a4c1d52-7b1e-4e5f-9a8c-2f1b6f0d3e7a"},
		{Name: "traceparent", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{Name: "tracestate", Value: "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"},
		{Name: "cookie", Value: "session=Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZg; theme=dark; consent=necessary+statistics; currency=EUR"},
	} {
		s = s.with(h.Name, h.Value)
	}
	return s
}

// browserDecision is an allow with six headers.
func browserDecision() authz.Decision {
	d := benchDecision()
	d.Set = []authz.Header{
		{Name: "x-tenant", Value: "t00042"}, {Name: "x-plan", Value: "gold"}, {Name: "x-user-id", Value: "auth0|65f0c2a9d100000042"},
		{Name: "x-user-email", Value: "user42@example.com"}, {Name: "x-client-id", Value: "web-frontend-production"},
		{Name: "x-roles", Value: "reader,writer,billing"},
	}
	d.Remove = []string{"authorization"}
	return d
}

// BenchmarkStages is what the parts of an exchange cost: to decode the bytes,
// to make a request of them, to encode the answer, and all of it with what lies
// around.
func BenchmarkStages(b *testing.B) {
	for encoding, msg := range browserRequest().encodings() {
		w := newWireServer(NewServer(ServerOptions{Decider: fill(browserDecision())}), false)
		c := newCodec(w.responder.internal)
		data := pooled(encoded(b, msg))
		e := w.exchange()
		e.receive(data)
		e.decision = browserDecision()
		bench := func(name string, step func()) {
			b.Run(encoding+"/"+name, func(b *testing.B) {
				before := cpuTime()
				for b.Loop() {
					step()
				}
				b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
			})
		}
		bench("decode", func() { e.receive(data) })
		bench("read", func() {
			requestFrom(&e.message, &e.request)
			if e.request.Fault != authz.NoFault {
				b.Fatal(e.request.Fault)
			}
		})
		bench("say", func() {
			if err := e.say(&e.call); err != nil {
				b.Fatal(err)
			}
		})
		lean := browserDecision()
		for i := range 64 {
			lean.Remove = append(lean.Remove, "x-envoy-auth_failure_mode-"+strconv.Itoa(i))
		}
		e.decision = lean
		bench("say, lean", func() {
			if err := e.say(&e.call); err != nil {
				b.Fatal(err)
			}
		})
		decode := func(v any) error { return c.Unmarshal(data, v) }
		bench("all", func() { exchangeOnce(b, w, c, decode) })
	}
}

// cpuTime is the time that the process had a processor, which other processes
// falsify less than they do the clock.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
