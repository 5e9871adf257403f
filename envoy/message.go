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

	// What is read of `headers`, a map, or of `header_map`. Of more headers than a
	// request may have, or of both kinds, only the numbers count.
	pseudo      [pseudoCount]pseudo
	lines       []authz.Header // all others
	mappedCount int            // pseudo headers included
	rawCount    int
	headerBytes int // names and values

	// refused says that no request can have had such headers.
	refused bool
	// clean says that the name of each line isLowerName and that no value
	// breaksLine, so that nobody need look again.
	clean bool
}

// addMapped adds an entry of `headers` whose name is new.
func (m *message) addMapped(name, value string) {
	m.mappedCount++
	m.add(name, value)
}

// addRaw adds an entry of `header_map`. Once there are too many it does not
// matter which.
func (m *message) addRaw(name, value string) {
	if m.rawCount++; m.rawCount <= maxHeaderLines+pseudoCount {
		m.add(name, value)
	}
}

// addRawLine does as addRaw for a name that is known to be no pseudo header's.
func (m *message) addRawLine(name, value string) {
	if m.rawCount++; m.rawCount <= maxHeaderLines+pseudoCount {
		m.addLine(name, value)
	}
}

// rawValue returns the value of an entry of `header_map`: the bytes as sent, or
// else the text. Two that differ are ambiguous.
func (m *message) rawValue(raw, text string) string {
	if raw == "" {
		return text
	}
	m.refused = m.refused || text != "" && text != raw
	return raw
}

// add takes one header.
func (m *message) add(name, value string) {
	if name != "" && name[0] == ':' {
		m.headerBytes += len(name) + len(value)
		m.addPseudo(name, value)
	} else {
		m.addLine(name, value)
	}
}

func (m *message) addLine(name, value string) {
	m.headerBytes += len(name) + len(value)
	m.lines = append(m.lines, authz.Header{Name: name, Value: value})
}

// addPseudo refuses a pseudo header that is unknown or comes twice.
func (m *message) addPseudo(name, value string) {
	at, ok := pseudoAt(name)
	if !ok || m.pseudo[at].seen {
		m.refused = true
		return
	}
	m.pseudo[at] = pseudo{value: value, seen: true}
}

// tidy puts the names of all lines into lower case. It reports false for what
// is no name, and for a value that no header can have had.
func (m *message) tidy() bool {
	for i := range m.lines {
		line := &m.lines[i]
		name, ok := lowerName(line.Name)
		if !ok || breaksLine(line.Value) {
			return false
		}
		line.Name = name
	}
	for i := range m.pseudo {
		if breaksLine(m.pseudo[i].value) {
			return false
		}
	}
	m.clean = true
	return true
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
	size := 0
	for _, header := range raw {
		size += len(header.GetRawValue())
	}
	if len(mapped)+len(raw) > maxHeaderLines+pseudoCount || size > maxHeaderBytes {
		m.mappedCount, m.rawCount, m.headerBytes = len(mapped), len(raw), size
		return
	}
	m.lines = make([]authz.Header, 0, len(mapped)+len(raw))
	for name, value := range mapped {
		m.addMapped(name, value)
	}
	var values strings.Builder // one allocation for all values
	values.Grow(size)
	for _, header := range raw {
		start := values.Len()
		_, _ = values.Write(header.GetRawValue())
		m.addRaw(header.GetKey(), m.rawValue(values.String()[start:], header.GetValue()))
	}
}
