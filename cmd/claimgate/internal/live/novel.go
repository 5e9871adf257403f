package live

import (
	"slices"
	"strconv"
	"strings"

	"github.com/claimgate/claimgate/authz"
)

// A tenant that was accepted once comes before those that came later, but only
// with what it had then. What its file asks for beyond that is as new as anybody's,
// and no reason to take what a later tenant had whose file is bad now: that one
// keeps it, though of its version nothing but that is remembered. The same goes for
// a tenant that the main file defines newly.

// yieldRemembered takes back such versions.
func (j *judging) yieldRemembered(items []*item, holding []*tenant) bool {
	taken := j.takesRemembered(items, holding)
	for _, i := range items {
		if why, yes := taken[i]; yes {
			j.giveWay(i, why)
		}
	}
	return len(taken) > 0
}

// takesRemembered finds versions of tenants without one in force that ask, beyond
// what they had, for something of a tenant whose file is bad.
func (j *judging) takesRemembered(asking []*item, holding []*tenant) map[*item]string {
	broken := slices.DeleteFunc(slices.Clone(holding), func(t *tenant) bool {
		return t.rank == 0 || t.trouble != nil && t.trouble.kind == contested // its file is good: the order decides
	})
	var items []*item
	var novel []authz.HeldSpec
	for _, i := range asking {
		if i.cand == nil || i.old.good != nil || len(broken) == 0 {
			continue
		}
		n := beyond(&i.cand.Places, &i.old.kept)
		if len(n.Hosts)+len(n.Entries)+len(n.IDs)+len(n.Issuers) > 0 || slices.ContainsFunc(i.cand.Places.Hosts, isWide) {
			items, novel = append(items, i), append(novel, n)
		}
	}
	if len(items) == 0 {
		return nil
	}
	taken := map[*item]string{}
	holders := newHolders(broken)
	for k, i := range items {
		if holder, what := holders.holder(&tenant{name: i.old.name}, novel[k]); holder != nil {
			taken[i] = what + " belongs to tenant " + holder.name + ", which is quarantined"
		}
	}
	issuers, came := holdingIssuers(broken, line{})
	conflicts := j.main.ContestHeldIssuers(j.together(items), issuers, came)
	_, others := j.main.Snapshot(0, j.together(items), acceptedPlaces(broken)) // in whatever way they had them
	for _, conflict := range append(conflicts, others...) {
		if k := conflict.Index; k >= 0 && k < len(items) && taken[items[k]] == "" &&
			(isOf(conflict.Problem, &novel[k]) || widens(conflict.Problem, &items[k].cand.Places)) {
			taken[items[k]] = conflict.Problem
		}
	}
	return taken
}

// beyond returns what is claimed but was not had.
func beyond(claims, had *authz.HeldSpec) authz.HeldSpec {
	novel := authz.HeldSpec{Name: claims.Name, IDs: map[string]string{}}
	for _, host := range claims.Hosts {
		if !slices.Contains(had.Hosts, host) {
			novel.Hosts = append(novel.Hosts, host)
		}
	}
	for _, entry := range claims.Entries {
		if !slices.Contains(had.Entries, entry) {
			novel.Entries = append(novel.Entries, entry)
		}
	}
	for issuer, id := range claims.IDs {
		if had.IDs[issuer] != id {
			novel.IDs[issuer] = id
		}
	}
	for i := range claims.Issuers {
		if !slices.ContainsFunc(had.Issuers, func(known authz.HeldIssuer) bool { return equalIssuers(&known, &claims.Issuers[i]) }) {
			novel.Issuers = append(novel.Issuers, claims.Issuers[i])
		}
	}
	return novel
}

// isOf reports whether a problem is about one of these claims: it quotes them.
func isOf(problem string, claims *authz.HeldSpec) bool {
	quotes := func(what string) bool { return strings.Contains(problem, strconv.Quote(what)) }
	if slices.ContainsFunc(claims.Hosts, quotes) || slices.ContainsFunc(claims.Issuers, func(i authz.HeldIssuer) bool { return quotes(i.URL) }) {
		return true
	}
	mine := "of tenant " + strconv.Quote(claims.Name) + " of entry "
	if slices.ContainsFunc(claims.Entries, func(entry string) bool { return strings.Contains(problem, mine+strconv.Quote(entry)) }) {
		return true
	}
	for _, id := range claims.IDs {
		if quotes(id) {
			return true
		}
	}
	return false
}

func isWide(host string) bool { return strings.HasPrefix(host, "*") }

// widens reports whether a problem is about a host of a tenant around one that it
// left to another: both were accepted, so that `yieldsTo` is what it lacks now.
func widens(problem string, claims *authz.HeldSpec) bool {
	return slices.ContainsFunc(claims.Hosts, func(host string) bool {
		return isWide(host) && strings.Contains(problem, "host "+strconv.Quote(host)+" of tenant "+strconv.Quote(claims.Name)+" overlaps host ")
	})
}
