package authz_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
)

// compile returns the engine of a model and what its oracle says of it.
func (k *kit) compile(t *rapid.T, m *model) (*authz.Engine, bool) {
	snapshot, problems := authz.NewSnapshot(k.spec(m))
	if accepted, sound := snapshot != nil, m.sound(); accepted != sound {
		t.Fatalf("accepted %v, sound %v: %+v\n%v", accepted, sound, *m, problems)
	}
	if snapshot == nil {
		return nil, false
	}
	return newEngine(newClock().Now, zeros{}, snapshot), true
}

// TestP2RandomConfigurations holds every drawn configuration against the oracle,
// and every request of its world with every token against the owner of the
// token: nothing minted for one tenant is good for another, unless both said
// that they share tokens.
func TestP2RandomConfigurations(t *testing.T) {
	k := newKit(t)
	all := requests()
	allowed, refused, models := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		m := drawModel(rt)
		engine, ok := k.compile(rt, m)
		if !ok {
			return
		}
		models++
		for i := range m.tenants {
			owner := &m.tenants[i]
			for n := range 2 * len(owner.grants) {
				grant, broad := &owner.grants[n/2], n%2 == 1
				raw := k.mint(t, owner, grant, broad)
				for range 40 {
					req := withToken(rapid.SampledFrom(all).Draw(rt, "request"), raw)
					d := engine.Decide(context.Background(), req)
					if want := m.resolve(req); want.tenant != "" && d.Tenant != want.tenant && !want.late || want.tenant == "" && !want.byClaim && d.Tenant != "" {
						rt.Fatalf("%s %s %v is of %q, want %+v (%v): %+v", req.Host, req.Path.Canonical, req.Context, d.Tenant, want, d.Reason, *m)
					}
					if d.Verdict != authz.Allow {
						refused++
						continue
					}
					allowed++
					if d.Tenant == owner.name && broad && len(grant.parts) > 0 && len(grant.parts) < len(modelDefs[grant.def].parts) {
						rt.Fatalf("a token for several parts of the audiences is good for %s: %+v", d.Tenant, *m)
					}
					if d.Tenant != owner.name && !m.share(d.Tenant, grant) {
						rt.Fatalf("a token of %s is good for %s at %s %s: %+v", owner.name, d.Tenant, req.Host, req.Path.Canonical, *m)
					}
					if value, _ := header(&d, "x-tenant"); value != d.Tenant {
						rt.Fatalf("x-tenant is %q at %s", value, d.Tenant)
					}
				}
			}
		}
	})
	t.Logf("%d sound configurations, %d allowed, %d refused", models, allowed, refused)
	if !testing.Short() && (models < 10 || allowed < 50 || refused < 50) {
		t.Error("the drawn configurations prove little")
	}
}

// share reports whether the tenant named shares tokens of the grant's issuer.
func (m *model) share(tenant string, grant *modelGrant) bool {
	at := slices.IndexFunc(m.tenants, func(t modelTenant) bool { return t.name == tenant })
	return at >= 0 && grant.shared && slices.ContainsFunc(m.tenants[at].grants, func(g modelGrant) bool {
		return g.shared && urlsMeet(modelDefs[g.def].url, modelDefs[grant.def].url)
	})
}

// resolved is whose a request is, in the words of the oracle.
type resolved struct {
	tenant  string
	entry   string
	byClaim bool // the token will say
	late    bool // refused before the tenant is told
}

// resolve is the oracle for the place of a request.
func (m *model) resolve(req *authz.Request) resolved {
	lists := func(tenant, entry string) bool {
		return slices.ContainsFunc(m.tenants, func(t modelTenant) bool { return t.name == tenant && slices.Contains(t.entries, entry) })
	}
	named := ""
	for _, e := range m.entries {
		value, present := req.Context[e.key]
		if e.key == "" || !present {
			continue
		}
		if !lists(value, e.name) {
			return resolved{}
		}
		named = value
	}
	local := m.atHost(req, lists)
	switch {
	case local.late: // two readings of the path
		return resolved{}
	case named == "":
		return local
	case local.tenant != "" && local.tenant != named:
		return resolved{}
	}
	return resolved{tenant: named}
}

func (m *model) atHost(req *authz.Request, lists func(tenant, entry string) bool) resolved {
	var best []modelPlace
	for _, p := range m.places() {
		switch {
		case !hostIn(req.Host, p.host):
		case len(best) == 0 || best[0].host == p.host:
			best = append(best, p)
		case strings.Count(p.host, "*") < strings.Count(best[0].host, "*") || len(p.host) > len(best[0].host) && best[0].host[0] == '*':
			best = []modelPlace{p}
		}
	}
	sent, spelt := longest(best, req.Path.Canonical)
	read, segment := longest(best, req.Path.Lenient)
	switch {
	case sent != read || spelt != segment:
		return resolved{late: true}
	case read < 0:
		return resolved{}
	case best[read].tenant != "":
		return resolved{tenant: best[read].tenant}
	case !strings.Contains(best[read].prefix, "{tenant}"):
		return resolved{byClaim: true, entry: best[read].entry}
	case lists(segment, best[read].entry):
		return resolved{tenant: segment}
	}
	return resolved{}
}

// longest returns the place with the longest prefix of the path, a literal one
// before the variable, and the segment that the variable stands for.
func longest(places []modelPlace, path string) (at int, segment string) {
	at = -1
	rank := func(i int) (int, int) {
		return strings.Count(places[i].prefix, "/"), -strings.Count(places[i].prefix, "{")
	}
	for i := range places {
		if !pathIn(path, places[i].prefix) {
			continue
		}
		if at >= 0 {
			long, literal := rank(i)
			if bestLong, bestLiteral := rank(at); long < bestLong || long == bestLong && literal < bestLiteral {
				continue
			}
		}
		at = i
	}
	if at < 0 {
		return at, ""
	}
	for i, wanted := range strings.Split(places[at].prefix, "/") {
		if wanted == "{tenant}" {
			segment = strings.Split(path, "/")[i]
		}
	}
	return at, segment
}

// TestP2NeighboursChangeNothing adds, removes and breaks a tenant of a drawn
// configuration: whatever was decided for another stays as it was, to the last
// header, and the broken one is never allowed anything.
func TestP2NeighboursChangeNothing(t *testing.T) {
	k := newKit(t)
	all := requests()
	compared := 0
	property := func(rt *rapid.T) {
		m := drawModel(rt)
		with, ok := k.compile(rt, m)
		if !ok {
			return
		}
		gone := rapid.IntRange(0, len(m.tenants)-1).Draw(rt, "gone")
		lost := &m.tenants[gone]
		rest := model{entries: m.entries, tenants: slices.Delete(slices.Clone(m.tenants), gone, gone+1)}
		without, ok := k.compile(rt, &rest)
		if !ok {
			rt.Fatalf("without %s the configuration is unsound: %+v", lost.name, *m)
		}
		broken := k.spec(&rest)
		held := authz.HeldSpec{Name: lost.name, Hosts: lost.hosts, Entries: lost.entries, IDs: map[string]string{}, Accepted: rapid.Bool().Draw(rt, "accepted")}
		for _, def := range modelDefs {
			held.IDs[def.name] = "-" // of issuers without an id the name would be held
		}
		for _, g := range lost.grants {
			held.IDs[modelDefs[g.def].name] = g.id
		}
		broken.Held = []authz.HeldSpec{held}
		quarantine := newEngine(newClock().Now, zeros{}, newSnapshot(t, broken))
		for i := range m.tenants {
			for n := range m.tenants[i].grants {
				raw := k.mint(t, &m.tenants[i], &m.tenants[i].grants[n], false)
				for range 40 {
					req := withToken(rapid.SampledFrom(all).Draw(rt, "request"), raw)
					before, after, closed := decide(with, req), decide(without, req), decide(quarantine, req)
					if before.Tenant == lost.name && closed.Verdict == authz.Allow {
						rt.Fatalf("%s %s is allowed for %q though %s is broken", req.Host, req.Path.Canonical, closed.Tenant, lost.name)
					}
					if closed.Tenant == lost.name {
						rt.Fatalf("the broken tenant decides: %+v", closed)
					}
					if before.Tenant == "" || before.Tenant == lost.name {
						continue
					}
					compared++
					if !reflect.DeepEqual(before, after) || !reflect.DeepEqual(before, closed) {
						rt.Fatalf("%s %s %v: with %s\n%+v, without\n%+v, broken\n%+v\n%+v", req.Host, req.Path.Canonical, req.Context, lost.name, before, after, closed, *m)
					}
				}
			}
		}
	}
	for range 20 { // most of what is drawn is unsound
		if rapid.Check(t, property); compared >= 100 {
			return
		}
	}
	t.Errorf("only %d decisions were compared", compared)
}

func decide(engine *authz.Engine, req *authz.Request) authz.Decision {
	d := engine.Decide(context.Background(), req)
	d.Cached = false
	return d
}
