package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// checkAddress returns what is wrong with a listening address, or "".
func checkAddress(address string) string {
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		if !filepath.IsAbs(path) {
			return "the path of a unix socket must be absolute, as in unix:///run/claimgate/authz.sock"
		}
		return ""
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "this is no listening address"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "the port must be a number up to 65535"
	}
	if strings.ContainsAny(host, "/@ *") {
		return "this is no listening address"
	}
	return ""
}

// isLoopback reports whether a host of a URL is this machine.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// collide reports whether two listeners cannot both have their addresses.
func collide(a, b string) bool {
	if strings.HasPrefix(a, "unix://") || strings.HasPrefix(b, "unix://") {
		return a == b
	}
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return strings.EqualFold(hostA, hostB) || isWildcard(hostA) || isWildcard(hostB)
}

func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}
