package authz

import (
	"slices"
	"strconv"
	"strings"

	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// SnapshotSpec is what NewSnapshot puts together.
type SnapshotSpec struct {
	Generation       uint64
	Tenants          []*Tenant // in the order of acceptance: of two that contest a place the later is the problem
	Held             []HeldSpec
	Entries          []EntrySpec
	Owned            *OwnedHeaders // the set that every tenant was compiled with
	Proxy            ProxySpec
	Realm            string // of challenges; printable ASCII without `"` and `\`
	DecisionIDHeader string // response header with the decision id, "" for none
}

// EntrySpec is one entry: a place where the tenant is named by Envoy's
// context_extensions.
type EntrySpec struct {
	Name             string
	ContextExtension string // key; its value is the tenant's name
	// Hosts are exact, `*.x` (exactly one label), `{tenant}.x` or `*`.
	Hosts []string
	// PathPrefix is by whole segments; a segment may be `{tenant}`. Rules see
	// the path below it.
	PathPrefix       string
	TenantFromClaim  []*Issuer // the token is verified first, then its tenant claim finds the tenant
	Cache            *token.Cache
	Preflight        bool           // before a tenant is known
	Public           *policy.Policy // public routes before a tenant is known; nil: none
	Relaxations      Oddity
	YieldsTo         []string
	ResourceMetadata *ResourceMetadata
}

// ProxySpec says what is known of the proxy in front.
type ProxySpec struct {
	FiltersHeaders       bool // it may hide headers from us: list every `_` variant
	RejectsUnderscores   bool // it refuses or drops names with `_`: list none
	KeepEnvoyAuthHeaders bool // leave x-envoy-auth-* of the client alone
}

// Snapshot is one generation of the whole configuration: immutable.
type Snapshot struct {
	generation       uint64
	names            []string // sorted
	tenants          map[string]*Tenant
	hosts            map[string]*Tenant
	entries          []entry
	removal          *removal
	filters          bool
	realm            string
	decisionIDHeader string
}

// entry is a compiled EntrySpec with the tenants that list it.
type entry struct {
	key     string
	tenants map[string]*Tenant
}

// NewSnapshot builds a snapshot. Two tenants on one host or with one issuer
// string are problems that name both; paths are as in `tenants[1].hosts[0]`
// and `tenants[1].issuers[0]`. With any problem the snapshot is nil.
func NewSnapshot(spec SnapshotSpec) (*Snapshot, []Problem) {
	b := builder{
		spec:    &spec,
		entries: make(map[string]int, len(spec.Entries)),
		issuers: make(map[string]string, len(spec.Tenants)),
		snapshot: &Snapshot{
			generation:       spec.Generation,
			tenants:          make(map[string]*Tenant, len(spec.Tenants)),
			hosts:            make(map[string]*Tenant, len(spec.Tenants)),
			removal:          newRemoval(spec.Owned, spec.Proxy),
			filters:          spec.Proxy.FiltersHeaders,
			realm:            spec.Realm,
			decisionIDHeader: spec.DecisionIDHeader,
		},
	}
	b.checkAnswers()
	b.addEntries()
	b.snapshot.removal.prepare(0)
	for i, tenant := range spec.Tenants {
		b.addTenant(i, tenant)
	}
	if len(b.found.list) > 0 {
		return nil, b.found.list
	}
	slices.Sort(b.snapshot.names)
	return b.snapshot, nil
}

// Generation returns the number of the generation.
func (s *Snapshot) Generation() uint64 { return s.generation }

// TenantNames returns the names of all tenants, sorted.
func (s *Snapshot) TenantNames() []string { return slices.Clone(s.names) }

// Tenant returns the tenant of that name, or nil.
func (s *Snapshot) Tenant(name string) *Tenant { return s.tenants[name] }

// builder fills a snapshot and finds what tenants contest.
type builder struct {
	spec     *SnapshotSpec
	snapshot *Snapshot
	entries  map[string]int    // index by name
	issuers  map[string]string // tenant by issuer identifier
	found    problems
}

// checkAnswers checks what goes into answers to clients.
func (b *builder) checkAnswers() {
	if !isQuotable(b.spec.Realm) {
		b.found.add("realm", `holds more than printable ASCII without "\"" and "\\"`, "choose a plain word")
	}
	if name := b.spec.DecisionIDHeader; name != "" {
		why := CheckHeaderName(name)
		if why == "" && hasMeaning(name) {
			why = "it means something to clients"
		}
		if why != "" {
			b.found.add("decisionIdHeader", "header "+strconv.Quote(name)+" cannot be sent: "+why, "write x-request-decision or the like")
		}
	}
}

// hasMeaning reports whether a response header means something to clients, so
// that one of ours would contradict our own answers or spoil the upstream's.
func hasMeaning(name string) bool {
	switch name {
	case "www-authenticate", "cache-control", "retry-after", "set-cookie", "location", "date", "age", "etag", "vary":
		return true
	}
	return strings.HasPrefix(name, "content-") || strings.HasPrefix(name, "grpc-") || strings.HasPrefix(name, "access-control-")
}

func (b *builder) addEntries() {
	keys := make(map[string]string, len(b.spec.Entries))
	for i, spec := range b.spec.Entries {
		place := at("entries", i)
		if spec.Name == "" {
			b.found.add(place+".name", "the entry has no name", "name it")
		} else if _, taken := b.entries[spec.Name]; taken {
			b.found.add(place+".name", "two entries are named "+strconv.Quote(spec.Name), "rename one")
		}
		if spec.ContextExtension == "" {
			b.found.add(place+".contextExtension", "the entry names no context extension", "name the key that the proxy sets")
		} else if other, taken := keys[spec.ContextExtension]; taken {
			b.found.add(place+".contextExtension", "entries "+strconv.Quote(other)+" and "+strconv.Quote(spec.Name)+
				" read the same context extension", "merge them")
		}
		b.entries[spec.Name] = i
		keys[spec.ContextExtension] = spec.Name
		b.snapshot.entries = append(b.snapshot.entries, entry{key: spec.ContextExtension, tenants: map[string]*Tenant{}})
	}
}

func (b *builder) addTenant(index int, t *Tenant) {
	place := at("tenants", index)
	if t == nil {
		b.found.add(place, "the tenant is missing", "compile it first")
		return
	}
	if b.snapshot.tenants[t.name] != nil {
		b.found.add(place+".name", "two tenants are named "+strconv.Quote(t.name), "rename one")
		return
	}
	b.snapshot.tenants[t.name] = t
	b.snapshot.names = append(b.snapshot.names, t.name)
	if !t.owned.equal(b.spec.Owned) {
		b.found.add(place, "tenant "+strconv.Quote(t.name)+" was compiled for other ownedHeaders", "compile it again")
	}
	b.snapshot.removal.prepare(t.headers.all)
	b.snapshot.removal.prepare(t.headers.free)
	b.claimPlaces(place, t)
	b.claimIssuers(place, t)
}

// claimPlaces enters the tenant at its hosts and entries. Who came first keeps
// a contested host.
func (b *builder) claimPlaces(place string, t *Tenant) {
	for i, host := range t.hosts {
		if other := b.snapshot.hosts[host]; other != nil {
			b.found.add(place+"."+at("hosts", i), "tenants "+strconv.Quote(other.name)+" and "+strconv.Quote(t.name)+
				" both name host "+strconv.Quote(host), "a host belongs to one tenant: remove it from the other")
			continue
		}
		b.snapshot.hosts[host] = t
	}
	for i, name := range t.entries {
		index, known := b.entries[name]
		if !known {
			b.found.add(place+"."+at("entries", i), "tenant "+strconv.Quote(t.name)+" names the unknown entry "+strconv.Quote(name),
				"define it under entries or correct the name")
			continue
		}
		b.snapshot.entries[index].tenants[t.name] = t
	}
}

// claimIssuers sees to it that a token is good for one tenant only.
func (b *builder) claimIssuers(place string, t *Tenant) {
	for i, issuer := range t.issuers {
		if other, taken := b.issuers[issuer.URL()]; taken {
			b.found.add(place+"."+at("issuers", i), "tenants "+strconv.Quote(other)+" and "+strconv.Quote(t.name)+
				" both admit issuer "+strconv.Quote(issuer.URL()), "a token of it would be good for both: give each tenant an issuer of its own")
			continue
		}
		b.issuers[issuer.URL()] = t.name
	}
}

// isQuotable reports whether the text may stand in a quoted-string without
// escapes (RFC 9110 section 5.6.4).
func isQuotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
