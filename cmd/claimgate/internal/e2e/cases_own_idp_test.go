package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
)

// newcomers are the identity providers of partners.
type newcomers struct {
	*theCase
	hooli, raviga *issuer.Issuer // both say that they are https://id.hooli.example
}

// file returns a partner's file with the keys of its provider.
func (n *newcomers) file(t *testing.T, name string, idp *issuer.Issuer) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, "later", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile(`(?m)^    jwks: .*$`)
	if !keys.Match(text) {
		t.Fatalf("%s has no keys", name)
	}
	return keys.ReplaceAllLiteralString(string(text), "    jwks: "+string(idp.JWKS()))
}

func (n *newcomers) token(t *testing.T, idp *issuer.Issuer) string {
	t.Helper()
	token, err := idp.Mint(map[string]any{"sub": "hank", "aud": "https://partners.example.com", "scope": "orders:read"})
	if err != nil {
		t.Fatal(err)
	}
	return authorization(token)
}

// reason asks below the partners' host.
func (n *newcomers) reason(t *testing.T, target string, header ...string) string {
	t.Helper()
	return n.send(t, http.MethodGet, "partners.example.com", target, header...).reason
}

// becomes waits until a request comes out so.
func (n *newcomers) becomes(t *testing.T, want, what, target string, header ...string) {
	t.Helper()
	eventually(t, what+": "+want, func() bool { return n.reason(t, target, header...) == want })
}

// TestCaseOwnIdP: a partner with an identity provider of its own is added,
// rotates its key, breaks its file, is imitated and leaves while claimgate runs.
// The tenant that was there first never notices.
func TestCaseOwnIdP(t *testing.T) {
	n := &newcomers{theCase: openCase(t, "own-idp", nil, caseIssuer{name: mainIssuer, address: "127.0.0.1:8080", algorithm: "RS256"})}
	for _, idp := range []**issuer.Issuer{&n.hooli, &n.raviga} {
		var err error
		if *idp, err = issuer.New(issuer.Options{URL: "https://id.hooli.example", Algorithm: "ES256"}); err != nil {
			t.Fatal(err)
		}
	}
	acme := authorization(n.mint(t, mainIssuer, map[string]any{"aud": "https://partners.example.com"}))
	first := n.token(t, n.hooli)
	calm := func(when string) {
		t.Helper()
		for target, want := range map[string]string{"/t/acme/orders/7": "allowed", "/t/acme/orders/admin/x": "policy_denied", "/t/acme/elsewhere": "policy_denied"} {
			if got := n.reason(t, target, acme); got != want {
				t.Errorf("%s: acme: %s: %s, want %s", when, target, got, want)
			}
		}
		if got := n.reason(t, "/t/acme/orders/7", first); got != "issuer_unknown" {
			t.Errorf("%s: hooli's token at acme: %s", when, got)
		}
	}
	calm("before")
	if got := n.reason(t, "/t/hooli/orders/7", first); got != "place_unknown" {
		t.Fatalf("hooli before it is there: %s", got)
	}

	n.write(t, "tenants/hooli.yaml", n.file(t, "hooli", n.hooli))
	n.becomes(t, "allowed", "hooli is added", "/t/hooli/orders/7", first)
	calm("added")
	n.askHooli(t, first, acme)

	if err := n.hooli.Rotate(); err != nil {
		t.Fatal(err)
	}
	n.hooli.Withdraw()
	second := n.token(t, n.hooli)
	n.write(t, "tenants/hooli.yaml", n.file(t, "hooli", n.hooli))
	n.becomes(t, "allowed", "the new key", "/t/hooli/orders/7", second)
	if got := n.reason(t, "/t/hooli/orders/7", first); got != "key_unknown" {
		t.Errorf("a cached token of the key that is gone: %s", got)
	}

	n.write(t, "tenants/raviga.yaml", n.file(t, "raviga", n.raviga))
	n.becomes(t, "tenant_unavailable", "an imitator is held", "/t/raviga/orders/7", n.token(t, n.raviga))
	for place, token := range map[string]string{"/t/hooli/orders/7": n.token(t, n.raviga), "/t/acme/orders/7": n.token(t, n.raviga)} {
		if got := n.reason(t, place, token); got == "allowed" {
			t.Errorf("the imitator's token at %s: %s", place, got)
		}
	}
	if got := n.reason(t, "/t/hooli/orders/7", second); got != "allowed" {
		t.Errorf("hooli beside its imitator: %s", got)
	}

	n.write(t, "tenants/hooli.yaml", "nonsense: true\n")
	n.write(t, "tenants/marker.yaml", "issuers: [platform]\nsharedTokens: true\nsuspended: true\n") // seen after it
	n.becomes(t, "tenant_unavailable", "the marker, which shares an issuer alone", "/t/marker/orders/7")
	if got := n.reason(t, "/t/hooli/orders/7", second); got != "allowed" {
		t.Errorf("hooli with a broken file: %s", got)
	}
	calm("broken")

	for _, name := range []string{"hooli", "raviga", "marker"} {
		if err := os.Remove(filepath.Join(n.dir, "tenants", name+".yaml")); err != nil {
			t.Fatal(err)
		}
	}
	n.becomes(t, "place_unknown", "hooli is gone", "/t/hooli/orders/7", second)
	calm("gone")
}

// askHooli asks in and around its prefix.
func (n *newcomers) askHooli(t *testing.T, own, acme string) {
	t.Helper()
	ask := func(what, target, token string, status int, reason, saw string) question {
		return question{what: what, method: http.MethodGet, host: "partners.example.com", target: target,
			header: []string{token, "x-tenant: acme", "x-user-id: root"}, status: status, reason: reason, saw: saw}
	}
	n.ask(t, []string{"x-tenant", "x-user-id", "authorization"}, []question{
		ask("own", "/t/hooli/orders/7", own, 200, "allowed", "x-tenant=hooli x-user-id=hank"),
		ask("rules see what is below the prefix", "/t/hooli/orders/admin/x", own, 403, "policy_denied", ""),
		ask("nothing else is allowed", "/t/hooli/t/hooli/orders", own, 403, "policy_denied", ""),
		ask("acme's token", "/t/hooli/orders/7", acme, 401, "issuer_unknown", ""),
		ask("a longer name", "/t/hooli2/orders/7", own, 401, "place_unknown", ""),
		ask("no prefix", "/orders/7", own, 401, "place_unknown", ""),
		ask("another case", "/t/Hooli/orders/7", own, 401, "place_unknown", ""),
		ask("the file's own name is none", "/t/hooli.yaml/orders/7", own, 401, "place_unknown", ""),
		ask("into acme's by dots", "/t/hooli/../acme/orders/7", own, 401, "issuer_unknown", ""),
		ask("into acme's by escaped dots", "/t/hooli/%2e%2e/acme/orders/7", own, 401, "issuer_unknown", ""),
	})
}
