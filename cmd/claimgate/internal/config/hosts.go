package config

import (
	"strings"

	"golang.org/x/net/idna"

	"github.com/claimgate/claimgate/authz"
)

// canonicalHost returns the form in which hosts are compared, or what is wrong.
func canonicalHost(raw string) (host, wrong, mend string) {
	switch {
	case raw == "":
		return "", "", "" // reported as an empty text
	case strings.Contains(raw, "*"):
		return "", "only exact hosts are served, no wildcards", "list every host, or use an entry with contextExtension"
	case strings.ContainsAny(raw, "{}"):
		return "", "hosts hold no templates", "list every host, or use an entry with contextExtension"
	case strings.Contains(raw, "/"):
		return "", "this is no host", "write the host name alone, without scheme and path"
	case hasPort(raw):
		return "", "hosts are compared without their port", "remove the port"
	}
	ascii := raw
	if strings.ContainsFunc(raw, func(r rune) bool { return r >= 0x80 }) {
		converted, err := idna.Lookup.ToASCII(raw)
		if err != nil {
			return "", "this is no internationalised host name", "write it in its xn-- form"
		}
		ascii = converted
	}
	host, ok := authz.CanonicalHost(ascii)
	if !ok {
		return "", "this is no host name", "write a name such as api.example.com, or an address (IPv6 in brackets)"
	}
	return host, "", ""
}

// hasPort reports whether something follows the host; an IPv6 address in
// brackets has colons of its own.
func hasPort(raw string) bool {
	if end := strings.LastIndexByte(raw, ']'); strings.HasPrefix(raw, "[") && end > 0 {
		raw = raw[end+1:]
	}
	return strings.Contains(raw, ":")
}
