package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// issued is a certificate with its key, and those above it.
type issued struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	above       []*x509.Certificate // intermediates
}

// serials tell certificates apart.
var serials = struct {
	sync.Mutex
	last int64
}{}

// issue makes a certificate; edit changes its template first. Without a parent
// it signs itself.
func issue(t testing.TB, parent *issued, edit func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serials.Lock()
	serials.last++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serials.last),
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	serials.Unlock()
	if edit != nil {
		edit(template)
	}
	signer := &issued{certificate: template, key: key}
	if parent != nil {
		signer = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.certificate, key.Public(), signer.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	made := &issued{certificate: certificate, key: key}
	if parent != nil && !bytes.Equal(parent.certificate.RawIssuer, parent.certificate.RawSubject) {
		made.above = append([]*x509.Certificate{parent.certificate}, parent.above...)
	}
	return made
}

func authority(t testing.TB, name string) *issued {
	t.Helper()
	return issue(t, nil, asAuthority(name))
}

func asAuthority(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject.CommonName = name
		c.IsCA, c.BasicConstraintsValid = true, true
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageCertSign, nil
	}
}

// named gives a certificate subject alternative names.
func named(t testing.TB, names ...string) func(*x509.Certificate) {
	t.Helper()
	return func(c *x509.Certificate) {
		for _, name := range names {
			if !isURI(name) {
				c.DNSNames = append(c.DNSNames, name)
				continue
			}
			uri, err := url.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = append(c.URIs, uri)
		}
	}
}

const serverName = "claimgate.test"

func server(t testing.TB, parent *issued) *issued {
	t.Helper()
	return issue(t, parent, named(t, serverName))
}

func (i *issued) pem() []byte {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Raw})
	for _, above := range i.above {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: above.Raw})...)
	}
	return text
}

func (i *issued) keyPEM(t testing.TB) []byte {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func (i *issued) tls() tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{i.certificate.Raw}, PrivateKey: i.key}
	for _, above := range i.above {
		c.Certificate = append(c.Certificate, above.Raw)
	}
	return c
}

func (i *issued) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.certificate)
	return pool
}

// folder is where a test's files lie.
type folder struct {
	t     testing.TB
	dir   string
	Files Files
}

// newFolder writes the files of a server; ca may be nil.
func newFolder(t testing.TB, with, ca *issued, names ...string) *folder {
	t.Helper()
	f := &folder{t: t, dir: t.TempDir()}
	f.Files = Files{Certificate: f.path("tls.crt"), Key: f.path("tls.key"), AllowedClientSANs: names}
	f.pair(with)
	if ca != nil {
		f.Files.ClientCA = f.path("ca.crt")
		f.write("ca.crt", ca.pem())
	}
	return f
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// write replaces a file by rename.
func (f *folder) write(name string, text []byte) {
	f.t.Helper()
	if err := errors.Join(os.WriteFile(f.path(name+".new"), text, 0o600), os.Rename(f.path(name+".new"), f.path(name))); err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) pair(i *issued) {
	f.t.Helper()
	f.write("tls.crt", i.pem())
	f.write("tls.key", i.keyPEM(f.t))
}

func (f *folder) open(opts Options) *Store {
	f.t.Helper()
	opts.Listener, opts.Files = "listen", f.Files
	if opts.Protocols == nil {
		opts.Protocols = []string{"h2"}
	}
	store, err := Open(opts)
	if err != nil {
		f.t.Fatal(err)
	}
	return store
}

// counts is an observer.
type counts struct {
	mu      sync.Mutex
	refused map[Reason]int
	loads   map[string]int // kind and "good" or "bad"
}

func newCounts() *counts { return &counts{refused: map[Reason]int{}, loads: map[string]int{}} }

func (c *counts) CertificateReloaded(_ string, kind Kind, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loads[string(kind)+map[bool]string{true: " good", false: " bad"}[good]]++
}

func (c *counts) ClientRefused(_ string, reason Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused[reason]++
}

func (c *counts) of(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loads[what]
}

func (c *counts) reasons() map[Reason]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[Reason]int, len(c.refused))
	for reason, n := range c.refused {
		all[reason] = n
	}
	return all
}
