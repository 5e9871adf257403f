package authz

import "net/netip"

// Request is one request to decide. Its strings are canonical; whoever builds
// it (package envoy) never guesses: what is ambiguous becomes a Fault.
type Request struct {
	Method  string // as sent; a case-sensitive token
	Path    Path   // of CanonicalPath, without query
	Host    string // of CanonicalHost, "" together with a Fault
	Scheme  string
	Upgrade string // lower-case protocol of an upgrade, "" without one
	Headers Headers
	Context map[string]string // Envoy's context_extensions
	// RemoteIP is the address of the downstream connection.
	RemoteIP netip.Addr
	// Filtered says that the proxy hides some headers from us, so that
	// their absence proves nothing.
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

// Get returns the value of the header and how often it occurred. With Joined a
// value that holds a comma counts as two.
func (h *Headers) Get(name string) (value string, count int) { panic("not built") }

// Path is a canonical path.
type Path struct {
	Canonical string // escapes of unreserved characters decoded, others upper-case
	Lenient   string // every escape decoded once; equal to Canonical where nothing differs
	Oddities  Oddity
}

// Oddity is a set of reasons why a path is not canonical.
type Oddity uint16

// CanonicalPath computes the canonical form of a path as sent, without its
// query. It never resolves dot segments or merges slashes: it notes them.
func CanonicalPath(raw string) Path { panic("not built") }

// CanonicalHost lower-cases a host and strips its port and one trailing dot.
// It reports false for a host that is empty or holds what no host holds.
func CanonicalHost(raw string) (string, bool) { panic("not built") }
