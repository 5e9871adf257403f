package e2e

import (
	"net/http"
	"testing"
)

// TestP1PathAttacks sends paths that two readers read differently, with a token
// that may do anything below /any and /admin* but neither /any/secret nor
// /admin:reset. None may reach the upstream as an allowed one.
func TestP1PathAttacks(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, nil))
	for _, target := range []string{
		"//any/x", "/any//secret/x", "/any/x//",
		"/any/../any/secret/x", "/any/./secret/x", "/any/%2e%2e/any", "/any/%2E/x", "/any/.%2e/x", "/any/..",
		"/any/..;/secret", "/any/..;x=1/secret/x", "/any/;/secret/x", "/any;v=1/secret/x", "/any/secret;x/y", "/any/x%3Bv=1",
		"/any%2fsecret/x", "/any%2Fsecret/x", "/any/%5csecret/x", `/any\secret/x`, `/any/..\secret/x`,
		"/any/%00", "/any/x%0a", "/any/%7f", "/any/%zz", "/any/%", "/any/%a",
		"/any/%252e%252e/secret/../x",
	} {
		for _, listener := range []string{viaMap, viaRaw, viaOpen} {
			t.Run(listener+target, func(t *testing.T) {
				got := w.get(t, listener, "main.test", target, token)
				if got.status != http.StatusBadRequest || got.seen != nil {
					t.Errorf("got %d %s, want 400", got.status, got.reason)
				}
				if got.decided && got.reason != "path_not_canonical" {
					t.Errorf("reason %s", got.reason)
				}
			})
		}
	}
}

// TestDenyRulesSeeThroughEscapes holds that an escape does not get around a
// deny rule, whether Envoy decodes it or not.
func TestDenyRulesSeeThroughEscapes(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, nil))
	for target, want := range map[string]int{
		"/adminx":             http.StatusOK,
		"/admin":              http.StatusForbidden, // an asterisk is at least one character
		"/admin:reset":        http.StatusForbidden,
		"/admin%3Areset":      http.StatusForbidden,
		"/admin%3areset":      http.StatusForbidden,
		"/%61dmin:reset":      http.StatusForbidden,
		"/%61dmin%3Areset":    http.StatusForbidden,
		"/admin:reset/":       http.StatusForbidden,
		"/admin:reset?x=/any": http.StatusForbidden,
		"/any/s%65cret/x":     http.StatusForbidden,
		"/any/%73ecret":       http.StatusForbidden,
		"/any/secret":         http.StatusForbidden,
		"/any/secret/":        http.StatusForbidden,
		"/any/x?/../secret":   http.StatusOK,
		"/any/SECRET/x":       http.StatusOK, // paths are case-sensitive
	} {
		for _, listener := range []string{viaMap, viaRaw, viaProfile} {
			t.Run(listener+target, func(t *testing.T) {
				if got := w.get(t, listener, "main.test", target, token); got.status != want {
					t.Errorf("got %d %s, want %d", got.status, got.reason, want)
				}
			})
		}
	}
}

// TestWhatWasJudgedIsWhatArrives holds that the upstream gets the very path
// that was judged.
func TestWhatWasJudgedIsWhatArrives(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, nil))
	for _, target := range []string{"/any/x?b=2&a=%2F..//&c", "/any/%C3%A9", "/any/a:b@c!$&'()*+,=~"} {
		got := w.get(t, viaRaw, "main.test", target, token)
		if got.status != http.StatusOK || got.seen == nil || got.seen.Path != target {
			t.Errorf("%s: got %d %s, the upstream saw %v", target, got.status, got.reason, got.seen)
		}
	}
}

// TestProfileRefusesFirst holds that the recommended profile leaves nothing odd
// to judge: Envoy refuses or normalises it, and claimgate judges the result.
func TestProfileRefusesFirst(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, nil))
	for target, want := range map[string]int{
		"//any//secret/x":       http.StatusForbidden,
		"/any/../any/secret/x":  http.StatusForbidden,
		"/any/..;x/any/secret":  http.StatusForbidden,
		"/any%2fsecret/x":       http.StatusBadRequest,
		"/any%5csecret/x":       http.StatusBadRequest,
		`/any\secret`:           http.StatusForbidden,
		"/any/x/../../orders/7": http.StatusOK,
		"/any;v=1/x":            http.StatusBadRequest,
	} {
		if got := w.get(t, viaProfile, "main.test", target, token); got.status != want {
			t.Errorf("%s: got %d %s, want %d", target, got.status, got.reason, want)
		}
	}
}

// TestHosts holds which spellings of a host are the tenant's.
func TestHosts(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, nil))
	for host, want := range map[string]int{
		"main.test": http.StatusOK, "MAIN.test": http.StatusOK, "main.test:8080": http.StatusOK, "main.test.": http.StatusOK,
		"main.test.evil.test": http.StatusUnauthorized, "xmain.test": http.StatusUnauthorized, "second.test": http.StatusUnauthorized,
		"a@main.test": http.StatusBadRequest, "main.test,second.test": http.StatusBadRequest, "": http.StatusBadRequest,
	} {
		if got := w.get(t, viaRaw, host, "/any", token); got.status != want {
			t.Errorf("host %q: got %d %s, want %d", host, got.status, got.reason, want)
		}
	}
	t.Run("two host lines", func(t *testing.T) {
		request := "GET /any HTTP/1.1\r\nHost: main.test\r\nHost: second.test\r\nConnection: close\r\n" + token + "\r\n\r\n"
		if got := w.raw(t, viaRaw, request); got.status != http.StatusBadRequest {
			t.Errorf("got %d %s, want 400", got.status, got.reason)
		}
	})
	t.Run("absolute form names the host", func(t *testing.T) {
		request := lines(http.MethodGet, "http://second.test/any", "main.test", token)
		if got := w.raw(t, viaRaw, request); got.status != http.StatusUnauthorized {
			t.Errorf("got %d %s, want 401: the token is not second's", got.status, got.reason)
		}
	})
}
