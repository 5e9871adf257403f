package jwks

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

const (
	wellKnownOIDC = "/.well-known/openid-configuration"
	wellKnown8414 = "/.well-known/oauth-authorization-server"
)

// Mistakes of a URL; the texts never hold the URL, which may hold a password.
var (
	errURLSyntax   = errors.New("not an absolute URL: write https://host/path")
	errURLUser     = errors.New("a URL with a user name or password is refused: leave them out")
	errURLFragment = errors.New("a URL with a fragment is refused: leave out # and what follows")
	errURLQuery    = errors.New("an issuer that is to be discovered has no query: leave out ? and what follows, or give its JWKS URI")
	errURLScheme   = errors.New("the scheme must be https: plain http is only for a loopback address or localhost, or with insecureHTTP: true")
	errURLAddress  = errors.New("this address is not allowed: private ones need allowPrivateAddresses: true, link-local and multicast ones are always refused")
)

// urlRules say which URLs a source may fetch from.
type urlRules struct {
	loopbackHost string // the loopback host that the spec names, "" for none
	allowPrivate bool
	allowHTTP    bool
}

func (s SourceSpec) rules() urlRules {
	rules := urlRules{allowPrivate: s.AllowPrivateAddresses, allowHTTP: s.InsecureHTTP}
	if u, err := url.Parse(s.written()); err == nil && isLoopbackName(hostOf(u)) {
		rules.loopbackHost = hostOf(u)
	}
	return rules
}

// written is the URL that the spec starts from.
func (s SourceSpec) written() string {
	if s.URI != "" {
		return s.URI
	}
	return s.Issuer
}

// start checks and returns the URL that the spec starts from.
func (s SourceSpec) start() (*url.URL, error) {
	what := "issuer"
	if s.URI != "" {
		what = "JWKS URI"
	}
	u, err := s.rules().parse(s.written())
	if err != nil {
		return nil, specError("%s: %w", what, err)
	}
	if s.URI == "" && (u.RawQuery != "" || u.ForceQuery) {
		return nil, specError("%s: %w", what, errURLQuery)
	}
	return u, nil
}

// parse checks a URL by the rules. It is used for what a person wrote and for
// the jwks_uri of a discovery document alike.
func (r urlRules) parse(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return nil, errURLSyntax
	}
	switch {
	case u.User != nil:
		return nil, errURLUser
	case strings.Contains(raw, "#"): // an empty one too
		return nil, errURLFragment
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errURLScheme
	}
	host := hostOf(u)
	if u.Scheme == "http" && !r.allowHTTP && !r.loopbackAllowed(host) {
		return nil, errURLScheme
	}
	if addr, err := netip.ParseAddr(host); err == nil && !r.addressAllowed(addr, host) {
		return nil, errURLAddress
	}
	return u, nil
}

// loopbackAllowed reports whether host is the loopback host of the spec.
func (r urlRules) loopbackAllowed(host string) bool {
	return r.loopbackHost != "" && host == r.loopbackHost
}

// hostOf returns the host in lower case, without port and brackets.
func hostOf(u *url.URL) string { return strings.ToLower(u.Hostname()) }

func isLoopbackName(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// originOf returns scheme, host and port, by which budgets are shared.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + hostOf(u) + ":" + port
}

// discoveryURLs returns where the metadata of an issuer may be: first at the
// place of OpenID Connect Discovery 1.0 section 4.1, after the path, then at
// that of RFC 8414 section 3.1, before it.
func discoveryURLs(issuer *url.URL) []*url.URL {
	path, escaped := strings.TrimSuffix(issuer.Path, "/"), strings.TrimSuffix(issuer.EscapedPath(), "/")
	oidc, oauth := *issuer, *issuer
	oidc.Path, oidc.RawPath = path+wellKnownOIDC, escaped+wellKnownOIDC
	oauth.Path, oauth.RawPath = wellKnown8414+path, wellKnown8414+escaped
	return []*url.URL{&oidc, &oauth}
}
