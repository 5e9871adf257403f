package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/encoding/protowire"
)

// messageAttacks are messages that Envoy would not send, or that lack a part.
func (a *arena) messageAttacks() []attack {
	message := func(id, what, source string, change func(*authv3.CheckRequest)) attack {
		return attack{
			id: "message-" + id, what: what, source: source, reason: "request_invalid", status: http.StatusBadRequest, bytes: true,
			rpc: func(r *rpc) { change(r.CheckRequest) },
		}
	}
	part := func(id, what string, change func(*authv3.AttributeContext_HttpRequest)) attack {
		return message(id, what, "attribute_context.proto", func(m *authv3.CheckRequest) { change(m.GetAttributes().GetRequest().GetHttp()) })
	}
	const missing = "CVE-2026-73547: missing parts"
	type request = authv3.AttributeContext_HttpRequest
	all := []attack{
		message("empty", "nothing", missing, func(m *authv3.CheckRequest) { m.Attributes = nil }), message("no-request", "no request", missing, func(m *authv3.CheckRequest) { m.Attributes.Request = nil }),
		message("no-http", "no HTTP request, as of the network filter", missing, func(m *authv3.CheckRequest) { m.Attributes.Request.Http = nil }),
		message("empty-http", "an empty HTTP request", missing, func(m *authv3.CheckRequest) { m.Attributes.Request.Http = &request{} }),
		message("many-extensions", "257 context extensions", "RFC 8725 3.11", func(m *authv3.CheckRequest) {
			m.Attributes.ContextExtensions = map[string]string{}
			for i := range 257 {
				m.Attributes.ContextExtensions[fmt.Sprint(i)] = "x"
			}
		}),
		part("method-empty", "no method", func(h *request) { h.Method = ""; setRaw(h, ":method", "") }), part("path-empty", "no path", func(h *request) { h.Path = ""; setRaw(h, ":path", "") }),
		part("host-empty", "no host", func(h *request) { h.Host = ""; setRaw(h, ":authority", "") }).as("host_invalid"),
		part("path-differs", "two paths", func(h *request) { h.Path = "/any/y" }), part("method-differs", "two methods", func(h *request) { h.Method = "POST" }), part("host-differs", "two hosts", func(h *request) { h.Host = "twin.test" }),
		part("scheme-differs", "two schemes", func(h *request) { h.Scheme = "https" }), part("path-field-only", "a path that the headers lack", func(h *request) { setRaw(h, ":path", "") }),
		part("path-longer", "a path in the headers that goes on", func(h *request) { setRaw(h, ":path", "/any/x/../secret") }), part("host-header", "a host header of another", func(h *request) { addRaw(h, "host", "twin.test") }),
		part("path-masked", "an exclamation mark where the bytes are another character", func(h *request) { h.Path = "/any/!"; setRaw(h, ":path", "/any/x") }),
		part("unknown-pseudo", "a pseudo header of no request", func(h *request) { addRaw(h, ":status", "200") }), part("pseudo-upper", ":Path", func(h *request) { addRaw(h, ":Path", "/any/x") }),
		part("name-empty", "a header without a name", func(h *request) { addRaw(h, "", "x") }), part("name-space", "a space in a name", func(h *request) { addRaw(h, "x y", "x") }), part("name-end-space", "a space after a name", func(h *request) { addRaw(h, "authorization ", "x") }),
		part("name-colon", "a colon in a name", func(h *request) { addRaw(h, "x:y", "x") }), part("name-newline", "a line break in a name", func(h *request) { addRaw(h, "x\ny", "x") }), part("name-unicode", "a letter beyond ASCII in a name", func(h *request) { addRaw(h, "\u017f", "x") }),
		part("name-nul", "a NUL in a name", func(h *request) { addRaw(h, "x\x00", "x") }), part("value-newline", "a line break in a value", func(h *request) { addRaw(h, "x", "a\nb: c") }), part("value-cr", "a carriage return in a value", func(h *request) { addRaw(h, "x", "a\r") }),
		part("value-nul", "a NUL in a value", func(h *request) { addRaw(h, "x", "a\x00") }),
		part("many-headers", "300 headers", func(h *request) {
			for i := range 300 {
				addRaw(h, fmt.Sprint("x-", i), "x")
			}
		}),
		part("large-headers", "headers of 300 KiB", func(h *request) { addRaw(h, "x", strings.Repeat("x", 300<<10)) }), part("large-sum", "headers of 300 KiB in sum", func(h *request) {
			for i := range 30 {
				addRaw(h, fmt.Sprint("x-", i), strings.Repeat("x", 10<<10))
			}
		}),
		part("both", "headers in both encodings", func(h *request) {
			if h.HeaderMap == nil {
				h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "x", RawValue: []byte("x")}}}
			} else {
				h.Headers = map[string]string{"x": "x"}
			}
		}),
		part("no-headers", "no headers", func(h *request) { h.Headers, h.HeaderMap = nil, nil }).as("no_token").status401(),
		part("case-twice", "Authorization beside authorization", func(h *request) { addRaw(h, "Authorization", "Bearer x") }).as("several_tokens").status401(),
		part("alone-upper", "no authorization but Authorization of junk", func(h *request) { setRaw(h, "authorization", "-"); addRaw(h, "AUTHORIZATION", "Bearer x") }).as("several_tokens").status401(),
	}
	rawOnly := func(id, what string, change func(*corev3.HeaderMap)) attack {
		x := part(id, what, func(h *request) {
			if h.HeaderMap == nil { // the same in the one encoding that can hold it
				h.HeaderMap = rawOf(h.Headers)
				h.Headers = nil
			}
			change(h.HeaderMap)
		})
		return x
	}
	add := func(m *corev3.HeaderMap, header *corev3.HeaderValue) { m.Headers = append(m.Headers, header) }
	return append(append(all,
		rawOnly("pseudo-twice", "two paths in the headers", func(m *corev3.HeaderMap) { add(m, &corev3.HeaderValue{Key: ":path", RawValue: []byte("/any/x")}) }),
		rawOnly("value-and-raw", "a value and other bytes", func(m *corev3.HeaderMap) { add(m, &corev3.HeaderValue{Key: "x", Value: "a", RawValue: []byte("b")}) }),
		rawOnly("nil-entry", "an entry of nothing", func(m *corev3.HeaderMap) { add(m, &corev3.HeaderValue{}) }),
	), a.byteAttacks()...)
}

func rawOf(headers map[string]string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for name, value := range headers {
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	return m
}

// setRaw replaces a header in whichever encoding there is.
func setRaw(h *authv3.AttributeContext_HttpRequest, name, value string) {
	if h.HeaderMap == nil {
		h.Headers[name] = value
		return
	}
	for _, header := range h.HeaderMap.Headers {
		if header.Key == name {
			header.RawValue = []byte(value)
		}
	}
}

func addRaw(h *authv3.AttributeContext_HttpRequest, name, value string) {
	if h.HeaderMap == nil {
		h.Headers[name] = value
		return
	}
	h.HeaderMap.Headers = append(h.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
}

// byteAttacks change the bytes of a message, so that it may not be decoded.
func (a *arena) byteAttacks() []attack {
	encoded := func(id, what, source string, change func([]byte) []byte) attack {
		return attack{
			id: "bytes-" + id, what: what, source: source, reason: "request_invalid", status: http.StatusBadRequest, bytes: true,
			rpc: func(r *rpc) { r.encoded = change },
		}
	}
	swap := func(id, what, old, with string) attack {
		return encoded(id, what, "CVE-2023-27488, CVE-2024-23324", func(b []byte) []byte {
			return bytes.Replace(b, []byte(old), []byte(with), 1)
		})
	}
	const wire = "protobuf wire format"
	group := func(depth int) []byte {
		return slices.Concat(bytes.Repeat(protowire.AppendTag(nil, 99, protowire.StartGroupType), depth), bytes.Repeat(protowire.AppendTag(nil, 99, protowire.EndGroupType), depth))
	}
	all := []attack{
		encoded("none", "no bytes", wire, func([]byte) []byte { return nil }), encoded("junk", "junk", wire, func([]byte) []byte { return []byte("GET / HTTP/1.1\r\n\r\n") }),
		encoded("json", "JSON", wire, func([]byte) []byte { return []byte(`{"attributes":{}}`) }), encoded("ones", "nothing but ones", wire, func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) }),
		encoded("zeros", "nothing but zeros", wire, func(b []byte) []byte { return make([]byte, len(b)) }), encoded("cut-1", "one byte less", wire, func(b []byte) []byte { return b[:len(b)-1] }),
		encoded("cut-half", "half of it", wire, func(b []byte) []byte { return b[:len(b)/2] }), encoded("first", "one byte", wire, func(b []byte) []byte { return b[:1] }), encoded("shifted", "without its first byte", wire, func(b []byte) []byte { return b[1:] }),
		encoded("length", "a length beyond the end", wire, func([]byte) []byte { return []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f} }), encoded("varint", "a number without an end", wire, func([]byte) []byte { return bytes.Repeat([]byte{0x80}, 64) }),
		encoded("field-0", "a field of number 0", wire, func(b []byte) []byte { return append([]byte{0x02, 0x00}, b...) }), encoded("wire-type", "a wire type that is none", wire, func(b []byte) []byte { return append([]byte{0x0f}, b...) }),
		encoded("type-confusion", "a number for the attributes", wire, func([]byte) []byte { return []byte{0x08, 0x01} }), encoded("groups", "twenty thousand groups within each other", wire, func(b []byte) []byte { return append(group(20_000), b...) }),
		encoded("group-open", "a group without an end", wire, func(b []byte) []byte { return append(protowire.AppendTag(nil, 99, protowire.StartGroupType), b...) }),
		encoded("garbage", "garbage after it", wire, func(b []byte) []byte { return append(b, 0xff) }), encoded("twice", "two messages in one, of which the latter is another path", wire, func(b []byte) []byte {
			return append(slices.Clone(b), bytes.Replace(b, []byte("/any/x"), []byte("/any/y"), 1)...)
		}),
		encoded("large", "a megabyte of junk", wire, func([]byte) []byte { return bytes.Repeat([]byte{0x7a}, 1<<20) }),
		swap("path-utf8", "a path that is no UTF-8", "/any/x", "/any/\xff"), swap("host-utf8", "a host that is no UTF-8", "rsa.test", "rsa.tes\xff"), swap("method-utf8", "a method that is no UTF-8", "GET", "GE\xff"),
		swap("name-utf8", "a header name that is no UTF-8", "authorization", "authorizatio\xff"), swap("peer-utf8", "an address that is no UTF-8", "127.0.0.1", "127.0.0.\xff"),
	}
	return append(all, encoded("attributes-last-empty", "attributes twice, the latter without a request", wire, func(b []byte) []byte { return append(slices.Clone(b), 0x0a, 0x00) }).merged())
}

// merged says that protobuf reads two messages as one, here with one path in
// the field and another in the headers.
func (x attack) merged() attack {
	x.rpc = func(r *rpc) {
		r.encoded = func(b []byte) []byte {
			// attributes { request { http { path: "/any/z" } } }
			path := protowire.AppendString(protowire.AppendTag(nil, 4, protowire.BytesType), "/any/z")
			http := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), path)
			request := protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), http)
			return append(slices.Clone(b), protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), request)...)
		}
	}
	return x
}

// sizeAttacks are too large.
func (a *arena) sizeAttacks() []attack {
	at := func(id, what string, reason string, size int) attack {
		return attack{
			id: "size-" + id, what: what, source: "RFC 8725 3.11", reason: reason,
			spell: func(s string) string { return s + strings.Repeat("A", size-len(s)) },
		}
	}
	return []attack{
		at("16-KiB-and-1", "a token of 16 KiB and one byte", "token_too_large", 16<<10+1),
		at("16-KiB", "junk of 16 KiB", malformed+"|"+forgedSig, 16<<10),
		at("50-KiB", "a token of 50 KiB", "token_too_large", 50<<10),
		at("70-KiB", "a token of 70 KiB", "token_too_large", 70<<10).beyondEnvoy(),
		at("1-MB", "a token of a megabyte", "request_invalid", 1<<20).beyondEnvoy().status400().inBytes(),
		{
			id: "size-signed", what: "a signed token of 16 KiB and more", source: "RFC 8725 3.11", reason: "token_too_large",
			token: func(f *forgery) { f.claims.add("x", quoted(strings.Repeat("x", 12<<10))) },
		},
	}
}
