package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/policy"
)

// tenantInPlace stands for the tenant's name in hosts and prefixes of entries.
const tenantInPlace = "{tenant}"

// compileEntries checks the entries and makes their runtime form.
func (b *builder) compileEntries() {
	keys := map[string]place{}
	for i := range b.main.doc.Entries {
		entry := &b.main.doc.Entries[i]
		at := place{b.main.source, fmt.Sprintf("entries[%d]", i)}
		b.checkName(at.at("name"), entry.Name)
		if slices.Contains(b.entries, entry.Name) {
			b.problem(at.at("name"), fmt.Sprintf("another entry is called %s too", entry.Name), "rename one of them")
		}
		b.entries = append(b.entries, entry.Name)
		if key := entry.ContextExtension; key != "" {
			if first, ok := keys[key]; ok {
				b.problem(at.at("contextExtension"), fmt.Sprintf("%s reads this key too", b.line(first)), "let tenants share one entry")
			}
			keys[key] = at.at("contextExtension")
			if len(key) > 128 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				b.problem(at.at("contextExtension"), "a key has at most 128 characters of visible ASCII", "")
			}
		}
		b.oneTenantName(at, entry)
		b.entrySpecs = append(b.entrySpecs, b.entrySpec(at, entry))
	}
}

// oneTenantName sees to it that exactly one thing names the tenant.
func (b *builder) oneTenantName(at place, entry *entryDoc) {
	inHosts := 0
	for _, host := range entry.Hosts {
		if strings.Contains(host, tenantInPlace) {
			inHosts++
		}
	}
	ways := 0
	for _, way := range []bool{inHosts > 0, strings.Contains(entry.PathPrefix, tenantInPlace), entry.ContextExtension != "", entry.TenantFromClaim != nil} {
		if way {
			ways++
		}
	}
	const mend = "write {tenant} in hosts or pathPrefix, contextExtension, or tenantFromClaim"
	switch {
	case ways == 0:
		b.further(at, "nothing names the tenant here", mend)
	case ways > 1:
		b.problem(at, "two things name the tenant here, and they could differ", "keep one of {tenant}, contextExtension and tenantFromClaim")
	case inHosts > 0 && inHosts < len(entry.Hosts):
		b.problem(at.at("hosts"), "some of these hosts name the tenant and others do not", "write an entry for the others")
	case entry.ContextExtension != "" && (entry.Hosts != nil || entry.PathPrefix != ""):
		b.problem(at.at("contextExtension"), "a context extension names the tenant whatever host and path the request is for", "remove hosts and pathPrefix")
	case entry.ContextExtension == "" && entry.Hosts == nil:
		b.problem(at.at("hosts"), "the entry has no hosts", `list them, or write hosts: ["*"] for every host`)
	}
}

func (b *builder) entrySpec(at place, entry *entryDoc) authz.EntrySpec {
	spec := authz.EntrySpec{
		Name:             entry.Name,
		ContextExtension: entry.ContextExtension,
		Hosts:            b.hosts(at, entry.Hosts, true),
		PathPrefix:       b.pathPrefix(at.at("pathPrefix"), entry.PathPrefix),
		Cache:            b.cache,
		Scheduler:        b.scheduler,
		Preflight:        entry.Preflight == "allow",
		Relaxations:      relaxations(entry.PathRelaxations),
		YieldsTo:         entry.YieldsTo,
	}
	b.once(at.at("yieldsTo"), entry.YieldsTo)
	b.once(at.at("pathRelaxations"), entry.PathRelaxations)
	spec.TenantFromClaim = b.claimIssuers(at, entry.TenantFromClaim)
	spec.ResourceMetadata = b.resourceMetadata(at.at("resourceMetadata"), entry.ResourceMetadata, issuerURLs(spec.TenantFromClaim))
	if len(entry.Public) > 0 {
		public, _, problems := b.policies.compile(&policy.Spec{Public: publicSpecs(entry.Public)})
		for _, p := range problems {
			b.further(at.at(p.Path), p.Message, p.Mend)
		}
		spec.Public = public
	}
	return spec
}

// claimIssuers resolves the issuers whose tenantClaim finds the tenant.
func (b *builder) claimIssuers(at place, names []string) []*authz.Issuer {
	b.once(at.at("tenantFromClaim"), names)
	var issuers []*authz.Issuer
	for i, name := range names {
		at := at.item("tenantFromClaim", i)
		known := b.issuers[name]
		switch {
		case known == nil:
			b.known(at, "issuer", name, b.issuerNames)
		case known.doc.TenantClaim == nil:
			b.problem(at, "this issuer has no tenantClaim to find the tenant by", "write tenantClaim at the issuer")
		case known.perTenant:
			b.problem(at, "this issuer is another one for each tenant, which is not known yet", "use an issuer without {tenant...}")
		case known.compiled != nil && !slices.Contains(names[:i], name):
			issuers = append(issuers, known.compiled)
		}
	}
	return issuers
}

func issuerURLs(issuers []*authz.Issuer) []string {
	var urls []string
	for _, issuer := range issuers {
		if !issuer.Token().IsTemplate() {
			urls = append(urls, issuer.Token().URL())
		}
	}
	return urls
}

// pathPrefix checks a prefix and returns it without a final slash.
func (b *builder) pathPrefix(at place, text string) string {
	if text == "" {
		return ""
	}
	const mend = "write it as /api or /t/{tenant}"
	prefix := strings.TrimSuffix(text, "/")
	switch {
	case prefix == "":
		b.problem(at, "every path is below /", "remove pathPrefix")
		return ""
	case !strings.HasPrefix(prefix, "/"):
		b.problem(at, "a prefix begins with a slash", mend)
		return ""
	case strings.Count(prefix, tenantInPlace) > 1:
		b.problem(at, "the tenant is named twice", "keep one {tenant}")
		return ""
	}
	for _, segment := range strings.Split(prefix[1:], "/") {
		if segment == tenantInPlace {
			continue
		}
		path := authz.CanonicalPath("/" + segment)
		if segment == "" || strings.ContainsAny(segment, "{}*?%") || path.Oddities != 0 || path.Canonical != "/"+segment {
			b.problem(at, fmt.Sprintf("the segment %.64q cannot stand in a prefix", segment), "use plain segments, or {tenant} as a whole one")
			return ""
		}
	}
	return prefix
}

// relaxations turns words into the oddities that they admit.
func relaxations(words []string) authz.Oddity {
	var admitted authz.Oddity
	for _, word := range words {
		switch word {
		case "double-slash":
			admitted |= authz.PathDoubleSlash
		case "encoded-slash":
			admitted |= authz.PathEncodedSlash
		case "semicolon":
			admitted |= authz.PathSemicolon
		default: // reported by its enum
		}
	}
	return admitted
}

// resourceMetadata checks a protected resource. The authorization servers are
// those of its issuers where none are written.
func (r *report) resourceMetadata(at place, doc *resourceDoc, servers []string) *authz.ResourceMetadata {
	if doc == nil {
		return nil
	}
	r.checkWebURL(at.at("resource"), doc.Resource)
	for i, server := range doc.AuthorizationServers {
		r.checkWebURL(at.item("authorizationServers", i), server)
	}
	r.once(at.at("authorizationServers"), doc.AuthorizationServers)
	r.once(at.at("scopesSupported"), doc.ScopesSupported)
	if doc.AuthorizationServers != nil {
		servers = doc.AuthorizationServers
	}
	if len(servers) == 0 {
		r.further(at, "no authorization server is known", "write authorizationServers")
	}
	return &authz.ResourceMetadata{Resource: doc.Resource, AuthorizationServers: servers, ScopesSupported: doc.ScopesSupported}
}

// checkWebURL checks a URL that clients are told; "" was reported.
func (r *report) checkWebURL(at place, text string) {
	if text == "" {
		return
	}
	wrong, _ := urlMistake(text, false)
	switch {
	case wrong != "":
		r.problem(at, wrong, "write a https URL")
	case strings.Contains(text, "#"):
		r.problem(at, "this URL has no fragment", "remove # and what follows")
	}
}
