package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// shake has a client meet the store's server, and returns what each of them
// got. A client hears of a refusal with TLS 1.3 only when it reads.
func shake(t *testing.T, store *Store, client *tls.Config) (state tls.ConnectionState, clientErr, serverErr error) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	served := make(chan error, 1)
	go func() { served <- serveOne(l, store.TLS()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := (&tls.Dialer{Config: client}).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return state, err, <-served
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	state = conn.(*tls.Conn).ConnectionState()
	_, clientErr = io.ReadFull(conn, make([]byte, 1))
	_ = conn.Close()
	return state, clientErr, <-served
}

func serveOne(l net.Listener, config *tls.Config) error {
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	secure := tls.Server(conn, config)
	if err := secure.Handshake(); err != nil {
		return err
	}
	if _, err := secure.Write([]byte{1}); err != nil {
		return err
	}
	return secure.CloseWrite()
}

// clientOf trusts a server's authority; with is its certificate or nil.
func clientOf(trusted *issued, with *issued) *tls.Config {
	config := &tls.Config{RootCAs: trusted.pool(), ServerName: serverName, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS10}
	if with != nil {
		own := with.tls() // sent whatever authorities the server names
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	return config
}

const (
	edgeID  = "spiffe://example.org/ns/edge/sa/envoy"
	edgeDNS = "envoy.example.com"
)

func TestP1Handshakes(t *testing.T) {
	ca, other := authority(t, "ours"), authority(t, "other")
	between := issue(t, ca, asAuthority("between"))
	allowed := []string{edgeID, edgeDNS}
	good := issue(t, ca, named(t, edgeID))
	tests := []struct {
		name   string
		names  []string // nil: any
		client *issued
		edit   func(*tls.Config)
		want   Reason // "": let in
	}{
		{"no names listed", nil, issue(t, ca, nil), nil, ""},
		{"no names listed, no certificate", nil, nil, nil, NoCertificate},
		{"no names listed, another authority's", nil, issue(t, other, nil), nil, UnknownAuthority},
		{"URI", allowed, good, nil, ""},
		{"DNS", allowed, issue(t, ca, named(t, edgeDNS)), nil, ""},
		{"both", allowed, issue(t, ca, named(t, edgeDNS, edgeID)), nil, ""},
		{"by an intermediate", allowed, issue(t, between, named(t, edgeID)), nil, ""},
		{"by an intermediate that is not sent", allowed, &issued{certificate: issue(t, between, named(t, edgeID)).certificate, key: good.key}, nil, UnknownAuthority},
		{"no certificate", allowed, nil, nil, NoCertificate},
		{"another URI", allowed, issue(t, ca, named(t, edgeID+"2")), nil, NameNotAllowed},
		{"another DNS name", allowed, issue(t, ca, named(t, "x."+edgeDNS)), nil, NameNotAllowed},
		{"the URI's text as a DNS name", allowed, issue(t, ca, named(t, "example.org")), nil, NameNotAllowed},
		{"no names", allowed, issue(t, ca, nil), nil, NameNotAllowed},
		{"the name as common name", allowed, issue(t, ca, func(c *x509.Certificate) { c.Subject.CommonName = edgeDNS }), nil, NameNotAllowed},
		{"the name by another authority", allowed, issue(t, other, named(t, edgeID)), nil, UnknownAuthority},
		{"the name by an authority of our authority's name", allowed, issue(t, authority(t, "ours"), named(t, edgeID)), nil, UnknownAuthority},
		{"self-signed", allowed, issue(t, nil, named(t, edgeID)), nil, UnknownAuthority},
		{"signed by a client's certificate", allowed, issue(t, good, named(t, edgeID)), nil, UnknownAuthority},
		{"expired", allowed, issue(t, ca, func(c *x509.Certificate) {
			named(t, edgeID)(c)
			c.NotAfter = time.Now().Add(-time.Minute)
		}), nil, CertificateExpired},
		{"not yet valid", allowed, issue(t, ca, func(c *x509.Certificate) {
			named(t, edgeID)(c)
			c.NotBefore = time.Now().Add(time.Hour)
		}), nil, CertificateExpired},
		{"for servers only", allowed, issue(t, ca, func(c *x509.Certificate) {
			named(t, edgeID)(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}), nil, CertificateInvalid},
		{"TLS 1.1", allowed, good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }, VersionTooOld},
		{"HTTP/1.1", allowed, good, func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, ProtocolRefused},
		{"no application protocol", allowed, good, func(c *tls.Config) { c.NextProtos = nil }, ProtocolRefused},
	}
	for _, tt := range tests {
		for version, name := range map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				counts := newCounts()
				store := newFolder(t, server(t, ca), ca, tt.names...).open(Options{Observer: counts})
				config := clientOf(ca, tt.client)
				config.MaxVersion = version
				if tt.edit != nil {
					tt.edit(config)
				}
				state, clientErr, serverErr := shake(t, store, config)
				if tt.want == "" {
					if clientErr != nil || serverErr != nil || state.Version != version || state.NegotiatedProtocol != "h2" {
						t.Errorf("client: %v, server: %v, version %x, protocol %q", clientErr, serverErr, state.Version, state.NegotiatedProtocol)
					}
				} else if clientErr == nil || serverErr == nil {
					t.Errorf("let in; client: %v, server: %v", clientErr, serverErr)
				}
				want := map[Reason]int{}
				if tt.want != "" {
					want[tt.want] = 1
				}
				if got := counts.reasons(); !maps.Equal(got, want) {
					t.Errorf("counted %v, want %v", got, want)
				}
			})
		}
	}
}

// A client that has the certificate of another and not its key proves nothing.
func TestP1CertificateWithoutItsKey(t *testing.T) {
	ca := authority(t, "ours")
	store := newFolder(t, server(t, ca), ca, edgeID).open(Options{})
	stolen := issue(t, ca, named(t, edgeID))
	stolen.key = issue(t, nil, nil).key
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := clientOf(ca, stolen)
		config.MaxVersion = version
		if _, clientErr, serverErr := shake(t, store, config); clientErr == nil || serverErr == nil {
			t.Errorf("version %x: let in", version)
		}
	}
}

// Without authorities clients need no certificate, and one that they send
// means nothing.
func TestWithoutClientAuthorities(t *testing.T) {
	ca := authority(t, "ours")
	store := newFolder(t, server(t, ca), nil).open(Options{})
	for _, with := range []*issued{nil, issue(t, authority(t, "other"), nil)} {
		if _, clientErr, serverErr := shake(t, store, clientOf(ca, with)); clientErr != nil || serverErr != nil {
			t.Errorf("client: %v, server: %v", clientErr, serverErr)
		}
	}
}

// A page serves clients of both protocols and of none.
func TestPageProtocols(t *testing.T) {
	ca := authority(t, "ours")
	store := newFolder(t, server(t, ca), nil).open(Options{Protocols: []string{"h2", "http/1.1"}})
	for want, offered := range map[string][]string{"h2": {"h2", "http/1.1"}, "http/1.1": {"http/1.1"}, "": nil} {
		config := clientOf(ca, nil)
		config.NextProtos = offered
		state, clientErr, serverErr := shake(t, store, config)
		if clientErr != nil || serverErr != nil || state.NegotiatedProtocol != want {
			t.Errorf("%v: %q, client: %v, server: %v", offered, state.NegotiatedProtocol, clientErr, serverErr)
		}
	}
}

// TestP1NothingIsResumed: a session that was good once opens no connection
// later, when another authority is in force.
func TestP1NothingIsResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ca, next := authority(t, "ours"), authority(t, "next")
		f := newFolder(t, server(t, ca), ca)
		store := f.open(Options{})
		config := clientOf(ca, issue(t, ca, nil))
		config.MaxVersion, config.ClientSessionCache = version, tls.NewLRUClientSessionCache(4)
		for range 2 {
			state, clientErr, serverErr := shake(t, store, config)
			if clientErr != nil || serverErr != nil || state.DidResume {
				t.Errorf("version %x: client: %v, server: %v, resumed: %v", version, clientErr, serverErr, state.DidResume)
			}
		}
		f.write("ca.crt", next.pem())
		if err := store.Reload(); err != nil {
			t.Fatal(err)
		}
		if _, clientErr, serverErr := shake(t, store, config); clientErr == nil || serverErr == nil {
			t.Errorf("version %x: a client of an authority that was replaced is let in", version)
		}
	}
}

func TestOnlyGoodCipherSuites(t *testing.T) {
	ca := authority(t, "ours")
	store := newFolder(t, server(t, ca), nil).open(Options{})
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if !strings.Contains(suite.Name, "_ECDSA_") {
			continue // not with this certificate
		}
		config := clientOf(ca, nil)
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{suite.ID}
		_, clientErr, _ := shake(t, store, config)
		want := strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "POLY1305")
		if got := clientErr == nil; got != want {
			t.Errorf("%s: %v, want %v", suite.Name, clientErr, want)
		}
	}
}

// The configuration without the store's part serves nobody.
func TestP1NoCertificateWithoutTheStore(t *testing.T) {
	ca := authority(t, "ours")
	store := newFolder(t, server(t, ca), ca).open(Options{})
	config := store.TLS()
	config.GetConfigForClient = nil
	if len(config.Certificates) > 0 || config.GetCertificate != nil {
		t.Error("there is a certificate that no client is judged with")
	}
}

// The log says who was refused and why, and is not flooded.
func TestRefusalsAreLogged(t *testing.T) {
	core, lines := observer.New(zap.DebugLevel)
	ca := authority(t, "ours")
	store := newFolder(t, server(t, ca), ca, edgeID).open(Options{Log: zap.New(core)})
	long := "spiffe://example.org/" + strings.Repeat("a", 4000)
	config := clientOf(ca, issue(t, ca, named(t, long, "spiffe://example.org/2", "a.example", "b.example")))
	for range 4 * refusalBurst {
		if _, clientErr, _ := shake(t, store, config); clientErr == nil {
			t.Fatal("let in")
		}
	}
	refused := lines.FilterMessage("client refused").All()
	if len(refused) < refusalBurst || len(refused) > 2*refusalBurst {
		t.Errorf("%d lines", len(refused))
	}
	fields := refused[0].ContextMap()
	names, _ := fields["names"].([]any)
	if fields["reason"] != "name_not_allowed" || fields["listener"] != "listen" || fields["client"] == "" || len(names) != maxNames {
		t.Errorf("%v", fields)
	}
	if first, _ := names[0].(string); len(first) != maxName {
		t.Errorf("a name of %d bytes", len(first))
	}
}

func TestReasons(t *testing.T) {
	for err, want := range map[error]Reason{
		x509.UnknownAuthorityError{}:                                   UnknownAuthority,
		x509.CertificateInvalidError{Reason: x509.Expired}:             CertificateExpired,
		x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}: CertificateInvalid,
		errors.New("anything else"):                                    CertificateInvalid,
	} {
		if got := reasonOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	if err := (&RefusedError{NoCertificate}).Error(); err != "client refused: no_certificate" {
		t.Error(err)
	}
}
