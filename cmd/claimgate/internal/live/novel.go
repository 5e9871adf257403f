package live

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/authz"
)

// What a tenant had when it was accepted, and asks for still, is its own: over a
// restart too, though of its version nothing but that is remembered, and whether its
// file is good or bad now. What another file asks for beyond what its own tenant had
// is as new as anybody's, and no reason to take it; the same goes for a tenant that
// the main file defines newly. A bad file keeps what its tenant had, and nothing of
// what it merely claims, from those that were accepted too. Of what nobody had, the
// tenant that was accepted first gets it.

// yieldRemembered takes back versions that ask for what a tenant without one had.
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
// what they had, for something that a quarantined tenant had.
func (j *judging) takesRemembered(asking []*item, holding []*tenant) map[*item]objection {
	owners := j.owners(holding)
	var items []*item
	for _, i := range asking {
		if i.cand != nil && i.old.good == nil && len(owners) > 0 && i.asksMore() {
			items = append(items, i)
		}
	}
	if len(items) == 0 {
		return nil
	}
	taken := map[*item]objection{}
	holders := newHolders(owners)
	for _, i := range items {
		if holder, what := holders.holder(&tenant{name: i.old.name}, *i.novel()); holder != nil {
			taken[i] = heldBy(holder, what)
		}
	}
	issuers, came := holdingIssuers(owners, line{})
	conflicts := j.main.ContestHeldIssuers(j.together(items), issuers, came)
	_, others := j.main.Snapshot(0, j.together(items), acceptedPlaces(owners)) // in whatever way they had them
	for _, conflict := range append(conflicts, others...) {
		if conflict.Index < 0 || conflict.Index >= len(items) {
			continue
		}
		i, what, novel := items[conflict.Index], &conflict.What, items[conflict.Index].novel()
		if _, known := taken[i]; !known && (isOf(what, novel) || widens(what)) {
			taken[i] = conflict.objection()
		}
	}
	return taken
}

// owners returns quarantined tenants with what they had. One whose file is good, and
// that gave way for something else, has no more than what that file asks for still.
func (j *judging) owners(holding []*tenant) []*tenant {
	var owners []*tenant
	for _, t := range holding {
		if t.rank == 0 {
			continue
		}
		owner := *t
		owner.places = t.kept
		if t.trouble != nil && t.trouble.kind == contested {
			compiled := j.compiledOf(t.name)
			if compiled == nil {
				continue // the order decides
			}
			if owner.places = common(&t.kept, &compiled.Places); len(owner.places.Hosts)+len(owner.places.Entries)+len(owner.places.IDs) == 0 {
				continue // it would pass for one of which nothing is known
			}
			owner.kept = owner.places
		}
		owners = append(owners, &owner)
	}
	return owners
}

// compiledOf returns what the tenant's file says, or nil where that was not compiled.
func (j *judging) compiledOf(name string) *Tenant {
	at, ok := slices.BinarySearchFunc(j.items, name, func(i *item, name string) int { return cmp.Compare(i.old.name, name) })
	if !ok {
		return nil
	}
	return j.items[at].compiled
}

// novel returns what the new version asks for and its tenant did not have.
func (i *item) novel() *authz.HeldSpec {
	if i.news == nil || i.newsOf != i.cand {
		news := beyond(&i.cand.Places, &i.old.kept)
		i.news, i.newsOf = &news, i.cand
	}
	return i.news
}

// asksMore reports whether a new version may be in the way of what others had: by
// something new, or by a wide host that leaves less to them than before.
func (i *item) asksMore() bool {
	n := i.novel()
	return len(n.Hosts)+len(n.Entries)+len(n.IDs)+len(n.Issuers) > 0 || slices.ContainsFunc(i.cand.Places.Hosts, isWide)
}

// takers finds versions that came first by the order of acceptance, and are in the
// way of what another tenant had and asks for still. They are judged again as those
// that came last.
func (j *judging) takers(l line, conflicts []Conflict, held []authz.HeldSpec) map[*item]objection {
	all := l.all()
	waiting := map[string]*item{}
	for _, i := range all {
		if i.cand != nil && i.old.good == nil {
			waiting[i.old.name] = i
		}
	}
	last := map[*item]bool{}
	for _, conflict := range conflicts {
		if conflict.Index < 0 || conflict.Index >= len(all) {
			continue
		}
		owner, taker := all[conflict.Index], waiting[conflict.What.Has.Tenant]
		if taker != nil && taker != owner && owner.cand != nil && owner.old.good == nil && owner.old.rank != 0 && takes(taker, owner, &conflict.What) {
			last[taker] = true
		}
	}
	if len(last) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b *item) int { return order(last[a], last[b]) })
	_, conflicts = j.main.Snapshot(0, j.together(all), held)
	found := map[*item]objection{}
	for _, conflict := range conflicts {
		if conflict.Index >= 0 && conflict.Index < len(all) && last[all[conflict.Index]] {
			found[all[conflict.Index]] = conflict.objection()
		}
	}
	return found
}

// order sorts those that come first before those that come later.
func order(aLater, bLater bool) int {
	switch {
	case aLater == bLater:
		return 0
	case aLater:
		return 1
	}
	return -1
}

// takes reports whether a conflict, which names the taker as who has it, is about
// something that the owner had and the taker did not.
func takes(taker, owner *item, c *authz.ConflictError) bool {
	had, novel := owner.novel(), taker.novel()
	switch {
	case isOf(c, had):
		return false // it is new to both
	case c.Issuer != "":
		return len(novel.Issuers)+len(novel.IDs) > 0 || slices.Contains(novel.Entries, c.Has.Entry)
	case isPlaceOf(&c.Has, novel):
		return true
	}
	return c.Kind == authz.ConflictPlaces && c.Has.Entry == "" && isWide(c.Has.Host) && c.Asks.Host != "*" && (c.Has.Host == "*" || !isWide(c.Asks.Host))
}

// beyond returns what is claimed but was not had.
func beyond(claims, had *authz.HeldSpec) authz.HeldSpec {
	novel := authz.HeldSpec{Name: claims.Name}
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
			if novel.IDs == nil {
				novel.IDs = map[string]string{}
			}
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
	if isPlaceOf(&c.Asks, claims) {
		return true
	}
	if c.Issuer == "" {
		return false
	}
	_, id := claims.IDs[c.Asks.Issuer]
	return id || slices.ContainsFunc(claims.Issuers, func(i authz.HeldIssuer) bool { return i.URL == c.Issuer })
}

func isPlaceOf(side *authz.ConflictSide, claims *authz.HeldSpec) bool {
	if side.Entry != "" {
		return slices.Contains(claims.Entries, side.Entry)
	}
	return slices.Contains(claims.Hosts, side.Host)
}

// common returns what was had and is asked for still.
func common(had, asked *authz.HeldSpec) authz.HeldSpec {
	still := authz.HeldSpec{Name: had.Name}
	keep := func(list, others []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(one string) bool { return !slices.Contains(others, one) })
	}
	still.Hosts, still.Entries = keep(had.Hosts, asked.Hosts), keep(had.Entries, asked.Entries)
	still.IDs = maps.Clone(had.IDs)
	maps.DeleteFunc(still.IDs, func(issuer, id string) bool { return asked.IDs[issuer] != id })
	for i := range had.Issuers {
		if slices.ContainsFunc(asked.Issuers, func(a authz.HeldIssuer) bool { return a.URL == had.Issuers[i].URL }) {
			still.Issuers = append(still.Issuers, had.Issuers[i])
		}
	}
	return still
}

func isWide(host string) bool { return strings.HasPrefix(host, "*") }

// widens reports whether a conflict is about a host of a tenant around one that it
// left to another: both were accepted, so that `yieldsTo` is what it lacks now.
func widens(c *authz.ConflictError) bool {
	return c.Kind == authz.ConflictPlaces && c.Asks.Entry == "" && isWide(c.Asks.Host)
}
