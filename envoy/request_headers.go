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

// pseudoAt returns the place of a pseudo header.
func pseudoAt(name string) (int, bool) {
	switch name {
	case ":method":
		return pseudoMethod, true
	case ":scheme":
		return pseudoScheme, true
	case ":authority":
		return pseudoAuthority, true
	case ":path":
		return pseudoPath, true
	default:
		return 0, false
	}
}

// readHeaders takes the headers in whichever encoding arrived. Both at once are
// ambiguous. The room of the lines stays the message's.
func (r *reader) readHeaders() bool {
	m := r.msg
	r.req.Headers.Joined = m.rawCount == 0
	switch {
	case m.refused, m.mappedCount > 0 && m.rawCount > 0:
		return false
	case m.mappedCount+m.rawCount > maxHeaderLines+pseudoCount, len(m.lines) > maxHeaderLines, m.headerBytes > maxHeaderBytes:
		return false
	case !m.clean && !m.tidy():
		return false
	}
	r.req.Headers.Lines = m.lines
	r.named = holdsNamed(m.lines)
	return true
}

// holdsNamed reports whether there is a line that hostLinesAgree or upgradeOf
// looks at. Most requests have none.
func holdsNamed(lines []authz.Header) bool {
	for i := range lines {
		switch lines[i].Name {
		case "host", "connection", "upgrade":
			return true
		}
	}
	return false
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
