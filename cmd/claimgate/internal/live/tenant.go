package live

import (
	"maps"
	"slices"
	"time"

	"github.com/claimgate/claimgate/authz"
)

// State is what is in force for a tenant.
type State string

// The states of a tenant.
const (
	Active      State = "active"      // what its file says
	Stale       State = "stale"       // its last good version, since its file is bad or waits
	Suspended   State = "suspended"   // nothing: it is denied, as its file says
	Quarantined State = "quarantined" // nothing: it has no good version, and its places are held
)

// tenant is what is known of one tenant. Immutable: a change makes another.
type tenant struct {
	name    string
	rank    uint64         // order of first acceptance; 0: never accepted
	good    *Tenant        // in force; nil: none
	file    *File          // as last judged; nil: none could be read
	places  authz.HeldSpec // kept while there is no good version
	kept    authz.HeldSpec // accepted before this process began
	path    string         // of the accepted file, or of the one that was kept
	trouble *trouble       // why file is not in force; nil: it is
}

// trouble is why a document is not in force.
type trouble struct {
	text  string // file:line:column: what is wrong, a line for each problem
	whose string // tenant that has what is contested; "": not known
	kind  kind
	since time.Time
	base  Base // that found it, for kinds that compiling the same again would find again
}

type kind uint8

const (
	unreadable kind = iota
	invalid         // cannot be compiled
	contested       // asks for what belongs to another
	cut             // a strict prefix of the accepted text, in place
	gone            // its file vanished together with too many others
	doubled         // another file has this tenant already
)

// state tells what is in force.
func (t *tenant) state() State {
	switch {
	case t.good == nil:
		return Quarantined
	case t.good.Suspended:
		return Suspended
	case t.trouble != nil:
		return Stale
	}
	return Active
}

// notable reports whether there is more to be said than that the tenant is
// active.
func (t *tenant) notable() bool {
	return t.trouble != nil || t.state() != Active || len(t.good.Insecure)+len(t.good.Warnings) > 0
}

// accept puts a compiled version in force.
func (t *tenant) accept(good *Tenant, rank func() uint64) *tenant {
	next := *t
	next.good, next.file, next.path, next.trouble = good, good.File, good.File.Path, nil
	next.places, next.kept = authz.HeldSpec{}, good.Places
	if next.rank == 0 {
		next.rank = rank()
	}
	return &next
}

// refuse keeps what is in force and notes why the file is not. A tenant without
// a good version keeps the places that it claims and those that were its own
// before this process began.
func (t *tenant) refuse(file *File, why *trouble, claims authz.HeldSpec) *tenant {
	next := *t
	next.file = file
	if t.trouble != nil && t.trouble.text == why.text && t.trouble.kind == why.kind {
		why.since = t.trouble.since
	}
	next.trouble = why
	if next.good == nil {
		next.places = union(t.name, claims, t.kept)
	}
	return &next
}

// union joins the places of two specs.
func union(name string, a, b authz.HeldSpec) authz.HeldSpec {
	joined := authz.HeldSpec{Name: name, Hosts: merge(a.Hosts, b.Hosts), Entries: merge(a.Entries, b.Entries)}
	if len(a.IDs)+len(b.IDs) > 0 {
		joined.IDs = maps.Clone(b.IDs)
		if joined.IDs == nil {
			joined.IDs = make(map[string]string, len(a.IDs))
		}
		maps.Copy(joined.IDs, a.IDs)
	}
	joined.Issuers = slices.Clone(a.Issuers)
	for i := range b.Issuers {
		if !slices.ContainsFunc(a.Issuers, func(known authz.HeldIssuer) bool { return equalIssuers(&known, &b.Issuers[i]) }) {
			joined.Issuers = append(joined.Issuers, b.Issuers[i])
		}
	}
	return joined
}

func equalIssuers(a, b *authz.HeldIssuer) bool {
	return a.Name == b.Name && a.URL == b.URL && a.SharedTokens == b.SharedTokens &&
		slices.Equal(a.TenantClaim, b.TenantClaim) && slices.Equal(a.Audiences, b.Audiences)
}

func merge(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
