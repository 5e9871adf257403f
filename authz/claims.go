package authz

import (
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// claimView shows the claims of a verified token to a policy.
type claimView struct{ root *token.Value }

// Claim implements policy.Claims.
func (c *claimView) Claim(path []string) (found policy.Value) {
	if len(path) == 0 {
		return found
	}
	value := c.root.Lookup(path)
	if value == nil || value.Kind() == token.Null && len(path) == 1 {
		if top := c.root.Get(path[0]); (top == nil || top.Kind() == token.Null) && c.withheld(path[0]) {
			found.Kind = policy.Withheld
			return found
		}
	}
	setValue(&found, value)
	return found
}

// mappedView shows claims by the names that the token's own issuer gives them.
type mappedView struct {
	claims *claimView
	issuer *Issuer
	asked  uint8           // mappings that were looked up, by bit
	found  [8]*token.Value // by them
}

// MappedClaim implements policy.Mapped. Below what is no object it is withheld.
func (m *mappedView) MappedClaim(name string) (found policy.Value) {
	at := m.issuer.mapping(name)
	if value := m.at(at); value != nil && value.Kind() != token.Null {
		setValue(&found, value)
		return found
	}
	if at < 0 {
		return found // this token's issuer does not know the name
	}
	return policy.Lookup(m.claims, m.issuer.mappings[at].path)
}

// at returns what a mapping of the issuer leads to, nil for nothing. The first few
// are looked up once, since policy and headers ask for the same ones.
func (m *mappedView) at(i int) *token.Value {
	switch {
	case i < 0:
		return nil
	case i >= len(m.found):
		return m.claims.root.Lookup(m.issuer.mappings[i].path)
	case m.asked>>i&1 == 0:
		m.asked |= 1 << i
		m.found[i] = m.claims.root.Lookup(m.issuer.mappings[i].path)
	}
	return m.found[i]
}

// withheld reports whether the issuer says that it left the claim out: as an
// aggregated or distributed claim (OpenID Connect Core section 5.6.2), or
// because a user is in too many groups for one token (`hasgroups` of Microsoft
// Entra ID). A statement that cannot be read is taken to name every claim.
func (c *claimView) withheld(name string) bool {
	if names := c.root.Get("_claim_names"); names != nil && names.Kind() != token.Null {
		if names.Kind() != token.Object || names.Get(name) != nil {
			return true
		}
	}
	if name != "groups" {
		return false
	}
	more := c.root.Get("hasgroups")
	return more != nil && more.Kind() != token.Null && (more.Kind() != token.Bool || more.Bool())
}

// setValue converts without copying, into what is Missing so far; nil leaves it so.
// The value is large enough that to return it through one more function shows.
func setValue(to *policy.Value, v *token.Value) {
	switch v.Kind() {
	case token.Null:
		to.Kind = policy.Null
	case token.Bool:
		to.Kind, to.Bool = policy.Bool, v.Bool()
	case token.Num:
		to.Kind, to.Num = policy.Num, policy.Number(v.Num())
	case token.String:
		to.Kind, to.String = policy.String, v.Str()
	case token.List:
		to.Kind, to.List = policy.List, (*listView)(v)
	case token.Object:
		to.Kind = policy.Object
	case token.Invalid:
	}
}

// listView is a list seen as policy.Elements.
type listView token.Value

// Len implements policy.Elements.
func (l *listView) Len() int { return (*token.Value)(l).Len() }

// At implements policy.Elements.
func (l *listView) At(i int) (element policy.Value) {
	setValue(&element, (*token.Value)(l).At(i))
	return element
}
