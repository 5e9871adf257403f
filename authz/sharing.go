package authz

import (
	"strconv"

	"github.com/claimgate/claimgate/authz/token"
)

// MaxIssuerTemplates is the greatest number of different issuer templates of
// one snapshot: they are compared with each other and with every issuer.
const MaxIssuerTemplates = 256

// member is one issuer of one tenant.
type member struct {
	tenant string
	grant  *grant
	class  class
}

// class is how a tenant keeps tokens apart from those of others: by a claim, or
// by a part of the audiences of one definition, or not at all. Only tenants of
// one class can share an issuer without saying that they share tokens.
type class struct {
	claim      string   // the path, quoted
	definition [32]byte // of the issuer whose audiences are narrowed
	narrowed   bool
}

func classOf(g *grant) class {
	switch {
	case g.issuer.tenantClaim != nil:
		return class{claim: g.issuer.claimText}
	case g.audiences != nil:
		return class{definition: g.issuer.issuer.Fingerprint(), narrowed: true}
	}
	return class{}
}

// apart reports whether two tenants of the class can be told apart.
func (c class) apart() bool { return c.claim != "" || c.narrowed }

// group holds the members whose tokens may have one `iss`. What it keeps of them
// is enough to judge a newcomer without looking at each: who is strict, that is
// shares no tokens, is of one class with everybody.
type group struct {
	strict    []member // the first of each class
	sharing   []member
	ids       map[[2]string]string   // tenant by claim and id
	audiences map[audienceKey]member // the first
}

// contested returns why the newcomer cannot share the tokens with the members,
// and with whom.
func (g *group) contested(m *member) (other, why string) {
	if m.class.claim != "" {
		if owner := g.ids[[2]string{m.class.claim, m.grant.id}]; owner != "" {
			return owner, "have the id " + strconv.Quote(m.grant.id) + " in the tenant claim of"
		}
	}
	const share = "both admit"
	for _, known := range g.strict {
		if known.class != m.class || !m.class.apart() {
			return known.tenant, share
		}
	}
	if !m.grant.shared {
		for _, known := range g.sharing {
			if known.class != m.class || !m.class.apart() {
				return known.tenant, share
			}
		}
	}
	if m.class.narrowed {
		for _, audience := range m.grant.audiences {
			known, taken := g.audiences[audienceKey{m.class.definition, audience}]
			if taken && (!known.grant.shared || !m.grant.shared) {
				return known.tenant, "share the audience " + strconv.Quote(audience) + " of"
			}
		}
	}
	return "", ""
}

// audienceKey names an audience of one definition.
type audienceKey struct {
	definition [32]byte
	audience   string
}

// add makes the newcomer a member.
func (g *group) add(m *member) {
	if g.ids == nil {
		g.ids, g.audiences = map[[2]string]string{}, map[audienceKey]member{}
	}
	if m.class.claim != "" {
		g.ids[[2]string{m.class.claim, m.grant.id}] = m.tenant
	}
	for _, audience := range m.grant.audiences {
		key := audienceKey{m.class.definition, audience}
		if _, taken := g.audiences[key]; m.class.narrowed && !taken {
			g.audiences[key] = *m
		}
	}
	list := &g.strict
	if m.grant.shared {
		list = &g.sharing
	}
	// Two of different classes already refuse everybody whom they can refuse.
	if len(*list) < 2 && (len(*list) == 0 || (*list)[0].class != m.class) {
		*list = append(*list, *m)
	}
}

// shape is one issuer template.
type shape struct {
	issuer *token.Issuer
	own    group // members with this very template
	exact  group // members with an identifier that it matches
	others []*shape
}

// sharings finds tenants that tokens of one `iss` would be good for.
type sharings struct {
	exact  map[string]*group // by identifier
	shapes map[string]*shape // by template
	order  []*shape
}

func newSharings(tenants []*Tenant) *sharings {
	s := &sharings{exact: make(map[string]*group, len(tenants)), shapes: map[string]*shape{}}
	for _, t := range tenants {
		if t == nil {
			continue
		}
		for i := range t.grants {
			s.addShape(t.grants[i].issuer.issuer)
		}
	}
	return s
}

func (s *sharings) addShape(issuer *token.Issuer) {
	if !issuer.IsTemplate() || s.shapes[issuer.URL()] != nil || len(s.order) == MaxIssuerTemplates {
		return
	}
	added := &shape{issuer: issuer}
	for _, known := range s.order {
		if known.issuer.Overlaps(issuer) {
			known.others, added.others = append(known.others, added), append(added.others, known)
		}
	}
	s.shapes[issuer.URL()] = added
	s.order = append(s.order, added)
}

// groups returns the groups whose members the issuer may have to share tokens
// with, and those that it joins. A template beyond the limit has none.
func (s *sharings) groups(issuer *token.Issuer) (meets, joins []*group) {
	if !issuer.IsTemplate() {
		return s.groupsOf(issuer.URL())
	}
	own := s.shapes[issuer.URL()]
	if own == nil {
		return nil, nil
	}
	meets = append(meets, &own.own, &own.exact)
	for _, other := range own.others {
		meets = append(meets, &other.own)
	}
	return meets, []*group{&own.own}
}

// groupsOf is groups for an exact identifier.
func (s *sharings) groupsOf(url string) (meets, joins []*group) {
	own := s.exact[url]
	if own == nil {
		own = &group{}
		s.exact[url] = own
	}
	meets, joins = append(meets, own), append(joins, own)
	for _, known := range s.order {
		if known.issuer.Matches(url) {
			meets, joins = append(meets, &known.own), append(joins, &known.exact)
		}
	}
	return meets, joins
}

// check reports what keeps the tenant from admitting its issuers.
func (s *sharings) check(base string, t *Tenant, found *problems) {
	for i := range t.grants {
		g := &t.grants[i]
		place := base + "." + at("issuers", i)
		url := strconv.Quote(g.issuer.issuer.URL())
		meets, _ := s.groups(g.issuer.issuer)
		if meets == nil {
			found.add(place, "there are more than "+strconv.Itoa(MaxIssuerTemplates)+" different issuer templates", "name the issuer exactly")
			continue
		}
		m := member{tenant: t.name, grant: g, class: classOf(g)}
		for _, known := range meets {
			if other, why := known.contested(&m); other != "" {
				found.add(place, "tenants "+strconv.Quote(other)+" and "+strconv.Quote(t.name)+" "+why+" issuer "+url,
					"a token of it would be good for both: give each tenant an issuer of its own, or tell them apart by its tenantClaim or by a part of its audiences each")
				break
			}
		}
	}
}

// add makes the tenant a member of all groups that it belongs to.
func (s *sharings) add(t *Tenant) {
	for i := range t.grants {
		g := &t.grants[i]
		m := member{tenant: t.name, grant: g, class: classOf(g)}
		_, joins := s.groups(g.issuer.issuer)
		join(joins, &m)
	}
}
