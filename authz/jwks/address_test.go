package jwks

import (
	"net/netip"
	"testing"
)

func TestAddresses(t *testing.T) {
	const (
		always  = iota // public
		private        // with AllowPrivateAddresses
		never
	)
	for text, class := range map[string]int{
		"8.8.8.8": always, "2606:4700::1111": always, "172.32.0.1": always, "100.128.0.1": always, "192.169.0.1": always,
		"2002:0808:0808::1": always, "64:ff9b::808:808": always, "::ffff:8.8.8.8": always,
		"2003:a00:1::": always, "2602:a00:1::": always, // no 6to4, though half of the prefix is that of it

		"10.1.2.3": private, "172.16.0.1": private, "172.31.255.255": private, "192.168.1.1": private,
		"100.64.0.1": private, "100.127.255.255": private, "fd00::1": private, "fc00::1": private, "fd02:808:808::1": private,
		"127.0.0.1": private, "127.8.9.10": private, "::1": private, "::ffff:127.0.0.1": private,
		"::ffff:10.0.0.1": private, "64:ff9b::a00:1": private, "2002:a00:1::": private, "64:ff9b::7f00:1": private,

		"169.254.169.254": never, "fe80::1": never, "fe80::1%eth0": never, "::ffff:169.254.169.254": never,
		"64:ff9b::a9fe:a9fe": never, "2002:a9fe:a9fe::": never,
		"224.0.0.1": never, "239.1.1.1": never, "ff02::1": never, "ff0e::1": never,
		"0.0.0.0": never, "0.1.2.3": never, "::": never, "::ffff:0.0.0.0": never,
		"255.255.255.255": never, "240.0.0.1": never, "192.0.0.1": never, "198.18.0.1": never, "198.19.0.1": never,
		"::7f00:1": never, "::127.0.0.1": never, "2001::1": never, "fec0::1": never, "::ffff:0:127.0.0.1": never,
		"64:ff9b:1::7f00:1": never,
	} {
		addr := netip.MustParseAddr(text)
		if got := (urlRules{}).addressAllowed(addr, "id.example.com"); got != (class == always) {
			t.Errorf("%s: allowed %v as it stands", text, got)
		}
		if got := (urlRules{allowPrivate: true}).addressAllowed(addr, "id.example.com"); got != (class != never) {
			t.Errorf("%s: allowed %v with private addresses", text, got)
		}
	}
}

func TestOnlyTheWrittenLoopbackHostLeadsToLoopback(t *testing.T) {
	rules := SourceSpec{Issuer: "http://localhost:8080"}.rules()
	loopback := netip.MustParseAddr("127.0.0.1")
	if !rules.addressAllowed(loopback, "localhost") {
		t.Error("localhost as written is refused")
	}
	for _, host := range []string{"id.example.com", "127.0.0.1", ""} {
		if rules.addressAllowed(loopback, host) {
			t.Errorf("%q leads to loopback", host)
		}
	}
	if (urlRules{}).addressAllowed(loopback, "") {
		t.Error("no host leads to loopback where none is written")
	}
	if rules.addressAllowed(netip.MustParseAddr("10.0.0.1"), "localhost") {
		t.Error("localhost leads to a private address")
	}
	if (SourceSpec{Issuer: "http://localhost", URI: "https://id.example.com/"}).rules().loopbackHost != "" {
		t.Error("an issuer that is not fetched from opens loopback")
	}
}
