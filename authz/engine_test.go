package authz_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/policy"
)

// TestEngineDefaults holds that an engine without options reads the clock of
// the machine and names each decision.
func TestEngineDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newACME(t, nil)
		engine := authz.NewEngine(authz.Options{})
		engine.Swap(a.engine.Snapshot())
		raw := a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
		first, second := engine.Decide(t.Context(), get("/orders/7", raw)), engine.Decide(t.Context(), get("/orders/7", raw))
		if first.Reason != authz.Allowed || second.Reason != authz.Allowed || first.ID == second.ID || first.ID == (authz.DecisionID{}) {
			t.Errorf("%v %v, %v %v", first.Reason, first.ID, second.Reason, second.ID)
		}
		<-time.After(2 * time.Hour)
		if d := engine.Decide(t.Context(), get("/orders/7", raw)); d.Reason != authz.Expired {
			t.Errorf("two hours later: %v", d.Reason)
		}
	})
}

// A decision that was returned shares nothing with one that is made later,
// even in a copy of it.
func TestDecisionsAreTheirOwn(t *testing.T) {
	a := newACME(t, nil)
	req := func(sub string) *authz.Request {
		return get("/orders/7", a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "sub": sub, "roles": []string{"r", sub}}))
	}
	first := a.decide(req("user-1"))
	explained, _ := a.engine.Explain(t.Context(), req("user-1"))
	for _, d := range []authz.Decision{first, explained} {
		set := slices.Clone(d.Set)
		later := d
		a.engine.DecideInto(t.Context(), req("user-2"), &later)
		if value, _ := header(&later, "x-roles"); value != "r,user-2" || !slices.Equal(d.Set, set) {
			t.Errorf("%v became %v", set, d.Set)
		}
	}
}

// Explain decides as Decide does, in shadow too.
func TestExplainInShadow(t *testing.T) {
	a, _ := shadowWorld(t, authz.ShadowSpec{Mode: authz.ShadowPolicy})
	req := get("/other", a.idp.sign(t, scope))
	d, trace := a.engine.Explain(t.Context(), req)
	if want := a.decide(req); d.Reason != authz.ShadowPassed || d.Reason != want.Reason || d.Shadowed != want.Shadowed || !slices.Equal(d.Set, want.Set) || trace == nil {
		t.Errorf("%v for %v, trace %v, want %v for %v", d.Reason, d.Shadowed, trace, want.Reason, want.Shadowed)
	}
}

// TestP1DeadlinePassed holds that nothing is allowed once nobody waits, what
// needs no token included.
func TestP1DeadlinePassed(t *testing.T) {
	spec := ordersSpec()
	spec.Public = []policy.PublicSpec{{Name: "health", Paths: []string{"/healthz"}}}
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) { tenant.Policy = compilePolicy(t, spec) })
	ctx, cancel := context.WithCancel(t.Context())
	for path, want := range map[string]authz.Reason{"/healthz": authz.PublicRoute, "/orders/7": authz.Allowed} {
		if d := a.engine.Decide(ctx, get(path, a.idp.sign(t, scope))); d.Reason != want {
			t.Errorf("%s: %v", path, d.Reason)
		}
	}
	cancel()
	for _, path := range []string{"/healthz", "/orders/7", "/other"} {
		if d := a.engine.Decide(ctx, get(path, a.idp.sign(t, scope))); d.Reason != authz.DeadlineExceeded || d.Verdict == authz.Allow {
			t.Errorf("%s: %v", path, d.Reason)
		}
	}
}

// TestP1PreflightOfAnEntry holds that an entry passes preflights only if it
// says so, also where its tenants do.
func TestP1PreflightOfAnEntry(t *testing.T) {
	for i, passes := range []bool{false, true, true} {
		p := newPlatform(t, func(p *platform) {
			if p.spec.Entries[1].Preflight = passes; i > 1 {
				p.spec.Entries[1].Public = nil // it passes nothing else
			}
		})
		d := p.ask("api.example.com/orders/7", "", func(r *authz.Request) {
			r.Method = "OPTIONS"
			r.Headers.Lines = append(r.Headers.Lines, authz.Header{Name: "origin", Value: "https://app.example"}, authz.Header{Name: "access-control-request-method", Value: "GET"})
		})
		if (d.Verdict == authz.Allow) != passes || (d.Reason == authz.PreflightPassed) != passes {
			t.Errorf("the entry says %v: %v", passes, d.Reason)
		}
	}
}

// What the configuration says about tenant and issuer is known to the rules that
// ask: to deny rules of a public route before a token, to others after it.
func TestRulesKnowTenantAndIssuer(t *testing.T) {
	spec := ordersSpec()
	spec.Public = []policy.PublicSpec{{Name: "health", Paths: []string{"/healthz"}}}
	spec.Rules = append(spec.Rules,
		policy.RuleSpec{Name: "closed", Action: policy.Deny, Paths: []string{"/healthz"}, When: []policy.Condition{{Tenant: "labels.plan", Equals: text("closed")}}},
		policy.RuleSpec{Name: "issuer", Action: policy.Allow, Paths: []string{"/issuer"}, Issuers: []string{"idp"}, AnyToken: true},
		policy.RuleSpec{Name: "url", Action: policy.Allow, Paths: []string{"/url"}, When: []policy.Condition{{Issuer: "url", Equals: text("https://id.example.com/")}}})
	for plan, want := range map[string]authz.Reason{"open": authz.PublicRoute, "closed": authz.PolicyDenied} {
		a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
			tenant.Policy, tenant.Labels = compilePolicy(t, spec), map[string]string{"plan": plan}
		})
		if d := a.decide(get("/healthz", "")); d.Reason != want {
			t.Errorf("plan %s: %v, want %v", plan, d.Reason, want)
		}
		for _, path := range []string{"/issuer", "/url"} {
			if d := a.decide(get(path, a.idp.sign(t, scope))); d.Reason != authz.Allowed {
				t.Errorf("%s: %v %s", path, d.Reason, d.Rule)
			}
		}
	}
}

// TestP1RulesSeeTheWholeRequest holds that each part of a request reaches the
// rules that ask for it, as it was sent.
func TestP1RulesSeeTheWholeRequest(t *testing.T) {
	peer := func(block string) policy.Condition {
		return policy.Condition{RemoteIP: "peer", Within: &policy.Operand{Literal: &policy.Literal{Kind: policy.List, List: []policy.Literal{{Kind: policy.String, String: block}}}}}
	}
	cel := func(source string) policy.Condition { return policy.Condition{CEL: source} }
	for name, row := range map[string]struct {
		when   policy.Condition
		change func(*authz.Request) // to one for which it does not hold
	}{
		"remote address":    {peer("192.0.2.0/24"), func(r *authz.Request) { r.RemoteIP = netip.MustParseAddr("192.0.3.1") }},
		"no remote address": {peer("192.0.2.0/24"), func(r *authz.Request) { r.RemoteIP = netip.Addr{} }},
		"address in CEL":    {cel(`source.address == "192.0.2.1"`), func(r *authz.Request) { r.RemoteIP = netip.MustParseAddr("192.0.3.1") }},
		"principal":         {cel(`source.principal == "spiffe://a/b"`), func(r *authz.Request) { r.Principal = "spiffe://a/c" }},
		"method":            {cel(`request.method == "GET"`), func(r *authz.Request) { r.Method = "HEAD" }},
		"path":              {cel(`request.path == "/x/1"`), func(r *authz.Request) { r.Path = authz.CanonicalPath("/x/2") }},
		"query":             {cel(`request.query == "a=1"`), func(r *authz.Request) { r.Query = "a=2" }},
		"host":              {cel(`request.host == "api.example.com"`), func(r *authz.Request) { r.Host = "other.example.com" }},
		"scheme":            {cel(`request.scheme == "https"`), func(r *authz.Request) { r.Scheme = "http" }},
		"context":           {cel(`context["listener"] == "internal"`), func(r *authz.Request) { r.Context = map[string]string{"listener": "external"} }},
		"no context":        {cel(`context["listener"] == "internal"`), func(r *authz.Request) { r.Context = nil }},
		"header":            {cel(`request.headers["x-a"] == "1"`), func(r *authz.Request) { r.Headers.Lines[0].Value = "2" }},
	} {
		a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
			tenant.Hosts = []string{"api.example.com", "other.example.com"}
			tenant.Policy = compilePolicy(t, policy.Spec{Rules: []policy.RuleSpec{
				{Name: "if", Action: policy.Allow, Methods: []string{"GET", "HEAD"}, Paths: []string{"/x/**"}, When: []policy.Condition{row.when}},
			}})
		})
		req := get("/x/1", "", authz.Header{Name: "x-a", Value: "1"}, authz.Header{Name: "authorization", Value: "Bearer " + a.idp.sign(t, nil)})
		req.RemoteIP, req.Principal, req.Query, req.Context = netip.MustParseAddr("192.0.2.1"), "spiffe://a/b", "a=1", map[string]string{"listener": "internal"}
		if d := a.decide(req); d.Reason != authz.Allowed {
			t.Errorf("%s: %v", name, d.Reason)
		}
		row.change(req)
		if d := a.decide(req); d.Reason != authz.PolicyDenied {
			t.Errorf("%s, changed: %v", name, d.Reason)
		}
	}
}

// TestP1RulesSeeTheTime holds that rules are asked with the time of the request.
func TestP1RulesSeeTheTime(t *testing.T) {
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
		tenant.Policy = compilePolicy(t, policy.Spec{Rules: []policy.RuleSpec{
			{Name: "until", Action: policy.Allow, Paths: []string{"/x"}, When: []policy.Condition{{CEL: `now < timestamp("2026-03-01T12:00:01Z") && now > timestamp("2026-03-01T11:59:59Z")`}}},
		}})
	})
	raw := a.idp.sign(t, nil)
	for _, want := range []authz.Reason{authz.Allowed, authz.PolicyDenied} {
		if d := a.decide(get("/x", raw)); d.Reason != want {
			t.Errorf("at %v: %v, want %v", a.clock.Now(), d.Reason, want)
		}
		a.clock.advance(time.Second)
	}
}

// TestP1NothingIsKnownOfATenantBeforeThereIsOne holds that a deny rule of an
// entry that asks for the tenant denies as long as none is known.
func TestP1NothingIsKnownOfATenantBeforeThereIsOne(t *testing.T) {
	for name, row := range map[string]struct {
		when policy.Condition
		want authz.Reason
	}{
		"asks for the tenant": {policy.Condition{Tenant: "name", Equals: text("globex")}, authz.PolicyDenied},
		"CEL does":            {policy.Condition{CEL: `tenant.name == "globex"`}, authz.PolicyDenied},
		"asks for the peer":   {policy.Condition{Principal: "peer", Equals: text("x")}, authz.PublicRoute},
	} {
		p := newPlatform(t, func(p *platform) {
			p.spec.Entries[1].Public = compilePolicy(t, policy.Spec{
				Public: []policy.PublicSpec{{Name: "health", Paths: []string{"/healthz"}}},
				Rules:  []policy.RuleSpec{{Name: "closed", Action: policy.Deny, When: []policy.Condition{row.when}}},
			})
		})
		if d := p.ask("api.example.com/healthz", "", func(r *authz.Request) { r.Principal = "y" }); d.Reason != row.want {
			t.Errorf("%s: %v, want %v", name, d.Reason, row.want)
		}
	}
}
