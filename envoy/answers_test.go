package envoy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

const (
	bare           = `Bearer realm="api"`
	invalidRequest = bare + `, error="invalid_request", error_description="The bearer token is malformed, too large or not the only one"`
	invalidToken   = bare + `, error="invalid_token", error_description="The bearer token is not valid here"`
	noScope        = bare + `, error="insufficient_scope", error_description="The bearer token lacks a scope"`
)

type wantAnswer struct {
	status    int
	code      int32
	challenge string
	grpc      string
}

// wantAnswers repeats the table of reasons in its own words.
func wantAnswers() map[authz.Reason]wantAnswer {
	unauthenticated := wantAnswer{401, 16, bare, "16"}
	request := wantAnswer{401, 16, invalidRequest, "16"}
	bad := wantAnswer{401, 16, invalidToken, "16"}
	forbidden := wantAnswer{403, 7, "", "7"}
	malformed := wantAnswer{400, 3, "", "3"}
	unavailable := wantAnswer{503, 14, "", "14"}
	return map[authz.Reason]wantAnswer{
		authz.Internal: {500, 13, "", "13"},
		authz.NoToken:  unauthenticated, authz.PlaceUnknown: unauthenticated,
		authz.TokenMalformed: request, authz.SeveralTokens: request, authz.TokenTooLarge: request,
		authz.TokenType: bad, authz.AlgorithmRefused: bad, authz.IssuerUnknown: bad, authz.KeyUnknown: bad,
		authz.IssuerRetired: bad, authz.AudienceAmbiguous: bad,
		authz.SignatureInvalid: bad, authz.AudienceRefused: bad, authz.Expired: bad, authz.NotYetValid: bad,
		authz.TooOld: bad, authz.ClaimsInvalid: bad, authz.BindingUnproved: bad,
		authz.ScopeMissing: {403, 7, noScope, "7"},
		authz.PolicyDenied: forbidden, authz.RequireFailed: forbidden, authz.TenantConflict: forbidden, authz.HeaderValueRefused: forbidden,
		authz.TenantUnknown: forbidden, authz.TenantMismatch: forbidden, authz.TenantSuspended: forbidden,
		authz.PathNotCanonical: malformed, authz.HostInvalid: malformed, authz.RequestInvalid: malformed,
		authz.KeysUnavailable: unavailable, authz.KeysPending: unavailable, authz.TenantUnavailable: unavailable,
		authz.Overloaded: unavailable, authz.DeadlineExceeded: unavailable,
		authz.MetadataDocument: {200, 7, "", "2"},
	}
}

// denials are all reasons that do not allow.
func denials() []authz.Reason {
	var reasons []authz.Reason
	for _, reason := range authz.Reasons() {
		if !admits(reason) {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

func clientOf(kind string) *authz.Request {
	return &authz.Request{Headers: authz.Headers{Lines: []authz.Header{{Name: "content-type", Value: kind}}}}
}

// TestP1EveryReasonHasItsAnswer goes through all reasons, as Envoy reads the
// answers, for browsers and gRPC clients.
func TestP1EveryReasonHasItsAnswer(t *testing.T) {
	responder, want := newResponder(), wantAnswers()
	for _, reason := range denials() {
		expected, ok := want[reason]
		if !ok {
			t.Errorf("reason %v has no answer of its own: add it to the table", reason)
			continue
		}
		for _, kind := range []string{"application/json", "application/grpc", "application/grpc+proto", "application/grpc-web"} {
			t.Run(fmt.Sprintf("%v/%s", reason, kind), func(t *testing.T) {
				d := denialOf(reason)
				response, err := said(t, responder, clientOf(kind), &d)
				if err != nil {
					t.Fatal(err)
				}
				if got := response.GetStatus().GetCode(); got != expected.code {
					t.Errorf("code %d, want %d", got, expected.code)
				}
				expectDenial(t, envoyReads(t, response, nil), expected, kind)
			})
		}
	}
	const allowing = 4
	if got, all := len(denials())+allowing, len(authz.Reasons()); got != all || len(want)+allowing != all {
		t.Errorf("%d reasons deny and %d are expected to, of %d", got-allowing, len(want), all)
	}
}

// document is what a decision answers with 200.
const document = `{"resource":"https://api.example.com"}`

// denialOf is a decision of that reason, with a document where it needs one.
func denialOf(reason authz.Reason) authz.Decision {
	d := authz.Decision{Verdict: reason.Verdict(), Reason: reason}
	if reason == authz.MetadataDocument {
		d.Document = []byte(document)
	}
	return d
}

func expectDenial(t *testing.T, out outcome, want wantAnswer, kind string) {
	t.Helper()
	if out.verdict != envoyDenies || out.status != want.status || out.corrupt != "" {
		t.Errorf("Envoy: %s %d corrupt %q; want deny %d", out.verdict, out.status, out.corrupt, want.status)
	}
	if got := out.grpcStatus(); got != want.grpc {
		t.Errorf("grpc-status %s, want %s", got, want.grpc)
	}
	if got := strings.Join(values(out.client, "www-authenticate"), "|"); got != want.challenge {
		t.Errorf("challenge %s\nwant %s", got, want.challenge)
	}
	cached := "no-store"
	if want.status == http.StatusOK {
		cached = "public, max-age=3600"
	}
	if got := values(out.client, "cache-control"); len(got) != 1 || got[0] != cached {
		t.Errorf("cache-control %q", got)
	}
	if got := values(out.client, "retry-after"); (want.status == 503) != (len(got) == 1) {
		t.Errorf("retry-after %q with status %d", got, want.status)
	}
	expectBody(t, out, kind)
}

func expectBody(t *testing.T, out outcome, kind string) {
	t.Helper()
	content := values(out.client, "content-type")
	if out.status == http.StatusOK {
		origin := values(out.client, "access-control-allow-origin")
		if out.body != document || len(content) != 1 || content[0] != "application/json" || len(origin) != 1 || origin[0] != "*" {
			t.Errorf("document %q as %q for %q", out.body, content, origin)
		}
		return
	}
	if kind == "application/grpc" || kind == "application/grpc+proto" {
		if strings.ContainsAny(out.body, "{}\"") || out.body == "" || len(content) != 1 || content[0] != "text/plain" {
			t.Errorf("a gRPC client gets %q as %q", out.body, content)
		}
		return
	}
	var problem struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal([]byte(out.body), &problem); err != nil {
		t.Fatalf("body %q: %v", out.body, err)
	}
	if problem.Type != "about:blank" || problem.Title != http.StatusText(out.status) || problem.Status != out.status || problem.Detail == "" {
		t.Errorf("body %q does not fit status %d", out.body, out.status)
	}
	if len(content) != 1 || content[0] != "application/problem+json" {
		t.Errorf("content-type %q", content)
	}
}

// TestP1OnlyAnAllowIsAnAllow tries every verdict with every reason, known or
// not: code 0 is for an allow with a reason that allows.
func TestP1OnlyAnAllowIsAnAllow(t *testing.T) { inBothCodecs(t, testP1OnlyAnAllowIsAnAllow) }

func testP1OnlyAnAllowIsAnAllow(t *testing.T, m mode) {
	statuses := map[int]bool{400: true, 401: true, 403: true, 500: true, 503: true}
	for verdict := authz.Verdict(0); verdict < 8; verdict++ {
		for reason := range 256 {
			for _, kind := range []string{"", "application/grpc"} {
				d := authz.Decision{Verdict: verdict, Reason: authz.Reason(reason)}
				observer := &recorder{}
				server := NewServer(ServerOptions{Decider: always(d), Observer: observer})
				response := m.respond(t.Context(), t, server, plain().with("content-type", kind).raw())
				out := envoyReads(t, response, nil)
				if verdict == authz.Allow && admits(d.Reason) {
					if out.verdict != envoyAllows || response.GetOkResponse() == nil {
						t.Errorf("%+v: %v", d, response)
					}
					continue
				}
				if out.verdict != envoyDenies || response.GetDeniedResponse() == nil || !statuses[out.status] {
					t.Errorf("%+v: %v", d, response)
				}
				if heard := observer.one(t).decision; heard.Verdict == authz.Allow || (verdict == authz.Allow || admits(d.Reason)) && (out.status != 500 || heard.Reason != authz.Internal) {
					t.Errorf("%+v contradicts itself: status %d, the observer heard %v %v", d, out.status, heard.Verdict, heard.Reason)
				}
			}
		}
	}
}

// TestP1DocumentIsNoAllow: an answer with status 200 is a denial all the same,
// and one without a document is our own fault.
func TestP1DocumentIsNoAllow(t *testing.T) { inBothCodecs(t, testP1DocumentIsNoAllow) }

func testP1DocumentIsNoAllow(t *testing.T, m mode) {
	for name, tc := range map[string]struct {
		document string
		status   int
	}{
		"document": {document, 200}, "none": {"", 500}, "no UTF-8": {"\xff", 500}, "endless": {strings.Repeat("a", maxDocumentBytes+1), 500},
	} {
		d := denialOf(authz.MetadataDocument)
		d.Document, d.Realm = []byte(tc.document), "shop"
		observer := &recorder{}
		response := m.respond(t.Context(), t, NewServer(ServerOptions{Decider: always(d), Observer: observer}), plain().raw())
		out := envoyReads(t, response, nil)
		if out.verdict != envoyDenies || out.status != tc.status || response.GetStatus().GetCode() == 0 {
			t.Errorf("%s: %v; want %d", name, response, tc.status)
		}
		if heard := observer.one(t).decision; (heard.Reason == authz.MetadataDocument) != (tc.status == 200) {
			t.Errorf("%s: the observer heard %v", name, heard.Reason)
		}
		if len(values(out.client, "www-authenticate")) > 0 {
			t.Errorf("%s: a challenge beside the document", name)
		}
	}
}

func TestP1ZeroDecisionDenies(t *testing.T) { inBothCodecs(t, testP1ZeroDecisionDenies) }

func testP1ZeroDecisionDenies(t *testing.T, m mode) {
	response := m.respond(t.Context(), t, NewServer(ServerOptions{Decider: always(authz.Decision{})}), plain().raw())
	if out := envoyReads(t, response, nil); out.verdict != envoyDenies || out.status != 500 {
		t.Errorf("%+v; want deny 500", out)
	}
}

// TestAnswersTellNothingApart: reasons that share a refusal look alike to the
// byte.
func TestAnswersTellNothingApart(t *testing.T) {
	responder := newResponder()
	seen := map[refusal]string{}
	for _, reason := range denials() {
		d := denialOf(reason)
		d.Tenant, d.Issuer, d.Rule, d.Realm = "acme", "idp", "orders", "shop"
		response, err := said(t, responder, clientOf(""), &d)
		if err != nil {
			t.Fatal(err)
		}
		text := response.String()
		for _, secret := range []string{"acme", "idp", "orders"} {
			if strings.Contains(text, secret) {
				t.Errorf("%v tells %q: %s", reason, secret, text)
			}
		}
		kind := refusalOf(reason)
		if first, ok := seen[kind]; ok && first != text {
			t.Errorf("%v: %s\ndiffers from %s", reason, text, first)
		}
		seen[kind] = text
	}
}

func TestChallenge(t *testing.T) {
	responder := newResponder()
	for name, tc := range map[string]struct {
		d    authz.Decision
		want string // "": cannot be said
	}{
		"realm":           {authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken, Realm: "shop"}, `Bearer realm="shop"`},
		"scopes":          {authz.Decision{Reason: authz.ScopeMissing, Scopes: []string{"a:read", "b"}}, noScope + `, scope="a:read b"`},
		"scopes withheld": {authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken, Scopes: []string{"a"}}, bare},
		"metadata": {authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken, ResourceMetadata: "https://a.example/m"},
			bare + `, resource_metadata="https://a.example/m"`},
		"metadata, bad token": {authz.Decision{Verdict: authz.Challenge, Reason: authz.Expired, ResourceMetadata: "https://a.example/m"},
			invalidToken + `, resource_metadata="https://a.example/m"`},
		"metadata and scope": {authz.Decision{Reason: authz.ScopeMissing, Scopes: []string{"a", "b"}, ResourceMetadata: "https://a.example/m"},
			noScope + `, scope="a b", resource_metadata="https://a.example/m"`},
		"quote in metadata": {authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken, ResourceMetadata: `https://a"b`}, ""},
		"quote in realm":    {authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken, Realm: `a", error="x`}, ""},
		"escape in realm":   {authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken, Realm: `a\`}, ""},
		"line in realm":     {authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken, Realm: "a\r\nx: y"}, ""},
		"é in realm":        {authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken, Realm: "é"}, ""},
		"quote in scope":    {authz.Decision{Reason: authz.ScopeMissing, Scopes: []string{`a"`}}, ""},
		"space in scope":    {authz.Decision{Reason: authz.ScopeMissing, Scopes: []string{"a b"}}, ""},
		"empty scope":       {authz.Decision{Reason: authz.ScopeMissing, Scopes: []string{""}}, ""},
		"endless scope":     {authz.Decision{Reason: authz.ScopeMissing, Scopes: []string{strings.Repeat("a", maxHeaderValue)}}, ""},
	} {
		response, err := said(t, responder, clientOf(""), &tc.d)
		if tc.want == "" {
			if err == nil {
				t.Errorf("%s: %v, want an error", name, response)
			}
			continue
		}
		out := envoyReads(t, response, nil)
		if got := values(out.client, "www-authenticate"); err != nil || len(got) != 1 || got[0] != tc.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tc.want)
		}
	}
}
