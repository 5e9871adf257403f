package jwks

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"
)

// transportKey names a transport that sources with equal rules share.
type transportKey struct {
	rules urlRules
	ca    [sha256.Size]byte
}

// newTransport returns a transport that checks each address it dials and uses
// no proxy. A nil pool means the certificates of the system.
func newTransport(rules urlRules, pool *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext:            rules.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // so that the body limit counts what was sent
		MaxIdleConnsPerHost:    1,
		MaxIdleConns:           64,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// newClient returns a client that follows no redirect and keeps no cookie.
// Each request carries a deadline of its own.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
