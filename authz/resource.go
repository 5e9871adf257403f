package authz

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// wellKnownResource is where the metadata of a protected resource lies: it goes
// between the host and the path of the resource (RFC 9728 section 3).
const wellKnownResource = "/.well-known/oauth-protected-resource"

// Limits on the metadata of a resource.
const (
	maxResourceURL     = 1 << 10
	maxResourceServers = 64
	maxResourceScopes  = 256
	maxScopeBytes      = 256
	maxResourceJSON    = 16 << 10
)

// resource is a compiled ResourceMetadata. Immutable.
type resource struct {
	url      string // of the metadata, for challenges
	path     string // of the metadata, canonical
	document []byte
}

// answers reports whether the request asks for the metadata document, by the
// path as sent. The answer is public: it needs no token, and a policy cannot
// hide it.
func (r *resource) answers(req *Request) bool {
	return r != nil && (req.Method == "GET" || req.Method == "HEAD") && req.Path.Oddities == 0 &&
		req.Upgrade == "" && req.Path.Canonical == r.path && req.Path.Lenient == r.path
}

// challengeURL returns the URL for challenges, "" for none.
func (r *resource) challengeURL() string {
	if r == nil {
		return ""
	}
	return r.url
}

// resource returns the metadata of the place at which the request arrived. An
// unknown place has none, but for a name that no tenant has below the prefix of
// an entry: it is told of what the entry tells every other name.
func (j *judgement) resource() *resource {
	at := scope{entry: j.entry, tenant: j.tenant}
	if j.unknown != nil {
		at.entry = j.unknown
	}
	return at.resource()
}

// byWellKnown finds the place whose document a request asks for where the place
// lies below a prefix, and so the document does not. It finds nothing but what
// answers the request: everything else is for the places that hold the path.
func (s *Snapshot) byWellKnown(req *Request) (scope, bool) {
	below, ok := strings.CutPrefix(req.Path.Canonical, wellKnownResource)
	if !ok || s.namesTenant(req.Context) {
		return scope{}, false
	}
	n := s.nodeOf(req.Host)
	if n == nil {
		return scope{}, false
	}
	if own, _, _ := n.match(req.Path.Canonical); own != nil && (own.tenant != nil || own.held != "") {
		return scope{}, false // a tenant's own path, whoever else has a document there
	}
	at, _, segment := n.match(below)
	if at == nil || len(at.prefix.segments) == 0 || at.held != "" {
		return s.documentOf(n, req)
	}
	found := scope{entry: s.entryOf(at), tenant: at.tenant, path: req.Path.Canonical, lenient: req.Path.Lenient}
	if at.prefix.tenant >= 0 {
		found.tenant = found.entry.tenant(segment)
		ok = found.tenant != nil
	}
	return found, ok && found.resource().answers(req)
}

// documentOf finds an entry whose document lies above its tenants, as that of
// https://api.example.com/t does where the prefix is /t/{tenant}.
func (s *Snapshot) documentOf(n *node, req *Request) (scope, bool) {
	for _, p := range n.places {
		if p.tenant == nil && p.held == "" && p.prefix.tenant >= 0 && p.entry.resource.answers(req) {
			return scope{entry: s.entryOf(p), path: req.Path.Canonical, lenient: req.Path.Lenient}, true
		}
	}
	return scope{}, false
}

// namesTenant reports whether the request carries a key that an entry reads.
func (s *Snapshot) namesTenant(extensions map[string]string) bool {
	for _, e := range s.contexts {
		if _, present := extensions[e.key]; present {
			return true
		}
	}
	return false
}

// resource returns the metadata of the place: the tenant's own, else that of
// the entry.
func (s *scope) resource() *resource {
	switch {
	case s.tenant != nil && s.tenant.resource != nil:
		return s.tenant.resource
	case s.entry != nil:
		return s.entry.resource
	}
	return nil
}

// metadataDocument answers with the document itself.
func (j *judgement) metadataDocument(r *resource) {
	j.deny(MetadataDocument)
	j.out.Document = r.document
}

// compileResource checks and compiles the metadata of a resource; nil is none.
// issuers stand for the authorization servers where none are named.
func compileResource(spec *ResourceMetadata, places *credentials, issuers []*Issuer, found *problems) *resource {
	if spec == nil {
		return nil
	}
	before := len(found.list)
	servers := spec.AuthorizationServers
	if len(servers) == 0 {
		for _, issuer := range issuers {
			servers = append(servers, issuer.Token().URL())
		}
	}
	u := found.checkResource(spec.Resource)
	found.checkResourceLists(servers, spec.ScopesSupported)
	if len(found.list) > before {
		return nil
	}
	path := wellKnownResource
	if below := u.EscapedPath(); below != "/" {
		path += below // a slash that ends the host is no part of it
	}
	document, err := json.Marshal(struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers,omitempty"`
		Methods  []string `json:"bearer_methods_supported"`
		Scopes   []string `json:"scopes_supported,omitempty"`
	}{spec.Resource, servers, places.bearerMethods(), spec.ScopesSupported})
	if err != nil || len(document) > maxResourceJSON {
		found.add("resourceMetadata", "the document is longer than "+strconv.Itoa(maxResourceJSON)+" bytes", "shorten its lists")
		return nil
	}
	return &resource{url: "https://" + u.Host + path, path: path, document: document}
}

// checkResource wants an https URL without what makes two URLs of one resource
// (RFC 8707 section 2, RFC 9728 section 1.2).
func (p *problems) checkResource(text string) *url.URL {
	const place = "resourceMetadata.resource"
	u, err := url.Parse(text)
	switch {
	case err != nil, len(text) > maxResourceURL, !isQuotable(text), u.Scheme != "https" || u.Host == "":
		p.add(place, strconv.Quote(text)+" is not an https URL of at most 1 KiB", "write it as clients call it, as in https://api.example.com/mcp")
		return nil
	case u.User != nil, u.RawQuery != "", u.ForceQuery, strings.Contains(text, "#"):
		p.add(place, "the URL of a resource has no user, query or fragment", "write scheme, host and path alone")
		return nil
	}
	if host, ok := CanonicalHost(u.Host); !ok || strings.TrimSuffix(u.Host, ":"+u.Port()) != host {
		p.add(place, "the host of the URL is not in canonical form", "write it in lower case and without a trailing dot")
	}
	if path := CanonicalPath("/" + strings.TrimPrefix(u.EscapedPath(), "/")); path.Oddities != 0 || path.Canonical != path.Lenient ||
		u.EscapedPath() != "" && path.Canonical != u.EscapedPath() {
		p.add(place, "the path of the URL can be read in more than one way", "write it without escapes, empty segments and `;`")
	}
	return u
}

func (p *problems) checkResourceLists(servers, scopes []string) {
	if len(servers) > maxResourceServers || len(scopes) > maxResourceScopes {
		p.add("resourceMetadata", "more than "+strconv.Itoa(maxResourceServers)+" authorization servers or "+
			strconv.Itoa(maxResourceScopes)+" scopes", "shorten the lists")
		return
	}
	for i, server := range servers {
		if server == "" || len(server) > maxResourceURL || !isQuotable(server) || !strings.Contains(server, "://") {
			p.add("resourceMetadata."+at("authorizationServers", i), strconv.Quote(server)+" is not the identifier of an issuer", "write its URL")
		}
	}
	for i, scope := range scopes {
		if scope == "" || len(scope) > maxScopeBytes || !isQuotable(scope) || strings.Contains(scope, " ") {
			p.add("resourceMetadata."+at("scopesSupported", i), strconv.Quote(scope)+" is not one scope", "write one word for each element")
		}
	}
}

// bearerMethods lists how a token may be sent, in the words of RFC 9728 section
// 2, which knows only the ways of RFC 6750.
func (c *credentials) bearerMethods() []string {
	methods := []string{}
	if len(c.headers)+len(c.cookies)+len(c.params) == 0 {
		return append(methods, "header") // an entry that leaves it to its tenants
	}
	for i := range c.headers {
		for _, place := range c.headers[i].schemes {
			if own := bearerPlace(); place.same(&own) {
				methods = append(methods, "header")
			}
		}
	}
	for _, place := range c.params {
		if place.Param == "access_token" {
			methods = append(methods, "query")
		}
	}
	return methods
}
