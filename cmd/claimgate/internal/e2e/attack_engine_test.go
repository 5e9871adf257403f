package e2e

import (
	"cmp"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// TestP1AttackEngine asks the engine itself, without a message and without
// gRPC: what holds here holds for any caller that reads requests as strictly as
// package envoy does.
func TestP1AttackEngine(t *testing.T) {
	a := attacked(t)
	engine, asked, inBytes := a.gate.Engine(), 0, 0
	for _, x := range a.attacks() {
		if x.bytes {
			inBytes++
			continue
		}
		asked++
		t.Run(x.id, func(t *testing.T) {
			bad, good := a.requests(&x)
			for _, joined := range []bool{false, true} {
				d := engine.Decide(t.Context(), bad.request(joined))
				if _, ok := x.wanted(d.Reason.String()); d.Verdict == authz.Allow || d.Verdict != d.Reason.Verdict() || !ok {
					t.Errorf("%s (joined: %v): got %v %v, want %s", x.what, joined, d.Verdict, d.Reason, x.reason)
				}
				if d.Set != nil || d.Remove != nil || d.RemoveParams != nil {
					t.Errorf("%s: a refusal has header operations: %+v", x.what, d)
				}
				if d := engine.Decide(t.Context(), good.request(joined)); d.Verdict != authz.Allow {
					t.Fatalf("%s (joined: %v): the control gets %v: the attack proves nothing", x.what, joined, d.Reason)
				}
			}
		})
	}
	if n := a.lured.Load(); n > 0 {
		t.Errorf("%d requests went to addresses that only tokens named", n)
	}
	t.Logf("%d cases, and %d that exist in bytes alone", asked, inBytes)
	if asked < 1000 {
		t.Error("too few cases reach the engine")
	}
}

// TestP1AttackBytes holds that only what is refused in reading is kept from the
// engine: a change of the message, or an invalid request.
func TestP1AttackBytes(t *testing.T) {
	for _, x := range attacked(t).attacks() {
		if x.rpc != nil && !x.bytes {
			t.Errorf("%s changes the message and does not say so", x.id)
		}
		if x.bytes && x.rpc == nil && x.reason != "request_invalid" {
			t.Errorf("%s is refused with %s, so that the engine can be asked", x.id, x.reason)
		}
	}
}

// request reads the request as its sender means it. Repeated headers stay apart,
// or are joined as in Envoy's map.
func (w *wire) request(joined bool) *authz.Request {
	path, query, _ := strings.Cut(w.path, "?")
	host, known := authz.CanonicalHost(w.host)
	req := &authz.Request{
		Method: w.method, Path: authz.CanonicalPath(path), Query: query, Host: host, Scheme: cmp.Or(w.scheme, "http"), Context: w.context,
		Headers: authz.Headers{Joined: joined},
	}
	if !known {
		req.Fault = authz.HostInvalid
	}
	at := map[string]int{}
	var upgrades []string
	for _, p := range w.headers {
		if p.name == "upgrade" {
			upgrades = append(upgrades, strings.ToLower(p.value))
		}
		if i, again := at[p.name]; again && joined {
			req.Headers.Lines[i].Value += "," + p.value
			continue
		}
		at[p.name] = len(req.Headers.Lines)
		req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: p.name, Value: p.value})
	}
	if req.Upgrade = strings.Join(upgrades, ","); req.Upgrade == "" && upgrades != nil {
		req.Upgrade = "?" // of no name
	}
	return req
}
