package envoy

import (
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/claimgate/claimgate/authz"
)

// message is what is read of a CheckRequest, however it was decoded.
type message struct {
	principal string
	address   string // of the source's socket
	context   map[string]string
	http      bool // whether there is an HTTP request

	method, scheme, path, host string

	// Of more headers than a request may have only their number counts: the
	// lists may then be shorter.
	mapped      []authz.Header // entries of `headers`, one a name
	mappedCount int
	raw         []rawHeader // entries of `header_map`
	rawCount    int
	rawBytes    int // of all raw values
}

// rawHeader is one entry of header_map.
type rawHeader struct{ name, value, raw string }

// readGenerated fills an empty message from one that generated code decoded.
// Nothing of it aliases bytes that others may write.
func (m *message) readGenerated(msg *authv3.CheckRequest) {
	attributes := msg.GetAttributes()
	source := attributes.GetSource()
	m.principal = source.GetPrincipal()
	m.address = source.GetAddress().GetSocketAddress().GetAddress()
	m.context = attributes.GetContextExtensions()
	http := attributes.GetRequest().GetHttp()
	m.http = http != nil
	m.method, m.scheme, m.path, m.host = http.GetMethod(), http.GetScheme(), http.GetPath(), http.GetHost()
	m.readGeneratedHeaders(http)
}

func (m *message) readGeneratedHeaders(http *authv3.AttributeContext_HttpRequest) {
	mapped, raw := http.GetHeaders(), http.GetHeaderMap().GetHeaders()
	m.mappedCount, m.rawCount = len(mapped), len(raw)
	for _, header := range raw {
		m.rawBytes += len(header.GetRawValue())
	}
	if m.mappedCount+m.rawCount > maxHeaderLines+pseudoCount || m.rawBytes > maxHeaderBytes {
		return
	}
	m.mapped = make([]authz.Header, 0, len(mapped))
	for name, value := range mapped {
		m.mapped = append(m.mapped, authz.Header{Name: name, Value: value})
	}
	m.raw = make([]rawHeader, len(raw))
	var values strings.Builder // one allocation for all values
	values.Grow(m.rawBytes)
	for i, header := range raw {
		start := values.Len()
		_, _ = values.Write(header.GetRawValue())
		m.raw[i] = rawHeader{name: header.GetKey(), value: header.GetValue(), raw: values.String()[start:]}
	}
}
