package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestShadowPasses holds that a tenant in shadow passes what its policy alone
// would refuse, with the identity of the token, and nothing else.
func TestShadowPasses(t *testing.T) {
	w := the(t)
	bearer := func(claims map[string]any) string { return authorization(w.mint(t, trialIssuer, claims)) }
	for _, c := range []struct {
		target, header string
		status         int
		reason         string
	}{
		{"/orders/7", bearer(nil), http.StatusOK, "allowed"},
		{"/elsewhere", bearer(nil), http.StatusOK, "shadow"},
		{"/orders/secret/1", bearer(nil), http.StatusOK, "shadow"},
		{"/orders/7", bearer(map[string]any{"scope": "profile"}), http.StatusOK, "shadow"},
		{"/orders/7", "accept: */*", http.StatusUnauthorized, "no_token"},
		{"/orders/7", authorization("junk"), http.StatusUnauthorized, "token_malformed"},
		{"/orders/7", authorization(w.mint(t, mainIssuer, nil)), http.StatusUnauthorized, "issuer_unknown"},
		{"/orders/../x", bearer(nil), http.StatusBadRequest, "path_not_canonical"},
	} {
		for _, listener := range []string{viaMap, viaRaw, viaOpen} {
			got := w.get(t, listener, "trial.test", c.target, c.header, "x-user-id: root", "x_user_id: root", "x-spare: 1")
			if got.status != c.status || got.reason != c.reason {
				t.Errorf("%s at %s: got %d %s, want %d %s", c.target, listener, got.status, got.reason, c.status, c.reason)
			}
			if c.status != http.StatusOK {
				continue
			}
			if user := strings.Join(got.saw("x-user-id"), "|"); user != "alice" || len(got.saw("x_user_id"))+len(got.saw("x-spare"))+len(got.saw("authorization")) > 0 {
				t.Errorf("%s at %s: the upstream saw user %q, headers %v", c.target, listener, user, got.seen.Headers)
			}
		}
	}
}

// TestMetadataDocument holds that the document is served to everybody, by a
// message that no setting of the proxy turns into an allow, and that challenges
// lead to it.
func TestMetadataDocument(t *testing.T) {
	w := the(t)
	const path = "/.well-known/oauth-protected-resource/mcp"
	for _, listener := range []string{viaMap, viaRaw, viaOpen, viaProfile} {
		got := w.get(t, listener, "placed.test", path)
		if got.status != http.StatusOK || got.reason != "metadata_document" || !strings.Contains(got.body, `"resource":"https://placed.test/mcp"`) {
			t.Errorf("%s: got %d %s: %s", listener, got.status, got.reason, got.body)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*", "Www-Authenticate": "",
		} {
			if value := got.header.Get(name); value != want {
				t.Errorf("%s: %s is %q, want %q", listener, name, value, want)
			}
		}
		head := w.raw(t, listener, lines(http.MethodHead, path, "placed.test"))
		if head.status != http.StatusOK || head.body != "" || head.reason != "metadata_document" {
			t.Errorf("%s: HEAD gets %d %s %q", listener, head.status, head.reason, head.body)
		}
		for _, target := range []string{path + "/", path + "/x", "/.well-known/oauth-protected-resource", "/.well-known//oauth-protected-resource/mcp"} {
			if got := w.get(t, listener, "placed.test", target); got.status != http.StatusUnauthorized {
				if listener != viaProfile || got.reason != "metadata_document" { // which merges slashes first
					t.Errorf("%s%s: got %d %s", listener, target, got.status, got.reason)
				}
			}
		}
		if got := w.get(t, listener, "main.test", path); got.status != http.StatusUnauthorized || strings.Contains(got.challenge(), "resource_metadata") {
			t.Errorf("%s: another tenant answers %d %s", listener, got.status, got.challenge())
		}
	}
	const metadata = `, resource_metadata="https://placed.test/.well-known/oauth-protected-resource/mcp"`
	for name, c := range map[string]struct{ target, header, want string }{
		"no token": {"/any", "accept: */*", `Bearer realm="claimgate"` + metadata},
		"junk":     {"/any", authorization("junk"), `Bearer realm="claimgate"` + invalidRequest + metadata},
		"scope": {"/scoped", authorization(w.mint(t, placedIssuer, nil)),
			`Bearer realm="claimgate", error="insufficient_scope", error_description="The bearer token lacks a scope", scope="orders:write"` + metadata},
		"no challenge": {"/nowhere", authorization(w.mint(t, placedIssuer, nil)), ""},
	} {
		if got := w.get(t, viaRaw, "placed.test", c.target, c.header); got.challenge() != c.want {
			t.Errorf("%s: %d %s\ngot  %s\nwant %s", name, got.status, got.reason, got.challenge(), c.want)
		}
	}
}

// TestP7TokensEndHere holds that a token is read wherever its issuer says that
// it stands, and arrives nowhere.
func TestP7TokensEndHere(t *testing.T) {
	w := the(t)
	token := w.mint(t, placedIssuer, nil)
	for name, c := range map[string]struct {
		target string
		header []string
		reason string
		path   string // that arrives
		cookie string // that arrives
	}{
		"authorization":          {"/any", []string{authorization(token)}, "allowed", "/any", ""},
		"header":                 {"/any?a=1", []string{"X-Access-Token: " + token}, "allowed", "/any?a=1", ""},
		"cookie":                 {"/any", []string{"Cookie: a=1; session=" + token + "; b=2"}, "allowed", "/any", "a=1; b=2"},
		"cookie alone":           {"/any", []string{"Cookie: session=" + token}, "allowed", "/any", ""},
		"parameter":              {"/any?b=2&access_token=" + token + "&a=1", nil, "allowed", "/any?a=1&b=2", ""},
		"parameter alone":        {"/any?access_token=" + token, nil, "allowed", "/any", ""},
		"public, parameter":      {"/open/x?access_token=" + token, nil, "public_route", "/open/x", ""},
		"public, cookie":         {"/open/x", []string{"Cookie: session=" + token + "; a=1"}, "public_route", "/open/x", "a=1"},
		"public, header":         {"/open/x", []string{"x-access-token: " + token, "x_access_token: " + token}, "public_route", "/open/x", ""},
		"two places":             {"/any?access_token=" + token, []string{authorization(token)}, "several_tokens", "", ""},
		"two cookies":            {"/any", []string{"Cookie: session=" + token, "Cookie: session=" + token}, "several_tokens", "", ""},
		"two parameters":         {"/any?access_token=" + token + "&access_token=" + token, nil, "several_tokens", "", ""},
		"escaped name":           {"/any?access%5ftoken=" + token, nil, "request_invalid", "", ""},
		"escaped name, public":   {"/open/x?access%5Ftoken=" + token, nil, "request_invalid", "", ""},
		"main has no parameters": {"/any/main?access_token=" + w.mint(t, mainIssuer, nil), nil, "no_token", "", ""},
	} {
		for _, listener := range []string{viaMap, viaRaw} {
			t.Run(name+"/"+listener, func(t *testing.T) {
				host := "placed.test"
				if strings.HasPrefix(name, "main") {
					host = "main.test"
				}
				got := w.get(t, listener, host, c.target, c.header...)
				if got.reason != c.reason || (got.seen != nil) != (c.path != "") {
					t.Fatalf("got %d %s, want %s", got.status, got.reason, c.reason)
				}
				if got.seen == nil {
					return
				}
				if got.seen.Path != c.path || strings.Join(got.saw("cookie"), "|") != c.cookie || strings.Contains(got.body, token) {
					t.Errorf("the upstream saw %s with cookie %q: %v", got.seen.Path, got.saw("cookie"), got.seen.Headers)
				}
			})
		}
	}
}

// TestP1RelaxedPaths holds that what is admitted is judged in both readings and
// forwarded as it was sent.
func TestP1RelaxedPaths(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, placedIssuer, nil))
	for target, want := range map[string]int{
		"/any//x": 200, "/any/x%2Fy": 200, "/any/x;v=1/y": 200, "/any/x%3Bv=1": 200, "/open//x": 200, "/any/;/x": 200,
		"/any//secret/x": 403, "/any%2fsecret/x": 403, "/any/secret;x/y": 403, "/any/secret%3bx": 403, "/any/;/secret": 403, "//any/secret": 403,
		"/any/..;/secret": 400, "/any;/../x": 400, "/any%2f..%2fx": 400, "/any//../x": 400, "/any/%252fx": 400, "/any//x;y": 400, "/any/x;y%2fz": 400,
	} {
		for _, listener := range []string{viaMap, viaRaw, viaOpen} {
			got := w.get(t, listener, "placed.test", target, token)
			if got.status != want || want == 200 && (got.seen == nil || got.seen.Path != target) {
				t.Errorf("%s at %s: got %d %s, want %d", target, listener, got.status, got.reason, want)
			}
		}
	}
}
