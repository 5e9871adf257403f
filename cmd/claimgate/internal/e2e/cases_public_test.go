package e2e

import (
	"net/http"
	"testing"
)

// TestCasePublic: health, signed webhooks, an optional token, preflights and a
// websocket.
func TestCasePublic(t *testing.T) {
	c := openCase(t, "public", nil, caseIssuer{name: mainIssuer, address: "127.0.0.1:8080", algorithm: "RS256"})
	good := c.mint(t, mainIssuer, nil)
	mallory := c.mint(t, mainIssuer, map[string]any{"sub": "mallory"})
	ask := func(what, method, target string, status int, reason, saw string, header ...string) question {
		return question{what: what, method: method, host: "api.example.com", target: target, status: status, reason: reason, saw: saw,
			header: append(header, "x-user-id: root")}
	}
	preflight := []string{"Origin: https://app.example.com", "Access-Control-Request-Method: POST"}
	c.ask(t, []string{"x-user-id", "authorization", "cookie"}, []question{
		ask("health", "GET", "/healthz", 200, "public_route", ""),
		ask("health, credentials end here", "GET", "/healthz", 200, "public_route", "", authorization(good)),
		ask("health, bad token", "GET", "/healthz", 200, "public_route", "", authorization("junk")),
		ask("health by another method", "POST", "/healthz", 401, "no_token", ""),
		ask("webhook, signature goes on", "POST", "/hooks/stripe", 200, "public_route", "authorization=Signature abc", "Authorization: Signature abc"),
		ask("webhook, a deny rule without claims wins", "POST", "/hooks/internal/reset", 403, "policy_denied", "", "Authorization: Signature abc"),
		ask("webhook by another method", "GET", "/hooks/stripe", 401, "no_token", "", "Authorization: Signature abc"),
		ask("catalogue, no token", "GET", "/catalogue/1", 200, "public_route", ""),
		ask("catalogue, good token", "GET", "/catalogue/1", 200, "public_route", "x-user-id=alice", authorization(good)),
		ask("catalogue, bad token", "GET", "/catalogue/1", 401, "token_malformed", "", authorization("junk")),
		ask("catalogue, denied by a claim", "GET", "/catalogue/1", 403, "policy_denied", "", authorization(mallory)),
		ask("preflight", "OPTIONS", "/orders/7", 200, "preflight", "", preflight...),
		ask("preflight with credentials is none", "OPTIONS", "/orders/7", 403, "policy_denied", "", append(preflight, authorization(good))...),
		ask("OPTIONS that is no preflight", "OPTIONS", "/orders/7", 401, "no_token", "", "Origin: https://app.example.com"),
		ask("orders", "GET", "/orders/7", 200, "allowed", "x-user-id=alice", authorization(good)),
		ask("orders by cookie, which ends here", "GET", "/orders/7", 200, "allowed", "cookie=a=1 x-user-id=alice", "Cookie: a=1; session="+good),
		ask("two credentials", "GET", "/orders/7", 401, "several_tokens", "", authorization(good), "Cookie: session="+good),
	})
	c.websocket(t)
}

// websocket asks for an upgrade, as browsers do: the token in a cookie.
func (c *theCase) websocket(t *testing.T) {
	live, other := c.mint(t, mainIssuer, map[string]any{"scope": "live"}), c.mint(t, mainIssuer, nil)
	for _, q := range []struct {
		what, target string
		header       []string
		status       int
		reason       string
	}{
		{"by cookie", "/live", []string{"Cookie: session=" + live}, http.StatusSwitchingProtocols, ""},
		{"by header", "/live", []string{authorization(live)}, http.StatusSwitchingProtocols, ""},
		{"no token", "/live", nil, http.StatusUnauthorized, "no_token"},
		{"bad token", "/live", []string{"Cookie: session=junk"}, http.StatusUnauthorized, "token_malformed"},
		{"without the scope", "/live", []string{authorization(other)}, http.StatusForbidden, "scope_missing"},
		{"a rule that names no upgrade", "/orders/7", []string{authorization(other)}, http.StatusForbidden, "policy_denied"},
		{"a public route lets no upgrade pass", "/healthz", nil, http.StatusUnauthorized, "no_token"},
	} {
		t.Run("websocket "+q.what, func(t *testing.T) {
			request := "GET " + q.target + " HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nx-user-id: root\r\n"
			for _, line := range q.header {
				request += line + "\r\n"
			}
			got := c.raw(t, viaProfile, request+"\r\n")
			if got.status != q.status || q.reason != "" && got.reason != q.reason {
				t.Fatalf("got %d %s, want %d %s", got.status, got.reason, q.status, q.reason)
			}
			if q.status == http.StatusSwitchingProtocols && got.header.Get("X-Saw-User-Id") != "alice" {
				t.Errorf("the upstream saw user %q", got.header.Get("X-Saw-User-Id"))
			}
		})
	}
}
