package authz_test

import (
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz"
)

// TestP2NobodyTakesAHostOfAnEntryBeforeItsTenant: whoever takes a host that an
// entry makes of names, while nobody has the name, is the bad one; the tenant of
// that name, which comes later, is not.
func TestP2NobodyTakesAHostOfAnEntryBeforeItsTenant(t *testing.T) {
	p := newPlot(t)
	list := func(items ...string) []string { return items }
	label := authz.EntrySpec{Name: "label", Hosts: list("{tenant}.y", "{tenant}.api.x")}
	prefixed := authz.EntrySpec{Name: "label", Hosts: list("{tenant}.api.x"), PathPrefix: "/p"}
	yielding := func(e authz.EntrySpec, names ...string) authz.EntrySpec { e.YieldsTo = names; return e }
	tests := []struct {
		name   string
		entry  authz.EntrySpec
		hosts  []string // of eve, who comes first
		yields []string
		path   string
		says   []string
	}{
		{"exact", label, list("bob.api.x"), nil, "tenants[0].hosts[0]", list(`"bob.api.x" of tenant "eve"`, `entry "label"`, `"{tenant}.api.x"`, "entries: [label]", "yieldsTo: [eve]")},
		{"exact, another of the entry's hosts", label, list("eve.own", "bob.y"), nil, "tenants[0].hosts[1]", list(`"{tenant}.y"`)},
		{"exact, her own name", label, list("eve.api.x"), nil, "tenants[0].hosts[0]", list("entries: [label]")},
		{"exact, yielding to the entry", label, list("bob.api.x"), list("label"), "tenants[0].hosts[0]", nil},
		{"exact, yielding to him", label, list("bob.api.x"), list("bob"), "tenants[0].hosts[0]", nil},
		{"exact, the entry yields to him", yielding(label, "bob"), list("bob.api.x"), nil, "tenants[0].hosts[0]", nil},
		{"equal wildcard", label, list("*.api.x"), nil, "tenants[0].hosts[0]", list(`"*.api.x" of tenant "eve"`, `entry "label"`)},
		{"equal wildcard, yielding", label, list("*.api.x"), list("label"), "tenants[0].hosts[0]", list("entries: [label]")},
		{"equal wildcard, both yielding", yielding(label, "eve"), list("*.api.x"), list("label"), "tenants[0].hosts[0]", nil},
		{"any host", label, list("*"), nil, "tenants[0].hosts[0]", list(`"*" of tenant "eve"`, "yieldsTo: [label]")},
		{"any host, yielding to him", label, list("*"), list("bob"), "tenants[0].hosts[0]", nil},
		{"any host, the entry yields", yielding(label, "eve"), list("*"), nil, "tenants[0].hosts[0]", nil},
		{"below a prefix", prefixed, list("bob.api.x"), list("label"), "tenants[0].hosts[0]", list("yieldsTo: [eve]", "yieldsTo: [label]")},
		{"below a prefix, the entry yields", yielding(prefixed, "eve"), list("bob.api.x"), nil, "tenants[0].hosts[0]", list("yieldsTo: [label]")},
		{"wildcard below a prefix, yielding", prefixed, list("*.api.x"), list("label"), "tenants[0].hosts[0]", nil},

		{"control: the entry yields to her", yielding(label, "eve"), list("shop.api.x"), nil, "", nil},
		{"control: both yield, beside a prefix", yielding(prefixed, "eve"), list("bob.api.x"), list("label"), "", nil},
		{"control: any host, yielding", label, list("*"), list("label"), "", nil},
		{"control: the parent", label, list("api.x"), nil, "", nil},
		{"control: two labels below", label, list("a.bob.api.x", "*.bob.api.x"), nil, "", nil},
		{"control: a wildcard beside it", label, list("*.x"), nil, "", nil},
		{"control: another domain", label, list("bob.api.z", "*.z"), nil, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.tb = t
			eve, bob := p.tenant("eve", tt.hosts, nil, tt.yields), p.tenant("bob", nil, list("label"), nil)
			entries := []authz.EntrySpec{tt.entry}
			for _, tenants := range [][]*authz.Tenant{{eve}, {eve, bob}} {
				expectProblem(t, &authz.SnapshotSpec{Entries: entries, Tenants: tenants}, tt.path, tt.says...)
			}
			newSnapshot(t, authz.SnapshotSpec{Entries: entries, Tenants: []*authz.Tenant{bob}})
		})
	}
}

// A tenant that takes the name of an entry is not meant where an entry yields
// to that name.
func TestP2ANamesakeTakesNoHostOfAnEntry(t *testing.T) {
	p := newPlot(t)
	spec := authz.SnapshotSpec{
		Entries: []authz.EntrySpec{
			{Name: "label", Hosts: []string{"{tenant}.x"}, YieldsTo: []string{"shop"}},
			{Name: "shop", Hosts: []string{"shop.x"}, TenantFromClaim: []*authz.Issuer{p.shared}},
		},
		Tenants: []*authz.Tenant{p.tenant("shop", []string{"bob.x"}, nil, nil)},
	}
	expectProblem(t, &spec, "tenants[0].hosts[0]", "bob.x")
}

// TestP2ABrokenTenantTakesNoHostOfAnEntry: what a file without a good version
// asks for keeps nobody from the host of his name, though it was in force; while
// nobody has the name the host is closed.
func TestP2ABrokenTenantTakesNoHostOfAnEntry(t *testing.T) {
	p := newPlot(t)
	label := authz.EntrySpec{Name: "label", Hosts: []string{"{tenant}.x"}}
	bob, wide := p.tenant("bob", nil, []string{"label"}, nil), p.tenant("wide", []string{"*"}, nil, []string{"label", "eve"})
	ask := func(s *authz.SnapshotSpec, host string) authz.Reason {
		req := get("/", "")
		req.Host = host
		d := decide(newEngine(time.Now, zeros{}, newSnapshot(t, *s)), req)
		return d.Reason
	}
	for _, accepted := range []bool{false, true} {
		eve := authz.HeldSpec{Name: "eve", Hosts: []string{"bob.x", "eve.own", "*.x"}, Accepted: accepted}
		without := authz.SnapshotSpec{Entries: []authz.EntrySpec{label}, Tenants: []*authz.Tenant{wide}, Held: []authz.HeldSpec{eve}}
		if got := ask(&without, "bob.x"); got != authz.TenantUnavailable {
			t.Errorf("accepted %v, before bob: %v", accepted, got)
		}
		with := without
		with.Tenants = []*authz.Tenant{wide, bob}
		for host, want := range map[string]authz.Reason{
			"bob.x": authz.NoToken, "eve.own": authz.TenantUnavailable, "elsewhere": authz.NoToken,
		} {
			if got := ask(&with, host); got != want {
				t.Errorf("accepted %v, %s: %v, want %v", accepted, host, got, want)
			}
		}
	}
}
