package live

import (
	"slices"
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
func (j *judging) takesRemembered(asking []*item, holding []*tenant) map[*item]objection {
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
	taken := map[*item]objection{}
	holders := newHolders(broken)
	for k, i := range items {
		if holder, what := holders.holder(&tenant{name: i.old.name}, novel[k]); holder != nil {
			taken[i] = heldBy(holder, what)
		}
	}
	issuers, came := holdingIssuers(broken, line{})
	conflicts := j.main.ContestHeldIssuers(j.together(items), issuers, came)
	_, others := j.main.Snapshot(0, j.together(items), acceptedPlaces(broken)) // in whatever way they had them
	for _, conflict := range append(conflicts, others...) {
		k, what := conflict.Index, &conflict.What
		if k < 0 || k >= len(items) || !isOf(what, &novel[k]) && !widens(what) {
			continue
		}
		if _, known := taken[items[k]]; !known {
			taken[items[k]] = conflict.objection()
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

// isOf reports whether a conflict is about one of these claims: a host, a place by
// an entry, or the tokens of an issuer, that are claimed by a new id too.
func isOf(c *authz.ConflictError, claims *authz.HeldSpec) bool {
	asks := &c.Asks
	switch {
	case asks.Entry != "" && slices.Contains(claims.Entries, asks.Entry), asks.Entry == "" && slices.Contains(claims.Hosts, asks.Host):
		return true
	case c.Issuer == "":
		return false
	}
	_, id := claims.IDs[asks.Issuer]
	return id || slices.ContainsFunc(claims.Issuers, func(i authz.HeldIssuer) bool { return i.URL == c.Issuer })
}

func isWide(host string) bool { return strings.HasPrefix(host, "*") }

// widens reports whether a conflict is about a host of a tenant around one that it
// left to another: both were accepted, so that `yieldsTo` is what it lacks now.
func widens(c *authz.ConflictError) bool {
	return c.Kind == authz.ConflictPlaces && c.Asks.Entry == "" && isWide(c.Asks.Host)
}
