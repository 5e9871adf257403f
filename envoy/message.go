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

	// headers are the entries of `headers`, one a name, or of `header_map`. Of
	// more than a request may have, or of both, only the numbers count: the list
	// may then be any.
	headers     []authz.Header
	mappedCount int
	rawCount    int
	rawBytes    int  // of all raw values
	ambiguous   bool // an entry of header_map says one value as text and another as bytes

	// clean says that each name isLowerName, but for the colon of a pseudo header,
	// and that no value breaksLine, so that nobody need look again.
	clean bool
}

// addRaw adds an entry of header_map and returns its value: the bytes as sent,
// or else the text. Once there are too many entries it does not matter which.
func (m *message) addRaw(name, raw, text string) string {
	m.rawCount++
	m.rawBytes += len(raw)
	switch {
	case raw == "":
		raw = text
	case text != "" && text != raw:
		m.ambiguous = true
	}
	if m.rawCount <= maxHeaderLines+pseudoCount {
		m.headers = append(m.headers, authz.Header{Name: name, Value: raw})
	}
	return raw
}

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
	m.mappedCount = len(mapped)
	size := 0
	for _, header := range raw {
		size += len(header.GetRawValue())
	}
	if len(mapped)+len(raw) > maxHeaderLines+pseudoCount || size > maxHeaderBytes {
		m.rawCount, m.rawBytes = len(raw), size
		return
	}
	m.headers = make([]authz.Header, 0, len(mapped)+len(raw))
	for name, value := range mapped {
		m.headers = append(m.headers, authz.Header{Name: name, Value: value})
	}
	var values strings.Builder // one allocation for all values
	values.Grow(size)
	for _, header := range raw {
		start := values.Len()
		_, _ = values.Write(header.GetRawValue())
		m.addRaw(header.GetKey(), values.String()[start:], header.GetValue())
	}
}
