package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
)

func TestIssue(t *testing.T) {
	ours, err := New("ours")
	if err != nil {
		t.Fatal(err)
	}
	other, err := New("ours")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ours.Issue("spiffe://example.org/a", "a.example", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	c := pair.Certificate
	if len(c.URIs) != 1 || c.URIs[0].String() != "spiffe://example.org/a" || len(c.DNSNames) != 1 || len(c.IPAddresses) != 1 || c.IsCA {
		t.Errorf("names %v %v %v", c.URIs, c.DNSNames, c.IPAddresses)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := c.Verify(x509.VerifyOptions{Roots: ours.Pool(), KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			t.Error(err)
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: other.Pool(), KeyUsages: []x509.ExtKeyUsage{usage}}); err == nil {
			t.Error("another authority of the same name vouches for it")
		}
	}
	if _, err := ours.Issue("a://%zz"); err == nil {
		t.Error("a bad URI is a name")
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	authority, err := New("ours")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue("a.example")
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if err := pair.Write(certificate, key); err != nil {
		t.Fatal(err)
	}
	if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info.Mode(), err)
	}
	if err := authority.Write(filepath.Join(dir, "none", "ca.crt")); err == nil {
		t.Error("written nowhere")
	}
	if err := authority.Write(filepath.Join(dir, "ca.crt")); err != nil {
		t.Error(err)
	}
}
