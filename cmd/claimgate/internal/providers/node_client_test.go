package providers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

const (
	appClient   = "https://app.api.example.com" // an API, too
	appRedirect = "https://client.example.com/callback"
)

// nodeIDP is a running oidc-provider, as its clients know it.
type nodeIDP string

func api(name string) string { return "https://" + name + ".api.example.com" }

// token has a service ask for an access token for an API.
func (n nodeIDP) token(t *testing.T, name string, header ...string) string {
	t.Helper()
	return n.scoped(t, name, "orders:read", header...)
}

func (n nodeIDP) scoped(t *testing.T, name, scope string, header ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "resource": {api(name)}}
	req := post(t, string(n)+"/token", form)
	req.SetBasicAuth("orders-service", url.QueryEscape(clientSecret))
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	token, err := accessToken(plainClient(), req)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// bound asks for an access token that is bound to a key of the client (RFC 9449
// section 5).
func (n nodeIDP) bound(t *testing.T, name string) string {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: pair},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := json.Marshal(map[string]any{
		"htm": http.MethodPost, "htu": string(n) + "/token", "iat": time.Now().Unix(), "jti": rand.Text(),
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(proof)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return n.token(t, name, "DPoP", compact)
}

// grants are the tokens that a login yields.
type grants struct {
	Access string `json:"access_token"`
	ID     string `json:"id_token"`
}

// login has alice log in and consent, as a browser would, and returns what her
// client gets for the code (OpenID Connect Core 1.0 section 3.1, with PKCE).
func (n nodeIDP) login(t *testing.T) grants {
	t.Helper()
	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	code := n.code(t, url.Values{
		"client_id": {appClient}, "redirect_uri": {appRedirect}, "response_type": {"code"},
		"scope": {"openid orders:read"}, "resource": {appClient}, "nonce": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	})
	req := post(t, string(n)+"/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appRedirect},
		"client_id": {appClient}, "client_secret": {clientSecret}, "code_verifier": {verifier}, "resource": {appClient},
	})
	res, body, err := send(plainClient(), req)
	if err != nil {
		t.Fatal(err)
	}
	var g grants
	if err := json.Unmarshal(body, &g); err != nil || g.Access == "" || g.ID == "" {
		t.Fatalf("the token endpoint answers %d: %s", res.StatusCode, body)
	}
	return g
}

var (
	formAction = regexp.MustCompile(`action="([^"]+)" method="post"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="([a-z]+)"`)
)

// code follows redirects and fills in forms until the client gets its code.
func (n nodeIDP) code(t *testing.T, query url.Values) string {
	t.Helper()
	browser := plainClient()
	var err error
	if browser.Jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	req := get(t, string(n)+"/auth?"+query.Encode())
	for range 20 {
		res, body, err := send(browser, req)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == http.StatusOK {
			action, prompt := formAction.FindSubmatch(body), formPrompt.FindSubmatch(body)
			if action == nil || prompt == nil {
				t.Fatalf("a page without a form: %s", body)
			}
			req = post(t, string(action[1]), url.Values{"prompt": {string(prompt[1])}, "login": {"alice"}, "password": {"any"}})
			continue
		}
		next, err := res.Location()
		if err != nil {
			t.Fatalf("%s answers %d: %s", req.URL.Path, res.StatusCode, body)
		}
		if strings.HasPrefix(next.String(), appRedirect) {
			if code := next.Query().Get("code"); code != "" {
				return code
			}
			t.Fatalf("the client got %s", next)
		}
		req = get(t, next.String())
	}
	t.Fatal("the login comes to no end")
	return ""
}

func get(t *testing.T, address string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func post(t *testing.T, address string, form url.Values) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}
