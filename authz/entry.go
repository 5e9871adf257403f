package authz

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// MaxEntries is the greatest number of entries.
const MaxEntries = 256

const maxPrefixSegments = 16

// entryForm is a compiled EntrySpec, whoever its tenants are. Immutable.
type entryForm struct {
	index       int // in the snapshot
	name        string
	key         string       // of a context extension
	hosts       []hostOfSpec // in the order of the document
	prefix      prefix
	issuers     []*Issuer       // of TenantFromClaim
	uncounted   *token.Verifier // nil: no claim names the tenant
	preflight   bool
	public      *policy.Policy
	relaxations Oddity
	yieldsTo    names
	credentials *credentials // of its issuers
	resource    *resource    // nil: none
}

// entry is an entry with the tenants that list it.
type entry struct {
	*entryForm

	verifier *token.Verifier // counts for these tenants
	tenants  table[string, *Tenant]
	held     map[string]bool
	claimed  []table[string, claimed] // by issuer, then by the value of its claim
}

// newEntry returns an entry without tenants.
func newEntry(form *entryForm) *entry {
	e := &entry{entryForm: form, held: map[string]bool{}, claimed: make([]table[string, claimed], len(form.issuers))}
	e.count()
	return e
}

// clone returns an entry that may be changed.
func (e *entry) clone() *entry {
	c := &entry{entryForm: e.entryForm, tenants: e.tenants, held: maps.Clone(e.held), claimed: slices.Clone(e.claimed)}
	c.count()
	return c
}

func (e *entry) count() {
	if e.uncounted != nil {
		e.verifier = e.uncounted.CountFor(e.ownerOf)
	}
}

// hostOfSpec is one host of an entry. With a variable the host is what follows
// the tenant's name and the dot.
type hostOfSpec struct {
	host     string
	variable bool
}

// claimed is who owns one value of a tenant claim.
type claimed struct {
	tenant *Tenant // nil: a tenant without a good version
	grant  *grant
}

// names is a set of names.
type names map[string]struct{}

func namesOf(list []string) names {
	set := make(names, len(list))
	for _, name := range list {
		set[name] = struct{}{}
	}
	return set
}

func (n names) has(name string) bool {
	_, ok := n[name]
	return ok && name != ""
}

// byClaim reports whether the tenant is found by a claim.
func (e *entry) byClaim() bool { return e != nil && e.verifier != nil }

// findTenant returns the tenant that a verified token names.
func (e *entry) findTenant(verified *token.Verified) (claimed, Reason, bool) {
	for i, issuer := range e.issuers {
		if issuer.issuer != verified.Issuer {
			continue
		}
		id := issuer.tenantOf(verified.Claims)
		found, known := e.claimed[i].get(id)
		switch {
		case !known || id == "":
			return claimed{}, TenantUnknown, false
		case found.tenant == nil:
			return claimed{}, TenantUnavailable, false
		}
		return found, 0, true
	}
	return claimed{}, Internal, false
}

// ownerOf names the tenant that a verified token counts for, "" where there is
// none.
func (e *entry) ownerOf(issuer *token.Issuer, claims *token.Value) string {
	found, _, ok := e.findTenant(&token.Verified{Issuer: issuer, Claims: claims})
	if !ok {
		return ""
	}
	return found.tenant.name
}

// compileEntry checks and compiles an entry. Paths of problems begin with base.
func compileEntry(spec *EntrySpec, base string, found *problems) *entryForm {
	e := &entryForm{
		name: spec.Name, key: spec.ContextExtension, prefix: prefix{tenant: -1}, preflight: spec.Preflight,
		public: spec.Public, relaxations: spec.Relaxations, yieldsTo: namesOf(spec.YieldsTo),
	}
	var relaxations problems
	checkRelaxations(spec.Relaxations, &relaxations)
	found.addBelow(base, relaxations.list)
	if spec.Name == "" {
		found.add(base+".name", "the entry has no name", "name it")
	}
	switch hosts := len(spec.Hosts) > 0; {
	case spec.ContextExtension == "" && !hosts:
		found.add(base+".contextExtension", "the entry names neither a context extension nor hosts", "name the key that the proxy sets, or hosts")
	case spec.ContextExtension != "" && (hosts || spec.PathPrefix != "" || len(spec.TenantFromClaim) > 0):
		found.add(base+".contextExtension", "the entry finds its tenant in more than one way",
			"a context extension goes with neither hosts nor pathPrefix nor tenantFromClaim: write two entries")
	case hosts:
		e.compilePlaces(spec, base, found)
	}
	if e.public == nil {
		e.public, _ = policy.Compile(policy.Spec{}) // a preflight asks it, and it refuses what can be no public route
	}
	e.credentials = newCredentials(e.issuers...)
	e.credentials.checkPlaces(base+".tenantFromClaim", found)
	var resource problems
	e.resource = compileResource(spec.ResourceMetadata, e.credentials, e.issuers, &resource)
	found.addBelow(base, resource.list)
	return e
}

// compilePlaces compiles hosts, prefix and issuers and sees to it that exactly
// one of them names the tenant.
func (e *entryForm) compilePlaces(spec *EntrySpec, base string, found *problems) {
	before := len(found.list)
	e.compileHosts(spec.Hosts, base, found)
	if spec.PathPrefix != "" {
		e.prefix = compilePrefix(spec.PathPrefix, base+".pathPrefix", found)
	}
	ways := 0
	if slices.ContainsFunc(e.hosts, func(h hostOfSpec) bool { return h.variable }) {
		ways++
	}
	if e.prefix.tenant >= 0 {
		ways++
	}
	if len(spec.TenantFromClaim) > 0 {
		ways++
		e.compileIssuers(spec, base, found)
	}
	switch {
	case len(found.list) > before: // perhaps a consequence
	case ways == 0:
		found.add(base, "nothing names the tenant of a request", "write {tenant} in the hosts or in pathPrefix, or name issuers under tenantFromClaim")
	case ways > 1:
		found.add(base, "the tenant of a request is named more than once", "keep one of {tenant} in the hosts, {tenant} in pathPrefix and tenantFromClaim")
	}
}

func (e *entryForm) compileHosts(hosts []string, base string, found *problems) {
	seen := make(map[string]bool, len(hosts))
	for i, host := range hosts {
		place := base + "." + at("hosts", i)
		name, variable := strings.CutPrefix(host, tenantVariable+".")
		canonical, ok := canonicalHostPattern(name)
		switch {
		case !ok || variable && (strings.HasPrefix(name, "*") || strings.HasPrefix(name, "[")):
			found.add(place, strconv.Quote(host)+" is no host",
				"write a name, *.name, {tenant}.name, * or [IPv6 address], without port and path")
		case canonical != name:
			found.add(place, "host "+strconv.Quote(host)+" is not in canonical form", "write "+strings.Replace(host, name, canonical, 1))
		case seen[host]:
			found.add(place, "host "+strconv.Quote(host)+" is listed twice", "remove one")
		case i > 0 && len(e.hosts) > 0 && e.hosts[0].variable != variable:
			found.add(place, "some hosts of the entry name the tenant and some do not", "write two entries")
		}
		seen[host] = true
		e.hosts = append(e.hosts, hostOfSpec{host: name, variable: variable})
	}
}

func (e *entryForm) compileIssuers(spec *EntrySpec, base string, found *problems) {
	before := len(found.list)
	if len(spec.TenantFromClaim) > MaxTenantIssuers {
		found.add(base+".tenantFromClaim", "more than "+strconv.Itoa(MaxTenantIssuers)+" issuers", "remove some")
		return
	}
	issuers := make([]*token.Issuer, 0, len(spec.TenantFromClaim))
	for i, issuer := range spec.TenantFromClaim {
		place := base + "." + at("tenantFromClaim", i)
		switch {
		case issuer == nil || issuer.issuer == nil:
			found.add(place, "the issuer is missing", "define it")
			continue
		case issuer.tenantClaim == nil:
			found.add(place, "tokens of issuer "+strconv.Quote(issuer.Name())+" carry no tenant", "give the issuer a tenantClaim")
		case slices.ContainsFunc(spec.TenantFromClaim[:i], func(o *Issuer) bool { return o != nil && o.Name() == issuer.Name() }):
			found.add(place, "issuer "+strconv.Quote(issuer.Name())+" is listed twice", "remove one")
		}
		e.issuers, issuers = append(e.issuers, issuer), append(issuers, issuer.issuer)
	}
	if len(found.list) > before {
		return
	}
	verifier, err := token.NewVerifier(issuers, spec.Cache)
	if err != nil {
		found.add(base+".tenantFromClaim", err.Error(), "a token of one could be taken for one of the other: remove one")
	}
	if verifier != nil {
		e.uncounted = verifier.ChargeTo(spec.Scheduler, token.Payer{Entry: spec.Name})
	}
}

// compilePrefix reads a path prefix. Its segments are what canonical paths
// hold, so that no spelling of one gets past it.
func compilePrefix(text, base string, found *problems) prefix {
	p := prefix{tenant: -1}
	rest, rooted := strings.CutPrefix(text, "/")
	if !rooted || rest == "" {
		found.add(base, "a path prefix begins with a slash and names a segment", "write it as in /t/{tenant}, or leave it out")
		return p
	}
	p.segments = strings.Split(rest, "/")
	if len(p.segments) > maxPrefixSegments {
		found.add(base, "more than "+strconv.Itoa(maxPrefixSegments)+" segments", "shorten it")
	}
	for i, segment := range p.segments {
		switch {
		case segment == tenantVariable && p.tenant >= 0:
			found.add(base, "holds {tenant} twice", "keep one")
		case segment == tenantVariable:
			p.tenant = i
		case segment == "":
			found.add(base, "holds an empty segment", "write it without // and without a slash at the end")
		case segment == "." || segment == "..", !isPrefixSegment(segment):
			found.add(base, "segment "+strconv.Quote(segment)+" holds more than a-z, A-Z, 0-9, `-`, `.`, `_`, `~`", "choose a plain prefix")
		}
	}
	return p
}

func isPrefixSegment(s string) bool {
	for i := range len(s) {
		if !isUnreserved(s[i]) {
			return false
		}
	}
	return true
}
