package e2e

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestHTTP2 asks over HTTP/2 in both encodings.
func TestHTTP2(t *testing.T) {
	w := the(t)
	token := w.mint(t, mainIssuer, nil)
	bearer := func(lines ...string) http.Header {
		h := http.Header{"Authorization": lines, "X-User-Id": {"root", "eve"}, "X_user_id": {"root"}}
		return h
	}
	for name, c := range map[string]struct {
		header http.Header
		status int
		reason string
	}{
		"good token":          {bearer("Bearer " + token), http.StatusOK, "allowed"},
		"lower-case scheme":   {bearer("bearer " + token), http.StatusOK, "allowed"},
		"no token":            {nil, http.StatusUnauthorized, "no_token"},
		"two headers":         {bearer("Bearer "+token, "Bearer "+token), http.StatusUnauthorized, "several_tokens"},
		"space after a token": {bearer("Bearer " + token + " x"), http.StatusUnauthorized, "token_malformed"},
	} {
		for _, listener := range []string{viaMap, viaRaw} {
			t.Run(name+"/"+listener, func(t *testing.T) {
				got := w.h2(t, listener, http.MethodGet, "main.test", "/orders/7", c.header.Clone())
				if got.status != c.status || got.reason != c.reason {
					t.Fatalf("got %d %s, want %d %s", got.status, got.reason, c.status, c.reason)
				}
				if c.status == http.StatusOK && (strings.Join(got.saw("x-user-id"), "|") != "alice" || got.saw("x_user_id") != nil) {
					t.Errorf("the upstream saw %q and %q", got.saw("x-user-id"), got.saw("x_user_id"))
				}
			})
		}
	}
}

// TestHTTP2Paths holds that bytes which a text field cannot show are refused.
func TestHTTP2Paths(t *testing.T) {
	w := the(t)
	bearer := http.Header{"Authorization": {"Bearer " + w.mint(t, mainIssuer, nil)}}
	for _, target := range []string{"/any//x", "/any/%2e%2e/x", "/any;x/y", "/any%2fx"} {
		if got := w.h2(t, viaRaw, http.MethodGet, "main.test", target, bearer.Clone()); got.status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want 400", target, got.status, got.reason)
		}
	}
}

// TestMethods holds that a rule without methods does not cover all of them,
// that HEAD is not GET, and that method overrides count for nothing.
func TestMethods(t *testing.T) {
	w := the(t)
	bearer := http.Header{"Authorization": {"Bearer " + w.mint(t, mainIssuer, nil)}, "X-Http-Method-Override": {"GET"}}
	for method, want := range map[string]int{
		http.MethodGet: http.StatusOK, http.MethodDelete: http.StatusOK,
		http.MethodTrace: http.StatusForbidden, "PROPFIND": http.StatusForbidden, "FOO": http.StatusForbidden, "get": http.StatusForbidden,
	} {
		if got := w.h2(t, viaRaw, method, "main.test", "/any", bearer.Clone()); got.status != want {
			t.Errorf("%s: got %d %s, want %d", method, got.status, got.reason, want)
		}
	}
	if got := w.h2(t, viaRaw, http.MethodPost, "main.test", "/orders/7", bearer.Clone()); got.status != http.StatusForbidden {
		t.Errorf("POST with an override: %d %s, want 403", got.status, got.reason)
	}
}

// TestUpgrades holds that an upgrade needs a rule that names the protocol.
func TestUpgrades(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, nil))
	ask := func(target, connection string) answer {
		return w.raw(t, viaRaw, "GET "+target+" HTTP/1.1\r\nHost: main.test\r\nConnection: "+connection+"\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"+token+"\r\n\r\n")
	}
	for _, target := range []string{"/any", "/orders/7", "/open/x"} {
		if got := ask(target, "Upgrade"); got.status == http.StatusOK || got.seen != nil || got.status == http.StatusSwitchingProtocols {
			t.Errorf("%s: got %d %s, want a refusal", target, got.status, got.reason)
		}
	}
	if got := ask("/socket", "Upgrade"); got.status != http.StatusSwitchingProtocols || got.header.Get("X-Saw-User-Id") != "alice" {
		t.Errorf("/socket: got %d, the upstream saw %q", got.status, got.header.Get("X-Saw-User-Id"))
	}
	// On an upgrade Envoy keeps Connection, and a hop behind it would drop what
	// it names.
	if got := ask("/socket", "Upgrade, x-user-id"); got.status == http.StatusSwitchingProtocols {
		t.Error("/socket: an upgrade passes whose Connection header names an injected header")
	}
}

// TestGRPC asks with a real gRPC client.
func TestGRPC(t *testing.T) {
	w := the(t)
	health := map[string]any{"scope": "health"}
	for name, c := range map[string]struct {
		host, token, method string
		want                codes.Code
	}{
		"allowed":        {"main.test", w.mint(t, mainIssuer, health), "", codes.OK},
		"no token":       {"main.test", "", "", codes.Unauthenticated},
		"bad token":      {"main.test", "junk", "", codes.Unauthenticated},
		"no scope":       {"main.test", w.mint(t, mainIssuer, nil), "", codes.PermissionDenied},
		"odd path":       {"main.test", w.mint(t, mainIssuer, health), "/grpc.health.v1.Health//Check", codes.InvalidArgument},
		"keys not there": {"silent.test", w.mint(t, silentIssuer, health), "", codes.Unavailable},
		"host of nobody": {"nobody.test", w.mint(t, mainIssuer, health), "", codes.Unauthenticated},
	} {
		for _, listener := range []string{viaMap, viaRaw} {
			t.Run(name+"/"+listener, func(t *testing.T) {
				method := c.method
				if method == "" {
					method = grpc_health_v1.Health_Check_FullMethodName
				}
				if got := w.call(t, listener, c.host, method, c.token); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		}
	}
}

func (w *world) call(t *testing.T, listener, host, method, token string) codes.Code {
	t.Helper()
	own := w.callOnce(t, listener, host, method, token)
	if w.twins[listener] {
		if generated := w.callOnce(t, twin(listener), host, method, token); own != generated {
			t.Errorf("%s: the codecs differ: own %s, generated %s", listener, own, generated)
		}
	}
	return own
}

func (w *world) callOnce(t *testing.T, listener, host, method, token string) codes.Code {
	t.Helper()
	connection, err := grpc.NewClient(w.address(t, listener),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(host))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	ctx := t.Context()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	return status.Code(connection.Invoke(ctx, method, &grpc_health_v1.HealthCheckRequest{}, &grpc_health_v1.HealthCheckResponse{}))
}

// TestContextExtensions holds that a route's context finds the tenant and that
// a client cannot set it.
func TestContextExtensions(t *testing.T) {
	w := the(t)
	main, second := authorization(w.mint(t, mainIssuer, nil)), authorization(w.mint(t, secondIssuer, nil))
	for name, c := range map[string]struct {
		host, target, token string
		status              int
		reason              string
	}{
		"context alone":        {"elsewhere.test", "/any/context/main", main, http.StatusOK, "allowed"},
		"context and host":     {"main.test", "/any/context/main", main, http.StatusOK, "allowed"},
		"they disagree":        {"main.test", "/any/context/second", main, http.StatusForbidden, "tenant_conflict"},
		"they disagree again":  {"main.test", "/any/context/second", second, http.StatusForbidden, "tenant_conflict"},
		"another's token":      {"elsewhere.test", "/any/context/second", main, http.StatusUnauthorized, "issuer_unknown"},
		"a tenant of nobody":   {"elsewhere.test", "/any/context/nobody", main, http.StatusUnauthorized, "place_unknown"},
		"no step to the host":  {"main.test", "/any/context/nobody", main, http.StatusUnauthorized, "place_unknown"},
		"second by its route":  {"elsewhere.test", "/any/context/second", second, http.StatusOK, "allowed"},
		"no context, no host ": {"elsewhere.test", "/any", main, http.StatusUnauthorized, "place_unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.get(t, viaRaw, c.host, c.target, c.token, "tenant: main", "x-tenant: main")
			if got.status != c.status || got.reason != c.reason {
				t.Errorf("got %d %s, want %d %s", got.status, got.reason, c.status, c.reason)
			}
		})
	}
}

// TestUnixSocket asks the claimgate that listens on a unix socket.
func TestUnixSocket(t *testing.T) {
	w, socket := the(t), twin(viaRaw)
	if got := w.get(t, socket, "main.test", "/any", authorization(w.mint(t, mainIssuer, nil))); got.status != http.StatusOK || got.reason != "allowed" {
		t.Errorf("got %d %s", got.status, got.reason)
	}
	if got := w.get(t, socket, "main.test", "/any"); got.status != http.StatusUnauthorized || got.reason != "no_token" {
		t.Errorf("got %d %s", got.status, got.reason)
	}
}

// TestDynamicMetadata finds the metadata of an allow and of a denial in Envoy's
// access log.
func TestDynamicMetadata(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, map[string]any{"sub": "metadata-sub"}))
	for target, want := range map[string][]string{
		"/any/logged-allow":         {"200 via_upstream", `"sub":"metadata-sub"`, `"tenant":"main"`},
		"/elsewhere/logged-refusal": {"403 ext_authz_denied"},
	} {
		got := w.get(t, viaRaw, "main.test", target, token)
		var line string
		eventually(t, "an access log line of "+target, func() bool {
			line = lineOf(w.envoy.Logs(), target, got.header.Get("X-Decision-Id"))
			return line != ""
		})
		for _, part := range want {
			if !strings.Contains(line, part) {
				t.Errorf("no %s in %s", part, line)
			}
		}
		if strings.Contains(line, "eyJ") {
			t.Errorf("a token in %s", line)
		}
	}
}

func lineOf(logs, target, id string) string {
	for line := range strings.Lines(logs) {
		if strings.HasPrefix(line, target+" ") && strings.Contains(line, `"decision_id":"`+id+`"`) && strings.HasSuffix(line, "\n") {
			return line
		}
	}
	return ""
}
