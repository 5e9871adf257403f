package authz

// SnapshotSpec is what NewSnapshot puts together.
type SnapshotSpec struct {
	Generation       uint64
	Tenants          []*Tenant
	Entries          []EntrySpec
	Owned            *OwnedHeaders
	Proxy            ProxySpec
	Realm            string // of challenges
	DecisionIDHeader string // response header with the decision id, "" for none
}

// EntrySpec is one entry: a place where the tenant is named by Envoy's
// context_extensions.
type EntrySpec struct {
	Name             string
	ContextExtension string // key; its value is the tenant's name
}

// ProxySpec says what is known of the proxy in front.
type ProxySpec struct {
	FiltersHeaders       bool // it may hide headers from us: list every `_` variant
	RejectsUnderscores   bool // it refuses or drops names with `_`: list none
	KeepEnvoyAuthHeaders bool // leave x-envoy-auth-* of the client alone
}

// Snapshot is one generation of the whole configuration: immutable.
type Snapshot struct{}

// NewSnapshot builds a snapshot. Two tenants on one host or with one issuer
// string are problems that name both; paths are as in `tenants[1].hosts[0]`
// and `tenants[1].issuers[0]`.
func NewSnapshot(spec SnapshotSpec) (*Snapshot, []Problem) { panic("not built") }

// Generation returns the number of the generation.
func (s *Snapshot) Generation() uint64 { panic("not built") }

// TenantNames returns the names of all tenants, sorted.
func (s *Snapshot) TenantNames() []string { panic("not built") }
