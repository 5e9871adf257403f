package config

import (
	"fmt"
	"strings"

	"github.com/claimgate/claimgate/envoy"
)

// listener is one listening address with its place.
type listener struct {
	address string
	at      place
}

// listeners resolves the listening addresses. In the clear a service is
// reachable from this machine only, unless an insecure word says otherwise.
func (b *builder) listeners(s *Settings) {
	doc, at := &b.main.doc, place{b.main.source, ""}
	open := []listener{{doc.Listen.Address, at.at("listen.address")}}
	s.Listen = Listener{Address: doc.Listen.Address, TLS: b.tlsFiles(at.at("listen.tls"), doc.Listen.TLS)}
	if b.beyond(open[0]) && doc.Listen.TLS == nil && !doc.Listen.InsecurePlaintext {
		b.problem(open[0].at, "plain text is for loopback addresses and unix sockets only", "write tls, or insecurePlaintext: true")
	}
	if doc.Health != nil {
		open = append(open, listener{doc.Health.Address, at.at("health.address")})
		b.beyond(open[1]) // it may be, but must be an address
		s.Health = Listener{Address: doc.Health.Address}
	}
	if doc.Metrics != nil {
		open = append(open, listener{doc.Metrics.Address, at.at("metrics.address")})
		s.Metrics = b.metrics(at.at("metrics"), doc.Metrics)
	}
	if doc.Admin != nil {
		open = append(open, listener{doc.Admin.Address, at.at("admin.address")})
		s.Admin, s.AdminHosts = b.admin(at.at("admin"), doc.Admin)
	}
	b.apart(open)
}

func (b *builder) metrics(at place, doc *metricsDoc) Listener {
	l := Listener{Address: doc.Address, TLS: b.tlsFiles(at.at("tls"), doc.TLS)}
	if doc.BearerTokenFile != "" {
		l.BearerToken = b.bearerToken(at.at("bearerTokenFile"), doc.BearerTokenFile)
	}
	if !b.beyond(listener{doc.Address, at.at("address")}) || doc.TLS != nil {
		return l
	}
	if doc.BearerTokenFile != "" {
		b.warn(at.at("bearerTokenFile"), "without tls the token crosses the network in the clear", "write tls")
	} else if !doc.InsecurePlaintext {
		b.problem(at.at("address"), "metrics name tenants, so an address beyond loopback needs protection", "write tls, bearerTokenFile, or insecurePlaintext: true")
	}
	return l
}

func (b *builder) bearerToken(at place, path string) string {
	token := string(b.secretFile(at, path))
	for _, c := range []byte(token) {
		if c <= ' ' || c >= 0x7f {
			b.problem(at, "the token in the file must be one line of visible ASCII", "")
			return ""
		}
	}
	return token
}

func (b *builder) admin(at place, doc *adminDoc) (Listener, []string) {
	if b.beyond(listener{doc.Address, at.at("address")}) && !doc.InsecureRemote {
		b.problem(at.at("address"), "the admin pages ask nobody who they are, so they are for loopback addresses and unix sockets only", "use 127.0.0.1, or write insecureRemote: true")
	}
	hosts := make([]string, len(doc.Hosts))
	for i, host := range doc.Hosts {
		hosts[i] = strings.ToLower(strings.Trim(host, "[]"))
		if strings.ContainsAny(host, "/*@ ") || strings.Contains(host, ":") && !strings.Contains(hosts[i], "::") {
			b.problem(at.item("hosts", i), "this is no host name", "write it without scheme, port and wildcards")
		}
	}
	return Listener{Address: doc.Address}, hosts
}

// beyond checks the address and reports whether other machines can reach it.
func (b *builder) beyond(l listener) bool {
	if l.address == "" {
		return false // reported as missing
	}
	if wrong := checkAddress(l.address); wrong != "" {
		b.problem(l.at, wrong, "write host:port or unix:///path")
		return false
	}
	return !envoy.IsLocal(l.address)
}

// apart checks that no two addresses are one.
func (b *builder) apart(open []listener) {
	for i, l := range open {
		for _, other := range open[:i] {
			if l.address != "" && collide(l.address, other.address) {
				b.further(l.at, fmt.Sprintf("this address is taken by %s (%s)", other.at.path, b.line(other.at)), "use another port")
			}
		}
	}
}
