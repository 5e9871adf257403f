package envoy

import (
	"strings"

	"github.com/claimgate/claimgate/authz"
)

// The pseudo headers of a request (RFC 9113 section 8.3.1).
const (
	pseudoMethod = iota
	pseudoScheme
	pseudoAuthority
	pseudoPath
	pseudoCount
)

type pseudo struct {
	value string
	seen  bool
}

// unnamedUpgrade stands for an upgrade whose protocol did not arrive: it is no
// protocol's name, so no rule admits it.
const unnamedUpgrade = "?"

// readHeaders reads whichever encoding arrived. Both at once are ambiguous.
func (r *reader) readHeaders() bool {
	mapped, raw := r.http.GetHeaders(), r.http.GetHeaderMap().GetHeaders()
	if len(mapped) > 0 && len(raw) > 0 {
		return false
	}
	if len(mapped)+len(raw) > maxHeaderLines+pseudoCount {
		return false
	}
	if len(raw) > 0 {
		r.raw = true
		return r.readRaw()
	}
	r.req.Headers.Joined = true
	r.req.Headers.Lines = make([]authz.Header, 0, len(mapped))
	for name, value := range mapped {
		if !r.add(name, value) {
			return false
		}
	}
	return true
}

// readRaw reads header_map. All values share one string: one allocation, and
// the message's own bytes are neither kept nor aliased.
func (r *reader) readRaw() bool {
	headers := r.http.GetHeaderMap().GetHeaders()
	size := 0
	for _, header := range headers {
		size += len(header.GetRawValue())
	}
	if size > maxHeaderBytes {
		return false
	}
	var values strings.Builder
	values.Grow(size)
	r.req.Headers.Lines = make([]authz.Header, 0, len(headers))
	for _, header := range headers {
		value := header.GetValue()
		if raw := header.GetRawValue(); len(raw) > 0 {
			if value != "" && value != string(raw) {
				return false
			}
			start := values.Len()
			_, _ = values.Write(raw)
			value = values.String()[start:]
		}
		if !r.add(header.GetKey(), value) {
			return false
		}
	}
	return true
}

// add takes one header, as a line or as a pseudo header.
func (r *reader) add(name, value string) bool {
	r.bytes += len(name) + len(value)
	if r.bytes > maxHeaderBytes || breaksLine(value) {
		return false
	}
	if strings.HasPrefix(name, ":") {
		return r.addPseudo(name, value)
	}
	name, ok := lowerName(name)
	if !ok || len(r.req.Headers.Lines) >= maxHeaderLines {
		return false
	}
	r.req.Headers.Lines = append(r.req.Headers.Lines, authz.Header{Name: name, Value: value})
	return true
}

// addPseudo refuses a pseudo header that is unknown or comes twice.
func (r *reader) addPseudo(name, value string) bool {
	var p *pseudo
	switch name {
	case ":method":
		p = &r.pseudo[pseudoMethod]
	case ":scheme":
		p = &r.pseudo[pseudoScheme]
	case ":authority":
		p = &r.pseudo[pseudoAuthority]
	case ":path":
		p = &r.pseudo[pseudoPath]
	default:
		return false
	}
	if p.seen {
		return false
	}
	*p = pseudo{value: value, seen: true}
	return true
}

// upgradeOf returns the lower-case protocol that the client wants to switch
// to, "" for none. Several protocols stay one string with commas, which no rule
// admits. `connection: upgrade` alone asks for nothing (RFC 9110 section 7.8),
// unless the other header may have been hidden from us.
func upgradeOf(lines []authz.Header, filtered bool) string {
	asked, protocol := false, ""
	for i := range lines {
		switch line := &lines[i]; line.Name {
		case "connection":
			asked = asked || filtered && listHolds(line.Value, "upgrade")
		case "upgrade":
			if protocol != "" {
				protocol += ","
			}
			protocol += strings.ToLower(strings.Trim(line.Value, " \t"))
			asked = true
		}
	}
	if asked && protocol == "" {
		return unnamedUpgrade
	}
	return protocol
}

// listHolds reports whether a comma-separated list holds a token, whatever its
// case.
func listHolds(list, token string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.Trim(item, " \t"), token) {
			return true
		}
	}
	return false
}

// isGRPC reports whether Envoy answers this client with a grpc-status: its
// content type is application/grpc, with a suffix or without.
func isGRPC(lines []authz.Header) bool {
	for i := range lines {
		if lines[i].Name == "content-type" {
			rest, ok := strings.CutPrefix(lines[i].Value, "application/grpc")
			return ok && (rest == "" || rest[0] == '+')
		}
	}
	return false
}
