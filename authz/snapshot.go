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
	Issuers          []*Issuer     // those that HeldSpec.IDs names; others there go by their name alone
	Entries          []EntrySpec   // at most MaxEntries
	Owned            *OwnedHeaders // the set that every tenant was compiled with
	Proxy            ProxySpec
	Realm            string // of challenges; printable ASCII without `"` and `\`
	DecisionIDHeader string // response header with the decision id, "" for none
}

// EntrySpec is one entry: where requests arrive and what names their tenant.
// That is exactly one of a context extension, a label of the host, a segment of
// the path, and a claim of the verified token. A tenant is reached only if it
// lists the entry.
type EntrySpec struct {
	Name string
	// ContextExtension is the key of a value that the proxy sets and no client
	// can: the tenant's name. It goes without hosts.
	ContextExtension string
	// Hosts are exact, `*.x` (exactly one label), `{tenant}.x` or `*`. What
	// `{tenant}.x` covers is the entry's, also for names that no tenant has.
	Hosts []string
	// PathPrefix holds whole segments of unreserved characters, one of which
	// may be `{tenant}`; "" stands for every path. Rules, public routes and
	// captures see the path below it.
	PathPrefix string
	// TenantFromClaim are issuers with a tenant claim. The token is verified
	// first; then the claim finds a tenant that lists the entry and admits the
	// issuer.
	TenantFromClaim []*Issuer
	Cache           *token.Cache
	Scheduler       *token.Scheduler // nil: one of its own
	// Preflight and Public pass requests before a tenant is known, without any
	// identity, and where it is known beside what the tenant passes itself.
	Preflight   bool
	Public      *policy.Policy // nil: none
	Relaxations Oddity         // beside those of a tenant that the place names
	// YieldsTo are names of tenants and entries whose places lie within this
	// one; a name of both is the entry's. Without it nobody but the tenants that
	// list the entry has a host that `{tenant}.x` may become.
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
	contexts         []*entry         // those with a context extension
	hosts            map[string]*node // by exact host
	parents          map[string]*node // by what follows `*.`
	anyHost          *node            // `*`
	removal          *removal
	filters          bool
	realm            string
	decisionIDHeader string
}

// NewSnapshot builds a snapshot. Places of two tenants that overlap, though the
// wider one does not yield, and issuers whose tokens would be good for two
// tenants are problems that name both; paths are as in `tenants[1].hosts[0]` and
// `tenants[1].issuers[0]`. A tenant with a problem contests nothing. With any
// problem the snapshot is nil.
func NewSnapshot(spec SnapshotSpec) (*Snapshot, []Problem) {
	b := builder{
		spec:       &spec,
		entries:    make(map[string]*entry, len(spec.Entries)),
		held:       make(map[string]bool, len(spec.Held)),
		heldIDs:    newHeldIDs(spec.Issuers),
		children:   make(map[string][]*place),
		patternsOf: map[string][]*place{},
		tokens:     newSharings(spec.Tenants),
		snapshot: &Snapshot{
			generation:       spec.Generation,
			tenants:          make(map[string]*Tenant, len(spec.Tenants)),
			hosts:            make(map[string]*node, len(spec.Tenants)),
			parents:          map[string]*node{},
			removal:          newRemoval(spec.Owned, spec.Proxy),
			filters:          spec.Proxy.FiltersHeaders,
			realm:            spec.Realm,
			decisionIDHeader: spec.DecisionIDHeader,
		},
	}
	b.checkAnswers()
	b.addEntries()
	b.snapshot.removal.prepare(0)
	b.holdAll(true)
	for i, tenant := range spec.Tenants {
		b.addTenant(i, tenant)
	}
	b.holdAll(false)
	b.holdLate()
	b.closeYielding()
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
	spec       *SnapshotSpec
	snapshot   *Snapshot
	entries    map[string]*entry // by name
	all        []*entry
	held       map[string]bool
	heldIDs    *heldIDs            // of those that were in force
	children   map[string][]*place // of exact hosts, by what follows their first label
	narrow     []*place            // of all hosts but `*`
	patterns   []*place            // the `{tenant}.x` of entries, in their order
	patternsOf map[string][]*place // the same by x
	late       []*place            // of held tenants: hosts that are an entry's, for when nobody has them
	tokens     *sharings
	found      problems
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
	if len(b.spec.Entries) > MaxEntries {
		b.found.add("entries", "more than "+strconv.Itoa(MaxEntries)+" entries", "remove some")
		return
	}
	keys := make(map[string]string, len(b.spec.Entries))
	for i := range b.spec.Entries {
		spec, base := &b.spec.Entries[i], at("entries", i)
		before := len(b.found.list)
		e := compileEntry(spec, base, &b.found)
		if b.entries[spec.Name] != nil && spec.Name != "" {
			b.found.add(base+".name", "two entries are named "+strconv.Quote(spec.Name), "rename one")
		}
		b.entries[spec.Name] = e
		b.all = append(b.all, e)
		if e.key == "" {
			if len(b.found.list) == before {
				b.addEntryHosts(e, base)
			}
			continue
		}
		if other, taken := keys[e.key]; taken {
			b.found.add(base+".contextExtension", "entries "+strconv.Quote(other)+" and "+strconv.Quote(spec.Name)+
				" read the same context extension", "merge them")
		}
		keys[e.key] = spec.Name
		b.snapshot.contexts = append(b.snapshot.contexts, e)
	}
}

func (b *builder) addTenant(index int, t *Tenant) {
	base := at("tenants", index)
	if t == nil {
		b.found.add(base, "the tenant is missing", "compile it first")
		return
	}
	if b.snapshot.tenants[t.name] != nil || b.held[t.name] {
		b.found.add(base+".name", "two tenants are named "+strconv.Quote(t.name), "rename one")
		return
	}
	before := len(b.found.list)
	if !t.owned.equal(b.spec.Owned) {
		b.found.add(base, "tenant "+strconv.Quote(t.name)+" was compiled for other ownedHeaders", "compile it again")
	}
	b.snapshot.tenants[t.name] = t
	b.snapshot.names = append(b.snapshot.names, t.name)
	b.snapshot.removal.prepare(t.plan.headers.all)
	b.snapshot.removal.prepare(t.plan.headers.free)
	places := b.placesOf(t, base)
	for _, p := range places {
		b.found.addAll(b.contest(p))
	}
	b.checkEntries(base, t)
	if len(b.found.list) == before { // else the same may have been said
		b.checkHeldIDs(base, t)
	}
	b.tokens.check(base, t, &b.found)
	if len(b.found.list) > before {
		return
	}
	for _, p := range places {
		b.enter(p)
	}
	b.join(t)
	b.tokens.add(t)
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
