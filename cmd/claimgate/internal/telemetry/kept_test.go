package telemetry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/zap/zapcore"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/envoy"
)

// lent is memory that a request and its decision lie in, and that somebody else
// writes to afterwards.
type lent struct{ all [][]byte }

func (l *lent) text(s string) string {
	b := []byte(s)
	l.all = append(l.all, b)
	return unsafe.String(unsafe.SliceData(b), len(b)) // that it changes is the point
}

func (l *lent) takeBack() {
	for _, b := range l.all {
		for i := range b {
			b[i] = '#'
		}
	}
}

// TestObserverKeepsNothing: once Checked has returned, the memory of the
// request and of the decision is another's. What the log and the metrics show
// later is what was true then.
func TestObserverKeepsNothing(t *testing.T) {
	tel, log := newTelemetry(t, LogSettings{Level: zapcore.DebugLevel, PlainIdentifiers: true, DenialsPerSecond: 100})
	for _, d := range []authz.Decision{
		{Verdict: authz.Allow, Reason: authz.Allowed},
		{Verdict: authz.Allow, Reason: authz.ShadowPassed, Shadowed: authz.PolicyDenied},
		{Verdict: authz.Deny, Reason: authz.PolicyDenied},
		{Verdict: authz.Deny, Reason: authz.Internal},
	} {
		for _, name := range []string{"acme", "globex", "acme"} {
			var memory lent
			req := request(memory.text("GET"), memory.text("/orders/"+name))
			req.Host, req.Query = memory.text(name+".example.com"), memory.text("a=b")
			d.Tenant, d.Issuer, d.Subject = memory.text(name), memory.text("idp-"+name), memory.text("alice@"+name)
			d.Rule, d.ShadowRule, d.Header, d.Realm, d.Hint = memory.text("rule"), memory.text("shadow"), memory.text("x-a"), memory.text("realm"), memory.text("hint")
			var fault error
			if d.Reason == authz.Internal {
				fault = errors.Join(&envoy.PanicError{What: "a test"})
			}
			tel.Checked(req, &d, time.Millisecond, fault)
			memory.takeBack()
		}
	}
	shown := log.String() + exposition(t, tel)
	if strings.Contains(shown, "##") {
		t.Errorf("something of a request was kept:\n%s", shown)
	}
	for _, want := range []string{`tenant="acme"`, `tenant="globex"`, `issuer_name="idp-globex"`, `"path":"/orders/acme"`, `"subject":"alice@globex"`} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %s in:\n%s", want, shown)
		}
	}
}

// exposition returns the labels of all metrics.
func exposition(t *testing.T, tel *Telemetry) string {
	t.Helper()
	families, err := tel.Metrics().Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				fmt.Fprintf(&out, "%s %s=%q\n", family.GetName(), label.GetName(), label.GetValue())
			}
		}
	}
	return out.String()
}
