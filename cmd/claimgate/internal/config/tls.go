package config

import (
	"fmt"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
)

// maxClientSANs bounds the list of allowed clients.
const maxClientSANs = 256

// tlsFiles checks what a listener serves TLS with, and returns where it is.
// The errors quote nothing of the files.
func (b *builder) tlsFiles(at place, doc *tlsDoc) *certs.Files {
	if doc == nil {
		return nil
	}
	b.clientCA(at, doc)
	b.clientSANs(at, doc)
	b.pair(at, doc)
	return &certs.Files{
		Certificate:       b.main.beside(doc.CertFile),
		Key:               b.main.beside(doc.KeyFile),
		ClientCA:          b.main.beside(doc.ClientCAFile),
		AllowedClientSANs: doc.AllowedClientSANs,
	}
}

func (b *builder) pair(at place, doc *tlsDoc) {
	if doc.CertFile == "" || doc.KeyFile == "" {
		return // reported as missing
	}
	certificate, okCertificate := b.pem(at.at("certFile"), doc.CertFile)
	key, okKey := b.pem(at.at("keyFile"), doc.KeyFile)
	if !okCertificate || !okKey {
		return
	}
	pair, err := certs.ParsePair(certificate, key)
	if err != nil {
		b.problem(at, err.Error(), "name PEM files of one pair, the certificate first in its chain")
		return
	}
	if err := pair.Valid(time.Now()); err != nil {
		b.warn(at.at("certFile"), err.Error(), "replace it: clients refuse it")
	}
}

func (b *builder) clientCA(at place, doc *tlsDoc) {
	if doc.ClientCAFile == "" {
		return
	}
	at = at.at("clientCAFile")
	bundle, ok := b.pem(at, doc.ClientCAFile)
	if !ok {
		return
	}
	authorities, err := certs.ParseAuthorities(bundle)
	if err != nil {
		b.problem(at, err.Error(), "name a PEM file with certificates and nothing else")
		return
	}
	if err := authorities.Valid(time.Now()); err != nil {
		b.warn(at, err.Error(), "replace it: no client gets in")
	}
}

func (b *builder) clientSANs(at place, doc *tlsDoc) {
	if doc.AllowedClientSANs != nil && doc.ClientCAFile == "" {
		b.problem(at.at("allowedClientSANs"), "nobody vouches for the names of clients", "write clientCAFile beside it")
	}
	if n := len(doc.AllowedClientSANs); n > maxClientSANs {
		b.problem(at.at("allowedClientSANs"), fmt.Sprintf("%d names are too many, %d are the most", n, maxClientSANs), "use /* at the end of URIs")
		return
	}
	known := make(map[string]bool, len(doc.AllowedClientSANs))
	for i, name := range doc.AllowedClientSANs {
		if err := certs.CheckName(name); err != nil {
			b.problem(at.item("allowedClientSANs", i), err.Error(), "write a URI as spiffe://example.org/ns/edge/sa/envoy, or a DNS name")
		} else if known[name] {
			b.problem(at.item("allowedClientSANs", i), "this name is written twice", "remove one")
		}
		known[name] = true
	}
}

const maxPEMBytes = certs.MaxBytes

func (b *builder) pem(at place, path string) ([]byte, bool) {
	data, _, err := readFile(b.main.beside(path), maxPEMBytes)
	if err != nil {
		b.problem(at, "the file cannot be read: "+cause(err), readableMend)
		return nil, false
	}
	return data, true
}
