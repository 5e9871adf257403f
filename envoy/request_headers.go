package envoy

import (
	"slices"
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
	mapped, raw := r.msg.mappedCount, r.msg.rawCount
	if mapped > 0 && raw > 0 {
		return false
	}
	if mapped+raw > maxHeaderLines+pseudoCount {
		return false
	}
	r.req.Headers.Lines = slices.Grow(r.req.Headers.Lines[:0], mapped+raw)
	if raw > 0 {
		r.raw = true
		return r.readRaw()
	}
	r.req.Headers.Joined = true
	for i := range r.msg.mapped {
		if !r.add(r.msg.mapped[i].Name, r.msg.mapped[i].Value) {
			// A map has no order, so what was read before is chance.
			clear(r.req.Headers.Lines)
			r.req.Headers.Lines = r.req.Headers.Lines[:0]
			return false
		}
	}
	return true
}

// readRaw reads header_map. A value is the bytes as sent or else a text; two
// that differ are ambiguous.
func (r *reader) readRaw() bool {
	if r.msg.rawBytes > maxHeaderBytes {
		return false
	}
	for i := range r.msg.raw {
		header := &r.msg.raw[i]
		value := header.value
		if header.raw != "" {
			if value != "" && value != header.raw {
				return false
			}
			value = header.raw
		}
		if !r.add(header.name, value) {
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
