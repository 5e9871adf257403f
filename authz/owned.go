package authz

import (
	"slices"
	"strconv"
	"strings"
)

// MaxOwnedHeaders is the greatest number of owned headers.
const MaxOwnedHeaders = 64

// Limits on an owned name. With more dashes the list of its `_` variants would
// have more than 63 names.
const (
	maxHeaderNameBytes  = 64
	maxHeaderNameDashes = 6
)

// OwnedHeaders is the one set of header names that claimgate owns: on every
// allow each is set or removed. Immutable; nil is the empty set.
type OwnedHeaders struct {
	names []string // sorted: a name's index is its bit
}

// NewOwnedHeaders checks the names and compiles the set. Paths of problems are
// `[i]`. With any problem the set is nil.
func NewOwnedHeaders(names []string) (*OwnedHeaders, []Problem) {
	var found problems
	if len(names) > MaxOwnedHeaders {
		found.add(at("", MaxOwnedHeaders), "more than "+strconv.Itoa(MaxOwnedHeaders)+" owned headers", "remove some")
	}
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		if why := CheckHeaderName(name); why != "" {
			found.add(at("", i), "header "+strconv.Quote(name)+" cannot be owned: "+why, "choose another name")
		}
		if seen[name] {
			found.add(at("", i), "header "+strconv.Quote(name)+" is listed twice", "remove one")
		}
		seen[name] = true
	}
	if len(found.list) > 0 {
		return nil, found.list
	}
	return &OwnedHeaders{names: slices.Sorted(slices.Values(names))}, nil
}

// Names returns the names of the set, sorted.
func (o *OwnedHeaders) Names() []string {
	if o == nil {
		return nil
	}
	return slices.Clone(o.names)
}

// equal reports whether both sets hold the same names.
func (o *OwnedHeaders) equal(other *OwnedHeaders) bool {
	return o == other || slices.Equal(o.Names(), other.Names())
}

// bit returns the bit of a name, or 0 for a name that is not in the set.
func (o *OwnedHeaders) bit(name string) uint64 {
	if o == nil {
		return 0
	}
	if i, found := slices.BinarySearch(o.names, name); found {
		return 1 << i
	}
	return 0
}

// CheckHeaderName returns why a header of that name may not be injected, or "".
// Names are lower-case letters, digits and dashes: upstreams that follow RFC
// 3875 (CGI) cannot tell other names apart.
func CheckHeaderName(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case name[0] == ':':
		return "names with a colon are no headers but parts of the request"
	case name == authorizationHeader:
		return "it is governed by forwardOriginalToken and forwardAuthorization"
	case isProxyHeader(name):
		return "it steers the proxy or the connection, and a value of ours could change what is routed or framed"
	case strings.Contains(name, "_"):
		return "upstreams may confuse `_` with `-`; write a dash"
	case len(name) > maxHeaderNameBytes:
		return "it is longer than " + strconv.Itoa(maxHeaderNameBytes) + " bytes"
	case strings.Count(name, "-") > maxHeaderNameDashes:
		return "it has more than " + strconv.Itoa(maxHeaderNameDashes) + " dashes"
	}
	for i := range len(name) {
		if c := name[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return "it may hold a-z, 0-9 and `-` only"
		}
	}
	if strings.Trim(name, "-") == "" {
		return "it holds neither a letter nor a digit"
	}
	return ""
}

// isProxyHeader reports whether the header belongs to the proxy, to message
// framing (RFC 9112), or to one hop (RFC 9110 section 7.6.1).
func isProxyHeader(name string) bool {
	switch strings.ReplaceAll(name, "_", "-") {
	case "host", "cookie", "content-length", "transfer-encoding", "connection", "keep-alive", "te",
		"trailer", "upgrade", "expect", "http2-settings":
		return true
	}
	for _, prefix := range []string{"proxy-", "x-envoy-", "x-forwarded-"} {
		if strings.HasPrefix(strings.ReplaceAll(name, "_", "-"), prefix) {
			return true
		}
	}
	return false
}
