package e2e

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// TestCaseClaim: one issuer and one host for all tenants, found by a claim of
// the verified token.
func TestCaseClaim(t *testing.T) {
	c := openCase(t, "claim", nil, caseIssuer{name: mainIssuer, address: "127.0.0.1:8080", algorithm: "RS256"})
	const host = "api.example.com"
	of := func(org any) []string {
		return []string{authorization(c.mint(t, mainIssuer, map[string]any{"org_id": org})), "x-tenant: forged"}
	}
	other := renamed(t, c.mint(t, mainIssuer, map[string]any{"org_id": "org_2f9k"}), "org_2f9k", "org_7c1d")
	ask := func(what, target string, header []string, status int, reason, saw string) question {
		return question{what: what, method: http.MethodGet, host: host, target: target, header: header, status: status, reason: reason, saw: saw}
	}
	c.ask(t, []string{"x-tenant", "x-user-id", "authorization"}, []question{
		ask("acme", "/orders/7", of("org_2f9k"), 200, "allowed", "x-tenant=acme x-user-id=alice"),
		ask("globex", "/orders/7", of("org_7c1d"), 200, "allowed", "x-tenant=globex x-user-id=alice"),
		ask("acme exports", "/orders/export/1", of("org_2f9k"), 200, "allowed", "x-tenant=acme x-user-id=alice"),
		ask("globex does not", "/orders/export/1", of("org_7c1d"), 403, "policy_denied", ""),
		ask("an id of nobody", "/orders/7", of("org_none"), 403, "tenant_unknown", ""),
		ask("the name where an id is said", "/orders/7", of("acme"), 403, "tenant_unknown", ""),
		ask("another case", "/orders/7", of("ORG_2F9K"), 403, "tenant_unknown", ""),
		ask("a list of one", "/orders/7", of([]string{"org_2f9k"}), 403, "tenant_unknown", ""),
		ask("empty", "/orders/7", of(""), 403, "tenant_unknown", ""),
		ask("null", "/orders/7", of(nil), 403, "tenant_unknown", ""),
		ask("suspended", "/orders/7", of("initech"), 403, "tenant_suspended", ""),
		ask("no token", "/orders/7", nil, 401, "no_token", ""),
		ask("a claim that nobody signed", "/orders/7", []string{authorization(other)}, 401, "signature", ""),
		ask("health, before a tenant is known", "/healthz", []string{"x-tenant: forged"}, 200, "public_route", ""),
		{what: "preflight", method: http.MethodOptions, host: host, target: "/orders/7", status: 200, reason: "preflight",
			header: []string{"Origin: https://app.example.com", "Access-Control-Request-Method: GET", "x-tenant: forged"}},
		{what: "another host", method: http.MethodGet, host: "other.example.com", target: "/orders/7", header: of("org_2f9k"), status: 401, reason: "place_unknown"},
	})
	const metadata = `resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`
	if got := c.send(t, http.MethodGet, host, "/orders/7"); !strings.Contains(got.challenge(), metadata) {
		t.Errorf("challenge %q", got.challenge())
	}
	if got := c.send(t, http.MethodGet, host, "/.well-known/oauth-protected-resource"); got.status != 200 || !strings.Contains(got.body, "orders:read") {
		t.Errorf("metadata: %d %s", got.status, got.body)
	}
}

// renamed changes the org of a token whose signature then is another's.
func renamed(t *testing.T, token, from, to string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !strings.Contains(string(payload), from) {
		t.Fatalf("no %s in the payload (%v)", from, err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), from, to, 1)))
	return strings.Join(parts, ".")
}
