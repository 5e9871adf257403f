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

// Snapshot is one generation of the whole configuration: immutable. What a
// Change leaves as it is, it shares with the snapshot before.
type Snapshot struct {
	generation       uint64
	tenants          table[string, *Tenant]
	entries          []*entry             // by their index
	contexts         []*entry             // those with a context extension
	zones            table[string, *zone] // of hosts, by what follows their first label
	anyHost          *node                // `*`
	removal          *removal
	filters          bool
	realm            string
	decisionIDHeader string

	ground *ground
	tokens sharings
	own    *Snapshot // without the places of held tenants; nil: there are none
	final  bool      // nothing can be changed
}

// ground is what a configuration has before its tenants. Immutable.
type ground struct {
	byName     map[string]*entryForm
	owned      *OwnedHeaders
	patterns   []*place            // the `{tenant}.x` of entries, in their order
	patternsOf map[string][]*place // the same by x
}

// NewSnapshot builds a snapshot. Places of two tenants that overlap, though the
// wider one does not yield, and issuers whose tokens would be good for two
// tenants are problems that name both; paths are as in `tenants[1].hosts[0]` and
// `tenants[1].issuers[0]`. A tenant with a problem contests nothing. With any
// problem the snapshot is nil.
func NewSnapshot(spec SnapshotSpec) (*Snapshot, []Problem) {
	b := newBuilder(&spec)
	b.checkAnswers(&spec)
	b.addEntries(spec.Entries)
	b.next.removal.prepare(0)
	b.holdAll(spec.Held, true)
	for i, tenant := range spec.Tenants {
		b.addTenant(i, tenant)
	}
	b.keep(spec.Held)
	if len(b.found.list) > 0 {
		return nil, b.found.list
	}
	return b.next, nil
}

func newBuilder(spec *SnapshotSpec) *builder {
	b := &builder{
		by:      new(edit),
		ground:  &ground{byName: make(map[string]*entryForm, len(spec.Entries)), owned: spec.Owned, patternsOf: map[string][]*place{}},
		held:    make(map[string]bool, len(spec.Held)),
		heldIDs: newHeldIDs(spec.Issuers),
		order:   &entered{children: map[string][]*place{}},
		next: &Snapshot{
			generation:       spec.Generation,
			removal:          newRemoval(spec.Owned, spec.Proxy),
			filters:          spec.Proxy.FiltersHeaders,
			realm:            spec.Realm,
			decisionIDHeader: spec.DecisionIDHeader,
		},
	}
	b.next.ground = b.ground
	b.next.tenants.reserve(b.by, len(spec.Tenants))
	b.next.tokens = newSharings(b.by, spec.Tenants)
	return b
}

// keep keeps the places of held tenants after all tenants have theirs.
func (b *builder) keep(held []HeldSpec) {
	if len(held) == 0 || len(b.found.list) > 0 {
		return
	}
	own := b.next
	b.by, b.next = new(edit), own.clone()
	if b.next.own = own; len(b.held) > 0 {
		b.next.final = true
	}
	b.holdAll(held, false)
	b.holdLate()
	b.closeYielding(held)
}

// clone returns a snapshot that a builder may change.
func (s *Snapshot) clone() *Snapshot {
	next := *s
	next.tokens = s.tokens.clone()
	next.entries, next.contexts = make([]*entry, len(s.entries)), make([]*entry, 0, len(s.contexts))
	for i, e := range s.entries {
		next.entries[i] = e.clone()
		if e.key != "" {
			next.contexts = append(next.contexts, next.entries[i])
		}
	}
	return &next
}

// Generation returns the number of the generation.
func (s *Snapshot) Generation() uint64 { return s.generation }

// TenantNames returns the names of all tenants, sorted.
func (s *Snapshot) TenantNames() []string {
	list := make([]string, 0, s.tenants.size)
	for name := range s.tenants.all() {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// Tenants returns the number of tenants.
func (s *Snapshot) Tenants() int { return s.tenants.size }

// Tenant returns the tenant of that name, or nil.
func (s *Snapshot) Tenant(name string) *Tenant {
	t, _ := s.tenants.get(name)
	return t
}

// builder fills a snapshot and finds what tenants contest.
type builder struct {
	by      *edit
	next    *Snapshot
	ground  *ground
	held    map[string]bool
	heldIDs *heldIDs // of those that were in force
	order   *entered // nil: only whether something is contested counts
	late    []*place // of held tenants: hosts that are an entry's, for when nobody has them
	found   problems
}

// checkAnswers checks what goes into answers to clients.
func (b *builder) checkAnswers(spec *SnapshotSpec) {
	if !isQuotable(spec.Realm) {
		b.found.add("realm", `holds more than printable ASCII without "\"" and "\\"`, "choose a plain word")
	}
	if name := spec.DecisionIDHeader; name != "" {
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

func (b *builder) addEntries(specs []EntrySpec) {
	if len(specs) > MaxEntries {
		b.found.add("entries", "more than "+strconv.Itoa(MaxEntries)+" entries", "remove some")
		return
	}
	keys := make(map[string]string, len(specs))
	for i := range specs {
		spec, base := &specs[i], at("entries", i)
		before := len(b.found.list)
		form := compileEntry(spec, base, &b.found)
		form.index = i
		if b.ground.byName[spec.Name] != nil && spec.Name != "" {
			b.found.add(base+".name", "two entries are named "+strconv.Quote(spec.Name), "rename one")
		}
		b.ground.byName[spec.Name] = form
		e := newEntry(form)
		b.next.entries = append(b.next.entries, e)
		if e.key == "" {
			if len(b.found.list) == before {
				b.addEntryHosts(form, base)
			}
			continue
		}
		if other, taken := keys[e.key]; taken {
			b.found.add(base+".contextExtension", "entries "+strconv.Quote(other)+" and "+strconv.Quote(spec.Name)+
				" read the same context extension", "merge them")
		}
		keys[e.key] = spec.Name
		b.next.contexts = append(b.next.contexts, e)
	}
}

func (b *builder) addTenant(index int, t *Tenant) {
	if t == nil {
		b.found.add(at("tenants", index), "the tenant is missing", "compile it first")
		return
	}
	if b.next.Tenant(t.name) != nil || b.held[t.name] {
		b.found.add(at("tenants", index)+".name", "two tenants are named "+strconv.Quote(t.name), "rename one")
		return
	}
	if !t.owned.equal(b.ground.owned) {
		b.found.add(at("tenants", index), "tenant "+strconv.Quote(t.name)+" was compiled for other ownedHeaders", "compile it again")
	}
	b.next.tenants.set(b.by, t.name, t)
	b.next.removal = b.next.removal.prepared(t.plan.headers.all, t.plan.headers.free)
	var found problems
	places := b.ground.placesOf(t, &found)
	for _, p := range places {
		found.addAll(b.contest(p))
	}
	b.checkEntries(t, &found)
	if len(found.list) == 0 { // else the same may have been said
		b.checkHeldIDs(t, &found)
	}
	b.next.tokens.check(t, &found)
	if len(found.list) > 0 {
		b.found.addBelow(at("tenants", index), found.list)
		return
	}
	for _, p := range places {
		b.enter(p)
	}
	b.join(t)
	b.next.tokens.add(b.by, t)
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
