package issuer

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// call sends one request straight to the handler.
func call(idp *Issuer, method, target string, header http.Header, body string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	idp.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, resp *http.Response) map[string]any {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return members
}

func TestDiscovery(t *testing.T) {
	for name, row := range map[string]struct{ url, path, jwks string }{
		"root":           {"http://127.0.0.1:1", "/.well-known/openid-configuration", "http://127.0.0.1:1/jwks"},
		"trailing slash": {"http://127.0.0.1:1/", "/.well-known/openid-configuration", "http://127.0.0.1:1/jwks"},
		"path":           {"http://127.0.0.1:1/r/a", "/r/a/.well-known/openid-configuration", "http://127.0.0.1:1/r/a/jwks"},
		"RFC 8414":       {"http://127.0.0.1:1/r/a", "/.well-known/oauth-authorization-server/r/a", "http://127.0.0.1:1/r/a/jwks"},
	} {
		t.Run(name, func(t *testing.T) {
			idp := newIssuer(t, Options{URL: row.url})
			resp := call(idp, "GET", row.path, nil, "")
			got := body(t, resp)
			if resp.StatusCode != http.StatusOK || got["issuer"] != row.url || got["jwks_uri"] != row.jwks {
				t.Errorf("%d %v", resp.StatusCode, got)
			}
			jwks, err := url.Parse(row.jwks)
			if err != nil {
				t.Fatal(err)
			}
			if resp := call(idp, "GET", jwks.Path, nil, ""); resp.StatusCode != http.StatusOK {
				t.Errorf("jwks_uri answers %d", resp.StatusCode)
			}
		})
	}
}

func TestJWKSIsConditional(t *testing.T) {
	idp := newIssuer(t, Options{})
	first := call(idp, "GET", "/jwks", nil, "")
	tag := first.Header.Get("ETag")
	if tag == "" || first.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Fatalf("header %v", first.Header)
	}
	for _, condition := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		again := call(idp, "GET", "/jwks", http.Header{"If-None-Match": {condition}}, "")
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %d", condition, again.StatusCode)
		}
	}
	if err := idp.Rotate(); err != nil {
		t.Fatal(err)
	}
	after := call(idp, "GET", "/jwks", http.Header{"If-None-Match": {tag}}, "")
	if after.StatusCode != http.StatusOK || after.Header.Get("ETag") == tag {
		t.Errorf("after a rotation: %d %v", after.StatusCode, after.Header)
	}
	if got := idp.JWKSFetches(); got != 6 {
		t.Errorf("%d fetches, want 6", got)
	}
}

func TestFailing(t *testing.T) {
	idp := newIssuer(t, Options{})
	idp.SetFailing(true)
	for _, path := range []string{"/jwks", "/.well-known/openid-configuration"} {
		if resp := call(idp, "GET", path, nil, ""); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if got := idp.JWKSFetches(); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
	idp.SetFailing(false)
	if resp := call(idp, "GET", "/jwks", nil, ""); resp.StatusCode != http.StatusOK {
		t.Errorf("after the outage: %d", resp.StatusCode)
	}
}

func TestWrongMethodsAndPaths(t *testing.T) {
	idp := newIssuer(t, Options{})
	for target, want := range map[string]int{
		"POST /jwks": http.StatusMethodNotAllowed,
		"GET /token": http.StatusMethodNotAllowed,
		"GET /":      http.StatusNotFound,
	} {
		method, path, _ := strings.Cut(target, " ")
		if resp := call(idp, method, path, nil, ""); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, resp.StatusCode, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	idp := newIssuer(t, Options{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				if _, err := idp.Mint(nil); err != nil {
					t.Error(err)
				}
				_ = call(idp, "GET", "/jwks", nil, "")
			}
		})
		wg.Go(func() {
			for range 5 {
				if err := idp.Rotate(); err != nil {
					t.Error(err)
				}
				idp.Withdraw()
			}
		})
	}
	wg.Wait()
}
