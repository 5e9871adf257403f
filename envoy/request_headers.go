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
	if mapped > 0 && raw > 0 || mapped+raw > maxHeaderLines+pseudoCount || r.msg.rawBytes > maxHeaderBytes || r.msg.ambiguous {
		return false
	}
	r.raw, r.req.Headers.Joined = raw > 0, raw == 0
	lines := slices.Grow(r.req.Headers.Lines[:0], mapped+raw)
	ok := true
	for i := 0; i < len(r.msg.headers) && ok; i++ {
		lines, ok = r.add(lines, &r.msg.headers[i])
	}
	if !ok && !r.raw { // A map has no order, so what was read before is chance.
		clear(lines)
		lines = lines[:0]
	}
	r.req.Headers.Lines = lines
	return ok
}

// add takes one header, as a line or as a pseudo header.
func (r *reader) add(lines []authz.Header, h *authz.Header) ([]authz.Header, bool) {
	r.bytes += len(h.Name) + len(h.Value)
	if r.bytes > maxHeaderBytes || !r.msg.clean && breaksLine(h.Value) {
		return lines, false
	}
	if strings.HasPrefix(h.Name, ":") {
		return lines, r.addPseudo(h.Name, h.Value)
	}
	name, ok := h.Name, true
	if !r.msg.clean {
		name, ok = lowerName(name)
	}
	if !ok || len(lines) >= maxHeaderLines {
		return lines, false
	}
	return append(lines, authz.Header{Name: name, Value: h.Value}), true
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
