package authz_test

import (
	"errors"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// conflictCase is what somebody contests, what a person reads of it, and what a
// program does.
type conflictCase struct {
	name string
	spec authz.SnapshotSpec
	text string
	what authz.ConflictError
}

func own(tenant, host string) authz.ConflictSide {
	return authz.ConflictSide{Tenant: tenant, Host: host}
}
func ofEntry(entry, host string) authz.ConflictSide {
	return authz.ConflictSide{Entry: entry, Host: host}
}
func of(tenant, issuer string) authz.ConflictSide {
	return authz.ConflictSide{Tenant: tenant, Issuer: issuer}
}

func conflictsOfHosts(p *plot) []conflictCase {
	list := func(items ...string) []string { return items }
	label := authz.EntrySpec{Name: "label", Hosts: list("{tenant}.x")}
	prefixed := authz.EntrySpec{Name: "path", Hosts: list("api.x"), PathPrefix: "/t/{tenant}"}
	claim := authz.EntrySpec{Name: "claim", Hosts: list("api.x"), TenantFromClaim: []*authz.Issuer{p.shared}}
	entries := func(list ...authz.EntrySpec) []authz.EntrySpec { return list }
	tenants := func(list ...*authz.Tenant) []*authz.Tenant { return list }
	a := p.tenant("a", list("a.y"), nil, nil)
	return []conflictCase{
		{
			"one host", authz.SnapshotSpec{Tenants: tenants(a, p.tenant("b", list("b.y", "a.y"), nil, nil))},
			`tenants[1].hosts[1]: tenants "a" and "b" both name host "a.y"; a host belongs to one tenant: remove it from the other`,
			authz.ConflictError{Kind: authz.ConflictHost, Asks: own("b", "a.y"), Has: own("a", "a.y")},
		},
		{
			"one around another", authz.SnapshotSpec{Tenants: tenants(a, p.tenant("b", list("*.y"), nil, nil))},
			`tenants[1].hosts[0]: host "*.y" of tenant "b" overlaps host "a.y" of tenant "a"; remove one, or name the narrower one's tenant under yieldsTo at the wider one`,
			authz.ConflictError{Kind: authz.ConflictPlaces, Asks: own("b", "*.y"), Has: own("a", "a.y")},
		},
		{
			"a name that an entry has", authz.SnapshotSpec{Entries: entries(label), Tenants: tenants(p.tenant("label", list("*.y"), nil, nil), a)},
			`tenants[1].hosts[0]: host "a.y" of tenant "a" overlaps host "*.y" of tenant "label"; remove one, or name the narrower one's tenant under yieldsTo at the wider one; a name that an entry has too stands for the entry there`,
			authz.ConflictError{Kind: authz.ConflictPlaces, Asks: own("a", "a.y"), Has: own("label", "*.y")},
		},
		{
			"a host of a held one", authz.SnapshotSpec{Tenants: tenants(a), Held: []authz.HeldSpec{{Name: "h", Hosts: list("a.y"), Accepted: true}}},
			`tenants[0].hosts[0]: tenants "h" and "a" both name host "a.y"; a host belongs to one tenant: remove it from the other`,
			authz.ConflictError{Kind: authz.ConflictHost, Asks: own("a", "a.y"), Has: own("h", "a.y"), Held: true},
		},
		{
			"one of an entry as such", authz.SnapshotSpec{Entries: entries(prefixed), Tenants: tenants(p.tenant("b", list("api.x"), nil, nil))},
			`tenants[0].hosts[0]: host "api.x" of tenant "b" overlaps host "api.x" with prefix "/t/{tenant}" of entry "path"; remove one, or name the narrower one's tenant under yieldsTo at the wider one`,
			authz.ConflictError{Kind: authz.ConflictPlaces, Asks: own("b", "api.x"), Has: authz.ConflictSide{Entry: "path", Host: "api.x", Prefix: "/t/{tenant}"}},
		},
		{
			"two entries", authz.SnapshotSpec{Entries: entries(prefixed, claim)},
			`entries[1].hosts[0]: host "api.x" of entry "claim" overlaps host "api.x" with prefix "/t/{tenant}" of entry "path"; remove one, or name the narrower one's tenant under yieldsTo at the wider one`,
			authz.ConflictError{Kind: authz.ConflictPlaces, Asks: ofEntry("claim", "api.x"), Has: authz.ConflictSide{Entry: "path", Host: "api.x", Prefix: "/t/{tenant}"}},
		},
		{
			"two entries of names", authz.SnapshotSpec{Entries: entries(label, authz.EntrySpec{Name: "second", Hosts: list("{tenant}.x")})},
			`entries[1].hosts[0]: entries "label" and "second" both name host "{tenant}.x"; a place belongs to one entry: give them prefixes of their own, or say yieldsTo at the wider one`,
			authz.ConflictError{Kind: authz.ConflictEntryHosts, Asks: ofEntry("second", "{tenant}.x"), Has: ofEntry("label", "{tenant}.x")},
		},
		{
			"a host of the names", authz.SnapshotSpec{Entries: entries(label), Tenants: tenants(p.tenant("b", list("c.x"), nil, nil))},
			`tenants[0].hosts[0]: host "c.x" of tenant "b" belongs to entry "label", whose hosts "{tenant}.x" are kept for the tenants of these names; write entries: [label] in place of the host, or let the entry say yieldsTo: [b]`,
			authz.ConflictError{Kind: authz.ConflictReserved, Asks: own("b", "c.x"), Has: ofEntry("label", "{tenant}.x")},
		},
		{
			"any host, around those of the names", authz.SnapshotSpec{Entries: entries(label), Tenants: tenants(p.tenant("b", list("*"), nil, nil))},
			`tenants[0].hosts[0]: host "*" of tenant "b" overlaps host "{tenant}.x" of entry "label"; let the tenant say yieldsTo: [label], or remove the host`,
			authz.ConflictError{Kind: authz.ConflictPlaces, Asks: own("b", "*"), Has: ofEntry("label", "{tenant}.x")},
		},
		{
			"an entry's host, and its own", authz.SnapshotSpec{
				Entries: entries(authz.EntrySpec{Name: "label", Hosts: list("{tenant}.x"), YieldsTo: list("b")}),
				Tenants: tenants(p.tenant("b", list("b.x"), list("label"), nil)),
			},
			`tenants[0].entries[0]: tenant "b" names host "b.x" itself and reaches it by entry "label"; remove one`,
			authz.ConflictError{Kind: authz.ConflictHostTwice, Asks: own("b", "b.x"), Has: authz.ConflictSide{Tenant: "b", Entry: "label", Host: "b.x"}},
		},
	}
}

// identified makes a tenant of an issuer of which it has an id.
func (p *plot) identified(name, id string, entries []string, issuer *authz.Issuer) *authz.Tenant {
	spec := authz.TenantSpec{Name: name, Hosts: []string{name + ".y"}, Entries: entries, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: issuer}}}
	if id != "" {
		spec.IDs = map[string]string{issuer.Name(): id}
	}
	return newTenant(p.tb, spec)
}

func (p *plot) part(name string, issuer *authz.Issuer, audiences ...string) *authz.Tenant {
	return newTenant(p.tb, authz.TenantSpec{
		Name: name, Hosts: []string{name + ".y"}, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: issuer, Audiences: audiences}},
	})
}

func conflictsOfIssuers(p *plot) []conflictCase {
	const mend = "; a token of it would be good for both: give each tenant an issuer of its own, or tell them apart by its tenantClaim or by a part of its audiences each"
	const url = "https://own.example/"
	plain, org, sub := p.exactIssuer("plain", url), p.exactIssuer("org", url, "org"), p.exactIssuer("sub", url, "sub")
	claim := authz.EntrySpec{Name: "claim", Hosts: []string{"api.x"}, TenantFromClaim: []*authz.Issuer{org}}
	tenants := func(list ...*authz.Tenant) []*authz.Tenant { return list }
	held := func(issuer, id string) []authz.HeldSpec {
		return []authz.HeldSpec{{Name: "h", Hosts: []string{"h.y"}, IDs: map[string]string{issuer: id}, Accepted: true}}
	}
	return []conflictCase{
		{
			"the whole of an issuer", authz.SnapshotSpec{Tenants: tenants(p.part("a", plain), p.part("b", plain))},
			`tenants[1].issuers[0]: tenants "a" and "b" both admit issuer "https://own.example/"` + mend,
			authz.ConflictError{Kind: authz.ConflictIssuer, Asks: of("b", "plain"), Has: of("a", ""), Issuer: url},
		},
		{
			"an audience", authz.SnapshotSpec{Tenants: tenants(p.part("a", plain, "a1"), p.part("b", plain, "a1"))},
			`tenants[1].issuers[0]: tenants "a" and "b" share the audience "a1" of issuer "https://own.example/"` + mend,
			authz.ConflictError{Kind: authz.ConflictAudience, Asks: of("b", "plain"), Has: of("a", ""), Issuer: url, Audience: "a1"},
		},
		{
			"an id", authz.SnapshotSpec{Tenants: tenants(p.identified("a", "one", nil, org), p.identified("b", "one", nil, org))},
			`tenants[1].issuers[0]: tenants "a" and "b" have the id "one" in the tenant claim of issuer "https://own.example/"` + mend,
			authz.ConflictError{Kind: authz.ConflictID, Asks: of("b", "org"), Has: of("a", ""), Issuer: url, ID: "one"},
		},
		{
			"an id at an entry", authz.SnapshotSpec{
				Entries: []authz.EntrySpec{claim},
				Tenants: tenants(p.identified("a", "one", []string{"claim"}, org), p.identified("b", "one", []string{"claim"}, org)),
			},
			`tenants[1].entries[0]: id "one" of issuer "org" belongs to another tenant; give each tenant an id of its own`,
			authz.ConflictError{Kind: authz.ConflictEntryID, Asks: authz.ConflictSide{Tenant: "b", Entry: "claim", Issuer: "org"}, Has: authz.ConflictSide{Tenant: "a", Entry: "claim"}, Issuer: url, ID: "one"},
		},
		{
			"an id of a held one", authz.SnapshotSpec{Tenants: tenants(p.identified("a", "one", nil, org)), Held: held("org", "one"), Issuers: []*authz.Issuer{org}},
			`tenants[0].issuers[0]: tenant "a" has the id "one" of tenant "h", which has no good version; mend that tenant, or give this one an id of its own`,
			authz.ConflictError{Kind: authz.ConflictHeldID, Asks: of("a", "org"), Has: of("h", ""), Issuer: url, ID: "one", Held: true},
		},
		{
			"an id of a held one, of an issuer that is gone", authz.SnapshotSpec{Tenants: tenants(p.identified("a", "one", nil, org)), Held: held("org", "one")},
			`tenants[0].issuers[0]: tenant "a" has the id "one" of tenant "h", which has no good version; mend that tenant, or give this one an id of its own`,
			authz.ConflictError{Kind: authz.ConflictHeldID, Asks: of("a", "org"), Has: of("h", ""), Issuer: url, ID: "one", Held: true},
		},
		{
			"another claim than a held one", authz.SnapshotSpec{Tenants: tenants(p.identified("a", "one", nil, sub)), Held: held("org", "two"), Issuers: []*authz.Issuer{org}},
			`tenants[0].issuers[0]: tenant "a" tells tokens of issuer "org" apart by another claim than tenant "h", which has no good version; mend that tenant, or give this one an id of its own`,
			authz.ConflictError{Kind: authz.ConflictHeldClaim, Asks: of("a", "sub"), Has: of("h", "org"), Issuer: url, Held: true},
		},
	}
}

// TestP2ConflictsSayWhatTheyAreAbout holds the words of every kind of conflict for
// a person, and its fields for a program.
func TestP2ConflictsSayWhatTheyAreAbout(t *testing.T) {
	p := newPlot(t)
	for _, tt := range append(conflictsOfHosts(p), conflictsOfIssuers(p)...) {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := authz.NewSnapshot(tt.spec)
			if len(problems) == 0 {
				t.Fatal("no problem")
			}
			if got := problems[0].Error(); got != tt.text {
				t.Errorf("it says\n%s\nwant\n%s", got, tt.text)
			}
			if !errors.Is(problems[0], authz.ErrConflict) || !errors.Is(problems[0], tt.what) {
				t.Errorf("it is\n%#v\nwant\n%#v", problems[0].Cause, tt.what)
			}
		})
	}
}

// What ContestHeldIssuers says is of the same kinds.
func TestP2ConflictsWithHeldIssuersSayWhatTheyAreAbout(t *testing.T) {
	const mend = "; mend that tenant, or give this one an issuer, a tenantClaim or a part of the audiences of its own"
	p := newPlot(t)
	const url = "https://own.example/"
	plain, org := p.exactIssuer("plain", url), p.exactIssuer("org", url, "org")
	for _, tt := range []struct {
		name   string
		tenant *authz.Tenant
		held   authz.HeldIssuer
		text   string
		what   authz.ConflictError
	}{
		{
			"the whole", p.part("a", plain), authz.HeldIssuer{Name: "own", URL: url},
			`tenants[0].issuers[0]: tenants "h" and "a" both admit issuer "https://own.example/", and "h" has no good version` + mend,
			authz.ConflictError{Kind: authz.ConflictIssuer, Asks: of("a", "plain"), Has: of("h", ""), Issuer: url, Held: true},
		},
		{
			"an audience", p.part("a", plain, "a2", "a1"), authz.HeldIssuer{Name: "plain", URL: url, Audiences: []string{"a1"}},
			`tenants[0].issuers[0]: tenants "h" and "a" share the audience "a1" of issuer "https://own.example/", and "h" has no good version` + mend,
			authz.ConflictError{Kind: authz.ConflictAudience, Asks: of("a", "plain"), Has: of("h", ""), Issuer: url, Audience: "a1", Held: true},
		},
		{
			"an id", p.identified("a", "h", nil, org), authz.HeldIssuer{Name: "org", URL: url, TenantClaim: []string{"org"}},
			`tenants[0].issuers[0]: tenants "h" and "a" have the id "h" in the tenant claim of issuer "https://own.example/", and "h" has no good version` + mend,
			authz.ConflictError{Kind: authz.ConflictID, Asks: of("a", "org"), Has: of("h", ""), Issuer: url, ID: "h", Held: true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held := authz.HeldIssuers{Known: []*authz.Issuer{plain, org}, Held: []authz.HeldSpec{{Name: "h", Issuers: []authz.HeldIssuer{tt.held}}}}
			problems := authz.ContestHeldIssuers([]*authz.Tenant{tt.tenant}, held)
			if len(problems) != 1 || problems[0].Error() != tt.text || !errors.Is(problems[0], tt.what) {
				t.Errorf("it is\n%#v\nwant\n%s\n%#v", problems, tt.text, tt.what)
			}
		})
	}
}

// A problem of one document alone is no conflict.
func TestAProblemOfOneDocumentIsNoConflict(t *testing.T) {
	p := newPlot(t)
	_, problems := authz.NewSnapshot(authz.SnapshotSpec{Tenants: []*authz.Tenant{p.tenant("a", []string{"a.y"}, []string{"unknown"}, nil)}})
	if len(problems) != 1 || errors.Is(problems[0], authz.ErrConflict) || problems[0].Cause != nil {
		t.Errorf("problems are %#v", problems)
	}
}
