package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
)

const composeFolder = "../../../../examples/compose"

// composeRealm is what this test reads of realm.json.
type composeRealm struct {
	Realm   string
	Clients []struct {
		ClientID        string
		ProtocolMappers []struct{ Config map[string]string }
	}
	Users []struct {
		Username   string
		RealmRoles []string
	}
}

// claims are those of a token that Keycloak issues to a user by a client.
func (r *composeRealm) claims(t *testing.T, user, client string) map[string]any {
	t.Helper()
	claims := map[string]any{"typ": "Bearer", "azp": client, "sub": "id-of-" + user, "preferred_username": user, "scope": "email profile"}
	for _, c := range r.Clients {
		if c.ClientID == client {
			claims["aud"] = []string{c.ProtocolMappers[0].Config["included.custom.audience"], "account"}
		}
	}
	for _, u := range r.Users {
		if u.Username == user {
			claims["realm_access"] = map[string]any{"roles": u.RealmRoles}
		}
	}
	if claims["aud"] == nil || claims["realm_access"] == nil {
		t.Fatalf("realm.json has no client %s or no user %s", client, user)
	}
	return claims
}

// TestComposeConfiguration runs examples/compose/claimgate.yaml with an issuer
// in Keycloak's place, whose tokens carry what realm.json gives people and
// machines. Issuer and keys are at the two addresses that the file says.
func TestComposeConfiguration(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(composeFolder, "realm.json"))
	if err != nil {
		t.Fatal(err)
	}
	var realm composeRealm
	if err := json.Unmarshal(text, &realm); err != nil {
		t.Fatal(err)
	}
	idp, err := issuer.New(issuer.Options{URL: "http://localhost:8080/realms/" + realm.Realm})
	if err != nil {
		t.Fatal(err)
	}
	keys := http.NewServeMux()
	keys.HandleFunc("GET /realms/"+realm.Realm+"/protocol/openid-connect/certs", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(idp.JWKS()) })
	c := openFiles(t, composeFolder, nil, caseIssuer{address: "idp:8080", handler: keys})
	bearer := func(claims map[string]any) string {
		token, err := idp.Mint(claims)
		if err != nil {
			t.Fatal(err)
		}
		return authorization(token)
	}
	alice, worker := realm.claims(t, "alice", "shop-cli"), realm.claims(t, "service-account-shop-worker", "shop-worker")
	account := realm.claims(t, "alice", "shop-cli")
	account["aud"] = "account" // as without the mapper
	ask := func(what, method, target, token string, status int, reason, saw string) question {
		return question{what: what, method: method, host: "localhost", target: target, header: []string{token, "x-user-id: root", "x-roles: importer"}, status: status, reason: reason, saw: saw}
	}
	c.ask(t, []string{"x-user-id", "x-user-name", "x-roles", "authorization"}, []question{
		ask("no token", "GET", "/orders/7", "accept: */*", 401, "no_token", ""),
		ask("alice reads", "GET", "/orders/7", bearer(alice), 200, "allowed", "x-roles=reader x-user-id=id-of-alice x-user-name=alice"),
		ask("alice imports", "POST", "/import/7", bearer(alice), 403, "policy_denied", ""),
		ask("the worker imports", "POST", "/import/7", bearer(worker), 200, "allowed",
			"x-roles=importer x-user-id=id-of-service-account-shop-worker x-user-name=service-account-shop-worker"),
		ask("the worker reads", "GET", "/orders/7", bearer(worker), 403, "policy_denied", ""),
		ask("a token for Keycloak's own pages", "GET", "/orders/7", bearer(account), 401, "audience", ""),
		ask("health", "GET", "/health", "accept: */*", 200, "public_route", ""),
	})
	if got := c.send(t, "GET", "localhost:8000", "/orders/7", bearer(alice)); got.status != http.StatusOK || !strings.Contains(strings.Join(got.saw("x-user-name"), ""), "alice") {
		t.Errorf("with a port: %d %s", got.status, got.reason)
	}
}
