package config

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"github.com/claimgate/claimgate/authz"
)

// hosts returns the hosts of a tenant, or of an entry, in canonical form.
func (r *report) hosts(at place, raw []string, entry bool) []string {
	var hosts []string
	for i, text := range raw {
		at := at.item("hosts", i)
		host, wrong, mend := canonicalPattern(text, entry)
		if wrong != "" {
			r.problem(at, wrong, mend)
		}
		switch {
		case host == "":
		case slices.Contains(hosts, host):
			r.problem(at, "this host is listed twice", "remove one of them")
		default:
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// canonicalPattern returns the form in which a host or wildcard is compared, or
// what is wrong with it.
func canonicalPattern(raw string, entry bool) (host, wrong, mend string) {
	first, rest, dotted := strings.Cut(raw, ".")
	wild := first == "*" || first == tenantInPlace && entry
	switch {
	case raw == "*":
		return "*", "", ""
	case raw == tenantInPlace && entry:
		return "", "the tenant's name alone is no host", "write {tenant}.example.com"
	case strings.Contains(raw, tenantInPlace) && !entry:
		return "", "only hosts of an entry name the tenant so", "list an entry whose hosts hold {tenant}, or write the host"
	case !wild || !dotted:
		return canonicalHost(raw)
	}
	host, wrong, _ = canonicalHost(rest)
	if wrong != "" || host == "" {
		return "", "this is no host name behind the first label", "write it as " + first + ".example.com"
	}
	if _, err := netip.ParseAddr(rest); err == nil || host[0] == '[' {
		return "", "an address has no labels", "write the address itself"
	}
	return first + "." + host, "", ""
}

// canonicalHost returns the form in which hosts are compared, or what is wrong.
func canonicalHost(raw string) (host, wrong, mend string) {
	switch {
	case raw == "":
		return "", "", "" // reported as an empty text
	case strings.Contains(raw, "*"):
		return "", "a wildcard stands for the whole first label", "write *.example.com, or * for every host"
	case strings.ContainsAny(raw, "{}"):
		return "", "hosts hold no templates but {tenant} for the whole first label, in an entry", "list every host, or use an entry"
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
