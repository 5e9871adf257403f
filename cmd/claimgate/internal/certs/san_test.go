package certs

import (
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	const edge = "spiffe://example.org/ns/edge/sa/envoy"
	tests := []struct {
		name        string
		allowed     []string
		certificate []string
		want        bool
	}{
		{"the very URI", []string{edge}, []string{edge}, true},
		{"one of several allowed", []string{"a.example", edge}, []string{edge}, true},
		{"another path", []string{edge}, []string{edge + "2"}, false},
		{"below it", []string{edge}, []string{edge + "/x"}, false},
		{"above it", []string{edge}, []string{"spiffe://example.org/ns/edge/sa"}, false},
		{"another trust domain", []string{edge}, []string{"spiffe://example.com/ns/edge/sa/envoy"}, false},
		{"a path in capitals", []string{edge}, []string{"spiffe://example.org/ns/edge/sa/Envoy"}, false},
		{"another scheme", []string{edge}, []string{"https://example.org/ns/edge/sa/envoy"}, false},
		{"a query behind", []string{edge}, []string{edge + "?x"}, false},
		{"a fragment behind", []string{edge}, []string{edge + "#x"}, false},
		{"the same escaped", []string{edge}, []string{"spiffe://example.org/ns/edge/sa/%65nvoy"}, false},
		{"a DNS name that spells the URI's host", []string{edge}, []string{"example.org"}, false},
		{"no names", []string{edge}, nil, false},
		{"several URIs, one allowed", []string{edge}, []string{edge, "spiffe://example.org/ns/other"}, false},
		{"a DNS name beside the URI", []string{edge}, []string{"a.example", edge}, true},
		{"any last segment", []string{"spiffe://example.org/ns/edge/sa/*"}, []string{edge}, true},
		{"any last segment, not two", []string{"spiffe://example.org/ns/edge/*"}, []string{edge}, false},
		{"any last segment, not none", []string{"spiffe://example.org/ns/edge/sa/*"}, []string{"spiffe://example.org/ns/edge/sa/"}, false},
		{"any last segment, not its absence", []string{"spiffe://example.org/ns/edge/sa/*"}, []string{"spiffe://example.org/ns/edge/sa"}, false},
		{"any last segment, no dots", []string{"spiffe://example.org/ns/edge/sa/*"}, []string{"spiffe://example.org/ns/edge/sa/.."}, false},
		{"any last segment, no escaped slash", []string{"spiffe://example.org/ns/edge/sa/*"}, []string{"spiffe://example.org/ns/edge/sa/a%2Fb"}, false},
		{"any last segment, no query", []string{"spiffe://example.org/ns/edge/sa/*"}, []string{edge + "?x"}, false},
		{"any segment of another domain", []string{"spiffe://example.org/*"}, []string{"spiffe://example.org.evil.example/x"}, false},
		{"several https URIs", []string{"https://example.org/a"}, []string{"https://example.org/b", "https://example.org/a"}, true},
		{"the very DNS name", []string{"envoy.example.com"}, []string{"envoy.example.com"}, true},
		{"a DNS name in capitals", []string{"Envoy.example.com"}, []string{"ENVOY.example.com"}, true},
		{"a wildcard certificate", []string{"envoy.example.com"}, []string{"*.example.com"}, false},
		{"a name below", []string{"example.com"}, []string{"envoy.example.com"}, false},
		{"a name above", []string{"envoy.example.com"}, []string{"example.com"}, false},
		{"second of two DNS names", []string{"envoy.example.com"}, []string{"x.example.com", "envoy.example.com"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			names, err := NewNames(tt.allowed)
			if err != nil {
				t.Fatal(err)
			}
			leaf := &x509.Certificate{}
			named(t, tt.certificate...)(leaf)
			if got := names.match(leaf); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// The common name says nothing, and no name is none.
func TestCommonNameIsNotRead(t *testing.T) {
	names, err := NewNames([]string{"envoy.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{}
	leaf.Subject.CommonName = "envoy.example.com"
	leaf.EmailAddresses = []string{"envoy.example.com"}
	if names.match(leaf) || new(Names).match(leaf) {
		t.Error("the common name counts")
	}
}

// A certificate that signs others is no workload's (X509-SVID section 3).
func TestAuthorityIsNoWorkload(t *testing.T) {
	names, err := NewNames([]string{"spiffe://example.org/ca"})
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{URIs: []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/ca"}}}
	if !names.match(leaf) {
		t.Fatal("the workload is refused")
	}
	if leaf.IsCA = true; names.match(leaf) {
		t.Error("an authority passes as a workload")
	}
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{
		"spiffe://example.org/ns/edge/sa/envoy", "spiffe://example.org/*", "spiffe://a_b.example/x", "https://example.org", "https://example.org:8443/a",
		"urn://x/y", "envoy", "envoy.example.com", "xn--bcher-kva.example", "_srv.example", "1.example", strings.Repeat("a", 63) + ".example",
	} {
		if err := CheckName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", " ", "*", "*.example.com", "a.*", "a..b", ".a", "a.", "a b", "bücher.example", "192.0.2.1", "::1", "a:443", "a/b", "a@b", "CN=a",
		strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "aa", "://", "://a", "spiffe://", "spiffe:///x", "spiffe://*/x", "spiffe://*",
		"spiffe://example.org", "spiffe://example.org/", "spiffe://example.org//x", "spiffe://example.org/x/", "spiffe://example.org/./x", "spiffe://example.org/a%20b",
		"spiffe://example.org:80/x", "spiffe://Example.org/x", "spiffe://u@example.org/x", "spiffe://example.org/x?", "spiffe://example.org/x#", "spiffe://example.org/x*",
		"spiffe://example.org/**", "spiffe://example.org/*/x", "https://a/%zz", "HTTPS://a/b", "https://a/b c", "https://a/" + strings.Repeat("b", 2048),
	} {
		if err := CheckName(bad); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v, want %v", bad, err, ErrName)
		}
		if _, err := NewNames([]string{"good.example", bad}); !errors.Is(err, ErrName) {
			t.Errorf("%q in a list: %v, want %v", bad, err, ErrName)
		}
	}
}

// FuzzNames: whatever a name and a certificate hold, only a listed name opens,
// and what a `*` opens is one segment more.
func FuzzNames(f *testing.F) {
	f.Add("spiffe://example.org/ns/*", "spiffe://example.org/ns/x")
	f.Add("spiffe://example.org/ns/*", "spiffe://example.org/ns/x/y")
	f.Add("envoy.example.com", "envoy.example.com")
	f.Fuzz(func(t *testing.T, allowed, presented string) {
		names, err := NewNames([]string{allowed})
		if err != nil {
			return
		}
		leaf := &x509.Certificate{DNSNames: []string{presented}}
		if uri, err := url.Parse(presented); err == nil && isURI(presented) {
			leaf.URIs, leaf.DNSNames = []*url.URL{uri}, nil
			presented = uri.String()
		}
		if !names.match(leaf) || presented == allowed || strings.EqualFold(presented, allowed) && !isURI(allowed) {
			return
		}
		prefix, wild := strings.CutSuffix(allowed, "*")
		segment, below := strings.CutPrefix(presented, prefix)
		if !wild || !below || segment == "" || strings.ContainsAny(segment, "/?#%") {
			t.Errorf("%q opens to %q", allowed, presented)
		}
	})
}
