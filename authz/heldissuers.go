package authz

import (
	"fmt"
	"strings"
)

// HeldIssuer is an issuer that a tenant without a good version admitted, or that
// its file names: nobody else gets its tokens meanwhile.
type HeldIssuer struct {
	Name         string   // as configured
	URL          string   // identifier, or template
	TenantClaim  []string // nil: none
	Audiences    []string // the tenant's part of the issuer's; nil: all
	SharedTokens bool
}

// HeldIssuers are the issuers of held tenants, for tenants that come after them.
type HeldIssuers struct {
	Known []*Issuer  // whose present definition counts, by name
	Held  []HeldSpec // their Issuers and IDs
	// Came says how many of the tenants came before each of Held, in its order:
	// these keep what they have. Nil: none did.
	Came []int
}

// ContestHeldIssuers reports the issuers of tenants whose tokens are those of
// held tenants, by the rules by which tenants in force share an issuer. It asks
// nothing about the tenants among themselves. Paths are those of NewSnapshot.
// Came has to ascend.
func ContestHeldIssuers(tenants []*Tenant, h HeldIssuers) []Problem {
	c := heldContest{by: new(edit), known: make(map[string]*Issuer, len(h.Known))}
	c.tokens = newSharings(c.by, tenants)
	for _, issuer := range h.Known {
		if issuer != nil {
			c.known[issuer.Name()] = issuer
			c.tokens.addShape(issuer.issuer)
		}
	}
	var found problems
	next := 0
	for i, t := range tenants {
		for ; next < len(h.Held) && (h.Came == nil || h.Came[next] <= i); next++ {
			c.hold(&h.Held[next])
		}
		c.check(at("tenants", i), t, &found)
	}
	return found.list
}

type heldContest struct {
	by     *edit
	known  map[string]*Issuer
	tokens sharings
}

// hold takes the issuers of one tenant for held. Where the definition of that
// name says something else by now, what was accepted stays held beside it.
func (c *heldContest) hold(spec *HeldSpec) {
	for i := range spec.Issuers {
		h := &spec.Issuers[i]
		g := &grant{audiences: h.Audiences, shared: h.SharedTokens, id: spec.Name}
		if id, given := spec.IDs[h.Name]; given {
			g.id = id
		}
		known := c.known[h.Name]
		if known != nil {
			g.issuer = known
			c.tokens.count(c.by, known.issuer, &member{tenant: spec.Name, grant: g, class: classOf(g)}, 1)
		}
		if strings.ContainsRune(h.URL, '{') || known != nil && known.issuer.URL() == h.URL {
			continue
		}
		m := member{tenant: spec.Name, grant: g}
		if h.TenantClaim != nil {
			m.class.claim = fmt.Sprintf("%q", h.TenantClaim)
		}
		c.tokens.countOf(c.by, h.URL, &m, 1)
	}
}

func (c *heldContest) check(base string, t *Tenant, found *problems) {
	for i := range t.grants {
		g := &t.grants[i]
		m := member{tenant: t.name, grant: g, class: classOf(g)}
		if conflict := c.tokens.meets(g.issuer.issuer, &m); conflict != nil {
			conflict.Held = true
			found.conflict(base+"."+at("issuers", i), *conflict, "mend that tenant, or give this one an issuer, a tenantClaim or a part of the audiences of its own")
		}
	}
}
