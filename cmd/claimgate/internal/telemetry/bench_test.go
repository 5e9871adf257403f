package telemetry

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz"
)

func TestCheckedAllocatesNothing(t *testing.T) {
	tel, _ := newTelemetry(t, LogSettings{})
	req, decision := request("GET", "/"), &authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: "acme", Issuer: "idp"}
	if n := testing.AllocsPerRun(100, func() { tel.Checked(req, decision, time.Millisecond, nil) }); n != 0 {
		t.Errorf("%v allocations for an allowed request", n)
	}
}

func BenchmarkCheckedAllowed(b *testing.B) {
	tel := New(LogSettings{}, io.Discard)
	req := request("GET", "/")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		decision := &authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: "acme", Issuer: "idp"}
		for pb.Next() {
			tel.Checked(req, decision, time.Millisecond, nil)
		}
	})
}

func BenchmarkCheckedDenied(b *testing.B) {
	tel := New(LogSettings{DenialsPerSecond: 10}, io.Discard)
	req, decision := request("GET", "/orders/4711"), denial()
	b.ReportAllocs()
	for b.Loop() {
		tel.Checked(req, decision, time.Millisecond, nil)
	}
}

// BenchmarkScrubLongest: text at the limit that could be an encoding.
func BenchmarkScrubLongest(b *testing.B) {
	for name, text := range map[string]string{
		"encoded": strings.Repeat("QUJD", maxText/4), "words": strings.Repeat("token ", maxText/6), "digits": strings.Repeat("7 ", maxText/2),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				scrub(text)
			}
		})
	}
}

func BenchmarkDenialLine(b *testing.B) {
	tel := New(LogSettings{DenialsPerSecond: 1e9}, io.Discard)
	req, decision := request("GET", "/orders/4711"), denial()
	b.ReportAllocs()
	for b.Loop() {
		tel.Checked(req, decision, time.Millisecond, nil)
	}
}
