package authz

import (
	"slices"
	"testing"
)

func TestVariants(t *testing.T) {
	got := appendVariants(nil, "x-user-id")
	slices.Sort(got)
	if want := []string{"x-user_id", "x_user-id", "x_user_id"}; !slices.Equal(got, want) {
		t.Errorf("variants are %v, want %v", got, want)
	}
	if got := appendVariants(nil, "user"); got != nil {
		t.Errorf("variants of a name without dash are %v", got)
	}
}

func TestIsVariant(t *testing.T) {
	owned, _ := NewOwnedHeaders([]string{"x-user-id", "x-a--b", "user", "x-az"})
	r := newRemoval(owned, ProxySpec{})
	for name, want := range map[string]bool{
		"x_user_id": true, "x-user_id": true, "X_USER_ID": true, "x.user.id": true, "x-user~id": true, "x-a_-b": true, "X_AZ": true,
		"x_envoy_auth_partial_body": true,
		"x-user-id":                 false, "user": false, "x_user_ie": false, "x_user_i": false, "xxuserxid": false, "": false, "_": false,
	} {
		if got := r.isVariant(name); got != want {
			t.Errorf("isVariant(%q) = %v", name, got)
		}
	}
}

func TestSharedRemoveListIsNeverWritten(t *testing.T) {
	owned, _ := NewOwnedHeaders([]string{"x-user-id"})
	r := newRemoval(owned, ProxySpec{})
	r.prepare(0)
	key := removeKey{authorization: true}
	before := slices.Clone(r.list(key))
	first := removalsOf(r, key, "x_user_id", "x_user_id", "x-user_id")
	second := removalsOf(r, key, "x_user-id")
	if !slices.Equal(r.list(key), before) || !slices.Equal(first[len(before):], []string{"x_user_id", "x-user_id"}) || second[len(second)-1] != "x_user-id" {
		t.Errorf("lists are %v, %v, %v", r.list(key), first, second)
	}
}

// TestP6APreparedRemovalLeavesTheOneInForceAlone holds that lists which a change
// needs are made beside those of the snapshot in force, which is read meanwhile.
func TestP6APreparedRemovalLeavesTheOneInForceAlone(t *testing.T) {
	owned, _ := NewOwnedHeaders([]string{"x-user-id", "x-tenant"})
	first := newRemoval(owned, ProxySpec{}).prepared(0, 1)
	known := len(first.lists)
	second := first.prepared(1, 2)
	if known != 2 || len(first.lists) != known || first.lists[2] != nil {
		t.Errorf("the one in force has %d lists, had %d", len(first.lists), known)
	}
	if len(second.lists) != 3 || second.lists[0] != first.lists[0] || second.lists[1] != first.lists[1] {
		t.Errorf("the next one has %d lists", len(second.lists))
	}
	if again := second.prepared(0, 1, 2); again != second {
		t.Error("nothing is missing, yet it is made anew")
	}
}

// What an allow removes is listed beforehand for the ways that are common: with
// nothing set, with all that a tenant sets, and with what needs no token.
func TestRemovalsAreListedBeforehand(t *testing.T) {
	realm := newRealm(t)
	tenant, problems := NewTenant(TenantSpec{
		Name: "acme", Hosts: []string{"h"}, Grants: []IssuerGrant{{Issuer: realm.issuers[6]}}, Policy: realm.policy, Owned: realm.owned,
		Headers: []HeaderSpec{{Name: "x-a", Source: SourceSpec{Tenant: "name"}}, {Name: "x-b", Source: SourceSpec{Claim: []string{"sub"}}}},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	snapshot, problems := NewSnapshot(SnapshotSpec{Owned: realm.owned, Tenants: []*Tenant{tenant}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, set := range []uint64{0, realm.owned.bit("x-a"), realm.owned.bit("x-a") | realm.owned.bit("x-b")} {
		if snapshot.removal.lists[set] == nil {
			t.Errorf("set %b is not listed", set)
		}
	}
	if len(snapshot.removal.lists) != 3 {
		t.Errorf("%d sets are listed", len(snapshot.removal.lists))
	}
}

// removalsOf is what an allow removes where the request holds these names.
func removalsOf(r *removal, key removeKey, seen ...string) []string {
	j := new(Decision).begin()
	j.snapshot, j.req = &Snapshot{removal: r}, &Request{}
	for _, name := range seen {
		j.req.Headers.Lines = append(j.req.Headers.Lines, Header{Name: name})
	}
	j.remove(key)
	return j.out.Remove
}
