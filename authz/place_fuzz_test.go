package authz_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// FuzzPathPlaces holds that whoever is found by a path is the one whom every
// reader of that path finds: one that takes it as it is, and one that decodes
// escapes, drops parameters and merges slashes.
func FuzzPathPlaces(f *testing.F) {
	p := newPlatform(f, func(p *platform) {
		for i := range p.spec.Entries {
			p.spec.Entries[i].Relaxations = authz.Relaxable
		}
	})
	token := p.token(f, "acme")
	for _, path := range []string{
		"/t/acme/orders/7", "/t/%61cme/orders/7", "/t/acme%2Forders/7", "/t//acme/orders", "//t/acme/orders/7", "/t/acme;v=1/orders/7", "/t;/acme/orders",
		"/t/globex/../acme/orders", "/t/acme", "/t/", "/t/globex%2Facme/orders/7", "/t/globex;/t/acme", "/t%2fglobex/t/acme/orders/7", "/t/globex//t/acme/orders/7",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		req := get(path, token)
		req.Host = "partners.example.com"
		d := decide(p.engine, req)
		if d.Tenant == "" {
			if d.Verdict == authz.Allow {
				t.Fatalf("%q is allowed for nobody", path)
			}
			return
		}
		decoded, err := url.PathUnescape(path)
		if err != nil {
			t.Fatalf("%q is of %s, but cannot be decoded", path, d.Tenant)
		}
		for _, reading := range []string{path, decoded, dropParameters(path), dropParameters(decoded)} {
			segments := strings.Split(reading, "/")
			merged := slices.DeleteFunc(strings.Split(reading, "/"), func(s string) bool { return s == "" })
			segment := ""
			if len(segments) > 2 {
				segment, _ = url.PathUnescape(segments[2])
			}
			if segment != d.Tenant || len(merged) < 2 || strings.TrimRight(merged[0], ";") != "t" {
				t.Fatalf("%q is of %s, but %q is not", path, d.Tenant, reading)
			}
		}
	})
}

// dropParameters cuts each segment at its first semicolon.
func dropParameters(path string) string {
	segments := strings.Split(path, "/")
	for i := range segments {
		segments[i], _, _ = strings.Cut(segments[i], ";")
	}
	return strings.Join(segments, "/")
}
