package authz

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// noKeys is a key source of nothing.
type noKeys struct{}

func (noKeys) KeySet(context.Context, string) (*token.KeySet, error) { return nil, nil } //nolint:nilnil // never asked

// realm is a configuration in which everything can be contested.
type realm struct {
	issuers []*Issuer
	entries []EntrySpec
	policy  *policy.Policy
	owned   *OwnedHeaders
}

func newRealm(t *testing.T) *realm {
	t.Helper()
	issuer := func(name, url string, claim ...string) *Issuer {
		verified, err := token.NewIssuer(token.IssuerSpec{Name: name, URL: url, Audiences: []string{"a", "b", "c"}, Algorithms: []string{"RS256"}, Keys: noKeys{}, KeysID: url})
		if err != nil {
			t.Fatal(err)
		}
		compiled, problems := NewIssuer(IssuerSpec{Issuer: verified, TenantClaim: claim})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return compiled
	}
	r := &realm{issuers: []*Issuer{
		issuer("shared", "https://shared.example", "org"),
		issuer("parts", "https://parts.example"),
		issuer("many", "https://{tid}.login.example", "tid"),
		issuer("more", "https://{tid}.example", "tid"),
		issuer("one", "https://one.login.example"),
		issuer("two", "https://one.login.example", "tid"),
		issuer("other", "https://other.example"),
		issuer("again", "https://shared.example", "sub"),
	}}
	r.entries = []EntrySpec{
		{Name: "label", Hosts: []string{"{tenant}.x", "{tenant}.y"}},
		{Name: "narrow", Hosts: []string{"{tenant}.y"}, PathPrefix: "/p", YieldsTo: []string{"a"}},
		{Name: "claim", Hosts: []string{"c.z"}, TenantFromClaim: []*Issuer{r.issuers[0], r.issuers[2]}},
		{Name: "path", Hosts: []string{"c.z", "p.z"}, PathPrefix: "/t/{tenant}", YieldsTo: []string{"b"}},
		{Name: "mesh", ContextExtension: "tenant"},
		{Name: "wide", Hosts: []string{"*.w"}, TenantFromClaim: []*Issuer{r.issuers[0]}, YieldsTo: []string{"a", "b", "lost"}},
	}
	r.entries[1].YieldsTo = append(r.entries[1].YieldsTo, "label")
	r.entries[0].YieldsTo = []string{"narrow", "c"}
	r.entries[2].YieldsTo = []string{"path"}
	r.policy, _ = policy.Compile(policy.Spec{Rules: []policy.RuleSpec{{Name: "all", Action: policy.Allow, AnyToken: true}}})
	r.owned, _ = NewOwnedHeaders([]string{"x-a", "x-b"})
	return r
}

func some[T any](t *rapid.T, list []T, most int, label string) []T {
	var drawn []T
	for range rapid.IntRange(0, most).Draw(t, label) {
		drawn = append(drawn, rapid.SampledFrom(list).Draw(t, label))
	}
	return drawn
}

func unique(list []string) []string { slices.Sort(list); return slices.Compact(list) }

var (
	realmNames = []string{"a", "b", "c", "d", "e", "label"}
	realmHosts = []string{"a.x", "b.w", "c.w", "*.w", "h", "a.q", "b.q", "*.q", "*", "p.z", "d.y", "[::1]"}
)

// tenant draws a version of a tenant; nil: it could not be compiled.
func (r *realm) tenant(t *rapid.T, name string) *Tenant {
	spec := TenantSpec{
		Name: name, Hosts: unique(some(t, realmHosts, 2, "hosts")), Policy: r.policy, Owned: r.owned, IDs: map[string]string{},
		Entries:  unique(some(t, []string{"label", "narrow", "claim", "path", "mesh", "wide"}, 3, "entries")),
		YieldsTo: unique(some(t, append([]string{"lost", "wide", "narrow"}, realmNames...), 2, "yields")),
	}
	shared := rapid.IntRange(0, 3).Draw(t, "shared") == 0
	used := map[string]bool{}
	for _, issuer := range append(some(t, r.issuers, 2, "issuers"), rapid.SampledFrom(r.issuers).Draw(t, "issuer")) {
		if used[issuer.Name()] {
			continue
		}
		used[issuer.Name()] = true
		grant := IssuerGrant{Issuer: issuer, SharedTokens: shared}
		if issuer.Name() == "parts" || rapid.IntRange(0, 5).Draw(t, "narrowed") == 0 {
			grant.Audiences = []string{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "audience")}
		}
		if issuer.tenantClaim != nil && rapid.IntRange(0, 2).Draw(t, "named") == 0 {
			spec.IDs[issuer.Name()] = rapid.SampledFrom([]string{"a", "b", "i1", "i2"}).Draw(t, "id")
		}
		spec.Grants = append(spec.Grants, grant)
	}
	if rapid.Bool().Draw(t, "header") {
		spec.Headers = []HeaderSpec{{Name: "x-a", Source: SourceSpec{Tenant: "name"}}}
	}
	compiled, _ := NewTenant(spec)
	return compiled
}

func (r *realm) held(t *rapid.T, without map[string]*Tenant) []HeldSpec {
	var held []HeldSpec
	for _, name := range unique(some(t, []string{"a", "b", "c", "d", "lost"}, 2, "held")) {
		if without[name] != nil {
			continue
		}
		h := HeldSpec{Name: name}
		if rapid.Bool().Draw(t, "known") {
			h.Hosts = unique(some(t, realmHosts, 2, "held hosts"))
			h.Entries = unique(some(t, []string{"label", "claim", "path", "mesh", "wide"}, 2, "held entries"))
			h.IDs = map[string]string{"shared": rapid.SampledFrom([]string{"a", "i1"}).Draw(t, "held id")}
		}
		held = append(held, h)
	}
	return held
}

// TestP2AChangeIsWhatAWholeBuildIs: over random sequences of tenants that come,
// change, contest, go and are held, the snapshot that shares what did not change
// is the one that is built whole of the same tenants in any order, and refuses
// what that refuses.
func TestP2AChangeIsWhatAWholeBuildIs(t *testing.T) {
	r := newRealm(t)
	accepted, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		spec := SnapshotSpec{Entries: r.entries, Owned: r.owned, Issuers: r.issuers, Generation: 1}
		now, problems := NewSnapshot(spec)
		if len(problems) > 0 {
			rt.Fatal(problems)
		}
		tenants := map[string]*Tenant{}
		for range rapid.IntRange(1, 25).Draw(rt, "changes") {
			next, change := maps.Clone(tenants), Change{Generation: now.generation + 1}
			for _, name := range unique(some(rt, realmNames, 2, "touched")) {
				delete(next, name)
				if version := r.tenant(rt, name); version != nil && rapid.IntRange(0, 4).Draw(rt, "goes") > 0 {
					next[name], change.Tenants = version, append(change.Tenants, version)
				} else {
					change.Gone = append(change.Gone, name)
				}
			}
			change.Held = r.held(rt, next)
			spec.Tenants = rapid.Permutation(slices.SortedFunc(maps.Values(next), func(a, b *Tenant) int { return strings.Compare(a.name, b.name) })).Draw(rt, "order")
			spec.Held, spec.Generation = change.Held, change.Generation
			before := now.dump()
			whole, problems := NewSnapshot(spec)
			changed := now.With(change)
			if (changed == nil) != (len(problems) > 0) && r.knows(now, change.Tenants) {
				rt.Fatalf("in parts refused: %v, whole: %v", changed == nil, problems)
			}
			if after := now.dump(); after != before {
				rt.Fatalf("the snapshot before changed\nfrom %s\nto %s", before, after)
			}
			if len(problems) > 0 {
				refused++
				continue
			}
			accepted++
			tenants = next
			if changed == nil || rapid.IntRange(0, 9).Draw(rt, "whole") == 0 {
				now = whole
				continue
			}
			if got, want := changed.dump(), whole.dump(); got != want {
				rt.Fatalf("in parts\n%s\nwhole\n%s", got, want)
			}
			now = changed
		}
	})
	if !testing.Short() && (accepted < 100 || refused < 100) {
		t.Errorf("%d changes were accepted and %d refused: the test proves little", accepted, refused)
	}
}

func (r *realm) knows(s *Snapshot, tenants []*Tenant) bool {
	return !slices.ContainsFunc(tenants, func(t *Tenant) bool { return !t.knownTo(s.tokens.knows) })
}

// dump renders all that a snapshot is.
func (s *Snapshot) dump() string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for name, t := range s.tenants.all() {
		add("tenant %s %p", name, t)
	}
	for i, e := range s.entries {
		add("entry %d %s held %v", i, e.name, e.held)
		for name, t := range e.tenants.all() {
			add("entry %d tenant %s %p", i, name, t)
		}
		for k := range e.claimed {
			for id, c := range e.claimed[k].all() {
				add("entry %d issuer %d id %s %p %p", i, k, id, c.tenant, c.grant)
			}
		}
	}
	for i, e := range s.contexts {
		add("context %d %s %v", i, e.key, s.entries[e.index] == e)
	}
	s.anyHost.dump("*", add)
	for parent, z := range s.zones.all() {
		add("zone %s", parent)
		z.wild.dump("*"+parent, add)
		for label, n := range z.hosts.all() {
			n.dump(label+parent, add)
		}
	}
	for url, g := range s.tokens.exact.all() {
		g.dump("issuer "+url, add)
	}
	for i := range s.tokens.shapes {
		shape := &s.tokens.shapes[i]
		if shape.own == nil || shape.own.empty() {
			continue // nobody has it now, and a whole build knows nothing of it
		}
		shape.own.dump("template "+shape.issuer.URL(), add)
		shape.exact.dump("within "+shape.issuer.URL(), add)
	}
	slices.Sort(lines)
	text := fmt.Sprintf("generation %d\n%s", s.generation, strings.Join(lines, "\n"))
	if s.own != nil {
		text += "\nwithout those held:\n" + s.own.dump()
	}
	return text
}

func (n *node) dump(host string, add func(string, ...any)) {
	for i, p := range n.all() {
		add("host %s %d: %p %v held %q prefix %v namesake %v", host, i, p.tenant, p.entry.named(), p.held, p.prefix, p.namesake)
	}
}

func (e *entryForm) named() any {
	if e == nil {
		return ""
	}
	return e.name
}

func (g *group) dump(of string, add func(string, ...any)) {
	if g == nil {
		return
	}
	for _, known := range g.classes {
		add("%s class %v strict %d sharing %d", of, known.class, known.strict, known.sharing)
	}
	if g.ids != nil {
		for id, tenant := range g.ids.all() {
			add("%s id %v %s", of, id, tenant)
		}
	}
	if g.audiences != nil {
		for key, known := range g.audiences.all() {
			add("%s audience %v strict %d sharing %d", of, key, known.strict, known.sharing)
		}
	}
}
