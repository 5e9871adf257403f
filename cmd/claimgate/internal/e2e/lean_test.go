package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// Listeners that send claimgate some of the headers only, and let names with
// underscores pass.
const (
	viaLean         = "lean"          // what the examples send
	viaAttackLean   = "attack-lean"   // the same, to the arena's claimgate
	viaAttackScanty = "attack-scanty" // less: nothing but names, as an operator may shorten it
)

// leanExamples send what claimgate reads, and no more.
var leanExamples = []string{"mesh-sidecar/envoy.yaml", "mesh-sidecar/mutual-tls/envoy.yaml", "multi-tenant/envoy.yaml"}

// scantyHeaders leave out :path and the odd names.
const scantyHeaders = `{"patterns": [{"exact": "authorization"}, {"exact": "origin"}, {"exact": "access-control-request-method"}, {"exact": "upgrade"}, {"exact": "connection"}]}`

// allowedHeaders returns the setting of that name in an example.
func allowedHeaders(example string) (string, error) {
	text, err := os.ReadFile("../../../../examples/" + example)
	if err != nil {
		return "", err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return "", err
	}
	var setting any
	if node := settingOf(&document, "allowed_headers"); node != nil {
		err = node.Decode(&setting)
	}
	written, err2 := json.Marshal(setting)
	if err == nil {
		err = err2
	}
	return string(written), err
}

// settingOf finds the first member of a name, at any depth.
func settingOf(node *yaml.Node, name string) *yaml.Node {
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 && child.Value == name {
			return node.Content[i+1]
		}
		if found := settingOf(child, name); found != nil {
			return found
		}
	}
	return nil
}

// TestLeanExamplesSendTheSame holds that the examples send the same headers, so
// that what the tests here say of one holds of all.
func TestLeanExamplesSendTheSame(t *testing.T) {
	want, err := allowedHeaders(leanExamples[0])
	if err != nil || !strings.Contains(want, "authorization") {
		t.Fatalf("%s, %v", want, err)
	}
	for _, example := range leanExamples {
		if got, err := allowedHeaders(example); got != want {
			t.Errorf("%s: %s, %v; want %s", example, got, err, want)
		}
	}
}

// TestP5ForgedHeadersNobodySees sends forged headers through Envoys that do not
// send them to claimgate. Nothing of them may arrive: neither owned headers, nor
// their spellings with underscores. Names with other signs are removed where
// they are sent, as the examples do.
func TestP5ForgedHeadersNobodySees(t *testing.T) {
	w, a := the(t), attacked(t)
	for _, s := range a.spoofs() {
		t.Run(s.id, func(t *testing.T) {
			r := a.wireOf(&s)
			for _, listener := range []string{viaAttackLean, viaAttackScanty} {
				got := w.through(t, listener, &r, false)
				if got.status != http.StatusOK || got.seen == nil {
					t.Fatalf("%s: got %d %s, want an allow: the attack proves nothing", listener, got.status, got.reason)
				}
				for _, name := range ownedHere() {
					if listener == viaAttackScanty && strings.ContainsFunc(name, isOddSign) {
						continue
					}
					if saw := got.saw(name); !slices.Equal(saw, s.want[name]) {
						t.Errorf("%s: the upstream saw %s: %q, want %q", listener, name, saw, s.want[name])
					}
				}
			}
		})
	}
}

// TestP1HiddenOverrideGoesNoFurther holds that a preflight, which needs no token,
// does not become another request behind a header that claimgate does not see.
func TestP1HiddenOverrideGoesNoFurther(t *testing.T) {
	w := the(t)
	names := []string{"x-http-method-override", "x-http-method", "x-method-override", "x_http_method_override", "x-http_method", "x_method_override"}
	for _, name := range names {
		preflight := lines(http.MethodOptions, "/any/x", "cors.test", "Origin: https://app.example.com", "Access-Control-Request-Method: GET", name+": DELETE")
		if got := w.raw(t, viaAttackScanty, preflight); got.reason != "preflight" || got.seen == nil || len(got.saw(name)) > 0 {
			t.Errorf("%s, unseen: got %d %s, the upstream saw %q", name, got.status, got.reason, got.saw(name))
		}
		for _, listener := range []string{viaAttackLean, viaAttackMap, viaAttackOpen} {
			if got := w.raw(t, listener, preflight); got.status != http.StatusUnauthorized || got.seen != nil {
				t.Errorf("%s at %s: got %d %s", name, listener, got.status, got.reason)
			}
		}
	}
}

// TestLeanRefusalsOfGRPC holds that a client of gRPC reads the same refusal where
// Envoy sends no more than the examples say.
func TestLeanRefusalsOfGRPC(t *testing.T) {
	w := the(t)
	for _, path := range []string{"/any/%zz", "/any/x"} {
		request := lines(http.MethodPost, path, "cors.test", "Content-Type: application/grpc", "TE: trailers")
		want, got := w.raw(t, viaAttackMap, request), w.raw(t, viaAttackLean, request)
		for _, name := range []string{"grpc-status", "grpc-message", "www-authenticate"} {
			if want.header.Get("grpc-message") == "" || got.header.Get(name) != want.header.Get(name) {
				t.Errorf("%s: %s %q, with all headers %q", path, name, got.header.Get(name), want.header.Get(name))
			}
		}
	}
}

// isOddSign reports a sign of a header name that is neither usual nor `_`.
func isOddSign(r rune) bool {
	return r != '-' && r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
}

// TestP1LeanVerdictsStay holds that the attacks come out the same where Envoy
// sends no more than the examples say. Left out is a tenant that reads more.
func TestP1LeanVerdictsStay(t *testing.T) {
	w, a := the(t), attacked(t)
	asked := 0
	for _, x := range a.attacks() {
		if x.alone || x.rpc != nil || x.tenant == "places" {
			continue
		}
		asked++
		t.Run(x.id, func(t *testing.T) {
			bad, good := a.requests(&x)
			if got := w.through(t, viaAttackLean, &good, x.h2); got.status/100 != 2 {
				t.Fatalf("%s: the control gets %d %s: the attack proves nothing", x.what, got.status, got.reason)
			}
			got := w.through(t, viaAttackLean, &bad, x.h2)
			status, ok := x.wanted(got.reason)
			if x.proxy != 0 {
				status, ok = max(x.proxy, 0), got.reason == ""
			}
			if got.status != status || !ok || got.seen != nil {
				t.Errorf("%s: got %d %s, with all headers %d %s", x.what, got.status, got.reason, status, x.reason)
			}
		})
	}
	t.Logf("%d attacks", asked)
}

// TestLeanAllows holds that what is good stays good.
func TestLeanAllows(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, nil))
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"a token":                      {lines(http.MethodGet, "/orders/7", "main.test", token), http.StatusOK},
		"a path that a text may hide":  {lines(http.MethodGet, "/any/a:b@c!$&'()*+,=~", "main.test", token), http.StatusOK},
		"a preflight":                  {lines(http.MethodOptions, "/orders/7", "main.test", "Origin: https://app.example.com", "Access-Control-Request-Method: GET"), http.StatusOK},
		"a public route":               {lines(http.MethodGet, "/open/x", "main.test"), http.StatusOK},
		"a cookie beside":              {lines(http.MethodGet, "/any", "main.test", token, "Cookie: a=1; b=2"), http.StatusOK},
		"no token":                     {lines(http.MethodGet, "/orders/7", "main.test"), http.StatusUnauthorized},
		"two tokens":                   {lines(http.MethodGet, "/any", "main.test", token, token), http.StatusUnauthorized},
		"a preflight without its word": {lines(http.MethodOptions, "/orders/7", "main.test", "Origin: https://app.example.com"), http.StatusUnauthorized},
	} {
		all, lean := w.raw(t, viaRaw, c.request), w.raw(t, viaLean, c.request)
		if lean.status != c.status || lean.reason != all.reason {
			t.Errorf("%s: got %d %s, with all headers %d %s", name, lean.status, lean.reason, all.status, all.reason)
		}
	}
	upgrade := "GET /any HTTP/1.1\r\nHost: main.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + token + "\r\n\r\n"
	if got := w.raw(t, viaLean, upgrade); got.status != http.StatusForbidden {
		t.Errorf("an upgrade that no rule admits: got %d %s", got.status, got.reason)
	}
}
