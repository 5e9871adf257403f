package authz_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// shadowWorld is acme in shadow, beside a neighbour with an issuer of its own.
func shadowWorld(tb testing.TB, shadow authz.ShadowSpec) (*acme, *idp) {
	tb.Helper()
	other := newIDP(tb, "https://other.example.com/", 7)
	spec := ordersSpec()
	spec.Require = []policy.Condition{{Not: &policy.Condition{Claim: []string{"banned"}, Exists: true}}}
	spec.Public = []policy.PublicSpec{{Name: "health", Paths: []string{"/healthz"}}, {Name: "closed", Paths: []string{"/orders/secret/health"}}}
	a := newACME(tb, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		tenant.Shadow, tenant.Policy = shadow, compilePolicy(tb, spec)
		snapshot.Tenants = append(snapshot.Tenants, newTenant(tb, authz.TenantSpec{
			Name: "other", Hosts: []string{"other.example.com"}, Issuers: []*token.Issuer{other.issuer(tb, "other")},
			Policy: ordersPolicy(tb), Owned: tenant.Owned,
		}))
	})
	return a, other
}

func TestP1Shadow(t *testing.T) {
	until := start.Add(24 * time.Hour)
	off, onlyPolicy, insecure := authz.ShadowSpec{}, authz.ShadowSpec{Mode: authz.ShadowPolicy}, authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: until}
	const neither, policyToo, insecureToo = 0, 1, 2 // the mildest shadow that passes it
	type world struct {
		a     *acme
		other *idp
	}
	signed := func(claims jwt.MapClaims) func(world) *authz.Request {
		return func(w world) *authz.Request { return get("/orders/7", w.a.idp.sign(t, claims)) }
	}
	raw := func(path, raw string) func(world) *authz.Request {
		return func(world) *authz.Request { return get(path, raw) }
	}
	good := func(path string, change func(*authz.Request)) func(world) *authz.Request {
		return func(w world) *authz.Request {
			req := get(path, w.a.idp.sign(t, scope))
			if change != nil {
				change(req)
			}
			return req
		}
	}
	forged := func(w world) *authz.Request {
		return get("/orders/7", (&idp{url: w.a.idp.url, kid: "k1", secret: w.other.secret}).sign(t, scope))
	}
	tests := []struct {
		name   string
		req    func(world) *authz.Request
		reason authz.Reason
		passes int
	}{
		{"no rule", good("/other", nil), authz.PolicyDenied, policyToo},
		{"deny rule", good("/orders/secret/1", nil), authz.PolicyDenied, policyToo},
		{"method", good("/orders/7", func(r *authz.Request) { r.Method = "DELETE" }), authz.PolicyDenied, policyToo},
		{"scope", signed(jwt.MapClaims{"scope": "x"}), authz.ScopeMissing, policyToo},
		{"require", signed(jwt.MapClaims{"scope": "orders:read", "banned": true}), authz.RequireFailed, policyToo},

		{"no token", raw("/orders/7", ""), authz.NoToken, insecureToo},
		{"malformed token", raw("/orders/7", "a.b"), authz.TokenMalformed, insecureToo},
		{"too large", raw("/orders/7", strings.Repeat("a", token.MaxTokenBytes+1)), authz.TokenTooLarge, insecureToo},
		{"two tokens", good("/orders/7", func(r *authz.Request) { r.Headers.Lines = append(r.Headers.Lines, r.Headers.Lines[0]) }), authz.SeveralTokens, insecureToo},
		{"expired", signed(jwt.MapClaims{"exp": start.Unix() - 60}), authz.Expired, insecureToo},
		{"not yet valid", signed(jwt.MapClaims{"nbf": start.Unix() + 60}), authz.NotYetValid, insecureToo},
		{"claims", signed(jwt.MapClaims{"exp": "x"}), authz.ClaimsInvalid, insecureToo},
		{"bound", signed(jwt.MapClaims{"cnf": map[string]any{"jkt": "x"}}), authz.BindingUnproved, insecureToo},
		{"signature", forged, authz.SignatureInvalid, insecureToo},
		{"denied public route", raw("/orders/secret/health", ""), authz.PolicyDenied, insecureToo},

		{"another tenant's token", func(w world) *authz.Request { return get("/orders/7", w.other.sign(t, scope)) }, authz.IssuerUnknown, neither},
		{"another audience", signed(jwt.MapClaims{"aud": "https://other.example.com"}), authz.AudienceRefused, neither},
		{"unknown place", good("/orders/7", func(r *authz.Request) { r.Host = "nobody.example.com" }), authz.PlaceUnknown, neither},
		{"unknown place, no token", func(world) *authz.Request {
			r := get("/orders/7", "")
			r.Host = "nobody.example.com"
			return r
		}, authz.PlaceUnknown, neither},
		{"the neighbour", func(w world) *authz.Request {
			r := get("/other", w.other.sign(t, scope))
			r.Host = "other.example.com"
			return r
		}, authz.PolicyDenied, neither},
		{"odd path", good("/orders/../x", nil), authz.PathNotCanonical, neither},
		{"odd path, not admitted", good("/orders//x", nil), authz.PathNotCanonical, neither},
		{"odd path, no token", raw("/orders//x", ""), authz.NoToken, neither},
		{"CONNECT", good("/orders/7", func(r *authz.Request) { r.Method = "CONNECT" }), authz.RequestInvalid, neither},
		{"fault", good("/orders/7", func(r *authz.Request) { r.Fault = authz.HostInvalid }), authz.HostInvalid, neither},
		{"required header", signed(jwt.MapClaims{"scope": "orders:read", "sub": nil}), authz.HeaderValueRefused, neither},
		{"required header, denied", signed(jwt.MapClaims{"scope": "x", "sub": nil}), authz.ScopeMissing, neither},
	}
	for level, spec := range []authz.ShadowSpec{off, onlyPolicy, insecure} {
		a, other := shadowWorld(t, spec)
		for _, tt := range tests {
			for range 2 { // fresh and cached
				d := a.decide(tt.req(world{a, other}))
				passes := tt.passes != neither && tt.passes <= level
				switch {
				case passes && (d.Verdict != authz.Allow || d.Reason != authz.ShadowPassed || d.Shadowed != tt.reason):
					t.Errorf("mode %d, %s: %v %v for %v, want a pass for %v", spec.Mode, tt.name, d.Verdict, d.Reason, d.Shadowed, tt.reason)
				case !passes && (d.Verdict == authz.Allow || d.Shadowed != 0 || d.Set != nil || d.Remove != nil):
					t.Errorf("mode %d, %s: %v %v, want a refusal", spec.Mode, tt.name, d.Verdict, d.Reason)
				case !passes && d.Reason != tt.reason && (level == 0 || d.Reason != authz.HeaderValueRefused):
					t.Errorf("mode %d, %s: %v, want %v", spec.Mode, tt.name, d.Reason, tt.reason)
				}
			}
		}
		if d := a.decide(get("/orders/7", a.idp.sign(t, scope))); d.Reason != authz.Allowed || d.Shadowed != 0 {
			t.Errorf("mode %d: what is allowed anyway: %v", spec.Mode, d.Reason)
		}
		if d := a.decide(get("/healthz", "")); d.Reason != authz.PublicRoute {
			t.Errorf("mode %d: public route: %v", spec.Mode, d.Reason)
		}
	}
}

// An issuer without keys, or one that is unknown, says nothing about a token.
func TestP1ShadowNeedsKeys(t *testing.T) {
	a, _ := shadowWorld(t, authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: start.Add(time.Hour)})
	fault := token.ErrKeysUnavailable
	a.idp.fault.Store(&fault)
	if d := a.decide(get("/orders/7", a.idp.sign(t, scope))); d.Reason != authz.KeysUnavailable {
		t.Errorf("without keys: %v", d.Reason)
	}
}

func TestP1SuspendedTenantHasNoShadow(t *testing.T) {
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
		tenant.Suspended = true
		tenant.Shadow = authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: start.Add(time.Hour)}
	})
	for _, raw := range []string{"", a.idp.sign(t, scope)} {
		if d := a.decide(get("/orders/7", raw)); d.Reason != authz.TenantSuspended || d.Verdict != authz.Deny {
			t.Errorf("%v", d.Reason)
		}
	}
}

func TestP1ShadowEnds(t *testing.T) {
	hour := start.Add(time.Hour)
	for _, tt := range []struct {
		name    string
		spec    authz.ShadowSpec
		advance time.Duration
		noToken authz.Reason
		denied  authz.Reason
	}{
		{"in force", authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: hour}, time.Hour - 1, authz.ShadowPassed, authz.ShadowPassed},
		{"at its end", authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: hour}, time.Hour, authz.NoToken, authz.PolicyDenied},
		{"too far ahead", authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: start.Add(authz.MaxInsecureShadow + 1)}, 0, authz.NoToken, authz.PolicyDenied},
		{"just near enough", authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: start.Add(authz.MaxInsecureShadow)}, 0, authz.ShadowPassed, authz.ShadowPassed},
		{"policy without end", authz.ShadowSpec{Mode: authz.ShadowPolicy}, 1000 * time.Hour, authz.NoToken, authz.ShadowPassed},
		{"policy with an end", authz.ShadowSpec{Mode: authz.ShadowPolicy, Until: hour}, time.Hour, authz.NoToken, authz.PolicyDenied},
	} {
		a, _ := shadowWorld(t, tt.spec)
		a.clock.advance(tt.advance)
		raw := a.idp.sign(t, jwt.MapClaims{"iat": a.clock.Now().Unix(), "exp": a.clock.Now().Unix() + 60})
		if d := a.decide(get("/orders/7", "")); d.Reason != tt.noToken {
			t.Errorf("%s: no token: %v, want %v", tt.name, d.Reason, tt.noToken)
		}
		if d := a.decide(get("/other", raw)); d.Reason != tt.denied {
			t.Errorf("%s: denied: %v, want %v", tt.name, d.Reason, tt.denied)
		}
	}
}

// TestP5Shadow: what passes in shadow carries the identity of a verified token
// or none, and never a bad token.
func TestP5Shadow(t *testing.T) {
	for _, forward := range []bool{false, true} {
		a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
			tenant.Shadow = authz.ShadowSpec{Mode: authz.ShadowInsecure, Until: start.Add(time.Hour)}
			tenant.ForwardOriginalToken = forward
		})
		good, bad := a.idp.sign(t, jwt.MapClaims{"sub": "alice"}), a.idp.sign(t, jwt.MapClaims{"sub": "root", "exp": start.Unix() - 60})
		for name, tt := range map[string]struct {
			raw, user string
			kept      bool
		}{"good": {good, "alice", forward}, "bad": {bad, "", false}, "garbage": {"x", "", false}, "none": {"", "", false}} {
			req := get("/other", tt.raw, forgeries()...)
			d := a.decide(req)
			if d.Reason != authz.ShadowPassed || d.Subject != tt.user {
				t.Fatalf("%s: %v for %q", name, d.Reason, d.Subject)
			}
			seen := upstream(req, &d)
			if user := strings.Join(seen["x-user-id"], "|"); user != tt.user {
				t.Errorf("%s: the upstream sees user %q, want %q", name, user, tt.user)
			}
			if _, kept := seen["authorization"]; kept != tt.kept {
				t.Errorf("%s, forward %v: authorization kept: %v", name, forward, kept)
			}
			for header, values := range seen {
				if slices.Contains(values, "forged") {
					t.Errorf("%s: the upstream sees %s", name, header)
				}
			}
		}
	}
}

func TestShadowRuleIsNamed(t *testing.T) {
	spec := ordersSpec()
	spec.Rules[2].Shadow = true
	a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) { tenant.Policy = compilePolicy(t, spec) })
	d := a.decide(get("/orders/secret/1", a.idp.sign(t, scope)))
	if d.Reason != authz.Allowed || d.ShadowRule != "secret" || d.Rule != "read" {
		t.Errorf("%v by %s, shadow rule %q", d.Reason, d.Rule, d.ShadowRule)
	}
	if d := a.decide(get("/orders/1", a.idp.sign(t, scope))); d.Reason != authz.Allowed || d.ShadowRule != "" {
		t.Errorf("%v, shadow rule %q", d.Reason, d.ShadowRule)
	}
}

func TestShadowProblems(t *testing.T) {
	a := newACME(t, nil)
	for path, shadow := range map[string]authz.ShadowSpec{
		"shadow.until": {Mode: authz.ShadowInsecure}, "shadow.mode": {Mode: 9},
	} {
		spec := a.tenant
		spec.Shadow = shadow
		if tenant, problems := authz.NewTenant(spec); tenant != nil || len(problems) != 1 || problems[0].Path != path {
			t.Errorf("%+v: %v, want one at %s", shadow, problems, path)
		}
	}
}
