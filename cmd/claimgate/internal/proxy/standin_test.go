package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
)

// exchange is one case: what the authorizer answers, what the client sends and
// what comes of it, in Envoy and in the stand-in alike.
type exchange struct {
	name   string
	answer *authv3.CheckResponse // nil: a gRPC error
	target string                // default "/a"
	send   http.Header
	want   string // "status | body | response headers"
}

func exchanges() []exchange {
	two := http.Header{"X-T": {"c0", "c1"}}
	one := http.Header{"X-T": {"c0"}}
	return []exchange{
		{name: "empty message allows", answer: &authv3.CheckResponse{}, send: one, want: "200 | /a x-t=c0 | x-resp=upstream"},
		{name: "overwrite none", answer: allow(nil, option("x-t", "s", overwriting)), want: "200 | /a x-t=s | x-resp=upstream"},
		{name: "overwrite two", answer: allow(nil, option("x-t", "s", overwriting)), send: two, want: "200 | /a x-t=s | x-resp=upstream"},
		{name: "append unset overwrites", answer: allow(nil, option("X-T", "s")), send: two, want: "200 | /a x-t=s | x-resp=upstream"},
		{name: "append_action is ignored", answer: allow(nil, option("x-t", "s", action(corev3.HeaderValueOption_ADD_IF_ABSENT))), send: one, want: "200 | /a x-t=s | x-resp=upstream"},
		{name: "last wins", answer: allow(nil, option("x-t", "s1"), option("x-t", "s2")), send: one, want: "200 | /a x-t=s2 | x-resp=upstream"},
		{name: "append to none is lost", answer: allow(nil, option("x-t", "s", appended)), want: "200 | /a  | x-resp=upstream"},
		{name: "append to the first", answer: allow(nil, option("x-t", "s", appended)), send: two, want: "200 | /a x-t=c0,s x-t=c1 | x-resp=upstream"},
		{name: "set then append", answer: allow(nil, option("x-t", "b", appended), option("x-t", "a")), want: "200 | /a x-t=a,b | x-resp=upstream"},
		{name: "raw_value is ignored", answer: allow(nil, option("x-t", "s", rawOnly)), send: two, want: "200 | /a x-t= | x-resp=upstream"},
		{name: "remove all copies", answer: allow([]string{"X-T"}), send: two, want: "200 | /a  | x-resp=upstream"},
		{name: "set and remove is removed", answer: allow([]string{"x-t"}, option("x-t", "s")), send: two, want: "200 | /a  | x-resp=upstream"},
		{name: "no wildcards", answer: allow([]string{"x-*", "", "host", ":path"}), send: one, want: "200 | /a x-t=c0 | x-resp=upstream"},
		{name: "authorizations are merged", answer: allow(nil), send: http.Header{"Authorization": {"Bearer a", "Bearer b"}}, want: "200 | /a authorization=Bearer a,Bearer b | x-resp=upstream"},
		{name: "line break in a value", answer: allow(nil, option("x-t", "a\r\nx-i: 1")), want: "500 |  | "},
		{name: "bad name", answer: allow(nil, option("x t", "a")), want: "500 |  | "},

		{name: "response header added", answer: respond(option("x-resp", "ours")), want: "200 | /a  | x-resp=upstream x-resp=ours"},
		{name: "response header replaced", answer: respond(option("x-resp", "ours", overwriting)), want: "200 | /a  | x-resp=ours"},
		{name: "response header if absent", answer: respond(option("x-resp", "ours", action(corev3.HeaderValueOption_ADD_IF_ABSENT)), option("x-new", "1", action(corev3.HeaderValueOption_ADD_IF_ABSENT))), want: "200 | /a  | x-new=1 x-resp=upstream"},
		{name: "response header if present", answer: respond(option("x-resp", "ours", action(corev3.HeaderValueOption_OVERWRITE_IF_EXISTS)), option("x-new", "1", action(corev3.HeaderValueOption_OVERWRITE_IF_EXISTS))), want: "200 | /a  | x-resp=ours"},

		{name: "denied without a status", answer: deny(0, "no"), want: "403 | no | "},
		{name: "denied with headers", answer: deny(typev3.StatusCode_Unauthorized, "", option("www-authenticate", "Bearer"), option("www-authenticate", "DPoP")), want: "401 |  | www-authenticate=Bearer www-authenticate=DPoP"},
		{name: "denied drops appended headers", answer: deny(typev3.StatusCode_Unauthorized, "", option("x-resp", "a", appended), option("content-length", "3")), want: "401 |  | "},
		{name: "denied line break", answer: deny(typev3.StatusCode_Forbidden, "", option("x-resp", "a\r\nb: c")), want: "500 |  | "},
		{name: "denied with ok code is ok", answer: withCode(deny(typev3.StatusCode_Forbidden, "no"), 0), want: "200 | /a  | x-resp=upstream"},
		{name: "ok response with a code is denied", answer: withCode(allow(nil), 7), want: "403 |  | "},
		{name: "error response", answer: faulty(typev3.StatusCode_BadGateway), want: "502 |  | "},
		{name: "error response without status", answer: faulty(0), want: "503 |  | "},
		{name: "gRPC error", want: "503 |  | "},

		{name: "gRPC denial", answer: deny(typev3.StatusCode_Unauthorized, "no token%"), send: grpcHeader(), want: "200 |  | grpc-message=no token%25 grpc-status=16"},
		{name: "gRPC status kept", answer: deny(typev3.StatusCode_BadRequest, "", option("grpc-status", "3")), send: grpcHeader(), want: "200 |  | grpc-status=3"},
		{name: "gRPC forbidden", answer: deny(typev3.StatusCode_Forbidden, ""), send: grpcHeader(), want: "200 |  | grpc-status=7"},
		{name: "gRPC unavailable", send: grpcHeader(), want: "200 |  | grpc-status=14"},

		{name: "query kept", answer: allow(nil), target: "/a?b=%2F&c", want: "200 | /a?b=%2F&c  | x-resp=upstream"},
		{name: "dots resolved", answer: allow(nil), target: "/a/../b/./c", want: "200 | /b/c  | x-resp=upstream"},
		{name: "encoded dots resolved", answer: allow(nil), target: "/a/%2e%2e/b", want: "200 | /b  | x-resp=upstream"},
		{name: "dots with a parameter resolved", answer: allow(nil), target: "/a/..;x/b", want: "200 | /b  | x-resp=upstream"},
		{name: "slashes merged", answer: allow(nil), target: "//a//b", want: "200 | /a/b  | x-resp=upstream"},
		{name: "unreserved decoded", answer: allow(nil), target: "/%61dmin%3Ax", want: "200 | /admin%3Ax  | x-resp=upstream"},
		{name: "escaped slash", answer: allow(nil), target: "/a%2fb", want: "400 |  | "},
		{name: "escaped backslash", answer: allow(nil), target: "/a%5cb", want: "400 |  | "},
		{name: "underscore", answer: allow(nil), send: http.Header{"X_t": {"1"}}, want: "400 | Bad Request | "},
		{name: "parameter kept", answer: allow(nil), target: "/a;v=1/b", want: "200 | /a;v=1/b  | x-resp=upstream"},
	}
}

func grpcHeader() http.Header { return http.Header{"Content-Type": {"application/grpc"}} }

func withCode(res *authv3.CheckResponse, code int32) *authv3.CheckResponse {
	res.Status.Code = code
	return res
}

// TestStandInIsEnvoy sends the same requests through a real Envoy and through
// the stand-in; both must do what the table says.
func TestStandInIsEnvoy(t *testing.T) {
	authz := &scripted{answers: map[string]*authv3.CheckResponse{}}
	for _, e := range exchanges() {
		authz.answers[e.name] = e.answer
	}
	up := upstream(t)
	t.Run("stand-in", func(t *testing.T) {
		target, err := url.Parse(up.URL)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		front := httptest.NewServer(proxy.NewStandIn(proxy.StandInOptions{Authorizer: authz, Upstream: target, Transport: transport}))
		defer front.Close()
		runExchanges(t, front.Listener.Addr().String())
	})
	t.Run("envoy", func(t *testing.T) {
		envoy := startEnvoy(t, proxy.Options{Config: bootstrap(authz.serve(t), up.Listener.Addr().String())})
		address, err := envoy.Address("ingress")
		if err != nil {
			t.Fatal(err)
		}
		runExchanges(t, address)
	})
}

func runExchanges(t *testing.T, address string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, e := range exchanges() {
		t.Run(e.name, func(t *testing.T) {
			if got := send(t, client, address, e); got != e.want {
				t.Errorf("got  %s\nwant %s", got, e.want)
			}
		})
	}
}

func send(t *testing.T, client *http.Client, address string, e exchange) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	target := e.target
	if target == "" {
		target = "/a"
	}
	path, query, _ := strings.Cut(target, "?")
	req.URL.Opaque, req.URL.RawQuery = path, query
	if strings.HasPrefix(path, "//") { // net/http would write an absolute form
		req.URL.Opaque, req.URL.Path = "", path
	}
	if e.send != nil {
		req.Header = e.send.Clone()
	}
	req.Header.Set("x-case", e.name)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, name := range []string{"grpc-message", "grpc-status", "www-authenticate", "x-new", "x-resp"} {
		for _, value := range res.Header.Values(name) {
			kept = append(kept, name+"="+value)
		}
	}
	return fmt.Sprintf("%d | %s | %s", res.StatusCode, body, strings.Join(kept, " "))
}
