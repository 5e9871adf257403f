package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/net/http/httpguts"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// checkRequest describes a request in the raw encoding (encode_raw_headers).
func checkRequest(r *http.Request, path string, extensions map[string]string) *authv3.CheckRequest {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		path += "?" + r.URL.RawQuery
	}
	lines := []*corev3.HeaderValue{
		{Key: ":authority", RawValue: []byte(r.Host)},
		{Key: ":path", RawValue: []byte(path)},
		{Key: ":method", RawValue: []byte(r.Method)},
		{Key: ":scheme", RawValue: []byte("http")},
	}
	for name, values := range r.Header {
		for _, value := range values {
			lines = append(lines, &corev3.HeaderValue{Key: strings.ToLower(name), RawValue: []byte(value)})
		}
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source:            &authv3.AttributeContext_Peer{Address: socketAddress(r.RemoteAddr)},
		Destination:       &authv3.AttributeContext_Peer{Address: socketAddress(fmt.Sprint(local))},
		ContextExtensions: extensions,
		Request: &authv3.AttributeContext_Request{
			Time: timestamppb.New(time.Now()),
			Http: &authv3.AttributeContext_HttpRequest{
				Method: r.Method, Path: path, Host: r.Host, Scheme: "http", Protocol: r.Proto,
				HeaderMap: &corev3.HeaderMap{Headers: lines},
			},
		},
	}}
}

func socketAddress(text string) *corev3.Address {
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil
	}
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       at.Addr().String(),
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(at.Port())},
	}}}
}

// mutate applies an OkHttpResponse to request headers: set first, then append,
// then remove. `append` alone counts and append_action does not; raw_value is
// never read; what is appended to an absent header is lost; a repeated header
// is appended to in its first line.
func mutate(h http.Header, ok *authv3.OkHttpResponse) {
	for _, option := range ok.GetHeaders() {
		if !appends(option).GetValue() {
			h[canonical(option)] = []string{option.GetHeader().GetValue()}
		}
	}
	for _, option := range ok.GetHeaders() {
		lines := h[canonical(option)]
		if appends(option).GetValue() && len(lines) > 0 && option.GetHeader().GetValue() != "" {
			lines[0] += "," + option.GetHeader().GetValue()
		}
	}
	for _, name := range ok.GetHeadersToRemove() {
		if !strings.HasPrefix(name, ":") && !strings.EqualFold(name, "host") {
			h.Del(name)
		}
	}
}

// appends returns the deprecated `append`, the field that released Envoys read.
func appends(option *corev3.HeaderValueOption) *wrapperspb.BoolValue {
	return option.GetAppend() //nolint:staticcheck // see above
}

func canonical(option *corev3.HeaderValueOption) string {
	return textproto.CanonicalMIMEHeaderKey(option.GetHeader().GetKey())
}

// validMutations is validate_mutations: names and values that HTTP cannot hold
// are refused. So is any change of the query, which claimgate never makes.
func validMutations(ok *authv3.OkHttpResponse) bool {
	return validOptions(ok.GetHeaders()) && validOptions(ok.GetResponseHeadersToAdd()) &&
		len(ok.GetQueryParametersToSet()) == 0 && len(ok.GetQueryParametersToRemove()) == 0
}

func validOptions(options []*corev3.HeaderValueOption) bool {
	for _, option := range options {
		name := strings.TrimPrefix(option.GetHeader().GetKey(), ":")
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(option.GetHeader().GetValue()) {
			return false
		}
	}
	return true
}

// addToResponse applies response_headers_to_add: `append` counts where it is
// set, append_action where it is not.
func addToResponse(h http.Header, options []*corev3.HeaderValueOption) {
	for _, option := range options {
		name, value := canonical(option), option.GetHeader().GetValue()
		_, present := h[name]
		action := option.GetAppendAction()
		if a := appends(option); a != nil {
			action = corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
			if a.GetValue() {
				action = corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD
			}
		}
		switch action {
		case corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD:
			h[name] = append(h[name], value)
		case corev3.HeaderValueOption_ADD_IF_ABSENT:
			if !present {
				h[name] = []string{value}
			}
		case corev3.HeaderValueOption_OVERWRITE_IF_EXISTS:
			if present {
				h[name] = []string{value}
			}
		default:
			h[name] = []string{value}
		}
	}
}

// denial is an answer to the client in place of the upstream's.
type denial struct {
	status     int
	headers    []*corev3.HeaderValueOption
	body       string
	keepAppend bool // error responses keep headers with `append: true`, denials drop them
}

func denialOf(res *authv3.CheckResponse) *denial {
	if e := res.GetErrorResponse(); e != nil {
		status := orDefault(int(e.GetStatus().GetCode()), http.StatusServiceUnavailable)
		return &denial{status: status, headers: e.GetHeaders(), body: e.GetBody(), keepAppend: true}
	}
	d := res.GetDeniedResponse()
	return &denial{
		status:  orDefault(int(d.GetStatus().GetCode()), http.StatusForbidden),
		headers: d.GetHeaders(), body: d.GetBody(),
	}
}

// reply sends a denial. A gRPC client gets it as status 200 with the gRPC
// status in the headers, as in a trailers-only answer.
func reply(w http.ResponseWriter, r *http.Request, d *denial) {
	if !validOptions(d.headers) {
		d = &denial{status: http.StatusInternalServerError}
	}
	h := w.Header()
	if d.body != "" {
		h.Set("Content-Type", "text/plain")
	}
	applyDenied(h, d)
	if isGRPC(r) {
		h.Set("Content-Type", "application/grpc")
		h.Set("Grpc-Status", orDefault(h.Get("Grpc-Status"), strconv.Itoa(grpcStatus(d.status))))
		if d.body != "" {
			h.Set("Grpc-Message", grpcMessage(d.body))
		}
		w.WriteHeader(http.StatusOK)
		return
	}
	w.WriteHeader(min(max(d.status, http.StatusOK), 599))
	if d.body != "" && d.status != http.StatusNoContent && d.status != http.StatusNotModified {
		_, _ = io.WriteString(w, d.body) //nolint:gosec // the authorizer's text, as Envoy sends it
	}
}

// grpcMessage percent-encodes what the gRPC protocol says: bytes that are no
// printable ASCII, and the percent sign.
func grpcMessage(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// applyDenied deletes the names that the denial sets, then adds all of them, so
// that a name may be repeated.
func applyDenied(h http.Header, d *denial) {
	kept := d.headers[:0:0]
	for _, option := range d.headers {
		if deniable(canonical(option)) && (d.keepAppend || !appends(option).GetValue()) {
			kept = append(kept, option)
			h.Del(option.GetHeader().GetKey())
		}
	}
	for _, option := range kept {
		h[canonical(option)] = append(h[canonical(option)], option.GetHeader().GetValue())
	}
}

// deniable reports whether a denial can set the header.
func deniable(name string) bool {
	switch name {
	case "Content-Length", "Connection", "Transfer-Encoding", "Server":
		return false
	default:
		return !strings.HasPrefix(name, ":")
	}
}

func isGRPC(r *http.Request) bool {
	kind := r.Header.Get("Content-Type")
	return kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+")
}

// grpcStatus maps the HTTP status of a denial as Envoy's local replies do.
func grpcStatus(status int) int {
	switch status {
	case http.StatusBadRequest:
		return 13
	case http.StatusUnauthorized:
		return 16
	case http.StatusForbidden:
		return 7
	case http.StatusNotFound:
		return 12
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return 14
	default:
		return 2
	}
}
