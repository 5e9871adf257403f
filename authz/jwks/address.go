package jwks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// errAddressRefused is what a dial to an address fails with that is not
// allowed. It says neither name nor address.
var errAddressRefused = errors.New("jwks: address not allowed")

// addressAllowed judges a resolved address of host.
func (r urlRules) addressAllowed(addr netip.Addr, host string) bool {
	addr = embedded(addr.WithZone("").Unmap())
	switch {
	case addr.IsLoopback():
		return r.allowPrivate || r.loopbackAllowed(host)
	case isPrivate(addr):
		return r.allowPrivate
	default:
		return isPublic(addr)
	}
}

// embedded returns the IPv4 address that a NAT64 (RFC 6052) or 6to4 (RFC 3056)
// address leads to, else the address itself.
func embedded(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	b := addr.As16()
	switch {
	case [12]byte(b[:12]) == [12]byte{0x00, 0x64, 0xff, 0x9b}:
		return netip.AddrFrom4([4]byte(b[12:]))
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6]))
	default:
		return addr
	}
}

// isPrivate covers RFC 1918, the unique local addresses of RFC 4193 and the
// shared space of carriers (RFC 6598).
func isPrivate(addr netip.Addr) bool {
	return addr.IsPrivate() || inIPv4(addr, 100, 64, 10)
}

// isPublic is false for link-local, multicast and unspecified addresses, and
// for the blocks that no public host has (RFC 6890). Of IPv6 only 2000::/3 is
// handed out (RFC 4291), in which Teredo (RFC 4380) is no public host either.
func isPublic(addr netip.Addr) bool {
	if !addr.IsGlobalUnicast() {
		return false
	}
	if addr.Is6() {
		b := addr.As16()
		return b[0]&0xe0 == 0x20 && [4]byte(b[:4]) != [4]byte{0x20, 0x01}
	}
	return !inIPv4(addr, 0, 0, 8) && // this network
		!inIPv4(addr, 192, 0, 24) && // protocol assignments
		!inIPv4(addr, 198, 18, 15) && // benchmarks
		!inIPv4(addr, 240, 0, 4) // reserved, and broadcast
}

// inIPv4 reports whether addr is an IPv4 address in the block a.b.0.0/bits.
func inIPv4(addr netip.Addr, a, b byte, bits int) bool {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b}), bits).Contains(addr)
}

// dial connects after checking the very address that is connected to, so that
// a name cannot resolve to one address for a check and to another for use.
func (r urlRules) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	host = strings.ToLower(host)
	dialer := net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		resolved, err := netip.ParseAddrPort(address)
		if err != nil || !r.addressAllowed(resolved.Addr(), host) {
			return errAddressRefused
		}
		return nil
	}}
	conn, err := dialer.DialContext(ctx, network, hostPort)
	if err != nil {
		return nil, fmt.Errorf("jwks: dial: %w", err)
	}
	return conn, nil
}
