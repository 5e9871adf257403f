package authz_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// plot makes tenants that have nothing in common but places.
type plot struct {
	tb     testing.TB
	policy *policy.Policy
	idp    *idp
	shared *authz.Issuer // names the tenant in a claim
}

func newPlot(tb testing.TB) *plot {
	tb.Helper()
	provider := newIDP(tb, "https://shared.example.com", 9)
	return &plot{tb: tb, policy: ordersPolicy(tb), idp: provider, shared: newIssuer(tb, provider.issuer(tb, "shared"), "org")}
}

func (p *plot) tenant(name string, hosts, entries, yields []string) *authz.Tenant {
	return newTenant(p.tb, authz.TenantSpec{
		Name: name, Hosts: hosts, Entries: entries, YieldsTo: yields, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: p.shared}},
	})
}

// expectProblem wants exactly one problem at the path that says all the words,
// or none for "".
func expectProblem(t *testing.T, spec *authz.SnapshotSpec, path string, says ...string) {
	t.Helper()
	snapshot, problems := authz.NewSnapshot(*spec)
	if path == "" {
		if len(problems) > 0 {
			t.Errorf("problems: %v", problems)
		}
		return
	}
	if snapshot != nil || len(problems) != 1 || problems[0].Path != path {
		t.Fatalf("problems are %v, want one at %s", problems, path)
	}
	for _, word := range says {
		if !strings.Contains(problems[0].Error(), word) {
			t.Errorf("%q does not say %s", problems[0].Error(), word)
		}
	}
}

func TestP2OverlappingPlacesAreProblems(t *testing.T) {
	p := newPlot(t)
	list := func(items ...string) []string { return items }
	label := authz.EntrySpec{Name: "label", Hosts: list("{tenant}.x")}
	path := authz.EntrySpec{Name: "path", Hosts: list("api.x"), PathPrefix: "/t/{tenant}"}
	claim := authz.EntrySpec{Name: "claim", Hosts: list("api.x"), TenantFromClaim: []*authz.Issuer{p.shared}}
	wide := authz.EntrySpec{Name: "wide", Hosts: list("*"), TenantFromClaim: []*authz.Issuer{p.shared}}
	yielding := func(e authz.EntrySpec, names ...string) authz.EntrySpec { e.YieldsTo = names; return e }
	prefixed := func(e authz.EntrySpec, name, prefix string) authz.EntrySpec {
		e.Name, e.PathPrefix = name, prefix
		return e
	}
	entries := func(list ...authz.EntrySpec) []authz.EntrySpec { return list }
	tenants := func(list ...*authz.Tenant) []*authz.Tenant { return list }
	tests := []struct {
		name    string
		entries []authz.EntrySpec
		tenants []*authz.Tenant
		path    string
		says    []string
	}{
		{"equal", nil, tenants(p.tenant("a", list("h.x"), nil, nil), p.tenant("b", list("g.x", "h.x"), nil, nil)), "tenants[1].hosts[1]", list(`"a"`, `"b"`, "h.x")},
		{"equal wildcards", nil, tenants(p.tenant("a", list("*.x"), nil, nil), p.tenant("b", list("*.x"), nil, list("a"))), "tenants[1].hosts[0]", list("*.x")},
		{"yielding to an equal", nil, tenants(p.tenant("a", list("h.x"), nil, list("b")), p.tenant("b", list("h.x"), nil, list("a"))), "tenants[1].hosts[0]", nil},
		{"narrow in wide", nil, tenants(p.tenant("a", list("*.x"), nil, nil), p.tenant("b", list("h.x"), nil, nil)), "tenants[1].hosts[0]", list(`"h.x" of tenant "b"`, `"*.x" of tenant "a"`, "yieldsTo")},
		{"wide over narrow", nil, tenants(p.tenant("b", list("h.x"), nil, nil), p.tenant("a", list("*.x"), nil, nil)), "tenants[1].hosts[0]", list(`"h.x" of tenant "b"`, `"*.x" of tenant "a"`)},
		{"the narrow one yields", nil, tenants(p.tenant("a", list("*.x"), nil, nil), p.tenant("b", list("h.x"), nil, list("a"))), "tenants[1].hosts[0]", nil},
		{"the wide one yields", nil, tenants(p.tenant("a", list("*.x"), nil, list("b")), p.tenant("b", list("h.x"), nil, nil)), "", nil},
		{"the wide one yields, later", nil, tenants(p.tenant("b", list("h.x"), nil, nil), p.tenant("a", list("*.x"), nil, list("b"))), "", nil},
		{"it yields to another", nil, tenants(p.tenant("a", list("*.x"), nil, list("c")), p.tenant("b", list("h.x"), nil, nil)), "tenants[1].hosts[0]", nil},
		{"two labels below", nil, tenants(p.tenant("a", list("*.x"), nil, nil), p.tenant("b", list("h.g.x"), nil, nil)), "", nil},
		{"the parent itself", nil, tenants(p.tenant("a", list("*.x"), nil, nil), p.tenant("b", list("x"), nil, nil)), "", nil},
		{"any host", nil, tenants(p.tenant("a", list("*"), nil, nil), p.tenant("b", list("h.x"), nil, nil)), "tenants[1].hosts[0]", list(`"*"`)},
		{"any host, later", nil, tenants(p.tenant("b", list("h.x"), nil, nil), p.tenant("a", list("*"), nil, nil)), "tenants[1].hosts[0]", list(`"*"`)},
		{"any host over a wildcard", nil, tenants(p.tenant("b", list("*.x"), nil, nil), p.tenant("a", list("*"), nil, nil)), "tenants[1].hosts[0]", list(`"*.x"`)},
		{"any host over an address", nil, tenants(p.tenant("b", list("[::1]"), nil, nil), p.tenant("a", list("*"), nil, nil)), "tenants[1].hosts[0]", list("[::1]")},
		{"any host twice", nil, tenants(p.tenant("a", list("*"), nil, list("b")), p.tenant("b", list("*"), nil, list("a"))), "tenants[1].hosts[0]", list("both name host", `"*"`)},
		{"any host that yields", nil, tenants(p.tenant("b", list("h.x", "*.y", "[::1]", "local"), nil, nil), p.tenant("a", list("*"), nil, list("b"))), "", nil},
		{"any host that yields to one of two", nil, tenants(p.tenant("b", list("h.x"), nil, nil), p.tenant("c", list("g.x"), nil, nil), p.tenant("a", list("*"), nil, list("b"))), "tenants[2].hosts[0]", nil},
		{"any host that yields to one of two wildcards", nil, tenants(p.tenant("b", list("*.x"), nil, nil), p.tenant("c", list("*.y"), nil, nil), p.tenant("a", list("*"), nil, list("b"))), "tenants[2].hosts[0]", nil},
		{"any host over a bare name", nil, tenants(p.tenant("b", list("local"), nil, nil), p.tenant("a", list("*"), nil, nil)), "tenants[1].hosts[0]", list(`"local"`)},
		{"a wildcard that yields to one of two", nil, tenants(p.tenant("b", list("h.x"), nil, nil), p.tenant("c", list("g.x"), nil, nil), p.tenant("a", list("*.x"), nil, list("b"))), "tenants[2].hosts[0]", nil},
		{"a wildcard beside another parent's", nil, tenants(p.tenant("b", list("h.x"), nil, nil), p.tenant("a", list("*.y"), nil, nil)), "", nil},
		{"wide and narrow of one tenant", nil, tenants(p.tenant("a", list("*", "*.x", "h.x"), nil, nil)), "", nil},

		{"expansion in a wildcard", entries(wide, label), tenants(p.tenant("b", nil, list("label"), nil)), "tenants[0].entries[0]", list(`"b.x" of tenant "b" of entry "label"`, `"*" of entry "wide"`)},
		{"expansion in a wildcard that yields", entries(yielding(wide, "label"), label), tenants(p.tenant("b", nil, list("label"), nil)), "", nil},
		{"wildcard over an expansion", entries(label), tenants(p.tenant("b", nil, list("label"), nil), p.tenant("a", list("*"), nil, nil)), "tenants[1].hosts[0]", list(`"{tenant}.x" of entry "label"`)},
		{"a wildcard that yields to the entry", entries(label), tenants(p.tenant("a", list("*"), nil, list("label")), p.tenant("b", nil, list("label"), nil)), "", nil},
		{"a host of another's name", entries(yielding(label, "a")), tenants(p.tenant("a", list("b.x"), nil, nil), p.tenant("b", nil, list("label"), nil)), "tenants[1].entries[0]", list(`"b.x"`)},
		{"the name came first", entries(label), tenants(p.tenant("b", nil, list("label"), nil), p.tenant("a", list("b.x"), nil, nil)), "tenants[1].hosts[0]", list(`"b.x"`)},
		{"its own expansion", entries(yielding(label, "a")), tenants(p.tenant("a", list("a.x"), list("label"), nil)), "tenants[0].entries[0]", list("a.x")},
		{"its own expansion, of an entry that does not yield", entries(label), tenants(p.tenant("a", list("a.x"), list("label"), nil)), "tenants[0].hosts[0]", list("a.x")},
		{"its own host above its expansion", entries(yielding(prefixed(label, "label", "/p"), "a")), tenants(p.tenant("a", list("a.x"), list("label"), list("label"))), "", nil},
		{"expansion in a wildcard that yields to the tenant", entries(yielding(wide, "b"), label), tenants(p.tenant("b", nil, list("label"), nil)), "", nil},
		{"expansion in a wildcard that yields to its namesake", entries(yielding(wide, "path"), label, path), tenants(p.tenant("path", nil, list("label"), nil)), "tenants[0].entries[0]", list(`"path.x" of tenant "path" of entry "label"`)},
		{"not a label", entries(label), tenants(p.tenant("A", nil, list("label"), nil)), "tenants[0].entries[0]", list(`"A"`)},
		{"two labels", entries(label), tenants(p.tenant("a.b", nil, list("label"), nil)), "tenants[0].entries[0]", list(`"a.b"`)},

		{"a name that is no label, where no host begins with it", entries(claim, authz.EntrySpec{Name: "mesh", ContextExtension: "k"}), tenants(p.tenant("A.b", nil, list("claim", "mesh"), nil)), "", nil},
		{"host of an entry", entries(claim), tenants(p.tenant("a", list("api.x"), nil, nil)), "tenants[0].hosts[0]", list(`entry "claim"`)},
		{"host of an entry that it lists", entries(claim), tenants(p.tenant("a", list("api.x"), list("claim"), nil)), "tenants[0].hosts[0]", list(`entry "claim"`)},
		{"in the wildcard of an entry", entries(wide), tenants(p.tenant("a", list("h.y"), nil, nil)), "tenants[0].hosts[0]", list(`"*" of entry "wide"`)},
		{"an entry that yields", entries(yielding(wide, "a")), tenants(p.tenant("a", list("h.y"), nil, nil)), "", nil},
		{"prefix below a host", entries(path), tenants(p.tenant("a", list("api.x"), nil, nil)), "tenants[0].hosts[0]", list(`"/t/{tenant}"`)},
		{"prefix below a host that yields", entries(path), tenants(p.tenant("a", list("api.x"), nil, list("path"))), "", nil},
		{"entries, equal", entries(claim, prefixed(claim, "more", "")), nil, "entries[1].hosts[0]", list(`"claim"`, `"more"`)},
		{"entries, prefix in all", entries(claim, path), nil, "entries[1].hosts[0]", list(`"/t/{tenant}"`)},
		{"entries, all over prefix", entries(path, claim), nil, "entries[1].hosts[0]", list(`"/t/{tenant}"`)},
		{"entries, yielding", entries(yielding(claim, "path"), path), nil, "", nil},
		{"entries, prefixes apart", entries(prefixed(claim, "one", "/a"), prefixed(claim, "two", "/ab"), path), nil, "", nil},
		{"entries, any host with prefixes apart", entries(prefixed(wide, "one", "/a"), prefixed(wide, "two", "/b")), nil, "", nil},
		{"entries, wildcards with prefixes apart", entries(authz.EntrySpec{Name: "one", Hosts: list("*.y"), PathPrefix: "/a/{tenant}"}, authz.EntrySpec{Name: "two", Hosts: list("*.y"), PathPrefix: "/b/{tenant}"}), nil, "", nil},
		{"entries, any host twice", entries(wide, prefixed(wide, "two", "")), nil, "entries[1].hosts[0]", list(`"*"`)},
		{"entries, literal in a variable", entries(path, prefixed(claim, "claim", "/t/api")), nil, "entries[1].hosts[0]", nil},
		{"entries, literal in a variable that yields", entries(yielding(path, "claim"), prefixed(claim, "claim", "/t/api")), nil, "", nil},
		{"entries, neither is wider", entries(yielding(prefixed(path, "one", "/{tenant}/b"), "two"), yielding(prefixed(path, "two", "/a/{tenant}"), "one")), nil, "entries[1].hosts[0]", nil},
		{"entries, the same label", entries(label, prefixed(label, "again", "")), nil, "entries[1].hosts[0]", list("{tenant}.x")},
		{"entries, labels with prefixes", entries(yielding(label, "again"), prefixed(label, "again", "/p")), nil, "", nil},
		{"entries, labels with prefixes apart", entries(prefixed(label, "one", "/a"), prefixed(label, "two", "/b")), nil, "", nil},
		{"entries, labels of two parents", entries(label, authz.EntrySpec{Name: "other", Hosts: list("{tenant}.y")}), nil, "", nil},
		{"entries, a label beside its parent", entries(authz.EntrySpec{Name: "parent", Hosts: list("x"), TenantFromClaim: claim.TenantFromClaim}, label), nil, "", nil},
		{"entries, the second host", entries(claim, authz.EntrySpec{Name: "more", Hosts: list("own.x", "api.x"), TenantFromClaim: claim.TenantFromClaim}), nil, "entries[1].hosts[1]", list(`"api.x"`)},
		{"entries, the second label", entries(label, authz.EntrySpec{Name: "more", Hosts: list("{tenant}.y", "{tenant}.x")}), nil, "entries[1].hosts[1]", list("{tenant}.x")},
		{"entries, wildcards", entries(wide, claim), nil, "entries[1].hosts[0]", list(`"*"`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.tb = t
			expectProblem(t, &authz.SnapshotSpec{Entries: tt.entries, Tenants: tt.tenants}, tt.path, tt.says...)
			expectNewcomer(t, tt.entries, tt.tenants, tt.path == "")
		})
	}
}

// expectNewcomer wants the last tenant to be taken, or not, beside the others in
// force.
func expectNewcomer(t *testing.T, entries []authz.EntrySpec, tenants []*authz.Tenant, good bool) {
	t.Helper()
	if len(tenants) == 0 {
		return
	}
	last := len(tenants) - 1
	before := newSnapshot(t, authz.SnapshotSpec{Entries: entries, Tenants: tenants[:last]})
	if next := before.With(authz.Change{Tenants: tenants[last:]}); (next != nil) != good {
		t.Errorf("beside those in force it is taken: %v", next != nil)
	}
}

func TestEntryProblems(t *testing.T) {
	p := newPlot(t)
	plain := newIssuer(t, newIDP(t, "https://plain.example.com", 8).issuer(t, "plain"), "")
	claims := []*authz.Issuer{p.shared}
	placed := make([]*authz.Issuer, 17)
	for i := range placed {
		placed[i] = newIDP(t, fmt.Sprintf("https://id-%d.example.com/", i), 1).with(t, fmt.Sprint(i), authz.IssuerSpec{
			TenantClaim: []string{"org"}, Credentials: []authz.CredentialSpec{{Cookie: fmt.Sprint("c", i)}},
		})
	}
	many := make([]authz.EntrySpec, authz.MaxEntries+1)
	for i := range many {
		many[i] = authz.EntrySpec{Name: fmt.Sprint(i), ContextExtension: fmt.Sprint(i)}
	}
	expectProblem(t, &authz.SnapshotSpec{Entries: many}, "entries", "256")
	tests := []struct {
		name  string
		entry authz.EntrySpec
		path  string
		says  string
	}{
		{"nothing names the tenant", authz.EntrySpec{Hosts: []string{"h"}}, "entries[0]", "nothing names"},
		{"label and segment", authz.EntrySpec{Hosts: []string{"{tenant}.x"}, PathPrefix: "/{tenant}"}, "entries[0]", "more than once"},
		{"label and claim", authz.EntrySpec{Hosts: []string{"{tenant}.x"}, TenantFromClaim: claims}, "entries[0]", "more than once"},
		{"context and prefix", authz.EntrySpec{ContextExtension: "k", PathPrefix: "/t"}, "entries[0].contextExtension", "more than one way"},
		{"context and claim", authz.EntrySpec{ContextExtension: "k", TenantFromClaim: claims}, "entries[0].contextExtension", "more than one way"},
		{"context and host", authz.EntrySpec{ContextExtension: "k", Hosts: []string{"h"}}, "entries[0].contextExtension", "more than one way"},
		{"context and claim", authz.EntrySpec{ContextExtension: "k", TenantFromClaim: claims}, "entries[0].contextExtension", "more than one way"},
		{"no host", authz.EntrySpec{TenantFromClaim: claims}, "entries[0].contextExtension", "neither"},
		{"labels and not", authz.EntrySpec{Hosts: []string{"{tenant}.x", "y"}}, "entries[0].hosts[1]", "some do not"},
		{"label of a wildcard", authz.EntrySpec{Hosts: []string{"{tenant}.*.x"}}, "entries[0].hosts[0]", "no host"},
		{"label alone", authz.EntrySpec{Hosts: []string{"{tenant}"}}, "entries[0].hosts[0]", "no host"},
		{"label in the middle", authz.EntrySpec{Hosts: []string{"a.{tenant}.x"}}, "entries[0].hosts[0]", "no host"},
		{"another case", authz.EntrySpec{Hosts: []string{"{tenant}.X"}}, "entries[0].hosts[0]", "write {tenant}.x"},
		{"host twice", authz.EntrySpec{Hosts: []string{"h", "h"}, TenantFromClaim: claims}, "entries[0].hosts[1]", "twice"},
		{"issuer without claim", authz.EntrySpec{Hosts: []string{"h"}, TenantFromClaim: []*authz.Issuer{plain}}, "entries[0].tenantFromClaim[0]", "tenantClaim"},
		{"missing issuer", authz.EntrySpec{Hosts: []string{"h"}, TenantFromClaim: []*authz.Issuer{nil}}, "entries[0].tenantFromClaim[0]", "missing"},
		{"issuer twice", authz.EntrySpec{Hosts: []string{"h"}, TenantFromClaim: []*authz.Issuer{p.shared, p.shared}}, "entries[0].tenantFromClaim[1]", "twice"},
		{"an issuer of nothing", authz.EntrySpec{Hosts: []string{"h"}, TenantFromClaim: []*authz.Issuer{{}}}, "entries[0].tenantFromClaim[0]", "missing"},
		{"missing issuer before another", authz.EntrySpec{Hosts: []string{"h"}, TenantFromClaim: []*authz.Issuer{nil, p.shared}}, "entries[0].tenantFromClaim[0]", "missing"},
		{"issuers that match one another", authz.EntrySpec{Hosts: []string{"h"}, Scheduler: token.NewScheduler(token.SchedulerOptions{}), TenantFromClaim: []*authz.Issuer{p.shared, p.exactIssuer("open", "https://{any}.example.com", "org")}}, "entries[0].tenantFromClaim", "one could be taken"},
		{"places of tokens", authz.EntrySpec{Hosts: []string{"h"}, TenantFromClaim: placed}, "entries[0].tenantFromClaim", "16"},
		{"resource", authz.EntrySpec{ContextExtension: "k", ResourceMetadata: &authz.ResourceMetadata{Resource: "http://x"}}, "entries[0].resourceMetadata.resource", "https"},
		{"label of an address", authz.EntrySpec{Hosts: []string{"{tenant}.[::1]"}}, "entries[0].hosts[0]", "no host"},
		{"label of a wildcard", authz.EntrySpec{Hosts: []string{"{tenant}.*.x"}}, "entries[0].hosts[0]", "no host"},
		{"one dot", authz.EntrySpec{Hosts: []string{"h"}, PathPrefix: "/./{tenant}"}, "entries[0].pathPrefix", `"."`},
		{"relative prefix", authz.EntrySpec{Hosts: []string{"h"}, PathPrefix: "t/{tenant}"}, "entries[0].pathPrefix", "slash"},
		{"root prefix", authz.EntrySpec{Hosts: []string{"h"}, PathPrefix: "/", TenantFromClaim: claims}, "entries[0].pathPrefix", "slash"},
		{"slash at the end", authz.EntrySpec{Hosts: []string{"h"}, PathPrefix: "/t/{tenant}/"}, "entries[0].pathPrefix", "empty segment"},
		{"two variables", authz.EntrySpec{Hosts: []string{"h"}, PathPrefix: "/{tenant}/{tenant}"}, "entries[0].pathPrefix", "twice"},
		{"another variable", authz.EntrySpec{Hosts: []string{"h"}, PathPrefix: "/{id}/{tenant}"}, "entries[0].pathPrefix", "{id}"},
		{"escape", authz.EntrySpec{Hosts: []string{"h"}, PathPrefix: "/%74/{tenant}"}, "entries[0].pathPrefix", "%74"},
		{"dots", authz.EntrySpec{Hosts: []string{"h"}, PathPrefix: "/../{tenant}"}, "entries[0].pathPrefix", ".."},
		{"long", authz.EntrySpec{Hosts: []string{"h"}, PathPrefix: strings.Repeat("/a", 20) + "/{tenant}"}, "entries[0].pathPrefix", "16"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.entry.Name = "e"
			expectProblem(t, &authz.SnapshotSpec{Entries: []authz.EntrySpec{tt.entry}}, tt.path, tt.says)
		})
	}
	expectProblem(t, &authz.SnapshotSpec{Entries: []authz.EntrySpec{{ContextExtension: "k"}}}, "entries[0].name", "no name")
	nowhere := authz.EntrySpec{Name: "claim", Hosts: []string{"h"}, TenantFromClaim: []*authz.Issuer{p.shared}}
	own := newTenant(t, authz.TenantSpec{Name: "own", Entries: []string{"claim"}, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: plain}}})
	expectProblem(t, &authz.SnapshotSpec{Entries: []authz.EntrySpec{nowhere}, Tenants: []*authz.Tenant{own}}, "tenants[0].entries[0]", `"own"`, "no issuer")
}

// TestP2AChangeThatCannotBeJudgedAloneIsNone holds that a change is left to a
// whole build where it says what no change can: who was in force and has no good
// version, before or now, a tenant that is missing, or a template that nobody
// had.
func TestP2AChangeThatCannotBeJudgedAloneIsNone(t *testing.T) {
	p := newPlot(t)
	first, second := p.tenant("a", []string{"a.x"}, nil, nil), p.tenant("b", []string{"b.x"}, nil, nil)
	held := []authz.HeldSpec{{Name: "held", Hosts: []string{"h.x"}}}
	accepted := []authz.HeldSpec{{Name: "held", Hosts: []string{"h.x"}, Accepted: true}}
	open := newTenant(t, authz.TenantSpec{
		Name: "c", Hosts: []string{"c.x"}, Policy: p.policy, Issuers: []*token.Issuer{newIDP(t, "https://{any}.example.com", 3).issuer(t, "open")},
	})
	plain := newSnapshot(t, authz.SnapshotSpec{Tenants: []*authz.Tenant{first}})
	for name, row := range map[string]struct {
		before *authz.Snapshot
		change authz.Change
		good   bool
	}{
		"one more":             {plain, authz.Change{Tenants: []*authz.Tenant{second}}, true},
		"one is held":          {plain, authz.Change{Held: held}, true},
		"one was held":         {newSnapshot(t, authz.SnapshotSpec{Tenants: []*authz.Tenant{first}, Held: held}), authz.Change{Tenants: []*authz.Tenant{second}}, true},
		"accepted was held":    {newSnapshot(t, authz.SnapshotSpec{Tenants: []*authz.Tenant{first}, Held: accepted}), authz.Change{Tenants: []*authz.Tenant{second}}, false},
		"accepted is held":     {plain, authz.Change{Held: accepted}, false},
		"missing":              {plain, authz.Change{Tenants: []*authz.Tenant{nil}}, false},
		"a template":           {plain, authz.Change{Tenants: []*authz.Tenant{open}}, false},
		"a place of another's": {plain, authz.Change{Tenants: []*authz.Tenant{p.tenant("b", []string{"a.x"}, nil, nil)}}, false},
	} {
		if next := row.before.With(row.change); (next != nil) != row.good {
			t.Errorf("%s: %v", name, next != nil)
		}
	}
}

// A tenant with a problem contests nothing: those after it are not blamed.
func TestP2ABadNewcomerBlamesNobody(t *testing.T) {
	p := newPlot(t)
	spec := authz.SnapshotSpec{Tenants: []*authz.Tenant{
		p.tenant("first", []string{"one.x"}, nil, nil), p.tenant("bad", []string{"one.x", "two.x"}, nil, nil), p.tenant("third", []string{"two.x"}, nil, nil),
	}}
	expectProblem(t, &spec, "tenants[1].hosts[0]", `"first"`)
}

func TestP2HeldPlaces(t *testing.T) {
	p := newPlot(t)
	label := authz.EntrySpec{Name: "label", Hosts: []string{"{tenant}.l"}}
	claim := authz.EntrySpec{Name: "claim", Hosts: []string{"api.y"}, TenantFromClaim: []*authz.Issuer{p.shared}}
	good := p.tenant("good", []string{"h.x", "*.z"}, []string{"claim"}, nil)
	held := authz.HeldSpec{Name: "held", Hosts: []string{"h.x", "g.x"}, Entries: []string{"label", "claim"}}
	spec := func(h authz.HeldSpec, tenants ...*authz.Tenant) *authz.SnapshotSpec {
		return &authz.SnapshotSpec{Entries: []authz.EntrySpec{label, claim}, Tenants: tenants, Held: []authz.HeldSpec{h}}
	}
	ask := func(s *authz.SnapshotSpec, host string) authz.Reason {
		req := get("/", "")
		req.Host = host
		d := decide(newEngine(time.Now, zeros{}, newSnapshot(t, *s)), req)
		return d.Reason
	}
	newcomer := spec(held, good)
	for host, want := range map[string]authz.Reason{
		"h.x": authz.NoToken, "g.x": authz.TenantUnavailable, "held.l": authz.TenantUnavailable, "other.l": authz.PlaceUnknown, "api.y": authz.NoToken,
	} {
		if got := ask(newcomer, host); got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
	held.Accepted = true
	expectProblem(t, spec(held, good), "tenants[0].hosts[0]", `"held"`, `"good"`)
	taker := newTenant(t, authz.TenantSpec{
		Name: "taker", Entries: []string{"claim"}, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: p.shared}}, IDs: map[string]string{"shared": "held"},
	})
	expectProblem(t, spec(held, taker), "tenants[0].entries[0]", `"held"`)
	expectProblem(t, spec(authz.HeldSpec{Name: "good"}, good), "held[0].name", `"good"`)

	owner := newTenant(t, authz.TenantSpec{
		Name: "owner", Entries: []string{"claim"}, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: p.shared}}, IDs: map[string]string{"shared": "held"},
	})
	byClaim := get("/any/1", p.idp.sign(t, jwt.MapClaims{"org": "held"}))
	byClaim.Host = "api.y"
	for name, tt := range map[string]struct {
		spec *authz.SnapshotSpec
		want authz.Reason
	}{
		"an id that another has": {spec(authz.HeldSpec{Name: "held", Entries: []string{"claim"}}, owner), authz.Allowed},
		"an id of its own":       {spec(authz.HeldSpec{Name: "held", Entries: []string{"claim"}}, good), authz.TenantUnavailable},
		"another id":             {spec(authz.HeldSpec{Name: "held", Entries: []string{"claim"}, IDs: map[string]string{"shared": "x"}}, good), authz.TenantUnknown},
		"an entry not listed":    {spec(authz.HeldSpec{Name: "held", Entries: []string{"label"}}, good), authz.TenantUnknown},
	} {
		if d := decide(newEngine(newClock().Now, zeros{}, newSnapshot(t, *tt.spec)), byClaim); d.Reason != tt.want {
			t.Errorf("%s: %v, want %v", name, d.Reason, tt.want)
		}
	}
	for _, accepted := range []bool{false, true} {
		s := spec(authz.HeldSpec{Name: "held", Hosts: []string{"*.x", "*"}, Accepted: accepted}, good)
		if inner, outer := ask(s, "h.x"), ask(s, "g.x"); inner != authz.NoToken || outer != authz.TenantUnavailable {
			t.Errorf("in a held wildcard: %v, and beside it %v", inner, outer)
		}
	}

	wide := p.tenant("wide", []string{"*.w"}, nil, []string{"held"})
	for name, h := range map[string]authz.HeldSpec{
		"host kept":  {Name: "held", Hosts: []string{"h.w"}},
		"host again": {Name: "held", Hosts: []string{"h.w"}, Accepted: true},
	} {
		s := spec(h, wide)
		if got, other := ask(s, "h.w"), ask(s, "g.w"); got != authz.TenantUnavailable || other != authz.NoToken {
			t.Errorf("%s: %v, and beside it %v", name, got, other)
		}
	}
	everywhere := p.tenant("everywhere", []string{"*"}, nil, []string{"held", "claim", "label"})
	if got := ask(spec(authz.HeldSpec{Name: "held"}, everywhere), "anything"); got != authz.TenantUnavailable {
		t.Errorf("places unknown within every host: %v", got)
	}
	unknown := spec(authz.HeldSpec{Name: "held"}, wide, good)
	for host, want := range map[string]authz.Reason{
		"h.w": authz.TenantUnavailable, "g.w": authz.TenantUnavailable, "held.l": authz.TenantUnavailable, "h.x": authz.NoToken, "a.z": authz.NoToken,
	} {
		if got := ask(unknown, host); got != want {
			t.Errorf("places unknown, %s: %v, want %v", host, got, want)
		}
	}
}

// TestP2HeldTenantsCloseNothingElse holds that a tenant without a good version
// closes what is its own, and all of that, but nothing that others have.
func TestP2HeldTenantsCloseNothingElse(t *testing.T) {
	p := newPlot(t)
	claims := []*authz.Issuer{p.shared}
	entries := []authz.EntrySpec{
		{Name: "label", Hosts: []string{"{tenant}.l"}},
		{Name: "mesh", ContextExtension: "k"},
		{Name: "wide", Hosts: []string{"*.w"}, TenantFromClaim: claims, YieldsTo: []string{"mesh", "held"}},
		{Name: "a", Hosts: []string{"*.p"}, PathPrefix: "/a", TenantFromClaim: claims, YieldsTo: []string{"held"}},
		{Name: "b", Hosts: []string{"*.p"}, PathPrefix: "/b", TenantFromClaim: claims, YieldsTo: []string{"held", "other"}},
		{Name: "c", Hosts: []string{"*.p"}, PathPrefix: "/c", TenantFromClaim: claims, YieldsTo: []string{"other"}},
	}
	tenants := []*authz.Tenant{p.tenant("below", []string{"*.b.l"}, nil, nil), p.tenant("yields", []string{"*.y"}, nil, []string{"other"})}
	const open, shut = authz.NoToken, authz.TenantUnavailable
	for name, row := range map[string]struct {
		held authz.HeldSpec
		want map[string]authz.Reason // by host and path
	}{
		"a name of two labels":         {authz.HeldSpec{Name: "a.b", Entries: []string{"label"}}, map[string]authz.Reason{"a.b.l/": open, "x.b.l/": open, "x.y/": open}},
		"a name of two more":           {authz.HeldSpec{Name: "c.d", Entries: []string{"label"}}, map[string]authz.Reason{"c.d.l/": authz.PlaceUnknown, "d.l/": authz.PlaceUnknown}},
		"a name of one":                {authz.HeldSpec{Name: "held", Entries: []string{"label"}}, map[string]authz.Reason{"held.l/": shut, "x.b.l/": open, "x.w/": open, "x.p/a/1": open}},
		"a namesake of an entry":       {authz.HeldSpec{Name: "mesh", Hosts: []string{"h.w"}}, map[string]authz.Reason{"h.w/": open, "x.w/": open}},
		"a host":                       {authz.HeldSpec{Name: "held", Hosts: []string{"h.w"}}, map[string]authz.Reason{"h.w/": shut, "x.w/": open, "x.p/a/1": open}},
		"places unknown":               {authz.HeldSpec{Name: "held"}, map[string]authz.Reason{"x.w/": shut, "x.p/a/1": shut, "x.p/b/1": shut, "x.p/c/1": open, "x.y/": open, "x.b.l/": open, "held.l/": shut}},
		"places unknown of a namesake": {authz.HeldSpec{Name: "mesh"}, map[string]authz.Reason{"x.w/": open, "x.p/a/1": open, "mesh.l/": shut}},
	} {
		snapshot := newSnapshot(t, authz.SnapshotSpec{Entries: entries, Tenants: tenants, Held: []authz.HeldSpec{row.held}})
		for at, want := range row.want {
			host, path, _ := strings.Cut(at, "/")
			req := get("/"+path, "")
			req.Host = host
			if d := decide(newEngine(time.Now, zeros{}, snapshot), req); d.Reason != want {
				t.Errorf("%s, %s: %v, want %v", name, at, d.Reason, want)
			}
		}
	}
	for name, held := range map[string][]authz.HeldSpec{"held[0].name": {{}}, "held[1].name": {{Name: "x", Hosts: []string{"a.z"}}, {Name: "x", Hosts: []string{"b.z"}}}} {
		expectProblem(t, &authz.SnapshotSpec{Held: held}, name)
	}
}

// BenchmarkNewSnapshot puts ten thousand tenants together that share issuers by
// claim, by audience and by template, and lie in wildcards and entries.
func BenchmarkNewSnapshot(b *testing.B) {
	spec := manyTenants(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := authz.NewSnapshot(*spec); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func manyTenants(tb testing.TB, count int) *authz.SnapshotSpec {
	tb.Helper()
	p := newPlot(tb)
	provider, parts := newIDP(tb, "https://parts.example.com", 3), make([]string, count)
	names := make([]string, count)
	for i := range parts {
		parts[i], names[i] = fmt.Sprintf("https://api-%d.example.com", i), fmt.Sprintf("t%d", i)
	}
	issuer := func(name, url string, audiences []string) *token.Issuer {
		i, err := token.NewIssuer(token.IssuerSpec{Name: name, URL: url, Audiences: audiences, Algorithms: []string{"EdDSA"}, Keys: provider, KeysID: url})
		if err != nil {
			tb.Fatal(err)
		}
		return i
	}
	narrowed := newIssuer(tb, issuer("parts", "https://parts.example.com", parts), "")
	directory := newIssuer(tb, issuer("directory", "https://login.example.com/{tid}/v2.0", parts[:1]), "tid")
	wide := p.tenant("wide", []string{"*.wild.example"}, nil, names)
	spec := &authz.SnapshotSpec{
		Entries: []authz.EntrySpec{
			{Name: "label", Hosts: []string{"{tenant}.api.example.com"}},
			{Name: "claim", Hosts: []string{"api.example.com"}, TenantFromClaim: []*authz.Issuer{p.shared, directory}},
			{Name: "path", Hosts: []string{"partners.example.com"}, PathPrefix: "/t/{tenant}"},
		},
		Tenants: []*authz.Tenant{wide},
	}
	for i, name := range names {
		spec.Tenants = append(spec.Tenants, newTenant(tb, authz.TenantSpec{
			Name: name, Hosts: []string{name + ".example", name + ".wild.example"}, Entries: []string{"label", "claim", "path"}, Policy: p.policy,
			Grants: []authz.IssuerGrant{
				{Issuer: p.shared}, {Issuer: directory}, {Issuer: narrowed, Audiences: parts[i : i+1]},
				{Issuer: newIssuer(tb, issuer("own", "https://id.example.com/"+name, parts[:1]), "")},
			},
		}))
	}
	return spec
}

// BenchmarkOneChangedTenant changes one of them.
func BenchmarkOneChangedTenant(b *testing.B) {
	spec := manyTenants(b, 10_000)
	snapshot := newSnapshot(b, *spec)
	changed := spec.Tenants[77]
	b.ReportAllocs()
	for b.Loop() {
		if snapshot = snapshot.With(authz.Change{Tenants: []*authz.Tenant{changed}}); snapshot == nil {
			b.Fatal("contested")
		}
	}
}
