package main

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// frameSize is about the size of one encoded request.
const frameSize = 2200

// encode returns the CheckRequest that Envoy sends for a browser's request with
// the token, where its filter says encode_raw_headers: true. The lean one is
// what is left where allowed_headers names no more than claimgate reads: then
// the pseudo headers are gone, too.
func encode(who identity, token string, lean bool) ([]byte, error) {
	headers := requestHeaders(who, token)
	if lean {
		headers = slices.DeleteFunc(headers, func(h [2]string) bool { return !isNeeded(h[0]) })
	}
	return proto.Marshal(&authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source:      peer(who.address, 51234),
		Destination: peer("10.4.7.21", 8443),
		Request: &authv3.AttributeContext_Request{
			Time: &timestamppb.Timestamp{Seconds: 1767225600, Nanos: 123456000},
			Http: &authv3.AttributeContext_HttpRequest{
				Id: "12345678901234567890", Method: "GET", Scheme: "https", Protocol: "HTTP/2",
				Host: hostOf(who), Path: requestPath,
				HeaderMap: headerMap(headers),
			},
		},
		MetadataContext:      &corev3.Metadata{},
		RouteMetadataContext: &corev3.Metadata{},
	}})
}

const requestPath = "/orders/4711/items?fields=id,name,price&limit=50"

func hostOf(who identity) string { return who.tenant + "." + baseDomain }

func peer(address string, port uint32) *authv3.AttributeContext_Peer {
	return &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
		SocketAddress: &corev3.SocketAddress{Address: address, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port}},
	}}}
}

// requestHeaders are twenty headers of a browser behind a load balancer.
func requestHeaders(who identity, token string) [][2]string {
	return [][2]string{
		{":authority", hostOf(who)},
		{":method", "GET"},
		{":path", requestPath},
		{":scheme", "https"},
		{"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"},
		{"accept", "application/json, text/plain, */*"},
		{"accept-encoding", "gzip, deflate, br, zstd"},
		{"accept-language", "en-GB,en;q=0.9,de;q=0.8"},
		{"authorization", "Bearer " + token},
		{"origin", "https://app.example.com"},
		{"referer", "https://app.example.com/orders"},
		{"sec-fetch-mode", "cors"},
		{"sec-fetch-site", "same-site"},
		{"cache-control", "no-cache"},
		{"x-forwarded-for", who.address},
		{"x-forwarded-proto", "https"},
		{"x-request-id", "8a4c1d52-7b1e-4e5f-9a8c-2f1b6f0d3e7a"},
		{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{"tracestate", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"},
		{"cookie", "session=Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZg; theme=dark; consent=necessary+statistics; " +
			"_visitor=GS2.1.s1767225600$o17$g1$t1767225655$j5$l0$h0; currency=EUR; recent=4711.4712.4699"},
	}
}

func headerMap(headers [][2]string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for _, h := range headers {
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: h[0], RawValue: []byte(h[1])})
	}
	return m
}
