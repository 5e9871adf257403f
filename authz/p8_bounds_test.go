package authz

import (
	"fmt"
	"slices"
	"testing"

	"github.com/claimgate/claimgate/authz/token"
)

// Each place is looked for in every request, so their number is bounded in all,
// not for each issuer alone.
func TestP8PlacesOfTokensAreBounded(t *testing.T) {
	issuers := func(count, each int) []*Issuer {
		list := make([]*Issuer, count)
		for i := range list {
			list[i] = &Issuer{issuer: &token.Issuer{}}
			for k := range each {
				list[i].credentials = append(list[i].credentials, CredentialSpec{Param: fmt.Sprintf("token-%d-%d", i, k)})
			}
		}
		return list
	}
	for _, tt := range []struct{ count, each, problems int }{{2, 8, 0}, {17, 1, 1}, {3, 6, 1}, {64, 8, 1}, {64, 0, 0}} {
		var found problems
		newCredentials(issuers(tt.count, tt.each)...).checkPlaces("issuers", &found)
		if len(found.list) != tt.problems {
			t.Errorf("%d issuers with %d places: %v", tt.count, tt.each, found.list)
		}
	}
	headers := func(specs ...CredentialSpec) *Issuer { return &Issuer{issuer: &token.Issuer{}, credentials: specs} }
	eight := issuers(1, 8)[0]
	for extra, count := range map[*Issuer]int{
		headers(CredentialSpec{Header: "a", Prefix: "A"}, CredentialSpec{Header: "a", Prefix: "B"}): 2,
		headers(CredentialSpec{Header: "a"}, CredentialSpec{Header: "b"}):                           2,
		headers(CredentialSpec{Header: "a", Prefix: "A"}, CredentialSpec{Header: "a"}):              2,
		headers(CredentialSpec{Header: "a", Prefix: "A"}):                                           1,
		headers(CredentialSpec{Header: "a"}):                                                        1,
		headers(CredentialSpec{Cookie: "a"}):                                                        1,
	} {
		var found problems
		rest := issuers(2, maxPlaces-count)[1] // as many as there is still room for
		newCredentials(extra, rest).checkPlaces("issuers", &found)
		if len(found.list) > 0 {
			t.Errorf("%v: %v", extra.credentials, found.list)
		}
		newCredentials(extra, rest, headers(CredentialSpec{Cookie: "one"})).checkPlaces("issuers", &found)
		if len(found.list) != 1 {
			t.Errorf("%v: %v, want a problem", extra.credentials, found.list)
		}
	}
	same := []*Issuer{eight}
	var found problems
	newCredentials(slices.Repeat(same, 64)...).checkPlaces("issuers", &found)
	if len(found.list) > 0 {
		t.Errorf("places in common: %v", found.list)
	}
}

// Tenants that each set headers of their own choice make as many lists of what
// to remove. Beyond a bound these are made for each request, and are the same.
func TestP8ListsOfRemovalsAreBounded(t *testing.T) {
	names := make([]string, MaxOwnedHeaders)
	for i := range names {
		names[i] = fmt.Sprintf("x-%02d-a-b-c-d-e", i)
	}
	owned, problems := NewOwnedHeaders(names)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	r := newRemoval(owned, ProxySpec{})
	for set := range uint64(5000) {
		r.prepare(set)
	}
	if 4*len(r.lists) != maxRemovalLists {
		t.Errorf("%d lists, want %d", 4*len(r.lists), maxRemovalLists)
	}
	if more := r.prepared(1<<60, 1<<61); more != r {
		t.Errorf("%d lists are made beyond the bound", 4*len(more.lists))
	}
	for _, set := range []uint64{1, 4999} {
		key := removeKey{set: set, authorization: true, unseen: true}
		if got := removalsOf(r, key, "x-01_a-b-c-d-e"); !slices.Equal(got, append(r.build(key), "x-01_a-b-c-d-e")) {
			t.Errorf("set %d: %d names", set, len(got))
		}
	}
}
