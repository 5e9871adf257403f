package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz"
)

// asked is one request and the answer that it must get.
type asked struct {
	reason    string // what the server records, and the name of the case
	what      string
	host      string
	target    string
	method    string
	header    []string
	challenge string // the whole header after the realm, "none" for none at all
	status    int
	grpc      string // grpc-status for a client that says application/grpc
}

const noChallenge = "none"

const (
	invalidToken   = `, error="invalid_token", error_description="The bearer token is not valid here"`
	invalidRequest = `, error="invalid_request", error_description="The bearer token is malformed, too large or not the only one"`
	lacksScope     = `, error="insufficient_scope", error_description="The bearer token lacks a scope", scope="orders:read"`
)

// unauthorized is a case with status 401 at main.test.
func unauthorized(reason, challenge, what string, header ...string) asked {
	return asked{
		reason: reason, what: what, host: "main.test", target: "/orders/7", header: header,
		status: http.StatusUnauthorized, challenge: challenge, grpc: "16",
	}
}

func (w *world) unauthorizedCases(t *testing.T) []asked {
	bearer := func(claims map[string]any) string { return authorization(w.mint(t, mainIssuer, claims)) }
	headed := func(header map[string]any) string { return authorization(w.mintWith(t, mainIssuer, header, nil)) }
	good, hour := w.mint(t, mainIssuer, nil), time.Hour
	parts := strings.Split(good, ".")
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	old := unauthorized("too_old", invalidToken, "issued before the greatest age",
		authorization(w.mint(t, secondIssuer, map[string]any{"iat": at(-2 * hour), "exp": at(hour)})))
	old.host = "second.test"
	nowhere := unauthorized("place_unknown", "", "a host of nobody", authorization(good))
	nowhere.host = "nobody.test"
	common := func(reason, what string, claims map[string]any) asked {
		c := unauthorized(reason, invalidToken, what, authorization(w.mint(t, commonIssuer, claims)))
		c.host = "common.test"
		return c
	}
	return []asked{
		unauthorized("no_token", "", "no header"),
		unauthorized("no_token", "", "another scheme", "Authorization: Basic YTpi"),
		nowhere,
		unauthorized("token_malformed", invalidRequest, "no JWS", "Authorization: Bearer junk"),
		unauthorized("token_malformed", invalidRequest, "alg none, no signature",
			authorization("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0."+parts[1]+".")),
		unauthorized("several_tokens", invalidRequest, "two headers", authorization(good), authorization(good)),
		unauthorized("several_tokens", invalidRequest, "a comma", authorization(good+",Bearer "+good)),
		unauthorized("token_too_large", invalidRequest, "17 KiB", "Authorization: Bearer "+parts[0]+"."+strings.Repeat("A", 17<<10)+"."+parts[2]),
		unauthorized("token_type", invalidToken, "an ID token of another kind", headed(map[string]any{"typ": "logout+jwt"})),
		unauthorized("token_type", invalidToken, "no typ", headed(map[string]any{"typ": nil})),
		unauthorized("algorithm", invalidToken, "alg none with the signature", headed(map[string]any{"alg": "none"})),
		unauthorized("algorithm", invalidToken, "HMAC", headed(map[string]any{"alg": "HS256"})),
		unauthorized("issuer_unknown", invalidToken, "another tenant's issuer", authorization(w.mint(t, secondIssuer, nil))),
		common("issuer_retired", "the tenant left the issuer", map[string]any{"org_id": "north"}),
		common("audience_ambiguous", "audiences of two parts of the issuer",
			map[string]any{"org_id": "org_east", "aud": []string{"https://api.example.com", "https://reports.example.com"}}),
		unauthorized("key_unknown", invalidToken, "a kid that the issuer lacks", headed(map[string]any{"kid": "nobody"})),
		unauthorized("signature", invalidToken, "another payload",
			authorization(parts[0]+"."+strings.Split(w.mint(t, mainIssuer, map[string]any{"sub": "root"}), ".")[1]+"."+parts[2])),
		unauthorized("audience", invalidToken, "another audience", bearer(map[string]any{"aud": "https://other.example.com"})),
		unauthorized("expired", invalidToken, "an hour ago", bearer(map[string]any{"exp": at(-hour)})),
		unauthorized("not_yet_valid", invalidToken, "in an hour", bearer(map[string]any{"nbf": at(hour), "exp": at(2 * hour)})),
		old,
		unauthorized("claims_invalid", invalidToken, "exp is a text", bearer(map[string]any{"exp": "tomorrow"})),
		unauthorized("claims_invalid", invalidToken, "no exp", bearer(map[string]any{"exp": nil})),
		unauthorized("binding_unproved", invalidToken, "bound to a key", bearer(map[string]any{"cnf": map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}})),
	}
}

func (w *world) otherCases(t *testing.T) []asked {
	bearer := func(claims map[string]any) string { return authorization(w.mint(t, mainIssuer, claims)) }
	good := bearer(nil)
	forbidden := asked{host: "main.test", status: http.StatusForbidden, challenge: noChallenge, grpc: "7"}
	bad := asked{host: "main.test", status: http.StatusBadRequest, challenge: noChallenge, grpc: "3", header: []string{good}}
	down := asked{status: http.StatusServiceUnavailable, challenge: noChallenge, grpc: "14", target: "/any"}
	with := func(base asked, reason, what, target string, header ...string) asked {
		base.reason, base.what, base.target = reason, what, target
		if len(header) > 0 {
			base.header = header
		}
		return base
	}
	scope := with(forbidden, "scope_missing", "no scope", "/orders/7", bearer(map[string]any{"scope": "profile"}))
	scope.challenge = lacksScope
	conflict := with(forbidden, "tenant_conflict", "the route says second, the host main", "/any/context/second", good)
	of := func(org string) string { return authorization(w.mint(t, commonIssuer, map[string]any{"org_id": org})) }
	common, east, asleep := forbidden, forbidden, forbidden
	common.host, east.host, asleep.host = "common.test", "east.test", "asleep.label.test"
	host := with(bad, "host_invalid", "userinfo in the host", "/orders/7")
	host.host = "main.test@evil.test"
	silent := with(down, "keys_unavailable", "the issuer never answered", "/any", authorization(w.mint(t, silentIssuer, nil)))
	silent.host = "silent.test"
	return []asked{
		scope,
		with(common, "tenant_unknown", "a claim of nobody", "/any", of("nobody")),
		with(common, "tenant_unknown", "no claim", "/any", authorization(w.mint(t, commonIssuer, nil))),
		with(east, "tenant_mismatch", "a token of another tenant", "/any", of("west")),
		with(asleep, "tenant_suspended", "without a token", "/open/x", "X-Nothing: 1"),
		with(common, "tenant_suspended", "by claim", "/any", of("asleep")),
		with(forbidden, "policy_denied", "no rule", "/elsewhere", good),
		with(forbidden, "policy_denied", "deny rule", "/any/secret/x", good),
		with(forbidden, "require_failed", "a claim that must be absent", "/orders/7", bearer(map[string]any{"banned": true})),
		conflict,
		with(forbidden, "header_value_refused", "a required header has no value", "/orders/7", bearer(map[string]any{"sub": nil})),
		with(forbidden, "header_value_refused", "a value that `refuse` refuses", "/orders/7", bearer(map[string]any{"plan": "gold\n"})),
		with(bad, "path_not_canonical", "double slash", "/orders//7"),
		host,
		silent,
	}
}

// TestP1Answers holds status, challenge, body and gRPC code of every refusal
// that a client can cause, and that the client is told neither reason nor names.
// It asks in both encodings of the headers and through an Envoy that would let
// pass whatever is answered with an error.
func TestP1Answers(t *testing.T) {
	w := the(t)
	for _, c := range append(w.unauthorizedCases(t), w.otherCases(t)...) {
		for _, listener := range []string{viaMap, viaRaw, viaOpen} {
			t.Run(c.reason+"/"+c.what+"/"+listener, func(t *testing.T) {
				method := c.method
				if method == "" {
					method = http.MethodGet
				}
				w.checkWeb(t, c, w.raw(t, listener, lines(method, c.target, c.host, c.header...)))
				asGRPC := append([]string{"Content-Type: application/grpc"}, c.header...)
				w.checkGRPC(t, c, w.raw(t, listener, lines(method, c.target, c.host, asGRPC...)))
			})
		}
	}
}

// TestEveryReasonIsAsked holds that no reason is left out, but for those that no
// client can cause.
func TestEveryReasonIsAsked(t *testing.T) {
	w := the(t)
	asked := map[string]bool{
		"allowed": true, "public_route": true, "preflight": true, // headers_test.go
		"request_invalid": true, "keys_pending": true, // below
		"shadow": true, "metadata_document": true, // places_test.go
		"internal": true, "tenant_unavailable": true, "overloaded": true, "deadline": true, // not from outside
	}
	for _, c := range append(w.unauthorizedCases(t), w.otherCases(t)...) {
		asked[c.reason] = true
	}
	for _, reason := range authz.Reasons() {
		if !asked[reason.String()] {
			t.Errorf("no case for %s", reason)
		}
	}
}

// TestCachedTokenIsAnsweredAlike holds that the cache changes no answer.
func TestCachedTokenIsAnsweredAlike(t *testing.T) {
	w := the(t)
	token := authorization(w.mint(t, mainIssuer, map[string]any{"sub": "cached", "roles": []string{"a"}}))
	for _, target := range []string{"/orders/7", "/elsewhere", "/any/secret/x", "/orders//7"} {
		first := w.get(t, viaRaw, "main.test", target, token, "x-roles: admin")
		second := w.get(t, viaRaw, "main.test", target, token, "x-roles: admin")
		if first.status != second.status || first.reason != second.reason ||
			strings.Join(first.saw("x-roles"), "|") != strings.Join(second.saw("x-roles"), "|") {
			t.Errorf("%s: %d %s, then %d %s", target, first.status, first.reason, second.status, second.reason)
		}
		if second.status != http.StatusBadRequest && !second.record.Cached {
			t.Errorf("%s: the second answer does not come from the cache", target)
		}
	}
}

func (w *world) checkWeb(t *testing.T, c asked, got answer) {
	t.Helper()
	if got.status != c.status || got.reason != c.reason {
		t.Errorf("got %d %s, want %d %s", got.status, got.reason, c.status, c.reason)
	}
	want := `Bearer realm="claimgate"` + c.challenge
	if c.challenge == noChallenge {
		want = ""
	}
	if got.challenge() != want {
		t.Errorf("challenge %q, want %q", got.challenge(), want)
	}
	if kind := got.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("content type %q", kind)
	}
	if retry := got.header.Get("Retry-After"); (retry != "") != (c.status == http.StatusServiceUnavailable) {
		t.Errorf("Retry-After %q with status %d", retry, c.status)
	}
	for _, name := range []string{c.reason + `"`, "orders-read", "no-secret", "silent", "second"} {
		if strings.Contains(got.body, name) {
			t.Errorf("the body says %s: %s", name, got.body)
		}
	}
}

func (w *world) checkGRPC(t *testing.T, c asked, got answer) {
	t.Helper()
	if got.status != http.StatusOK || got.header.Get("Grpc-Status") != c.grpc || got.reason != c.reason {
		t.Errorf("gRPC client: got %d, grpc-status %s, %s; want 200, %s, %s",
			got.status, got.header.Get("Grpc-Status"), got.reason, c.grpc, c.reason)
	}
	if got.header.Get("Grpc-Message") == "" || got.seen != nil {
		t.Errorf("gRPC client: message %q, upstream %v", got.header.Get("Grpc-Message"), got.seen)
	}
}

// TestRequestInvalid needs HTTP/2: over HTTP/1 Envoy refuses such methods.
func TestRequestInvalid(t *testing.T) {
	w := the(t)
	got := w.h2(t, viaRaw, strings.Repeat("X", 65), "main.test", "/any", nil)
	if got.status != http.StatusBadRequest || got.reason != "request_invalid" {
		t.Errorf("got %d %s, want 400 request_invalid", got.status, got.reason)
	}
}

// TestKeysPending has an issuer fail after its first fetch: a new kid can then
// neither be found nor ruled out.
func TestKeysPending(t *testing.T) {
	w := the(t).alone()
	idp := w.issuers[failingIssuer]
	good := w.mint(t, failingIssuer, nil)
	idp.SetFailing(true)
	defer idp.SetFailing(false)
	if got := w.get(t, viaRaw, "failing.test", "/any", authorization(good)); got.status != http.StatusOK {
		t.Errorf("a key in force gives %d %s during an outage, want 200", got.status, got.reason)
	}
	if err := idp.Rotate(); err != nil {
		t.Fatal(err)
	}
	unknown := authorization(w.mint(t, failingIssuer, nil))
	var got answer
	eventually(t, "the last good fetch is too old to rule a kid out", func() bool {
		got = w.get(t, viaRaw, "failing.test", "/any", unknown)
		return got.reason != "key_unknown"
	})
	if got.status != http.StatusServiceUnavailable || got.reason != "keys_pending" {
		t.Errorf("got %d %s, want 503 keys_pending", got.status, got.reason)
	}
	idp.SetFailing(false)
	eventually(t, "the new key works once the issuer answers again", func() bool {
		return w.get(t, viaRaw, "failing.test", "/any", unknown).status == http.StatusOK
	})
}

// TestUnknownPlaceLooksLikeAKnownOne holds that names cannot be probed.
func TestUnknownPlaceLooksLikeAKnownOne(t *testing.T) {
	w := the(t)
	known := w.get(t, viaRaw, "main.test", "/orders/7")
	for name, unknown := range map[string]answer{
		"without a token": w.get(t, viaRaw, "nobody.test", "/orders/7"),
		"with a token":    w.get(t, viaRaw, "nobody.test", "/orders/7", authorization(w.mint(t, mainIssuer, nil))),
		"with junk":       w.get(t, viaRaw, "nobody.test", "/orders/7", "Authorization: Bearer junk"),
	} {
		if unknown.reason != "place_unknown" {
			t.Errorf("%s: reason %s", name, unknown.reason)
		}
		for _, a := range []*answer{&known, &unknown} {
			a.header.Del("X-Decision-Id")
			a.header.Del("Date")
		}
		if known.status != unknown.status || known.body != unknown.body || !sameHeader(known.header, unknown.header) {
			t.Errorf("%s: the answers differ:\n%v %s\n%v %s", name, known.header, known.body, unknown.header, unknown.body)
		}
	}
}

func sameHeader(a, b http.Header) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if strings.Join(a[name], "|") != strings.Join(b[name], "|") {
			return false
		}
	}
	return true
}
