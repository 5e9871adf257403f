package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"time"

	"go.uber.org/zap"
)

// Reason is why a client was refused: a closed set, so that it can be a label.
type Reason string

// The reasons.
const (
	NoCertificate      Reason = "no_certificate"
	UnknownAuthority   Reason = "unknown_authority"
	CertificateExpired Reason = "certificate_expired" // or not valid yet, or an authority's
	CertificateInvalid Reason = "certificate_invalid" // not for clients, or broken otherwise
	NameNotAllowed     Reason = "name_not_allowed"
	VersionTooOld      Reason = "version_too_old"
	ProtocolRefused    Reason = "protocol_refused" // no application protocol in common (RFC 7301)
)

// Reasons returns every reason.
func Reasons() []Reason {
	return []Reason{NoCertificate, UnknownAuthority, CertificateExpired, CertificateInvalid, NameNotAllowed, VersionTooOld, ProtocolRefused}
}

// RefusedError ends the handshake with a client.
type RefusedError struct{ Reason Reason }

// Error implements error.
func (e *RefusedError) Error() string { return "client refused: " + string(e.Reason) }

// suites are those of TLS 1.2 with forward secrecy and authenticated
// encryption, which HTTP/2 asks for (RFC 9113 section 9.2.2). Those of TLS 1.3
// are not configurable, and good.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// TLS returns the configuration for a server. Each handshake takes the
// certificate and the authorities that are in force when it begins.
func (s *Store) TLS() *tls.Config {
	config := s.base()
	config.GetConfigForClient = s.configFor
	return config
}

// base has no certificate: what were served with it alone would serve nobody.
func (s *Store) base() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS12,
		CipherSuites:           suites(),
		NextProtos:             slices.Clone(s.opts.Protocols),
		SessionTicketsDisabled: true,
		Time:                   s.opts.Now,
	}
}

func (s *Store) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	now := s.inForce.Load()
	config := s.base()
	config.Certificates = []tls.Certificate{now.pair.certificate}
	if hello.Conn == nil {
		return nil, errors.New("certs: a handshake without a connection")
	}
	remote := hello.Conn.RemoteAddr()
	refused := s.foresee(hello, remote)
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if refused != nil || now.authorities == nil {
			return refused
		}
		return s.verify(now, state.PeerCertificates, remote)
	}
	if now.authorities != nil {
		// Everything about the client's certificate is judged in verify, so that
		// every refusal is counted with its reason. That the client has the key is
		// the handshake's affair.
		config.ClientAuth = tls.RequestClientCert
		config.ClientCAs = now.authorities.pool
	}
	return config, nil
}

// foresee counts what the handshake is going to refuse by itself, which tells
// the client more than an error of ours would.
func (s *Store) foresee(hello *tls.ClientHelloInfo, remote net.Addr) error {
	common := func(protocol string) bool { return slices.Contains(hello.SupportedProtos, protocol) }
	switch {
	case !slices.ContainsFunc(hello.SupportedVersions, func(v uint16) bool { return v == tls.VersionTLS12 || v == tls.VersionTLS13 }):
		return s.refuse(VersionTooOld, nil, remote)
	case len(s.opts.Protocols) == 0, len(hello.SupportedProtos) == 0 && slices.Contains(s.opts.Protocols, "http/1.1"):
	case !slices.ContainsFunc(s.opts.Protocols, common):
		return s.refuse(ProtocolRefused, nil, remote)
	}
	return nil
}

// verify judges the certificates of a client. The leaf comes first (RFC 8446
// section 4.4.2).
func (s *Store) verify(now *inForce, chain []*x509.Certificate, remote net.Addr) error {
	if len(chain) == 0 {
		return s.refuse(NoCertificate, nil, remote)
	}
	leaf, between := chain[0], x509.NewCertPool()
	for _, certificate := range chain[1:] {
		between.AddCert(certificate)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         now.authorities.pool,
		Intermediates: between,
		CurrentTime:   s.opts.Now(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return s.refuse(reasonOf(err), leaf, remote)
	}
	if now.names != nil && !now.names.match(leaf) {
		return s.refuse(NameNotAllowed, leaf, remote)
	}
	return nil
}

func reasonOf(err error) Reason {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return UnknownAuthority
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return CertificateExpired
	}
	return CertificateInvalid
}

// refuse counts a refusal, and logs some.
func (s *Store) refuse(reason Reason, leaf *x509.Certificate, remote net.Addr) error {
	s.opts.Observer.ClientRefused(s.opts.Listener, reason)
	if s.lines.AllowN(time.Now(), 1) {
		s.opts.Log.Warn("client refused", zap.String("listener", s.opts.Listener), zap.String("reason", string(reason)),
			zap.Stringer("client", remote), zap.Strings("names", namesOf(leaf)))
	}
	return &RefusedError{reason}
}

// Bounds of what is logged of a refused certificate.
const (
	maxNames = 3
	maxName  = 256
)

func namesOf(leaf *x509.Certificate) []string {
	if leaf == nil {
		return nil
	}
	names := make([]string, 0, len(leaf.URIs)+len(leaf.DNSNames))
	for _, uri := range leaf.URIs {
		names = append(names, uri.String())
	}
	names = append(names, leaf.DNSNames...)
	names = names[:min(len(names), maxNames)]
	for i, name := range names {
		names[i] = name[:min(len(name), maxName)]
	}
	return names
}
