package providers

import (
	_ "embed"
	"net/http"
	"strings"
	"testing"
)

//go:embed testdata/oidc-provider.yaml
var nodeConfig string

// algorithms are the names of the APIs and what their tokens are signed with,
// in two parts. Each part is what one claimgate lists, so that every algorithm
// is accepted by one and refused by the other, and every family of keys serves
// both.
var algorithms = [2]map[string]string{
	{"rs256": "RS256", "rs512": "RS512", "ps384": "PS384", "es256": "ES256", "es512": "ES512", "eddsa": "EdDSA"},
	{"rs384": "RS384", "ps256": "PS256", "ps512": "PS512", "es384": "ES384", "ed25519": "Ed25519"},
}

// startNodeGates starts a claimgate for each part; both know all APIs.
func startNodeGates(t *testing.T, idp nodeIDP) [2]*world {
	t.Helper()
	apis := []string{"app", "opaque"}
	var listed [2][]string
	for i, part := range algorithms {
		for name, algorithm := range part {
			apis = append(apis, name)
			listed[i] = append(listed[i], algorithm)
		}
	}
	var worlds [2]*world
	for i := range worlds {
		worlds[i] = start(t, nodeConfig, map[string]any{
			"Issuer": string(idp), "APIs": apis, "Algorithms": strings.Join(listed[i], ", "),
		})
	}
	return worlds
}

func TestOIDCProvider(t *testing.T) {
	idp := nodeIDP(startNode(t))
	worlds := startNodeGates(t, idp)
	for i, part := range algorithms {
		for name, algorithm := range part {
			t.Run(algorithm, func(t *testing.T) {
				testAlgorithm(t, idp, name, algorithm, worlds[i], worlds[1-i])
			})
		}
	}
	t.Run("opaque", func(t *testing.T) { testOpaque(t, idp, worlds[0]) })
	t.Run("bound", func(t *testing.T) { testBound(t, idp, worlds[0]) })
	t.Run("login", func(t *testing.T) { testLogin(t, idp, worlds[0]) })
}

// testAlgorithm asks a claimgate that lists the algorithm, and another one.
func testAlgorithm(t *testing.T, idp nodeIDP, name, algorithm string, listing, other *world) {
	host, good := name+".test", idp.token(t, name)
	if h := header(t, good); h["typ"] != "at+jwt" || h["alg"] != algorithm || h["kid"] == "" {
		t.Fatalf("the provider writes %v", h)
	}
	headers := map[string]string{"x-user-id": "orders-service", "x-client": "orders-service", "x-tenant": name}
	for _, cached := range []bool{false, true} {
		a := listing.get(t, host, bearer(good))
		a.allowed(t, headers)
		if a.record.Cached != cached || a.record.Tenant != name || a.record.Rule != "orders-read" {
			t.Errorf("recorded %+v", a.record)
		}
	}
	a := other.get(t, host, bearer(good))
	a.refused(t, http.StatusUnauthorized, "algorithm")

	for _, c := range []struct {
		name, host, token, reason string
		status                    int
	}{
		{"no scope", host, idp.scoped(t, name, "profile"), "scope_missing", http.StatusForbidden},
		{"another tenant", "app.test", good, "audience", http.StatusUnauthorized},
		{"another subject", host, altered(t, good, 1, "sub", "root"), "signature", http.StatusUnauthorized},
		{"another audience", "app.test", altered(t, good, 1, "aud", api("app")), "signature", http.StatusUnauthorized},
		{"another type", host, altered(t, good, 0, "typ", "JWT"), "signature", http.StatusUnauthorized},
		{"no algorithm", host, altered(t, good, 0, "alg", "none"), "algorithm", http.StatusUnauthorized},
		{"the public key as a secret", host, altered(t, good, 0, "alg", "HS256"), "algorithm", http.StatusUnauthorized},
		{"an unknown kid", host, altered(t, good, 0, "kid", "nobody"), "key_unknown", http.StatusUnauthorized},
		{"one bit of the signature", host, bentSignature(t, good), "signature", http.StatusUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := listing.get(t, c.host, bearer(c.token))
			a.refused(t, c.status, c.reason)
		})
	}
}

// testOpaque sends access tokens that only the provider can read.
func testOpaque(t *testing.T, idp nodeIDP, w *world) {
	opaque := idp.token(t, "opaque")
	if strings.Contains(opaque, ".") {
		t.Fatal("the provider writes no opaque token")
	}
	a := w.get(t, "opaque.test", bearer(opaque))
	a.refused(t, http.StatusUnauthorized, "token_malformed")
}

// testBound sends a token that is bound to a key of the client without proof
// that the sender has the key, and as what it is, which is not supported.
func testBound(t *testing.T, idp nodeIDP, w *world) {
	bound := idp.bound(t, "es256")
	if part(t, bound, 1)["cnf"] == nil {
		t.Fatal("the provider binds no token")
	}
	a := w.get(t, "es256.test", bearer(bound))
	a.refused(t, http.StatusUnauthorized, "binding_unproved")
	a = w.get(t, "es256.test", "DPoP "+bound)
	a.refused(t, http.StatusUnauthorized, "no_token")
	a = w.get(t, "es256.test", bearer(idp.token(t, "es256")))
	a.allowed(t, nil)
}

// testLogin sends what alice's login yields: her access token passes, her ID
// token does not, though issuer, audience, subject and algorithm are the same.
func testLogin(t *testing.T, idp nodeIDP, w *world) {
	got := idp.login(t)
	for _, name := range []string{"iss", "aud", "sub"} {
		if access, id := part(t, got.Access, 1)[name], part(t, got.ID, 1)[name]; access != id || access == nil {
			t.Fatalf("the provider writes %s %v and %v", name, access, id)
		}
	}
	a := w.get(t, "app.test", bearer(got.Access))
	a.allowed(t, map[string]string{"x-user-id": "alice", "x-client": appClient, "x-tenant": "app"})
	a = w.get(t, "app.test", bearer(got.ID))
	a.refused(t, http.StatusUnauthorized, "token_type")
}
