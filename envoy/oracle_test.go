package envoy

import (
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"

	"github.com/claimgate/claimgate/authz"
)

// The oracle reads a CheckResponse as Envoy 1.40 does, in the configuration
// that forgives least: without validate_mutations, so that what Envoy would let
// through shows.

type envoyVerdict string

const (
	envoyAllows envoyVerdict = "allow"
	envoyDenies envoyVerdict = "deny"
	envoyErrs   envoyVerdict = "error" // forwarded under failure_mode_allow
)

type outcome struct {
	verdict  envoyVerdict
	status   int            // of a denial
	client   []authz.Header // headers that the client sees of a denial
	body     string
	upstream []authz.Header // request headers after an allow
	back     []authz.Header // response headers added on an allow
	corrupt  string         // what splits or breaks a message
}

// envoyReads takes the message as it arrives on the wire.
func envoyReads(t testing.TB, response *authv3.CheckResponse, client []authz.Header) outcome {
	t.Helper()
	wire, err := proto.Marshal(response)
	if err != nil {
		return outcome{verdict: envoyErrs}
	}
	got := &authv3.CheckResponse{}
	if err := proto.Unmarshal(wire, got); err != nil {
		return outcome{verdict: envoyErrs}
	}
	switch {
	case got.GetStatus().GetCode() == 0:
		return envoyForwards(got.GetOkResponse(), client)
	case got.GetErrorResponse() != nil:
		return outcome{verdict: envoyErrs}
	default:
		return envoyRefuses(got.GetDeniedResponse())
	}
}

func envoyForwards(ok *authv3.OkHttpResponse, client []authz.Header) outcome {
	out := outcome{verdict: envoyAllows, upstream: append([]authz.Header(nil), client...)}
	for _, option := range ok.GetHeaders() {
		if !appends(option) {
			h := out.take(option)
			out.upstream = append(without(out.upstream, h.Name), h)
		}
	}
	for _, option := range ok.GetHeaders() {
		if appends(option) {
			appendTo(out.upstream, out.take(option))
		}
	}
	for _, name := range ok.GetHeadersToRemove() {
		name = strings.ToLower(name)
		if name != "host" && !strings.HasPrefix(name, ":") {
			out.upstream = without(out.upstream, name)
		}
	}
	for _, option := range ok.GetResponseHeadersToAdd() {
		out.back = append(out.back, out.take(option))
	}
	return out
}

// envoyQuery is the query after an allow. Any mutation, even one that removes
// nothing, sorts what is left by name; names are compared byte by byte.
func envoyQuery(ok *authv3.OkHttpResponse, query string) string {
	if len(ok.GetQueryParametersToSet())+len(ok.GetQueryParametersToRemove()) == 0 {
		return query
	}
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if pair != "" && !slices.Contains(ok.GetQueryParametersToRemove(), name) {
			kept = append(kept, name+"="+value)
		}
	}
	slices.SortStableFunc(kept, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return strings.Compare(nameA, nameB)
	})
	return strings.Join(kept, "&")
}

// appends reads the field that Envoy obeys for requests and denials.
func appends(option *corev3.HeaderValueOption) bool {
	return option.GetAppend().GetValue() //nolint:staticcheck // deprecated, but the field that Envoy obeys here
}

func envoyRefuses(denied *authv3.DeniedHttpResponse) outcome {
	out := outcome{verdict: envoyDenies, status: int(denied.GetStatus().GetCode()), body: denied.GetBody()}
	if out.status == 0 {
		out.status = 403
	}
	out.client = []authz.Header{{Name: "content-type", Value: "text/plain"}}
	var added []authz.Header
	for _, option := range denied.GetHeaders() {
		if appends(option) {
			continue
		}
		h := out.take(option)
		switch h.Name {
		case "content-length", ":status", "connection", "transfer-encoding", "server":
			continue
		}
		out.client = without(out.client, h.Name)
		added = append(added, h)
	}
	out.client = append(out.client, added...)
	return out
}

// take reads one option: the name in lower case, and only `value`.
func (o *outcome) take(option *corev3.HeaderValueOption) authz.Header {
	h := authz.Header{Name: strings.ToLower(option.GetHeader().GetKey()), Value: option.GetHeader().GetValue()}
	if h.Name == "" || strings.ContainsAny(h.Name, " :\r\n\x00") || strings.ContainsAny(h.Value, "\r\n\x00\x01\x7f") {
		o.corrupt = h.Name + ": " + h.Value
	}
	return h
}

func without(headers []authz.Header, name string) []authz.Header {
	var kept []authz.Header
	for _, h := range headers {
		if h.Name != name {
			kept = append(kept, h)
		}
	}
	return kept
}

// appendTo joins to the first copy; without one the value is lost.
func appendTo(headers []authz.Header, h authz.Header) {
	for i := range headers {
		if headers[i].Name == h.Name {
			headers[i].Value += "," + h.Value
			return
		}
	}
}

// grpcStatus is what a gRPC client sees of a denial.
func (o *outcome) grpcStatus() string {
	if set := values(o.client, "grpc-status"); len(set) > 0 {
		return set[0]
	}
	switch o.status {
	case 400:
		return "13"
	case 401:
		return "16"
	case 403:
		return "7"
	case 404:
		return "12"
	case 429, 502, 503, 504:
		return "14"
	default:
		return "2"
	}
}

func values(headers []authz.Header, name string) []string {
	var found []string
	for _, h := range headers {
		if h.Name == name {
			found = append(found, h.Value)
		}
	}
	return found
}

// TestOracle holds the oracle itself against observations of a real Envoy.
func TestOracle(t *testing.T) {
	client := []authz.Header{{Name: "x-t", Value: "c0"}, {Name: "x-t", Value: "c1"}}
	option := func(value, raw string, add bool) *corev3.HeaderValueOption {
		o := overwrite("x-t", value)
		o.Header.RawValue = []byte(raw)
		o.Append.Value = add //nolint:staticcheck // deprecated, but the field that Envoy obeys here
		return o
	}
	ok := func(options ...*corev3.HeaderValueOption) *authv3.CheckResponse {
		return &authv3.CheckResponse{HttpResponse: &authv3.CheckResponse_OkResponse{
			OkResponse: &authv3.OkHttpResponse{Headers: options},
		}}
	}
	for name, tc := range map[string]struct {
		response *authv3.CheckResponse
		want     string
	}{
		"empty message":       {&authv3.CheckResponse{}, "c0|c1"},
		"overwrite":           {ok(option("srv", "", false)), "srv"},
		"append to the first": {ok(option("srv", "", true)), "c0,srv|c1"},
		"only raw is blank":   {ok(option("", "srv", false)), ""},
	} {
		out := envoyReads(t, tc.response, client)
		if got := strings.Join(values(out.upstream, "x-t"), "|"); out.verdict != envoyAllows || got != tc.want {
			t.Errorf("%s: %s, x-t %q; want allow, %q", name, out.verdict, got, tc.want)
		}
	}
}
