package issuer

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func withClients(t *testing.T) *Issuer {
	t.Helper()
	return newIssuer(t, Options{Clients: map[string]Client{
		"shop": {
			Secret: "s:cret ü",
			Claims: map[string]any{"aud": "https://api.example.com", "tenant": "acme"},
			Scopes: []string{"orders:read", "orders:write"},
		},
		"bare": {Secret: "secret"},
	}})
}

func basic(id, secret string) string {
	raw := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(raw))
}

func askToken(idp *Issuer, authorization, form string) *http.Response {
	header := http.Header{"Content-Type": {formMediaType}}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return call(idp, "POST", "/token", header, form)
}

func TestClientCredentials(t *testing.T) {
	good := basic("shop", "s:cret ü")
	post := "&client_id=shop&client_secret=" + url.QueryEscape("s:cret ü")
	for name, row := range map[string]struct{ authorization, form, scope string }{
		"basic, all scopes": {good, "grant_type=client_credentials", "orders:read orders:write"},
		"basic, one scope":  {good, "grant_type=client_credentials&scope=orders:read", "orders:read"},
		"basic, same id":    {good, "grant_type=client_credentials&client_id=shop", "orders:read orders:write"},
		"post":              {"", "grant_type=client_credentials" + post, "orders:read orders:write"},
	} {
		t.Run(name, func(t *testing.T) {
			idp := withClients(t)
			resp := askToken(idp, row.authorization, row.form)
			got := body(t, resp)
			if resp.StatusCode != http.StatusOK || got["token_type"] != "Bearer" || got["scope"] != row.scope {
				t.Fatalf("%d %v", resp.StatusCode, got)
			}
			if got["expires_in"] != float64(3600) || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v %v", got, resp.Header)
			}
			text, ok := got["access_token"].(string)
			if !ok {
				t.Fatalf("access_token is %T", got["access_token"])
			}
			_, claims := verify(t, text, idp.JWKS())
			want := map[string]any{
				"sub": "shop", "client_id": "shop", "scope": row.scope,
				"aud": "https://api.example.com", "tenant": "acme",
			}
			for claim, value := range want {
				if claims[claim] != value {
					t.Errorf("%s is %v, want %v", claim, claims[claim], value)
				}
			}
		})
	}
}

func TestClientWithoutScopes(t *testing.T) {
	got := body(t, askToken(withClients(t), basic("bare", "secret"), "grant_type=client_credentials"))
	if _, there := got["scope"]; there || got["access_token"] == nil {
		t.Errorf("%v", got)
	}
}

func TestGrantRefusals(t *testing.T) {
	good := basic("shop", "s:cret ü")
	const grant = "grant_type=client_credentials"
	for name, row := range map[string]struct {
		authorization, form string
		status              int
		code                string
	}{
		"no credentials":     {"", grant, 401, codeInvalidClient},
		"unknown client":     {basic("nobody", "x"), grant, 401, codeInvalidClient},
		"unknown, no secret": {basic("nobody", ""), grant, 401, codeInvalidClient},
		"wrong secret":       {basic("shop", "x"), grant, 401, codeInvalidClient},
		"empty secret":       {basic("shop", ""), grant, 401, codeInvalidClient},
		"secret of another":  {basic("shop", "secret"), grant, 401, codeInvalidClient},
		"other scheme":       {"Bearer x", grant, 401, codeInvalidClient},
		"bad escape":         {"Basic " + base64.StdEncoding.EncodeToString([]byte("shop:%zz")), grant, 401, codeInvalidClient},
		"two methods":        {good, grant + "&client_id=shop&client_secret=x", 400, codeInvalidRequest},
		"two ids":            {good, grant + "&client_id=bare", 400, codeInvalidRequest},
		"no grant type":      {good, "scope=orders:read", 400, codeInvalidRequest},
		"other grant type":   {good, "grant_type=password", 400, codeUnsupportedGrant},
		"scope too wide":     {good, grant + "&scope=orders:read+admin", 400, codeInvalidScope},
		"scope of spaces":    {good, grant + "&scope=+", 400, codeInvalidScope},
		"repeated":           {good, grant + "&" + grant, 400, codeInvalidRequest},
		"too large":          {good, grant + "&a=" + strings.Repeat("a", maxFormBytes), 400, codeInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			resp := askToken(withClients(t), row.authorization, row.form)
			got := body(t, resp)
			if resp.StatusCode != row.status || got["error"] != row.code {
				t.Errorf("%d %v, want %d %s", resp.StatusCode, got, row.status, row.code)
			}
			challenged := resp.Header.Get("WWW-Authenticate") != ""
			if want := row.status == 401 && row.authorization != ""; challenged != want {
				t.Errorf("challenge %v, want %v", challenged, want)
			}
		})
	}
}

func TestGrantNeverReadsTheQuery(t *testing.T) {
	idp := withClients(t)
	header := http.Header{"Content-Type": {formMediaType}}
	query := url.Values{"client_id": {"bare"}, "client_secret": {"secret"}}.Encode()
	resp := call(idp, "POST", "/token?"+query, header, "grant_type=client_credentials")
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d %v", resp.StatusCode, body(t, resp))
	}
}

func TestGrantWantsAForm(t *testing.T) {
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {basic("bare", "secret")}}
	resp := call(withClients(t), "POST", "/token", header, `{"grant_type":"client_credentials"}`)
	if got := body(t, resp); resp.StatusCode != 400 || got["error"] != codeInvalidRequest {
		t.Errorf("%d %v", resp.StatusCode, got)
	}
}
