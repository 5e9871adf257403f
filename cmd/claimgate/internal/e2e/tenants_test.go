package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestP2TenantsOfOneIssuer asks for tenants that share an issuer, at every kind
// of place and with the tokens of each: one is good where its claim leads, and
// nowhere else.
func TestP2TenantsOfOneIssuer(t *testing.T) {
	w := the(t)
	tokens := map[string]string{
		"east": authorization(w.mint(t, commonIssuer, map[string]any{"org_id": "org_east", "sub": "u-east"})),
		"west": authorization(w.mint(t, commonIssuer, map[string]any{"org_id": "west", "sub": "u-west"})),
	}
	places := []struct{ host, target, tenant string }{ // tenant "": whose token it is
		{"common.test", "/any/1", ""},
		{"east.test", "/any/1", "east"}, {"www.east.test", "/any/1", "east"},
		{"partners.test", "/t/east/any/1", "east"}, {"partners.test", "/t/%77est/any/1", "west"},
		{"east.label.test", "/any/1", "east"}, {"west.label.test:8443", "/any/1", "west"},
	}
	for _, place := range places {
		for owner, token := range tokens {
			for range 2 { // the second time from the cache
				got := w.get(t, viaRaw, place.host, place.target, token, "x-spare: forged", "x_spare: forged", "x-user-id: root")
				if place.tenant != "" && place.tenant != owner {
					if got.status != http.StatusForbidden || got.reason != "tenant_mismatch" {
						t.Errorf("%s%s with a token of %s: %d %s", place.host, place.target, owner, got.status, got.reason)
					}
					continue
				}
				spare, user := strings.Join(got.saw("x-spare"), "|"), strings.Join(got.saw("x-user-id"), "|")
				if got.status != http.StatusOK || spare != owner || user != "u-"+owner || len(got.saw("x_spare")) > 0 {
					t.Errorf("%s%s with a token of %s: %d %s, x-spare %q, x-user-id %q", place.host, place.target, owner, got.status, got.reason, spare, user)
				}
			}
		}
	}
}

// TestPlacesOfNobody asks where places end.
func TestPlacesOfNobody(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, commonIssuer, map[string]any{"org_id": "org_east"}))
	for _, place := range []struct{ host, target, reason string }{
		{"a.www.east.test", "/any/1", "place_unknown"}, {"north.label.test", "/any/1", "place_unknown"}, {"label.test", "/any/1", "place_unknown"},
		{"partners.test", "/any/1", "place_unknown"}, {"partners.test", "/t/nobody/any/1", "place_unknown"}, {"partners.test", "/t/north/any/1", "place_unknown"},
		{"partners.test", "/t/east%2Fany/1", "place_unknown"}, {"partners.test", "/t//east/any/1", "place_unknown"}, {"partners.test", "/t/EAST/any/1", "place_unknown"},
		{"partners.test", "/t/east/any/secret/1", "policy_denied"}, {"partners.test", "/t/east/%61ny/%73ecret/1", "policy_denied"}, {"partners.test", "/t/east", "policy_denied"},
	} {
		if got := w.get(t, viaRaw, place.host, place.target, token); got.reason != place.reason || got.status == http.StatusOK {
			t.Errorf("%s%s: %d %s, want %s", place.host, place.target, got.status, got.reason, place.reason)
		}
	}
}

// TestP1EntryPassesWithoutATenant holds that what an entry passes by itself
// carries no identity.
func TestP1EntryPassesWithoutATenant(t *testing.T) {
	w := the(t)
	for _, header := range []string{"X-Nothing: 1", "Authorization: Bearer junk"} {
		got := w.get(t, viaRaw, "common.test", "/healthz", header, "x-spare: east", "x-user-id: root", "x_user_id: root")
		if got.status != http.StatusOK || got.reason != "public_route" {
			t.Errorf("%s: %d %s", header, got.status, got.reason)
		}
		for _, name := range []string{"x-spare", "x-user-id", "x_user_id", "authorization"} {
			if seen := got.saw(name); len(seen) > 0 {
				t.Errorf("%s: the upstream saw %s %q", header, name, seen)
			}
		}
	}
	preflight := lines(http.MethodOptions, "/any/1", "common.test", "Origin: https://app.example", "Access-Control-Request-Method: GET", "x-user-id: root")
	if got := w.raw(t, viaRaw, preflight); got.status != http.StatusOK || got.reason != "preflight" || len(got.saw("x-user-id")) > 0 {
		t.Errorf("preflight: %d %s", got.status, got.reason)
	}
	if got := w.get(t, viaRaw, "common.test", "/open/x"); got.status != http.StatusUnauthorized || got.reason != "no_token" {
		t.Errorf("a tenant's public route before the tenant is known: %d %s", got.status, got.reason)
	}
}
