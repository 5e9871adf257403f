package authz_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/policy"
)

// upstream applies a decision to the headers of a request, as the proxy does.
func upstream(req *authz.Request, d *authz.Decision) map[string][]string {
	seen := map[string][]string{}
	for _, line := range req.Headers.Lines {
		seen[line.Name] = append(seen[line.Name], line.Value)
	}
	for _, h := range d.Set {
		seen[h.Name] = []string{h.Value}
	}
	for _, name := range d.Remove {
		delete(seen, name)
	}
	return seen
}

// cgi is how an upstream of RFC 3875 names a header.
func cgi(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
}

// forgeries are the spellings of an identity header that a client may try.
func forgeries() []authz.Header {
	var lines []authz.Header
	for _, name := range []string{
		"x-user-id", "x-user-id", "x_user_id", "x-user_id", "x_user-id", "x_user_id", "x.user.id", "x-user.id",
		"x-tenant", "x_tenant", "x-roles", "x_roles",
		"x-envoy-auth-failure-mode-allowed", "x_envoy_auth_failure_mode_allowed", "x-envoy-auth-partial-body",
	} {
		lines = append(lines, authz.Header{Name: name, Value: "forged"})
	}
	return lines
}

// worldP5 has every way to an allow.
func worldP5(tb testing.TB, change func(*authz.TenantSpec, *authz.SnapshotSpec)) *acme {
	tb.Helper()
	spec := ordersSpec()
	spec.Public = []policy.PublicSpec{
		{Name: "health", Paths: []string{"/healthz"}},
		{Name: "hook", Methods: []string{"POST"}, Paths: []string{"/hook"}, ForwardAuthorization: true},
		{Name: "maybe", Paths: []string{"/maybe"}, Token: policy.TokenOptional},
		{Name: "maybe-forward", Paths: []string{"/maybe-forward"}, Token: policy.TokenOptional, ForwardAuthorization: true},
	}
	return newACME(tb, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		tenant.Policy, tenant.Preflight = compilePolicy(tb, spec), true
		if change != nil {
			change(tenant, snapshot)
		}
	})
}

// ways returns one allowed request for every way to an allow.
func ways(tb testing.TB, a *acme, lines ...authz.Header) map[string]*authz.Request {
	tb.Helper()
	hook, preflight := get("/hook", "", lines...), get("/orders/7", "", lines...)
	hook.Method, preflight.Method = "POST", "OPTIONS"
	preflight.Headers.Lines = append(preflight.Headers.Lines,
		authz.Header{Name: "origin", Value: "https://app.example"}, authz.Header{Name: "access-control-request-method", Value: "GET"})
	return map[string]*authz.Request{
		"policy":           get("/orders/7", a.idp.sign(tb, scope), lines...),
		"policy, no roles": get("/orders/7", a.idp.sign(tb, jwt.MapClaims{"scope": "orders:read", "roles": []string{}}), lines...),
		"policy, roles":    get("/orders/7", a.idp.sign(tb, jwt.MapClaims{"scope": "orders:read", "roles": []string{"a"}}), lines...),
		"public":           get("/healthz", "", lines...),
		"public, token":    get("/healthz", a.idp.sign(tb, scope), lines...),
		"hook":             hook,
		"optional":         get("/maybe", "", lines...),
		"optional, token":  get("/maybe", a.idp.sign(tb, scope), lines...),
		"preflight":        preflight,
	}
}

func TestP5ForgedHeadersNeverArrive(t *testing.T) {
	for name, proxy := range map[string]authz.ProxySpec{"plain": {}, "filters": {FiltersHeaders: true}, "rejects": {RejectsUnderscores: true}} {
		a := worldP5(t, func(_ *authz.TenantSpec, snapshot *authz.SnapshotSpec) { snapshot.Proxy = proxy })
		for way, req := range ways(t, a, forgeries()...) {
			for range 2 {
				d := a.decide(req)
				if d.Verdict != authz.Allow {
					t.Fatalf("%s, %s: %v", name, way, d.Reason)
				}
				owned := map[string]string{}
				for header, values := range upstream(req, &d) {
					if slices.Contains(values, "forged") {
						t.Errorf("%s, %s: upstream sees %s: %v", name, way, header, values)
					}
					if other, taken := owned[cgi(header)]; taken {
						t.Errorf("%s, %s: upstream may confuse %s and %s", name, way, header, other)
					}
					owned[cgi(header)] = header
				}
			}
		}
	}
}

// hide is a request as it arrives from a proxy that hides the forgeries.
func hide(req *authz.Request) *authz.Request {
	hidden := *req
	hidden.Filtered = true
	hidden.Headers.Lines = slices.DeleteFunc(slices.Clone(req.Headers.Lines), func(h authz.Header) bool { return h.Value == "forged" })
	return &hidden
}

func TestP5HiddenVariantsAreListed(t *testing.T) {
	var lines []authz.Header
	for _, h := range forgeries() {
		if !strings.Contains(h.Name, ".") {
			lines = append(lines, h)
		}
	}
	a := worldP5(t, nil)
	for way, req := range ways(t, a, lines...) {
		d := a.decide(hide(req))
		if d.Verdict != authz.Allow {
			t.Fatalf("%s: %v", way, d.Reason)
		}
		for header, values := range upstream(req, &d) {
			if slices.Contains(values, "forged") {
				t.Errorf("%s: upstream sees %s: %v", way, header, values)
			}
		}
	}
	a = worldP5(t, func(_ *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		snapshot.Proxy = authz.ProxySpec{RejectsUnderscores: true, FiltersHeaders: true}
	})
	d := a.decide(get("/orders/7", a.idp.sign(t, scope)))
	if d.Verdict != authz.Allow || slices.ContainsFunc(d.Remove, func(name string) bool { return strings.Contains(name, "_") }) {
		t.Errorf("a proxy that refuses underscores is sent %v (%v)", d.Remove, d.Reason)
	}
}

func TestP5IdentityComesFromVerifiedTokensOnly(t *testing.T) {
	a := worldP5(t, nil)
	withToken := map[string]bool{"policy": true, "policy, no roles": true, "policy, roles": true, "optional, token": true}
	for way, req := range ways(t, a) {
		d := a.decide(req)
		user, _ := header(&d, "x-user-id")
		tenant, _ := header(&d, "x-tenant")
		roles, _ := header(&d, "x-roles")
		if (user == "user-1") != withToken[way] || (user == "") == withToken[way] || tenant != "acme" || (roles == "a") != (way == "policy, roles") {
			t.Errorf("%s: user %q, tenant %q, roles %q", way, user, tenant, roles)
		}
		if withToken[way] != (d.Subject == "user-1") || withToken[way] != (d.Issuer == "idp") {
			t.Errorf("%s: subject %q, issuer %q", way, d.Subject, d.Issuer)
		}
		for _, h := range d.Set {
			if h.Value == "" || slices.Contains(d.Remove, h.Name) {
				t.Errorf("%s: %s is blank, or set and removed", way, h.Name)
			}
		}
	}
}

func TestP5AuthorizationIsRemoved(t *testing.T) {
	for _, forward := range []bool{false, true} {
		a := worldP5(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) { tenant.ForwardOriginalToken = forward })
		raw := a.idp.sign(t, scope)
		hook := get("/hook", "", authz.Header{Name: "authorization", Value: "Signature abc"})
		hook.Method = "POST"
		hidden := get("/maybe-forward", "")
		hidden.Filtered = true
		for _, tt := range []struct {
			name string
			req  *authz.Request
			kept bool
		}{
			{"policy", get("/orders/7", raw), forward},
			{"public", get("/healthz", raw), false},
			{"public, garbage", get("/healthz", "garbage"), false},
			{"hook", hook, true},
			{"optional", get("/maybe", raw), forward},
			{"optional, forwarded", get("/maybe-forward", raw), true},
			{"optional, none seen", hidden, false},
		} {
			d := a.decide(tt.req)
			if d.Verdict != authz.Allow || slices.Contains(d.Remove, "authorization") == tt.kept {
				t.Errorf("forward %v, %s: %v removes %v", forward, tt.name, d.Reason, d.Remove)
			}
		}
	}
}

func TestP5EnvoyAuthHeadersAreKeptOnRequest(t *testing.T) {
	a := worldP5(t, func(_ *authz.TenantSpec, snapshot *authz.SnapshotSpec) { snapshot.Proxy.KeepEnvoyAuthHeaders = true })
	d := a.decide(get("/orders/7", a.idp.sign(t, scope)))
	if d.Verdict != authz.Allow || slices.ContainsFunc(d.Remove, func(name string) bool { return strings.HasPrefix(name, "x-envoy-") }) {
		t.Errorf("%v removes %v", d.Reason, d.Remove)
	}
}

// A client must not have the next hop drop what we set.
func TestP5ConnectionNamesNoIdentityHeader(t *testing.T) {
	a := newACME(t, nil)
	raw := a.idp.sign(t, scope)
	for value, want := range map[string]authz.Reason{
		"keep-alive": authz.Allowed, "Upgrade": authz.Allowed, "": authz.Allowed,
		"x-user-id": authz.RequestInvalid, "Upgrade, X-Tenant": authz.RequestInvalid, "close,\tx-roles ,a": authz.RequestInvalid, "authorization": authz.RequestInvalid,
	} {
		if d := a.decide(get("/orders/7", raw, authz.Header{Name: "connection", Value: value})); d.Reason != want {
			t.Errorf("connection %q: %v, want %v", value, d.Reason, want)
		}
	}
}

func TestP5AbsentClaims(t *testing.T) {
	a := newACME(t, nil)
	for name, claims := range map[string]jwt.MapClaims{
		"absent": {"roles": nil}, "empty": {"roles": ""}, "empty list": {"roles": []string{}},
		"distributed": {"_claim_names": map[string]string{"roles": "src"}},
	} {
		claims["scope"] = "orders:read"
		req := get("/orders/7", a.idp.sign(t, claims), authz.Header{Name: "x-roles", Value: "forged"})
		d := a.decide(req)
		if value, set := header(&d, "x-roles"); d.Verdict != authz.Allow || set || !slices.Contains(d.Remove, "x-roles") {
			t.Errorf("%s: %v sets %q, removes %v", name, d.Reason, value, d.Remove)
		}
	}
	for name, sub := range map[string]any{"absent": nil, "empty": ""} {
		d := a.decide(get("/orders/7", a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "sub": sub})))
		if d.Verdict == authz.Allow {
			t.Errorf("required header from a claim that is %s: allowed", name)
		}
	}
	d := a.decide(get("/orders/7", a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "sub": nil})))
	if d.Reason != authz.HeaderValueRefused || d.Header != "x-user-id" || len(d.Set)+len(d.Remove) > 0 {
		t.Errorf("required header without claim: %+v", d)
	}
}

func TestP5HeaderInjection(t *testing.T) {
	a := newACME(t, nil)
	for raw, want := range map[string]string{
		"a\r\nx-admin: 1": "a%0D%0Ax-admin: 1", "a\x00b": "a%00b", "é": "%C3%A9", " a ": "%20a%20", "100%": "100%25", "a\x7f": "a%7F", "a,b": "a,b", "a b": "a b",
	} {
		d := a.decide(get("/orders/7", a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "sub": raw})))
		if value, _ := header(&d, "x-user-id"); value != want {
			t.Errorf("subject %q: header %q (%v), want %q", raw, value, d.Reason, want)
		}
	}
	for _, tt := range []struct {
		roles any
		want  string // "" for a refusal
	}{
		{[]any{"a,admin"}, "a%2Cadmin"}, {[]any{"a", "admin"}, "a,admin"}, {"a,admin", "a%2Cadmin"}, {[]any{1, 2.5, true}, "1,2.5,true"},
		{[]any{"a", ""}, ""}, {[]any{""}, ""}, {[]any{nil}, ""}, {[]any{[]any{"a"}}, ""}, {[]any{map[string]any{}}, ""}, {map[string]any{"a": 1}, ""},
		{strings.Repeat("a", 1024), strings.Repeat("a", 1024)}, {strings.Repeat("a", 1025), ""}, {strings.Repeat("é", 400), ""},
	} {
		d := a.decide(get("/orders/7", a.idp.sign(t, jwt.MapClaims{"scope": "orders:read", "roles": tt.roles})))
		value, _ := header(&d, "x-roles")
		if value != tt.want || (d.Verdict == authz.Allow) != (tt.want != "") || tt.want == "" && d.Reason != authz.HeaderValueRefused {
			t.Errorf("roles %.40v: header %.40q (%v), want %.40q", tt.roles, value, d.Reason, tt.want)
		}
	}
}
