package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// ErrName says that a text is no name that a client certificate can be listed
// by.
var ErrName = errors.New("no name of a client")

// Bounds of names.
const (
	maxURI  = 2048 // SPIFFE-ID section 2.3
	maxHost = 253  // RFC 1035 section 2.3.4
	maxPart = 63   // the same, of a label
)

const (
	spiffeScheme = "spiffe"
	anySegment   = "/*" // at the end of a URI
)

// Names is a list of subject alternative names (RFC 5280 section 4.2.1.6). The
// zero value holds none and matches no certificate. It is immutable.
type Names struct {
	uris     map[string]bool
	prefixes []string // of URIs, up to and with the last slash
	hosts    map[string]bool
}

// NewNames compiles names: URIs, such as spiffe://example.org/ns/edge/sa/envoy,
// and DNS names. A URI is exact to the byte, save that `/*` at its end stands
// for one more segment of A-Z a-z 0-9 . _ -. A DNS name is exact but for case:
// the certificate of `*.example.com` is not that of a.example.com. The common
// name of a certificate and its addresses are never read. The error is ErrName.
func NewNames(texts []string) (*Names, error) {
	n := &Names{uris: map[string]bool{}, hosts: map[string]bool{}}
	for _, text := range texts {
		if err := CheckName(text); err != nil {
			return nil, err
		}
		switch prefix, wild := strings.CutSuffix(text, "*"); {
		case wild:
			n.prefixes = append(n.prefixes, prefix)
		case isURI(text):
			n.uris[text] = true
		default:
			n.hosts[strings.ToLower(text)] = true
		}
	}
	return n, nil
}

// CheckName reports what is wrong with the text of a name, as ErrName.
func CheckName(text string) error {
	check := checkHost
	if isURI(text) {
		check = checkURI
	}
	if wrong := check(text); wrong != "" {
		return fmt.Errorf("%w: %s", ErrName, wrong)
	}
	return nil
}

func isURI(text string) bool { return strings.Contains(text, "://") }

func checkURI(text string) string {
	if len(text) > maxURI {
		return fmt.Sprintf("a URI has at most %d bytes", maxURI)
	}
	exact, wild := strings.CutSuffix(text, anySegment)
	if strings.Contains(exact, "*") {
		return "`*` stands alone, as the last segment of a URI"
	}
	parsed, err := url.Parse(exact)
	if err != nil || parsed.Scheme == "" || parsed.Host == "" {
		return "this is no URI with a scheme and a host"
	}
	if parsed.User != nil || strings.ContainsAny(exact, "?#") {
		return "a URI has no user, query or fragment here"
	}
	if parsed.String() != exact {
		return "the URI is not in its usual form: " + parsed.String()
	}
	if parsed.Scheme == spiffeScheme {
		return checkSPIFFE(parsed, wild)
	}
	return ""
}

// checkSPIFFE holds the text against SPIFFE-ID sections 2.1 and 2.2.
func checkSPIFFE(id *url.URL, wild bool) string {
	for _, c := range []byte(id.Host) {
		if !isSegmentByte(c) || 'A' <= c && c <= 'Z' {
			return "a trust domain is of a-z 0-9 . _ - only"
		}
	}
	if id.Path == "" {
		if wild {
			return ""
		}
		return "a trust domain alone names no workload: a path follows"
	}
	for _, segment := range strings.Split(strings.TrimPrefix(id.EscapedPath(), "/"), "/") {
		if !isSegment(segment) {
			return "the segments of a SPIFFE ID are of A-Z a-z 0-9 . _ - and neither empty nor . nor .."
		}
	}
	return ""
}

func checkHost(text string) string {
	switch {
	case text == "":
		return "it is empty"
	case strings.Contains(text, "*"):
		return "a DNS name is exact: write each one, or a URI that ends in /*"
	case strings.ContainsAny(text, ":/@"):
		return "this is neither a DNS name nor a URI with ://"
	case len(text) > maxHost:
		return fmt.Sprintf("a DNS name has at most %d bytes", maxHost)
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return "addresses identify nobody: write a DNS name or a URI"
	}
	for _, label := range strings.Split(text, ".") {
		if label == "" || len(label) > maxPart || !isSegmentText(label) {
			return "this is no DNS name: labels of 1 to 63 of a-z 0-9 _ - with dots between"
		}
	}
	return ""
}

// match reports whether one of the certificate's names is listed.
func (n *Names) match(leaf *x509.Certificate) bool {
	for _, uri := range leaf.URIs {
		if text := uri.String(); n.lists(text) && (uri.Scheme != spiffeScheme || isWorkload(leaf)) {
			return true
		}
	}
	for _, host := range leaf.DNSNames {
		if n.hosts[strings.ToLower(host)] {
			return true
		}
	}
	return false
}

// isWorkload reports whether the certificate may stand for a SPIFFE ID
// (X509-SVID sections 2 and 3): it has one URI and signs no others.
func isWorkload(leaf *x509.Certificate) bool { return len(leaf.URIs) == 1 && !leaf.IsCA }

func (n *Names) lists(uri string) bool {
	if n.uris[uri] {
		return true
	}
	for _, prefix := range n.prefixes {
		if segment, ok := strings.CutPrefix(uri, prefix); ok && isSegment(segment) {
			return true
		}
	}
	return false
}

func isSegment(text string) bool {
	return text != "" && text != "." && text != ".." && isSegmentText(text)
}

func isSegmentText(text string) bool {
	for _, c := range []byte(text) {
		if !isSegmentByte(c) {
			return false
		}
	}
	return true
}

func isSegmentByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}
