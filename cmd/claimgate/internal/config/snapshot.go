package config

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/claimgate/claimgate/authz"
)

// Conflict is a problem of one tenant with the others of a snapshot: what it
// asks for belongs to one that came before it.
type Conflict struct {
	Index   int // in the list of tenants; -1: a problem of the main file
	Problem Problem
	What    authz.ConflictError // zero: it is wrong whatever others ask for
}

// Snapshot puts tenants that this base compiled together, in the order of their
// acceptance: of two that contest something the later is in conflict. All
// conflicts are found in one pass. With any of them the snapshot is nil;
// without the tenants that are in conflict, there is one. Held tenants keep
// their places and are answered as unavailable.
func (b *Base) Snapshot(generation uint64, tenants []*Tenant, held []authz.HeldSpec) (*authz.Snapshot, []Conflict) {
	doc := &b.main.doc
	spec := authz.SnapshotSpec{
		Generation: generation,
		Tenants:    authzTenants(tenants),
		Held:       held,
		Issuers:    b.sharedIssuers(),
		Entries:    b.entrySpecs,
		Owned:      b.owned,
		Proxy: authz.ProxySpec{
			FiltersHeaders:       doc.Proxy.FiltersHeaders,
			RejectsUnderscores:   doc.Proxy.RejectsUnderscores,
			KeepEnvoyAuthHeaders: !doc.Proxy.StripEnvoyAuthHeaders,
		},
		Realm:            doc.Realm,
		DecisionIDHeader: strings.ToLower(doc.DecisionID.ResponseHeader),
	}
	snapshot, problems := authz.NewSnapshot(spec)
	return snapshot, b.conflicts(problems, tenants)
}

// Change returns the snapshot that Snapshot builds where tenants are new or in
// place of others of their names, and others are gone, at the cost of these
// alone. Before is a snapshot of this base. It returns nil where something is
// contested, and where only Snapshot can tell.
func (b *Base) Change(before *authz.Snapshot, generation uint64, tenants []*Tenant, gone []string, held []authz.HeldSpec) *authz.Snapshot {
	return before.With(authz.Change{Generation: generation, Tenants: authzTenants(tenants), Gone: gone, Held: held})
}

func authzTenants(tenants []*Tenant) []*authz.Tenant {
	compiled := make([]*authz.Tenant, len(tenants))
	for i, t := range tenants {
		compiled[i] = t.Tenant
	}
	return compiled
}

// ContestHeldIssuers reports issuers of tenants whose tokens are those of held
// tenants; came says how many of the tenants came before each of these. See
// authz.ContestHeldIssuers.
func (b *Base) ContestHeldIssuers(tenants []*Tenant, held []authz.HeldSpec, came []int) []Conflict {
	problems := authz.ContestHeldIssuers(authzTenants(tenants), authz.HeldIssuers{Known: b.sharedIssuers(), Held: held, Came: came})
	return b.conflicts(problems, tenants)
}

// sharedIssuers returns the issuers of the main file that are one for all
// tenants.
func (b *Base) sharedIssuers() []*authz.Issuer {
	var shared []*authz.Issuer
	for _, name := range b.issuerNames {
		if issuer := b.issuers[name]; issuer != nil && issuer.compiled != nil {
			shared = append(shared, issuer.compiled)
		}
	}
	return shared
}

func (b *Base) conflicts(problems []authz.Problem, tenants []*Tenant) []Conflict {
	var found report
	conflicts := make([]Conflict, 0, len(problems))
	for _, p := range problems {
		at, index := place{b.main.source, strings.Replace(p.Path, "decisionIdHeader", "decisionId.responseHeader", 1)}, -1
		if i, rest, ok := tenantPath(p.Path); ok && i < len(tenants) {
			at, index = tenants[i].File.at.at(rest), i
		}
		found.problem(at, p.Message, p.Mend)
		conflict := Conflict{Index: index, Problem: found.problems[len(found.problems)-1]}
		_ = errors.As(p, &conflict.What)
		conflicts = append(conflicts, conflict)
	}
	return conflicts
}

var tenantIndex = regexp.MustCompile(`^tenants\[([0-9]{1,9})\](.*)$`)

// tenantPath parts a path such as `tenants[7].hosts[0]`, which counts the
// tenants of all files.
func tenantPath(path string) (index int, rest string, ok bool) {
	match := tenantIndex.FindStringSubmatch(path)
	if match == nil {
		return 0, "", false
	}
	index, err := strconv.Atoi(match[1])
	return index, strings.TrimPrefix(match[2], "."), err == nil
}
