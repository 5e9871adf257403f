package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCaseTwoIssuers: a tenant moves from one issuer to another. Both are good
// until the old one's end, which is put just ahead and then behind; a cached
// token ends with it.
func TestCaseTwoIssuers(t *testing.T) {
	c := openCase(t, "two-issuers", nil,
		caseIssuer{name: mainIssuer, address: "127.0.0.1:8080", algorithm: "RS256"},
		caseIssuer{name: secondIssuer, address: "127.0.0.1:8082", algorithm: "ES256"})
	const host = "api.example.com"
	nested := func(roles ...string) map[string]any {
		return map[string]any{"realm_access": map[string]any{"roles": roles}}
	}
	flat := func(groups ...string) map[string]any { return map[string]any{"groups": groups} }
	old := authorization(c.mint(t, mainIssuer, flat("reader", "writer")))
	neu := authorization(c.mint(t, secondIssuer, nested("reader", "writer")))
	ask := func(what, method, token string, status int, reason, saw string) question {
		return question{what: what, method: method, host: host, target: "/orders/7", header: []string{token, "x-issuer: forged"}, status: status, reason: reason, saw: saw}
	}
	c.ask(t, []string{"x-user-id", "x-issuer", "authorization"}, []question{
		ask("old reads", "GET", old, 200, "allowed", "x-issuer=old x-user-id=alice"),
		ask("new reads", "GET", neu, 200, "allowed", "x-issuer=new x-user-id=alice"),
		ask("new writes", "POST", neu, 200, "allowed", "x-issuer=new x-user-id=alice"),
		ask("old does not write: the rule names the new one", "POST", old, 403, "policy_denied", ""),
		ask("roles as the other issuer writes them", "GET", authorization(c.mint(t, mainIssuer, nested("reader"))), 403, "policy_denied", ""),
		ask("the same, the other way round", "GET", authorization(c.mint(t, secondIssuer, flat("reader"))), 403, "policy_denied", ""),
		ask("old, signed by new", "GET", authorization(c.mintAs(t, secondIssuer, mainIssuer)), 401, "algorithm", ""),
	})

	file := filepath.Join(c.dir, "tenants", "acme.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	until := func(at time.Time) {
		changed := strings.NewReplacer("2126-12-31T00:00:00Z", at.UTC().Format(time.RFC3339Nano), "issuer: name}", "issuer: url}").Replace(string(text))
		if strings.Contains(changed, "2126-12-31") || !strings.Contains(changed, "issuer: url}") {
			t.Fatal("the file has no end date or no issuer to change")
		}
		c.write(t, "tenants/acme.yaml", changed)
	}
	get := func(token string) answer { return c.send(t, http.MethodGet, host, "/orders/7", token) }
	c.endsByItself(t, get, until, old)
	for what, token := range map[string]string{"cached": old, "fresh": authorization(c.mint(t, mainIssuer, flat("reader", "x")))} {
		got := get(token)
		if got.status != http.StatusUnauthorized || got.reason != "issuer_retired" || !strings.Contains(got.challenge(), `error="invalid_token"`) {
			t.Errorf("%s, after its end: %d %s %s", what, got.status, got.reason, got.challenge())
		}
	}
	if got := get(neu); got.reason != "allowed" {
		t.Errorf("the new issuer: %s", got.reason)
	}
	until(time.Now().Add(time.Hour))
	eventually(t, "a later end is put in", func() bool { return get(old).reason == "allowed" })
	until(time.Now().Add(-time.Hour))
	eventually(t, "an end in the past", func() bool { return get(old).reason == "issuer_retired" })
}

// endsByItself puts the end a little ahead, in a file that also shows the issuer
// otherwise. The token, which is cached, is good before it and retired after it,
// and no file changes in between.
func (c *theCase) endsByItself(t *testing.T, get func(string) answer, until func(time.Time), token string) {
	t.Helper()
	end := time.Now().Add(3 * time.Second)
	until(end)
	eventually(t, "the end has come", func() bool {
		asked := time.Now()
		got := get(token)
		if got.reason == "issuer_retired" {
			if time.Now().Before(end) {
				t.Errorf("retired %s before its end", time.Until(end))
			}
			return true
		}
		inForce := strings.HasPrefix(strings.Join(got.saw("x-issuer"), ""), "http://")
		if got.reason != "allowed" || inForce && asked.After(end) {
			t.Fatalf("%s after its end: %d %s", time.Since(end), got.status, got.reason)
		}
		return false
	})
}

// mintAs has one issuer sign a token that says it is another's.
func (c *theCase) mintAs(t *testing.T, signer, as string) string {
	t.Helper()
	other := strings.Split(c.mint(t, as, map[string]any{"groups": []string{"reader"}}), ".")
	mine := strings.Split(c.mint(t, signer, nil), ".")
	return mine[0] + "." + other[1] + "." + mine[2]
}
