package authz_test

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
)

// TestP2ANewcomerOnlyEverCloses adds a tenant to a drawn configuration. What was
// decided for another stays as it was, to the last header, unless the other said
// beforehand that it yields to this one, and with one exception, which is a
// refusal: a request that the proxy names for the other tenant, at a host that
// the newcomer has as its own, then has two tenants. Who trusts both the route
// and the host could be led to the wrong one, so nobody answers.
func TestP2ANewcomerOnlyEverCloses(t *testing.T) {
	k := newKit(t)
	all := requests()
	compared, closed := 0, 0
	property := func(rt *rapid.T) {
		m := drawModel(rt)
		with, ok := k.compile(rt, m)
		if !ok {
			return
		}
		at := rapid.IntRange(0, len(m.tenants)-1).Draw(rt, "newcomer")
		newcomer := &m.tenants[at]
		without, ok := k.compile(rt, &model{entries: m.entries, tenants: slices.Delete(slices.Clone(m.tenants), at, at+1)})
		if !ok {
			rt.Fatalf("without %s the configuration is unsound", newcomer.name)
		}
		for i := range m.tenants {
			for n := range m.tenants[i].grants {
				raw := k.mint(t, &m.tenants[i], &m.tenants[i].grants[n], false)
				for range 40 {
					req := withToken(rapid.SampledFrom(all).Draw(rt, "request"), raw)
					before, after := decide(without, req), decide(with, req)
					if before.Tenant == "" || reflect.DeepEqual(before, after) {
						compared++
						continue
					}
					if m.yieldsTo(before.Tenant, newcomer.name) && (after.Tenant == newcomer.name || after.Verdict != authz.Allow) {
						continue
					}
					closed++
					own := slices.ContainsFunc(newcomer.hosts, func(host string) bool { return hostIn(req.Host, host) })
					listed := slices.ContainsFunc(m.entries, func(e modelEntry) bool { return len(e.hosts) > 0 && slices.Contains(newcomer.entries, e.name) })
					if after.Reason != authz.TenantConflict || after.Tenant != "" || after.Set != nil || req.Context["tenant"] != before.Tenant || !own && !listed {
						rt.Fatalf("%s %s %v: without %s\n%+v, with\n%+v\n%+v", req.Host, req.Path.Canonical, req.Context, newcomer.name, before, after, *m)
					}
				}
			}
		}
	}
	for range 20 { // most of what is drawn is unsound
		if rapid.Check(t, property); compared >= 100 && closed > 0 {
			return
		}
	}
	t.Errorf("only %d decisions were compared, %d were closed", compared, closed)
}

// yieldsTo reports whether the tenant, or an entry by which it is reached, gives
// way to the other where their places meet.
func (m *model) yieldsTo(tenant, other string) bool {
	at := slices.IndexFunc(m.tenants, func(t modelTenant) bool { return t.name == tenant })
	return at >= 0 && slices.Contains(m.tenants[at].yield, other) ||
		slices.ContainsFunc(m.entries, func(e modelEntry) bool {
			return at >= 0 && slices.Contains(e.yield, other) && slices.Contains(m.tenants[at].entries, e.name)
		})
}
