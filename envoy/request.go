package envoy

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/claimgate/claimgate/authz"
)

// Limits of one request. Envoy's own defaults are 100 headers and 60 KiB.
const (
	maxHeaderLines  = 256
	maxHeaderBytes  = 256 << 10 // names and values
	maxTargetBytes  = 64 << 10  // path and query
	maxMethodBytes  = 64
	maxHostBytes    = 512
	maxContextPairs = 256
	maxPrincipal    = 4 << 10
)

// requestFrom fills an empty request from Envoy's message, of which it holds
// parts. It never guesses: what is missing, ambiguous or over a limit becomes a
// Fault, and what was read before it stays for the log.
func requestFrom(msg *message, req *authz.Request) {
	req.Fault = authz.RequestInvalid
	req.RemoteIP = remoteIP(msg.address)
	if !msg.http || len(msg.context) > maxContextPairs || len(msg.principal) > maxPrincipal {
		return
	}
	req.Principal = msg.principal
	req.Context = msg.context
	r := reader{msg: msg, req: req}
	if !r.readHeaders() || !r.readPseudo() {
		return
	}
	if r.named {
		req.Upgrade = upgradeOf(req.Headers.Lines, req.Filtered)
	}
	req.Fault = r.readHost()
	if req.Fault == authz.NoFault && r.maskedPath() {
		req.Fault = authz.PathNotCanonical
	}
}

// reader reads the HTTP part of one message.
type reader struct {
	msg    *message
	req    *authz.Request
	target string
	host   string
	named  bool // whether there is a line that is read here by its name
}

// readPseudo takes method, scheme, path and host from the pseudo headers where
// they arrived and holds them against Envoy's own fields.
func (r *reader) readPseudo() bool {
	method, okMethod := r.settle(pseudoMethod, r.msg.method)
	scheme, okScheme := r.settle(pseudoScheme, r.msg.scheme)
	target, okTarget := r.settle(pseudoPath, r.msg.path)
	host, okHost := r.settle(pseudoAuthority, r.msg.host)
	if !okMethod || !okScheme || !okTarget || !okHost || !validMethod(method) {
		return false
	}
	r.req.Method, r.req.Scheme = method, scheme
	r.req.Filtered = !r.msg.pseudo[pseudoMethod].seen || !r.msg.pseudo[pseudoPath].seen || !r.msg.pseudo[pseudoAuthority].seen
	r.target, r.host = target, host
	return method != "CONNECT" && r.readPath() && (!r.named || r.hostLinesAgree())
}

// readPath cuts the query off by hand: net/url would read `//a/b` as a host
// and decode what must stay encoded.
func (r *reader) readPath() bool {
	path, query := cutQuery(r.target)
	if path == "" || len(r.target) > maxTargetBytes {
		return false
	}
	r.req.Path, r.req.Query = authz.CanonicalPath(path), query
	return true
}

// maskedPath reports a path that may hold bytes which we cannot see: where
// the bytes did not arrive, Envoy shows each byte that is no UTF-8 as `!`,
// while the upstream gets the byte (an overlong slash, say).
func (r *reader) maskedPath() bool {
	if r.msg.rawCount > 0 && r.msg.pseudo[pseudoPath].seen { // the bytes as sent
		return false
	}
	path, _ := cutQuery(r.target)
	return strings.IndexByte(path, '!') >= 0
}

// cutQuery takes the query off a target.
func cutQuery(target string) (path, query string) {
	if at := strings.IndexByte(target, '?'); at >= 0 {
		return target[:at], target[at+1:]
	}
	return target, ""
}

// hostLinesAgree refuses a `host` line that names another host than
// :authority; Envoy sends none, other callers may.
func (r *reader) hostLinesAgree() bool {
	for i := range r.req.Headers.Lines {
		line := &r.req.Headers.Lines[i]
		if line.Name == "host" && line.Value != r.host {
			return false
		}
	}
	return true
}

func (r *reader) readHost() authz.Reason {
	if len(r.host) > maxHostBytes {
		return authz.HostInvalid
	}
	host, ok := authz.CanonicalHost(r.host)
	if !ok || host == "" {
		return authz.HostInvalid
	}
	r.req.Host = host
	return authz.NoFault
}

// settle returns what a pseudo header says, or else Envoy's field. Both must
// say the same, but for bytes that are no UTF-8, which the field cannot hold.
func (r *reader) settle(index int, field string) (string, bool) {
	p := &r.msg.pseudo[index]
	if !p.seen {
		return field, true
	}
	return p.value, agree(p.value, field)
}

// agree reports whether shown is what Envoy makes of the bytes sent: itself, or
// each byte that is no UTF-8 replaced by `!`.
func agree(sent, shown string) bool {
	if sent == shown {
		return true
	}
	if len(sent) != len(shown) || utf8.ValidString(sent) {
		return false
	}
	for i := range len(sent) {
		if sent[i] != shown[i] && shown[i] != '!' {
			return false
		}
	}
	return true
}

func validMethod(method string) bool {
	return len(method) <= maxMethodBytes && isToken(method)
}

// remoteIP returns the address of the downstream connection, IPv4 in its own
// form and without a zone, or none for a socket without one.
func remoteIP(address string) netip.Addr {
	if address == "" {
		return netip.Addr{}
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}
