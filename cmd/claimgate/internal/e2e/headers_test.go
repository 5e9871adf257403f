package e2e

import (
	"net/http"
	"slices"
	"testing"
)

// forged are the headers that claimgate owns, as a client might send them: each
// in two spellings, one of them twice.
func forged() []string {
	return []string{
		"X-User-Id: root", "x-user-id: eve", "x_user_id: root",
		"x-roles: admin", "X_Roles: admin", "x-plan: gold", "x-spare: 1", "x_spare: 1",
		"x-decision: 0", "x-envoy-auth-failure-mode-allowed: true", "x-envoy-auth-partial-body: false",
	}
}

func owned() []string {
	return []string{
		"x-user-id", "x_user_id", "x-roles", "x_roles", "x-plan", "x-spare", "x_spare",
		"x-envoy-auth-failure-mode-allowed", "x-envoy-auth-partial-body",
	}
}

// TestP5ForgedHeadersNeverArrive sends forged identity headers along every way
// to an allow, in both encodings and in the recommended profile.
func TestP5ForgedHeadersNeverArrive(t *testing.T) {
	w := the(t)
	bearer := func(claims map[string]any) string { return authorization(w.mint(t, mainIssuer, claims)) }
	for name, c := range map[string]struct {
		method, target string
		header         []string
		want           map[string][]string // owned headers that arrive; the others must not
	}{
		"token without the claims": {
			target: "/any", header: []string{bearer(nil)},
			want: map[string][]string{"x-user-id": {"alice"}},
		},
		"token with the claims": {
			target: "/any", header: []string{bearer(map[string]any{"roles": []string{"a,b", "c"}, "plan": "gold"})},
			want: map[string][]string{"x-user-id": {"alice"}, "x-roles": {"a%2Cb,c"}, "x-plan": {"gold"}},
		},
		"empty claims": {
			target: "/any", header: []string{bearer(map[string]any{"roles": []string{}, "plan": ""})},
			want: map[string][]string{"x-user-id": {"alice"}},
		},
		"claims of null": {
			target: "/any", header: []string{bearer(map[string]any{"roles": nullClaim{}, "plan": nullClaim{}})},
			want: map[string][]string{"x-user-id": {"alice"}},
		},
		"value that a header cannot hold": {
			target: "/any", header: []string{bearer(map[string]any{"sub": "a\r\nx-roles: admin", "roles": []string{"é"}})},
			want: map[string][]string{"x-user-id": {"a%0D%0Ax-roles: admin"}, "x-roles": {"%C3%A9"}},
		},
		"public route":                {target: "/open/x"},
		"public route, token ignored": {target: "/open/x", header: []string{bearer(nil)}},
		"optional token, none":        {target: "/maybe"},
		"optional token": {
			target: "/maybe", header: []string{bearer(nil)},
			want: map[string][]string{"x-user-id": {"alice"}},
		},
		"preflight": {
			method: http.MethodOptions, target: "/orders/7",
			header: []string{"Origin: https://app.example.com", "Access-Control-Request-Method: GET"},
		},
	} {
		for _, listener := range []string{viaMap, viaRaw} {
			t.Run(name+"/"+listener, func(t *testing.T) {
				method := c.method
				if method == "" {
					method = http.MethodGet
				}
				got := w.raw(t, listener, lines(method, c.target, "main.test", append(forged(), c.header...)...))
				if got.status != http.StatusOK || got.seen == nil {
					t.Fatalf("got %d %s, want an allow", got.status, got.reason)
				}
				for _, name := range owned() {
					if saw := got.saw(name); !slices.Equal(saw, c.want[name]) {
						t.Errorf("the upstream saw %s: %q, want %q", name, saw, c.want[name])
					}
				}
				if id := got.saw("x-decision"); len(id) != 1 || id[0] != got.header.Get("X-Decision-Id") {
					t.Errorf("x-decision: %q, want the decision id %q", id, got.header.Get("X-Decision-Id"))
				}
			})
		}
	}
}

// nullClaim is a claim that is there and null; a nil leaves it out.
type nullClaim struct{}

func (nullClaim) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// TestP5UnderscoresInTheProfile holds that the recommended profile refuses them
// before anything is asked.
func TestP5UnderscoresInTheProfile(t *testing.T) {
	w := the(t)
	got := w.get(t, viaProfile, "main.test", "/any", authorization(w.mint(t, mainIssuer, nil)), "x_user_id: root")
	if got.status != http.StatusBadRequest || got.decided {
		t.Errorf("got %d, decided %v; want 400 by Envoy", got.status, got.decided)
	}
}

// TestP5ConnectionCannotStripHeaders has the client name an injected header as
// hop-by-hop.
func TestP5ConnectionCannotStripHeaders(t *testing.T) {
	w := the(t)
	for _, listener := range []string{viaMap, viaRaw, viaProfile} {
		request := "GET /any HTTP/1.1\r\nHost: main.test\r\nConnection: close, x-user-id\r\n" +
			authorization(w.mint(t, mainIssuer, nil)) + "\r\n\r\n"
		got := w.raw(t, listener, request)
		if got.status != http.StatusOK || !slices.Equal(got.saw("x-user-id"), []string{"alice"}) {
			t.Errorf("%s: got %d, the upstream saw x-user-id: %q", listener, got.status, got.saw("x-user-id"))
		}
	}
}

// TestOriginalTokenIsRemoved holds that a token goes no further than here, but
// for the route that says so.
func TestOriginalTokenIsRemoved(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, nil))
	for target, want := range map[string]int{"/any": 0, "/open/x": 0, "/maybe": 0, "/hook": 1} {
		if got := w.get(t, viaRaw, "main.test", target, token); got.status != http.StatusOK || len(got.saw("authorization")) != want {
			t.Errorf("%s: %d %s, the upstream saw %d authorization headers, want %d",
				target, got.status, got.reason, len(got.saw("authorization")), want)
		}
	}
}

// TestPublicRouteSeveralTokens holds that a public route reads no credentials,
// however many there are.
func TestPublicRouteSeveralTokens(t *testing.T) {
	w := the(t)
	got := w.get(t, viaRaw, "main.test", "/open/x", "Authorization: Bearer a", "Authorization: Bearer b")
	if got.status != http.StatusOK || got.reason != "public_route" || len(got.saw("authorization")) != 0 {
		t.Errorf("got %d %s, authorization %q", got.status, got.reason, got.saw("authorization"))
	}
	if got := w.get(t, viaRaw, "main.test", "/maybe", "Authorization: Bearer a", "Authorization: Bearer b"); got.status != http.StatusUnauthorized {
		t.Errorf("optional with two tokens: %d %s, want 401", got.status, got.reason)
	}
}
