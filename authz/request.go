package authz

import (
	"net/netip"
	"slices"
	"strings"
)

// Request is one request to decide. Its strings are canonical; whoever builds
// it (package envoy) never guesses: what is ambiguous becomes a Fault.
type Request struct {
	Method string // as sent; a case-sensitive token
	Path   Path   // of CanonicalPath, without query
	Host   string // of CanonicalHost, "" together with a Fault
	Query  string // as sent, without `?`
	Scheme string
	// Principal is the identity of the peer's certificate, "" without one.
	Principal string
	Upgrade   string // lower-case protocol of an upgrade, "" without one
	Headers   Headers
	Context   map[string]string // Envoy's context_extensions
	// RemoteIP is the address of the downstream connection.
	RemoteIP netip.Addr
	// Filtered says that the proxy hides some headers from us, so that
	// their absence proves nothing: every condition on an absent header is
	// then unknown.
	Filtered bool
	// Fault is the reason why the request cannot be judged, NoFault if it can.
	Fault Reason
}

// Header is one header line. Name is lower-case.
type Header struct{ Name, Value string }

// Headers are the headers of one request.
type Headers struct {
	Lines []Header
	// Joined says that repeated headers arrived joined by a comma, as in
	// Envoy's map encoding: a value with a comma may then be several.
	Joined bool
}

// Get returns the first value of the header and how often it occurred. With
// Joined a value that holds a comma counts as two.
func (h *Headers) Get(name string) (value string, count int) {
	for i := range h.Lines {
		line := &h.Lines[i]
		if line.Name != name {
			continue
		}
		if count == 0 {
			value = line.Value
		}
		count++
		if h.Joined && strings.IndexByte(line.Value, ',') >= 0 {
			count++
		}
	}
	return value, count
}

// headerView shows the headers of a request to a policy.
type headerView struct {
	headers  *Headers
	filtered bool
	secret   []string // names of headers that hold credentials, where somebody may be told
}

// Secret implements policy.SecretHeaders. A spelling that an upstream may take
// for the header is as secret.
func (v *headerView) Secret(name string) bool {
	return slices.ContainsFunc(v.secret, func(secret string) bool { return foldsTo(name, secret) })
}

// Header implements policy.Headers. A header that the proxy may have hidden is
// reported as ambiguous, since nothing follows from not seeing it, and so is
// one with `!` in the map encoding, where Envoy shows each byte that is no
// UTF-8 as such.
func (v *headerView) Header(name string) (value string, count int) {
	value, count = v.headers.Get(name)
	switch {
	case count == 0 && v.filtered:
		return "", 2
	case count == 1 && v.headers.Joined && strings.IndexByte(value, '!') >= 0:
		return value, 2
	}
	return value, count
}
