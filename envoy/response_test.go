package envoy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
)

func TestAllow(t *testing.T) {
	d := authz.Decision{
		Verdict: authz.Allow, Reason: authz.Allowed,
		Set:             []authz.Header{{Name: "x-user-id", Value: "u-1"}, {Name: "x-roles", Value: "a,b"}},
		Remove:          []string{"x-plan", "x_user_id", "authorization", "x-roles"},
		ResponseHeaders: []authz.Header{{Name: "x-decision-id", Value: "0123"}},
	}
	response, err := said(t, newResponder(), &authz.Request{}, &d)
	if err != nil {
		t.Fatal(err)
	}
	ok := response.GetOkResponse()
	for _, option := range slices.Concat(ok.GetHeaders(), ok.GetResponseHeadersToAdd()) {
		if explicit := option.Append; explicit == nil || explicit.GetValue() || //nolint:staticcheck // deprecated, but the field that Envoy obeys here
			option.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD || len(option.GetHeader().GetRawValue()) > 0 {
			t.Errorf("option %v does not overwrite for every reader", option)
		}
	}
	if got := ok.GetHeadersToRemove(); !slices.Equal(got, []string{"x-plan", "x_user_id", "authorization"}) {
		t.Errorf("removes %q", got)
	}
	if !slices.Equal(d.Remove, []string{"x-plan", "x_user_id", "authorization", "x-roles"}) {
		t.Errorf("the decision's own list became %q", d.Remove)
	}
	out := envoyReads(t, response, []authz.Header{{Name: "x-roles", Value: "admin"}, {Name: "x-roles", Value: "root"}, {Name: "x-plan", Value: "gold"}, {Name: "accept", Value: "*/*"}})
	want := []authz.Header{{Name: "accept", Value: "*/*"}, {Name: "x-user-id", Value: "u-1"}, {Name: "x-roles", Value: "a,b"}}
	if !slices.Equal(out.upstream, want) {
		t.Errorf("the upstream sees %v, want %v", out.upstream, want)
	}
	if !slices.Equal(out.back, d.ResponseHeaders) {
		t.Errorf("the client sees %v", out.back)
	}
}

func TestResponseHeadersOnDenials(t *testing.T) {
	responder := newResponder()
	for _, reason := range denials() {
		d := denialOf(reason)
		d.ResponseHeaders = []authz.Header{{Name: "x-decision-id", Value: "0123"}}
		d.Set = []authz.Header{{Name: "x-user-id", Value: "u-1"}}
		for _, kind := range []string{"", "application/grpc"} {
			response, err := said(t, responder, clientOf(kind), &d)
			if err != nil {
				t.Fatal(err)
			}
			out := envoyReads(t, response, nil)
			if got := values(out.client, "x-decision-id"); len(got) != 1 || got[0] != "0123" {
				t.Errorf("%v: %v", reason, out.client)
			}
			if len(values(out.client, "x-user-id")) > 0 || strings.Contains(response.String(), "u-1") {
				t.Errorf("%v: a denial tells what an allow would set", reason)
			}
			if want := wantAnswers()[reason]; (want.challenge != "") != (len(values(out.client, "www-authenticate")) == 1) {
				t.Errorf("%v: %v", reason, out.client)
			}
		}
	}
}

// TestSharedPartsStayWhole: responses share static parts, so one must not
// change another.
func TestSharedPartsStayWhole(t *testing.T) {
	responder := newResponder()
	d := authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken}
	before, err := said(t, responder, &authz.Request{}, &d)
	if err != nil {
		t.Fatal(err)
	}
	text := before.String()
	for i := range 4 {
		other := d
		other.Realm = fmt.Sprint("realm", i)
		other.ResponseHeaders = []authz.Header{{Name: "x-id", Value: fmt.Sprint(i)}}
		if _, err := said(t, responder, &authz.Request{}, &other); err != nil {
			t.Fatal(err)
		}
	}
	after, err := said(t, responder, &authz.Request{}, &d)
	if err != nil || after.String() != text || before.String() != text {
		t.Errorf("%v\nbecame %v (%v)", text, after, err)
	}
}

// TestAnswersAreShared: many calls encode the shared parts at once.
func TestAnswersAreShared(t *testing.T) {
	responder := newResponder()
	var wg sync.WaitGroup
	for _, reason := range denials() {
		for range 4 {
			wg.Go(func() {
				d := denialOf(reason)
				response, err := said(t, responder, &authz.Request{}, &d)
				if err != nil {
					t.Error(err)
				}
				if out := envoyReads(t, response, nil); out.verdict != envoyDenies {
					t.Errorf("%v: %s", reason, out.verdict)
				}
			})
		}
	}
	wg.Wait()
}

// names and values as an engine would send them, and as it never should.
func drawHeader(t *rapid.T) authz.Header {
	name := rapid.OneOf(
		rapid.SampledFrom([]string{"x-user", "x-roles", "x_roles", "x-plan", "host", ":path", "content-length", "", "X-User", "grpc-status"}),
		rapid.StringMatching(`x-[a-z]{1,3}`),
	).Draw(t, "name")
	value := rapid.OneOf(rapid.StringMatching(`[ -~]{0,8}`), rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 6), func(b []byte) string { return string(b) })).Draw(t, "value")
	return authz.Header{Name: name, Value: value}
}

func drawDecision(t *rapid.T) authz.Decision {
	headers := rapid.SliceOfN(rapid.Custom(drawHeader), 0, 4)
	text := rapid.OneOf(rapid.StringMatching(`[a-z]{0,4}`), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 4), func(b []byte) string { return string(b) }))
	d := authz.Decision{
		Verdict: authz.Verdict(rapid.IntRange(0, 4).Draw(t, "verdict")),
		Reason:  authz.Reason(rapid.IntRange(0, len(authz.Reasons())).Draw(t, "reason")),
		Tenant:  text.Draw(t, "tenant"), Realm: text.Draw(t, "realm"),
		Scopes:           rapid.SliceOfN(text, 0, 2).Draw(t, "scopes"),
		Set:              headers.Draw(t, "set"),
		Remove:           rapid.SliceOfN(rapid.Map(rapid.Custom(drawHeader), func(h authz.Header) string { return h.Name }), 0, 4).Draw(t, "remove"),
		ResponseHeaders:  headers.Draw(t, "response headers"),
		RemoveParams:     rapid.SliceOfN(text, 0, 2).Draw(t, "parameters"),
		ResourceMetadata: text.Draw(t, "metadata"),
		Document:         []byte(text.Draw(t, "document")),
	}
	for range rapid.IntRange(0, 2).Draw(t, "fields") {
		d.Metadata = append(d.Metadata, authz.MetadataField{Name: text.Draw(t, "field"), Text: text.Draw(t, "text")})
	}
	if rapid.Bool().Draw(t, "consistent") {
		d.Verdict, d.Reason = authz.Allow, authz.Allowed
	}
	return d
}

// TestP1AnyDecision: whatever the engine decides, the answer is whole, encodes,
// breaks no message, and allows only what was allowed.
func TestP1AnyDecision(t *testing.T) { inBothCodecs(t, testP1AnyDecision) }

func testP1AnyDecision(t *testing.T, m mode) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawDecision(rt)
		kind := rapid.SampledFrom([]string{"", "application/grpc"}).Draw(rt, "kind")
		server := NewServer(ServerOptions{Decider: always(d)})
		response := m.respond(t.Context(), t, server, plain().with("content-type", kind).raw())
		if _, err := proto.Marshal(response); err != nil {
			rt.Fatalf("does not encode: %v", err)
		}
		out := envoyReads(t, response, nil)
		allowed := out.verdict == envoyAllows
		if out.verdict == envoyErrs || out.corrupt != "" || allowed != (response.GetOkResponse() != nil) || allowed == (response.GetDeniedResponse() != nil) {
			rt.Fatalf("%+v: %v", out, response)
		}
		if out.status == 200 && (d.Reason != authz.MetadataDocument || out.body != string(d.Document) || out.body == "") {
			rt.Fatalf("%v says 200: %+v", d.Reason, out)
		}
		if allowed && (d.Verdict != authz.Allow || !admits(d.Reason)) {
			rt.Fatalf("%v %v was allowed", d.Verdict, d.Reason)
		}
	})
}

// TestP5UpstreamSeesOnlyOurs: after an allow each name that was set has exactly
// our value and each name that was removed is gone, whatever the client sent
// and however often.
func TestP5UpstreamSeesOnlyOurs(t *testing.T) { inBothCodecs(t, testP5UpstreamSeesOnlyOurs) }

func testP5UpstreamSeesOnlyOurs(t *testing.T, m mode) {
	owned := []string{"x-user", "x-roles", "x-plan", "x-tenant", "x_roles", "x_user"}
	rapid.Check(t, func(rt *rapid.T) {
		d := allow
		set := map[string]string{}
		for _, name := range owned {
			switch rapid.IntRange(0, 2).Draw(rt, name) {
			case 0:
				set[name] = rapid.StringMatching(`[!-~]([ -~]{0,6}[!-~])?`).Draw(rt, "value")
				d.Set = append(d.Set, authz.Header{Name: name, Value: set[name]})
			case 1:
				d.Set = append(d.Set, authz.Header{Name: name, Value: "v"})
				set[name] = "v"
				d.Remove = append(d.Remove, name) // a careless engine
			default:
				d.Remove = append(d.Remove, name)
			}
		}
		spoofed := rapid.SliceOfN(rapid.Map(rapid.SampledFrom(append(owned, "accept")), func(name string) authz.Header {
			return authz.Header{Name: name, Value: "spoofed"}
		}), 0, 8).Draw(rt, "client")
		request := plain()
		request.headers = spoofed
		response := m.respond(t.Context(), t, NewServer(ServerOptions{Decider: always(d)}), request.raw())
		out := envoyReads(t, response, spoofed)
		got := map[string]string{}
		for _, name := range owned {
			for _, value := range values(out.upstream, name) {
				got[name] += value
			}
		}
		if out.verdict != envoyAllows || !maps.Equal(got, set) {
			rt.Fatalf("%s: the upstream sees %v, want %v", out.verdict, out.upstream, set)
		}
		if len(values(out.upstream, "accept")) != len(values(spoofed, "accept")) {
			rt.Fatalf("other headers were touched: %v", out.upstream)
		}
	})
}

// TestP7RemovedParameters: a parameter that is removed is gone in all its
// copies, and no other is touched.
func TestP7RemovedParameters(t *testing.T) { inBothCodecs(t, testP7RemovedParameters) }

func testP7RemovedParameters(t *testing.T, m mode) {
	for _, tc := range []struct{ query, want string }{
		{"access_token=t", ""}, {"a=1&access_token=t", "a=1"}, {"b=2&access_token=t&a=1&access_token=u", "a=1&b=2"},
		{"access_token", ""}, {"Access_Token=t", "Access_Token=t"}, {"", ""},
	} {
		d := allow
		d.RemoveParams = []string{"access_token"}
		request := plain()
		request.target = "/orders/1?" + tc.query
		response := m.respond(t.Context(), t, NewServer(ServerOptions{Decider: always(d)}), request.raw())
		if got := envoyQuery(response.GetOkResponse(), tc.query); got != tc.want {
			t.Errorf("%q becomes %q, want %q", tc.query, got, tc.want)
		}
	}
	for _, name := range []string{"", "a&b", "a=b", "a b", "a#", "\r\n", "a\"b", "\u00e9"} {
		d := allow
		d.RemoveParams = []string{name}
		if out := m.check(t.Context(), t, NewServer(ServerOptions{Decider: always(d)}), plain().raw()); out.verdict != envoyDenies {
			t.Errorf("parameter %q: %s", name, out.verdict)
		}
	}
}

// TestHeadersOfEverySize says headers whose sizes take one byte, two and three,
// in each list that an answer has, as generated code does.
func TestHeadersOfEverySize(t *testing.T) {
	sizes := []int{1<<14 - 20, 1<<14 - 9, 1<<14 - 8, 1<<14 - 7, 1<<14 - 6, 1<<14 - 5, 1<<14 - 4, 1<<14 - 3, 1<<14 - 2, 1<<14 - 1, 1 << 14}
	for size := range 300 {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		for _, name := range []string{"x", "x-a", "x-" + strings.Repeat("a", 120), "x-" + strings.Repeat("a", 130)} {
			h := []authz.Header{{Name: name, Value: strings.Repeat("v", size)}}
			back := authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, ResponseHeaders: h}
			if size > 0 {
				back.Set, back.Remove = []authz.Header{{Name: "x-first", Value: "1"}, h[0], {Name: "x-last", Value: "1"}}, []string{name + "-gone"}
			}
			for _, d := range []authz.Decision{back, {Reason: authz.PolicyDenied, ResponseHeaders: h}} {
				if _, err := said(t, newResponder(), &authz.Request{}, &d); err != nil {
					t.Fatalf("%d bytes: %v", size, err)
				}
			}
		}
	}
}
