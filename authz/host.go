package authz

import (
	"net/netip"
	"strings"
)

// maxHostBytes and maxLabelBytes are the limits of RFC 1035 section 2.3.4.
const (
	maxHostBytes  = 253
	maxLabelBytes = 63
)

// CanonicalHost lower-cases a host and strips its port and one trailing dot.
// It reports false for a host that is empty or holds what no host holds: user
// information, two hosts joined by a comma, an escape, a space, a byte above
// 0x7F. An IPv6 address keeps its brackets and takes the form of RFC 5952.
// Underscores are allowed, since names in use hold them.
func CanonicalHost(raw string) (string, bool) {
	if isSimpleHost(raw) {
		return raw, true
	}
	return canonicalHost(raw)
}

// canonicalHost does as CanonicalHost for a host of any form.
func canonicalHost(raw string) (string, bool) {
	if strings.HasPrefix(raw, "[") {
		return canonicalIPv6(raw)
	}
	host, port, hasPort := strings.Cut(raw, ":")
	if hasPort && !isPort(port) {
		return "", false
	}
	host = strings.TrimSuffix(host, ".")
	if len(host) > maxHostBytes {
		return "", false
	}
	upper := false
	label := 0
	for i := range len(host) {
		switch c := host[i]; {
		case c == '.':
			if label == 0 {
				return "", false
			}
			label = 0
			continue
		case 'A' <= c && c <= 'Z':
			upper = true
		case !isAlphanumeric(c) && c != '-' && c != '_':
			return "", false
		}
		if label++; label > maxLabelBytes {
			return "", false
		}
	}
	if label == 0 {
		return "", false
	}
	if upper {
		host = strings.ToLower(host)
	}
	return host, true
}

// canonicalIPv6 reads `[address]` or `[address]:port`. A zone is refused.
func canonicalIPv6(raw string) (string, bool) {
	text, rest, closed := strings.Cut(raw[1:], "]")
	if !closed || rest != "" && (rest[0] != ':' || !isPort(rest[1:])) {
		return "", false
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", false
	}
	var buffer [64]byte
	canonical := addr.AppendTo(append(buffer[:0], '['))
	canonical = append(canonical, ']')
	if host := raw[:len(text)+2]; string(canonical) == host {
		return host, true
	}
	return string(canonical), true
}

// isPort reports whether the text may follow the colon of a host: at most five
// digits. RFC 3986 section 3.2.3 admits none at all.
func isPort(s string) bool {
	if len(s) > 5 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
