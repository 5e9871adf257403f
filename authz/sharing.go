package authz

import (
	"slices"

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
	classes   []members
	ids       *table[[2]string, string]    // tenant by claim and id; nil: none
	audiences *table[audienceKey, sharers] // nil: none
	owner     *edit
}

// members are those of one class. The names are those of the first of each kind;
// who told them may be gone by now.
type members struct {
	class           class
	strict, sharing int
	firstStrict     string
	firstSharing    string
}

// sharers are who has one audience of one definition.
type sharers struct {
	strict, sharing int
	first           string
}

// audienceKey names an audience of one definition.
type audienceKey struct {
	definition [32]byte
	audience   string
}

// contested returns why the newcomer cannot share the tokens with the members,
// or nil.
func (g *group) contested(m *member) *ConflictError {
	if g == nil {
		return nil
	}
	if m.class.claim != "" && g.ids != nil {
		if owner, taken := g.ids.get([2]string{m.class.claim, m.grant.id}); taken {
			return m.conflict(ConflictID, owner)
		}
	}
	apart := func(known *members) bool { return known.class == m.class && m.class.apart() }
	for i := range g.classes {
		if known := &g.classes[i]; known.strict > 0 && !apart(known) {
			return m.conflict(ConflictIssuer, known.firstStrict)
		}
	}
	for i := range g.classes {
		if known := &g.classes[i]; !m.grant.shared && known.sharing > 0 && !apart(known) {
			return m.conflict(ConflictIssuer, known.firstSharing)
		}
	}
	if m.class.narrowed && g.audiences != nil {
		for _, audience := range m.grant.audiences {
			known, _ := g.audiences.get(audienceKey{m.class.definition, audience})
			if known.strict > 0 || known.sharing > 0 && !m.grant.shared {
				c := m.conflict(ConflictAudience, known.first)
				c.Audience = audience
				return c
			}
		}
	}
	return nil
}

// conflict is one of the newcomer about its issuer.
func (m *member) conflict(kind ConflictKind, owner string) *ConflictError {
	issuer := m.grant.issuer
	c := ConflictError{Kind: kind, Asks: ConflictSide{Tenant: m.tenant, Issuer: issuer.Name()}, Has: ConflictSide{Tenant: owner}, Issuer: issuer.issuer.URL()}
	if kind == ConflictID {
		c.ID = m.grant.id
	}
	return &c
}

// own returns the group for changing it.
func (g *group) own(by *edit) *group {
	switch {
	case g == nil:
		return &group{owner: by}
	case g.owner == by:
		return g
	}
	mine := &group{classes: slices.Clone(g.classes), owner: by}
	if g.ids != nil {
		ids := *g.ids
		mine.ids = &ids
	}
	if g.audiences != nil {
		audiences := *g.audiences
		mine.audiences = &audiences
	}
	return mine
}

// count makes the newcomer a member, or with -1 no member any more. The group
// must be by's own.
func (g *group) count(by *edit, m *member, n int) {
	g.countClass(m, n)
	switch key := [2]string{m.class.claim, m.grant.id}; {
	case m.class.claim == "":
	case n < 0:
		g.ids.remove(by, key)
	default:
		if g.ids == nil {
			g.ids = &table[[2]string, string]{}
		}
		g.ids.set(by, key, m.tenant)
	}
	if !m.class.narrowed {
		return
	}
	if g.audiences == nil {
		g.audiences = &table[audienceKey, sharers]{}
	}
	for _, audience := range m.grant.audiences {
		key := audienceKey{m.class.definition, audience}
		known, taken := g.audiences.get(key)
		if !taken {
			known.first = m.tenant
		}
		if known.add(m, n); known.strict+known.sharing == 0 {
			g.audiences.remove(by, key)
			continue
		}
		g.audiences.set(by, key, known)
	}
}

func (s *sharers) add(m *member, n int) {
	if m.grant.shared {
		s.sharing += n
		return
	}
	s.strict += n
}

func (g *group) countClass(m *member, n int) {
	i := slices.IndexFunc(g.classes, func(known members) bool { return known.class == m.class })
	if i < 0 {
		i = len(g.classes)
		g.classes = append(g.classes, members{class: m.class})
	}
	switch known := &g.classes[i]; {
	case m.grant.shared:
		if known.sharing == 0 {
			known.firstSharing = m.tenant
		}
		known.sharing += n
	default:
		if known.strict == 0 {
			known.firstStrict = m.tenant
		}
		known.strict += n
	}
	if g.classes[i].strict+g.classes[i].sharing == 0 {
		g.classes = slices.Delete(g.classes, i, i+1)
	}
}

// empty reports whether nobody is left.
func (g *group) empty() bool { return len(g.classes) == 0 }

// shape is one issuer template.
type shape struct {
	issuer *token.Issuer
	own    *group // members with this very template
	exact  *group // members with an identifier that it matches
	others []int  // whose templates overlap with it
}

// sharings finds tenants that tokens of one `iss` would be good for. A copy of
// the struct that has shapes of its own is another one.
type sharings struct {
	exact  table[string, *group] // by identifier
	shapes []shape
	index  map[string]int // of shapes, by template
}

func newSharings(by *edit, tenants []*Tenant) sharings {
	s := sharings{index: map[string]int{}}
	s.exact.reserve(by, len(tenants))
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

// clone returns sharings that may be changed, but for their shapes' issuers.
func (s *sharings) clone() sharings {
	return sharings{exact: s.exact, shapes: slices.Clone(s.shapes), index: s.index}
}

// knows reports whether the issuer is no template, or one of the shapes.
func (s *sharings) knows(issuer *token.Issuer) bool {
	_, known := s.index[issuer.URL()]
	return known || !issuer.IsTemplate()
}

func (s *sharings) addShape(issuer *token.Issuer) {
	if s.knows(issuer) || len(s.shapes) == MaxIssuerTemplates {
		return
	}
	added := shape{issuer: issuer}
	for i := range s.shapes {
		if s.shapes[i].issuer.Overlaps(issuer) {
			s.shapes[i].others, added.others = append(s.shapes[i].others, len(s.shapes)), append(added.others, i)
		}
	}
	s.index[issuer.URL()] = len(s.shapes)
	s.shapes = append(s.shapes, added)
}

// meets returns the first contest of a newcomer with the groups whose members
// its issuer may have to share tokens with.
func (s *sharings) meets(issuer *token.Issuer, m *member) *ConflictError {
	if !issuer.IsTemplate() {
		return s.meetsOf(issuer.URL(), m)
	}
	own, known := s.index[issuer.URL()]
	if !known {
		return nil
	}
	if c := s.shapes[own].own.contested(m); c != nil {
		return c
	}
	if c := s.shapes[own].exact.contested(m); c != nil {
		return c
	}
	for _, i := range s.shapes[own].others {
		if c := s.shapes[i].own.contested(m); c != nil {
			return c
		}
	}
	return nil
}

// meetsOf is meets for an exact identifier.
func (s *sharings) meetsOf(url string, m *member) *ConflictError {
	own, _ := s.exact.get(url)
	if c := own.contested(m); c != nil {
		return c
	}
	for i := range s.shapes {
		if !s.shapes[i].issuer.Matches(url) {
			continue
		}
		if c := s.shapes[i].own.contested(m); c != nil {
			return c
		}
	}
	return nil
}

// count makes the newcomer a member of all groups that its issuer belongs to, or
// with -1 no member any more. A template beyond the limit belongs to none.
func (s *sharings) count(by *edit, issuer *token.Issuer, m *member, n int) {
	if !issuer.IsTemplate() {
		s.countOf(by, issuer.URL(), m, n)
		return
	}
	if i, known := s.index[issuer.URL()]; known {
		s.shapes[i].own = s.shapes[i].own.own(by)
		s.shapes[i].own.count(by, m, n)
	}
}

// countOf is count for an exact identifier.
func (s *sharings) countOf(by *edit, url string, m *member, n int) {
	known, _ := s.exact.get(url)
	own := known.own(by)
	own.count(by, m, n)
	switch {
	case own.empty():
		s.exact.remove(by, url)
	case own != known:
		s.exact.set(by, url, own)
	}
	for i := range s.shapes {
		if s.shapes[i].issuer.Matches(url) {
			s.shapes[i].exact = s.shapes[i].exact.own(by)
			s.shapes[i].exact.count(by, m, n)
		}
	}
}

// check reports what keeps the tenant from admitting its issuers.
func (s *sharings) check(t *Tenant, found *problems) {
	for i := range t.grants {
		g := &t.grants[i]
		issuer := g.issuer.issuer
		if !s.knows(issuer) {
			asks := ConflictSide{Tenant: t.name, Issuer: g.issuer.Name()}
			found.conflict(at("issuers", i), ConflictError{Kind: ConflictTemplates, Asks: asks, Issuer: issuer.URL()}, "name the issuer exactly")
			continue
		}
		m := member{tenant: t.name, grant: g, class: classOf(g)}
		if c := s.meets(issuer, &m); c != nil {
			found.conflict(at("issuers", i), *c, "a token of it would be good for both: give each tenant an issuer of its own, or tell them apart by its tenantClaim or by a part of its audiences each")
		}
	}
}

// add makes the tenant a member of all groups that it belongs to.
func (s *sharings) add(by *edit, t *Tenant) { s.addAll(by, t, 1) }

// remove makes a member none.
func (s *sharings) remove(by *edit, t *Tenant) { s.addAll(by, t, -1) }

func (s *sharings) addAll(by *edit, t *Tenant, n int) {
	for i := range t.grants {
		g := &t.grants[i]
		s.count(by, g.issuer.issuer, &member{tenant: t.name, grant: g, class: classOf(g)}, n)
	}
}
