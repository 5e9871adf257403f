package authz_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

var scope = jwt.MapClaims{"scope": "orders:read"}

func TestP1AllowNeedsEverything(t *testing.T) {
	a := newACME(t, nil)
	good := a.idp.sign(t, scope)
	if d := a.decide(get("/orders/7", good)); d.Verdict != authz.Allow || d.Reason != authz.Allowed || d.Rule != "read" {
		t.Fatalf("the control is refused: %+v", d)
	}
	tests := []struct {
		name   string
		change func(*authz.Request)
		want   authz.Reason
	}{
		{"no token", func(r *authz.Request) { r.Headers.Lines = nil }, authz.NoToken},
		{"fault", func(r *authz.Request) { r.Fault = authz.HostInvalid }, authz.HostInvalid},
		{"a fault that would allow", func(r *authz.Request) { r.Fault = authz.Allowed }, authz.Internal},
		{"a fault that is no reason", func(r *authz.Request) { r.Fault = 255 }, authz.Internal},
		{"no path", func(r *authz.Request) { r.Path = authz.Path{} }, authz.PathNotCanonical},
		{"relative path", func(r *authz.Request) { r.Path = authz.Path{Canonical: "orders/7"} }, authz.PathNotCanonical},
		{"odd path", func(r *authz.Request) { r.Path = authz.CanonicalPath("/x/../orders/7") }, authz.PathNotCanonical},
		{"another path", func(r *authz.Request) { r.Path = authz.CanonicalPath("/other") }, authz.PolicyDenied},
		{"denied path", func(r *authz.Request) { r.Path = authz.CanonicalPath("/orders/secret/1") }, authz.PolicyDenied},
		{"denied path, escaped", func(r *authz.Request) { r.Path = authz.CanonicalPath("/orders/%73ecret") }, authz.PolicyDenied},
		{"no method", func(r *authz.Request) { r.Method = "" }, authz.RequestInvalid},
		{"no such method", func(r *authz.Request) { r.Method = "GET /" }, authz.RequestInvalid},
		{"connect", func(r *authz.Request) { r.Method = "CONNECT" }, authz.RequestInvalid},
		{"lower case", func(r *authz.Request) { r.Method = "get" }, authz.PolicyDenied},
		{"head", func(r *authz.Request) { r.Method = "HEAD" }, authz.PolicyDenied},
		{"upgrade", func(r *authz.Request) { r.Upgrade = "websocket" }, authz.PolicyDenied},
		{"no host", func(r *authz.Request) { r.Host = "" }, authz.PlaceUnknown},
		{"another host", func(r *authz.Request) { r.Host = "api.example.com.evil" }, authz.PlaceUnknown},
		{"several tokens", func(r *authz.Request) { r.Headers.Lines = append(r.Headers.Lines, r.Headers.Lines...) }, authz.SeveralTokens},
		{"basic", func(r *authz.Request) { r.Headers.Lines[0].Value = "Basic dTpw" }, authz.NoToken},
		{"other signature", func(r *authz.Request) { r.Headers.Lines[0].Value = "Bearer " + good[:len(good)-8] + "AAAAAAAA" }, authz.SignatureInvalid},
		{"unsigned", func(r *authz.Request) {
			r.Headers.Lines[0].Value = "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + strings.Split(good, ".")[1] + ".AAAA"
		}, authz.AlgorithmRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := get("/orders/7", good)
			tt.change(req)
			d := a.decide(req)
			if d.Verdict == authz.Allow || len(d.Set)+len(d.Remove) > 0 {
				t.Fatalf("allowed: %+v", d)
			}
			if d.Reason != tt.want || d.Verdict != tt.want.Verdict() {
				t.Errorf("%v (%v), want %v", d.Reason, d.Verdict, tt.want)
			}
		})
	}
}

func TestP1NothingIsNoAllow(t *testing.T) {
	var zero authz.Decision
	if zero.Verdict == authz.Allow {
		t.Fatal("the zero decision allows")
	}
	a := newACME(t, nil)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	good := get("/orders/7", a.idp.sign(t, scope))
	tests := []struct {
		name   string
		decide func() authz.Decision
		want   authz.Reason
	}{
		{"no snapshot", func() authz.Decision { return authz.NewEngine(authz.Options{}).Decide(context.Background(), good) }, authz.TenantUnavailable},
		{"no request", func() authz.Decision { return a.decide(nil) }, authz.RequestInvalid},
		{"zero request", func() authz.Decision { return a.decide(&authz.Request{}) }, authz.PathNotCanonical},
		{"ended context", func() authz.Decision { return a.engine.Decide(ended, good) }, authz.DeadlineExceeded},
		{"no randomness", func() authz.Decision {
			return newEngine(a.clock.Now, new(emptyReader), a.engine.Snapshot()).Decide(context.Background(), good)
		}, authz.Internal},
	}
	for _, tt := range tests {
		if d := tt.decide(); d.Verdict == authz.Allow || d.Reason != tt.want || d.Verdict != tt.want.Verdict() {
			t.Errorf("%s: %v (%v), want %v", tt.name, d.Reason, d.Verdict, tt.want)
		}
	}
	for _, reason := range authz.Reasons() {
		req := *good
		req.Fault = reason
		if d := a.decide(&req); reason != authz.NoFault && d.Verdict == authz.Allow {
			t.Errorf("fault %v allows", reason)
		}
	}
}

type emptyReader struct{}

func (*emptyReader) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

func TestP1KeyFaultsDeny(t *testing.T) {
	a := newACME(t, nil)
	raw := a.idp.sign(t, scope)
	for _, tt := range []struct {
		fault error
		want  authz.Reason
	}{
		{token.ErrKeysUnavailable, authz.KeysUnavailable},
		{token.ErrKeysPending, authz.KeysPending},
		{token.ErrDeadline, authz.DeadlineExceeded},
	} {
		a.idp.fault.Store(&tt.fault)
		if d := a.decide(get("/orders/7", raw)); d.Reason != tt.want || d.Verdict != authz.Unavailable {
			t.Errorf("%v: %v (%v), want %v", tt.fault, d.Reason, d.Verdict, tt.want)
		}
	}
	odd := errors.New("disk on fire")
	a.idp.fault.Store(&odd)
	if d := a.decide(get("/orders/7", raw)); d.Verdict == authz.Allow {
		t.Errorf("unknown fault of a key source allows: %+v", d)
	}
}

func TestP1UnknownPlaceLooksLikeNoToken(t *testing.T) {
	a := newACME(t, nil)
	a.engine = newEngine(a.clock.Now, zeros{}, a.engine.Snapshot())
	known := a.decide(get("/orders/7", ""))
	for _, raw := range []string{"", "garbage", a.idp.sign(t, scope)} {
		req := get("/orders/7", raw)
		req.Host = "unknown.example.com"
		unknown := a.decide(req)
		if unknown.Verdict != known.Verdict || unknown.Realm != known.Realm || !slices.Equal(unknown.ResponseHeaders, known.ResponseHeaders) ||
			len(unknown.Scopes)+len(known.Scopes) > 0 || unknown.Reason != authz.PlaceUnknown || known.Reason != authz.NoToken {
			t.Errorf("token %.10q: %+v differs from %+v", raw, unknown, known)
		}
	}
}

// A header that the proxy hides from us must not read as absent.
func TestP1HiddenHeaderIsNotAbsent(t *testing.T) {
	spec := ordersSpec()
	spec.Rules = append(spec.Rules,
		policy.RuleSpec{Name: "plain", Action: policy.Allow, Paths: []string{"/plain"}, When: []policy.Condition{{Header: "x-debug", Absent: true}}},
		policy.RuleSpec{Name: "debug", Action: policy.Deny, Paths: []string{"/orders/**"}, When: []policy.Condition{{Header: "x-debug", Exists: true}}})
	for _, filters := range []bool{false, true} {
		a := newACME(t, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
			tenant.Policy = compilePolicy(t, spec)
			snapshot.Proxy.FiltersHeaders = filters
		})
		raw := a.idp.sign(t, scope)
		for _, path := range []string{"/plain", "/orders/7"} {
			seen, hidden := get(path, raw), get(path, raw)
			hidden.Filtered = true
			if d := a.decide(seen); (d.Verdict == authz.Allow) == filters {
				t.Errorf("%s with all headers, filters %v: %v", path, filters, d.Reason)
			}
			if d := a.decide(hidden); d.Verdict == authz.Allow {
				t.Errorf("%s is allowed though a header may be hidden", path)
			}
		}
	}
}

// A preflight whose method another header replaces is none; where such a header
// may be hidden from us, it goes no further.
func TestP1PreflightWithAHiddenOverride(t *testing.T) {
	for _, rejects := range []bool{false, true} {
		a := newACME(t, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
			tenant.Preflight, snapshot.Proxy.RejectsUnderscores = true, rejects
		})
		for _, filtered := range []bool{false, true} {
			req := get("/orders/7", "", authz.Header{Name: "origin", Value: "https://app.example"}, authz.Header{Name: "access-control-request-method", Value: "GET"})
			req.Method, req.Filtered = "OPTIONS", filtered
			d := a.decide(req)
			for _, name := range []string{"x-http-method-override", "x-http-method", "x-method-override"} {
				if d.Reason != authz.PreflightPassed || slices.Contains(d.Remove, name) != filtered {
					t.Errorf("filtered %v: %v removes %v", filtered, d.Reason, d.Remove)
				}
				if folded := strings.ReplaceAll(name, "-", "_"); slices.Contains(d.Remove, folded) != (filtered && !rejects) {
					t.Errorf("filtered %v, rejects underscores %v: removes %v", filtered, rejects, d.Remove)
				}
			}
		}
	}
}

func TestP1Preflight(t *testing.T) {
	spec := ordersSpec()
	spec.Rules = append(spec.Rules, policy.RuleSpec{Name: "cors-off", Action: policy.Deny, Paths: []string{"/internal/**"}})
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
		tenant.Policy, tenant.Preflight = compilePolicy(t, spec), true
	})
	preflight := func(lines ...authz.Header) *authz.Request {
		req := get("/orders/7", "", lines...)
		req.Method = "OPTIONS"
		return req
	}
	origin, method := authz.Header{Name: "origin", Value: "https://app.example"}, authz.Header{Name: "access-control-request-method", Value: "GET"}
	d := a.decide(preflight(origin, method))
	if d.Reason != authz.PreflightPassed || d.Verdict != authz.Allow {
		t.Fatalf("control: %+v", d)
	}
	if _, set := header(&d, "x-user-id"); set || !slices.Contains(d.Remove, "x-user-id") || !slices.Contains(d.Remove, "authorization") {
		t.Errorf("a preflight keeps identity: %+v", d)
	}
	tests := map[string]*authz.Request{
		"no origin":        preflight(method),
		"empty origin":     preflight(authz.Header{Name: "origin"}, method),
		"no method":        preflight(origin),
		"two origins":      preflight(origin, origin, method),
		"joined origins":   preflight(authz.Header{Name: "origin", Value: "https://a.example,https://b.example"}, method),
		"listed origins":   preflight(authz.Header{Name: "origin", Value: "https://a.example https://b.example"}, method),
		"joined methods":   preflight(origin, authz.Header{Name: "access-control-request-method", Value: "GET,DELETE"}),
		"authorization":    preflight(origin, method, authz.Header{Name: "authorization", Value: "x"}),
		"empty credential": preflight(origin, method, authz.Header{Name: "authorization"}),
		"method override":  preflight(origin, method, authz.Header{Name: "x-http-method-override", Value: "DELETE"}),
		"get":              get("/orders/7", "", origin, method),

		"another override":     preflight(origin, method, authz.Header{Name: "x-http-method", Value: "DELETE"}),
		"yet another override": preflight(origin, method, authz.Header{Name: "x-method-override", Value: "DELETE"}),
		"folded override":      preflight(origin, method, authz.Header{Name: "x_http_method_override", Value: "DELETE"}),
		"override with dots":   preflight(origin, method, authz.Header{Name: "x.http.method", Value: "DELETE"}),
	}
	upgrade := preflight(origin, method)
	upgrade.Upgrade = "websocket"
	tests["upgrade"] = upgrade
	denied := preflight(origin, method)
	denied.Path = authz.CanonicalPath("/internal/x")
	tests["deny rule"] = denied
	joined := preflight(authz.Header{Name: "origin", Value: "https://a.example,https://b.example"}, method)
	joined.Headers.Joined = true
	tests["joined origins"] = joined
	for name, req := range tests {
		if d := a.decide(req); d.Verdict == authz.Allow || (d.Reason == authz.PolicyDenied) != (name == "deny rule") {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d := newACME(t, nil).decide(preflight(origin, method)); d.Reason != authz.NoToken {
		t.Errorf("preflight without `preflight: allow`: %v", d.Reason)
	}
}

func TestP1PublicRoutes(t *testing.T) {
	spec := ordersSpec()
	spec.Public = []policy.PublicSpec{
		{Name: "health", Paths: []string{"/healthz"}},
		{Name: "maybe", Paths: []string{"/maybe/**"}, Token: policy.TokenOptional},
		{Name: "closed", Paths: []string{"/orders/secret/health"}},
	}
	spec.Require = []policy.Condition{{Not: &policy.Condition{Claim: []string{"blocked"}, Equals: &policy.Operand{Literal: &policy.Literal{Kind: policy.Bool, Bool: true}}, IfPresent: true}}}
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) { tenant.Policy = compilePolicy(t, spec) })
	good := a.idp.sign(t, scope)
	tests := []struct {
		name string
		req  *authz.Request
		want authz.Reason
	}{
		{"none", get("/healthz", ""), authz.PublicRoute},
		{"none with garbage", get("/healthz", "garbage"), authz.PublicRoute},
		{"below", get("/healthz/x", ""), authz.NoToken},
		{"deny rule wins", get("/orders/secret/health", ""), authz.PolicyDenied},
		{"optional without", get("/maybe/1", ""), authz.PublicRoute},
		{"optional with", get("/maybe/1", good), authz.PublicRoute},
		{"optional with garbage", get("/maybe/1", "garbage"), authz.TokenMalformed},
		{"optional with expired", get("/maybe/1", a.idp.sign(t, jwt.MapClaims{"exp": start.Unix() - 60})), authz.Expired},
		{"optional with another scheme", get("/maybe/1", "", authz.Header{Name: "authorization", Value: "Basic dTpw"}), authz.NoToken},
		{"optional with an empty credential", get("/maybe/1", "", authz.Header{Name: "authorization"}), authz.TokenMalformed},
		{"optional, require fails", get("/maybe/1", a.idp.sign(t, jwt.MapClaims{"blocked": true})), authz.RequireFailed},
	}
	for _, tt := range tests {
		if d := a.decide(tt.req); d.Reason != tt.want || d.Verdict != tt.want.Verdict() {
			t.Errorf("%s: %v, want %v", tt.name, d.Reason, tt.want)
		}
	}
	upgrade := get("/healthz", "")
	upgrade.Upgrade = "websocket"
	if d := a.decide(upgrade); d.Verdict == authz.Allow {
		t.Errorf("an upgrade passes a public route")
	}
}
