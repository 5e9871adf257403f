package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Errors of what the files hold.
var (
	ErrPair        = errors.New("certificate and key are of no use")
	ErrAuthorities = errors.New("the certificate authorities are of no use")
	ErrExpired     = errors.New("the certificate is expired")
	ErrNotYetValid = errors.New("the certificate is not valid yet")
)

// MaxBytes bounds each file.
const MaxBytes = 1 << 20

// startAllowance is how far ahead the clock of an issuer may be.
const startAllowance = 5 * time.Minute

// Pair is a certificate with its chain and its key.
type Pair struct {
	// NotBefore and NotAfter bound the time in which the whole chain is valid.
	NotBefore, NotAfter time.Time

	certificate tls.Certificate
}

// ParsePair reads PEM texts. The error is ErrPair and quotes none of either.
func ParsePair(certificate, key []byte) (*Pair, error) {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPair, err)
	}
	p := &Pair{certificate: pair}
	for i, raw := range pair.Certificate {
		link, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: certificate %d of the chain: %w", ErrPair, i+1, err)
		}
		if i == 0 || link.NotAfter.Before(p.NotAfter) {
			p.NotAfter = link.NotAfter
		}
		if link.NotBefore.After(p.NotBefore) {
			p.NotBefore = link.NotBefore
		}
	}
	return p, nil
}

// Valid reports whether clients with that clock can accept the pair; the error
// is ErrExpired or ErrNotYetValid.
func (p *Pair) Valid(now time.Time) error {
	switch {
	case now.After(p.NotAfter):
		return fmt.Errorf("%w since %s", ErrExpired, p.NotAfter.UTC().Format(time.RFC3339))
	case now.Add(startAllowance).Before(p.NotBefore):
		return fmt.Errorf("%w: it begins at %s", ErrNotYetValid, p.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// Authorities are the certificate authorities that vouch for clients.
type Authorities struct {
	// NotAfter is when the first of them ends.
	NotAfter time.Time

	last  time.Time // when the last one ends
	count int
	pool  *x509.CertPool
}

// ParseAuthorities reads a PEM bundle of certificates. Anything else in it is a
// mistake, a block that is cut short too. The error is ErrAuthorities and
// quotes nothing.
func ParseAuthorities(bundle []byte) (*Authorities, error) {
	a := &Authorities{pool: x509.NewCertPool()}
	for n := 1; ; n++ {
		block, rest := pem.Decode(bundle)
		if block == nil {
			break
		}
		bundle = rest
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%w: block %d is no certificate", ErrAuthorities, n)
		}
		authority, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: certificate %d: %w", ErrAuthorities, n, err)
		}
		a.add(authority)
	}
	switch {
	case bytes.Contains(bundle, []byte("-----BEGIN")):
		return nil, fmt.Errorf("%w: a PEM block is cut short", ErrAuthorities)
	case a.count == 0:
		return nil, fmt.Errorf("%w: there is no PEM certificate", ErrAuthorities)
	}
	return a, nil
}

func (a *Authorities) add(authority *x509.Certificate) {
	a.pool.AddCert(authority)
	if a.count++; a.count == 1 || authority.NotAfter.Before(a.NotAfter) {
		a.NotAfter = authority.NotAfter
	}
	if authority.NotAfter.After(a.last) {
		a.last = authority.NotAfter
	}
}

// Valid reports whether any of them can vouch for anybody at that time; the
// error is ErrExpired.
func (a *Authorities) Valid(now time.Time) error {
	if now.After(a.last) {
		return fmt.Errorf("%w: every authority, the last one since %s", ErrExpired, a.last.UTC().Format(time.RFC3339))
	}
	return nil
}

// read reads a regular file. It never waits for one that is none.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, plain(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	file, err := os.Open(path) //nolint:gosec // the configuration names it
	if err != nil {
		return nil, plain(err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err != nil {
		return nil, plain(err)
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("it has more than %d bytes", MaxBytes)
	}
	return data, nil
}

// plain leaves out the path, which is told beside.
func plain(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// digest tells contents apart.
func digest(texts ...[]byte) [sha256.Size]byte {
	all := sha256.New()
	for _, text := range texts {
		sum := sha256.Sum256(text)
		all.Write(sum[:])
	}
	return [sha256.Size]byte(all.Sum(nil))
}
