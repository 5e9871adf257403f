// Package pki is a throw-away certificate authority on the standard library,
// for the demo and tests. Nothing outside of its process trusts it.
//
//	authority, err := pki.New("mesh")
//	pair, err := authority.Issue("spiffe://example.org/ns/edge/sa/envoy", "envoy.example.com", "127.0.0.1")
//	err = pair.Write("tls.crt", "tls.key")       // replaces both, each by rename
//	err = authority.Write("ca.crt")
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// lifetime of everything here; it begins a little before now, since clocks
// differ.
const (
	lifetime = 24 * time.Hour
	early    = 5 * time.Minute
)

// Authority signs certificates.
type Authority struct{ pair Pair }

// Pair is a certificate and its key.
type Pair struct {
	Certificate *x509.Certificate
	Key         *ecdsa.PrivateKey
}

// New returns an authority of that common name.
func New(name string) (*Authority, error) {
	template := newTemplate(name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	pair, err := sign(template, nil)
	if err != nil {
		return nil, err
	}
	return &Authority{*pair}, nil
}

// Issue returns a certificate for servers and clients with these subject
// alternative names: URIs, addresses and DNS names.
func (a *Authority) Issue(names ...string) (*Pair, error) {
	template := newTemplate("throw-away")
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, name := range names {
		if strings.Contains(name, "://") {
			uri, err := url.Parse(name)
			if err != nil {
				return nil, fmt.Errorf("pki: %w", err)
			}
			template.URIs = append(template.URIs, uri)
		} else if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return sign(template, &a.pair)
}

func newTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-early),
		NotAfter:  time.Now().Add(lifetime),
	}
}

// sign makes a key and has the signer, or where it is nil the key itself, sign.
func sign(template *x509.Certificate, signer *Pair) (*Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	if signer == nil {
		signer = &Pair{template, key}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, signer.Certificate, key.Public(), signer.Key)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	return &Pair{certificate, key}, nil
}

// Write writes the authority's certificate as PEM.
func (a *Authority) Write(file string) error {
	return replace(file, 0o644, "CERTIFICATE", a.pair.Certificate.Raw)
}

// Pool returns a pool of the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.pair.Certificate)
	return pool
}

// Write writes certificate and key as PEM.
func (p *Pair) Write(certificate, key string) error {
	raw, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	if err := replace(certificate, 0o644, "CERTIFICATE", p.Certificate.Raw); err != nil {
		return err
	}
	return replace(key, 0o600, "PRIVATE KEY", raw)
}

// replace has the file hold the block; it appears whole or not at all.
func replace(file string, mode os.FileMode, kind string, raw []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
	if err := os.WriteFile(file+".new", text, mode); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	return nil
}
