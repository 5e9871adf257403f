package authz

import (
	"errors"
	"strconv"
	"strings"
)

// ErrConflict is every ConflictError, for errors.Is.
var ErrConflict = errors.New("it belongs to another")

// ConflictKind is what is contested, of a closed set. The zero value is none.
type ConflictKind uint8

// The kinds of conflicts. What each is about stands in the fields of
// ConflictError that it names; the others are empty. Of a place that is Host,
// Prefix and Entry.
const (
	ConflictHost       ConflictKind = iota + 1 // both tenants name Host as their own
	ConflictHostTwice                          // a tenant names Host, and reaches it by Has.Entry
	ConflictPlaces                             // the places overlap, and the wider one does not yield
	ConflictReserved                           // Has.Entry keeps Asks.Host for the tenant of that name
	ConflictEntryHosts                         // both entries name Host, which begins with the tenant's name
	ConflictEntryID                            // ID of Asks.Issuer finds another tenant at Asks.Entry
	ConflictIssuer                             // both admit all tokens of Issuer
	ConflictID                                 // both have ID in the tenant claim of Issuer
	ConflictAudience                           // both have Audience of Issuer
	ConflictHeldID                             // a held tenant has ID, and Asks.Issuer admits its tokens
	ConflictHeldClaim                          // Asks.Issuer has another tenant claim than Has.Issuer, of a held tenant
	ConflictTemplates                          // there are more than MaxIssuerTemplates
)

// ConflictSide is one of the two sides of a conflict.
type ConflictSide struct {
	Tenant string // "": an entry as such, or not known
	Entry  string // by which the tenant has the place; "": it is the tenant's own
	Host   string // as in a tenant's hosts, or in an entry's
	Prefix string // of the path; "": all paths
	Issuer string // its name, as this side has it
}

// ConflictError is what keeps a tenant, or an entry, out of a snapshot: something
// that it asks for is another's. It is the Cause of a Problem, and compares with
// ==: equal ones are about the same of the same.
type ConflictError struct {
	Kind      ConflictKind
	Asks, Has ConflictSide
	Issuer    string // identifier, or template, of what Asks admits
	ID        string // in the tenant claim
	Audience  string
	Held      bool // Has has no good version
}

// Is makes every conflict ErrConflict.
func (ConflictError) Is(target error) bool { return target == ErrConflict }

// Error says what it is, without where and how to mend it.
func (c ConflictError) Error() string {
	asks, has := strconv.Quote(c.Asks.Tenant), strconv.Quote(c.Has.Tenant)
	switch c.Kind {
	case ConflictHost:
		return "tenants " + has + " and " + asks + " both name host " + strconv.Quote(c.Asks.Host)
	case ConflictHostTwice:
		return "tenant " + asks + " names host " + strconv.Quote(c.Asks.Host) + " itself and reaches it by entry " + strconv.Quote(c.Has.Entry)
	case ConflictPlaces:
		return "host " + c.Asks.place() + " overlaps host " + c.Has.place()
	case ConflictReserved:
		return "host " + c.Asks.place() + " belongs to entry " + strconv.Quote(c.Has.Entry) + ", whose hosts " + strconv.Quote(c.Has.Host) +
			" are kept for the tenants of these names"
	case ConflictEntryHosts:
		return "entries " + strconv.Quote(c.Has.Entry) + " and " + strconv.Quote(c.Asks.Entry) + " both name host " + strconv.Quote(c.Asks.Host)
	case ConflictTemplates:
		return "there are more than " + strconv.Itoa(MaxIssuerTemplates) + " different issuer templates"
	default:
		return c.ofTokens(asks, has)
	}
}

// ofTokens is Error for what tenants contest by their issuers.
func (c ConflictError) ofTokens(asks, has string) string {
	both := "tenants " + has + " and " + asks
	issuer := " issuer " + strconv.Quote(c.Issuer)
	if c.Held {
		issuer += ", and " + has + " has no good version"
	}
	switch c.Kind {
	case ConflictIssuer:
		return both + " both admit" + issuer
	case ConflictID:
		return both + " have the id " + strconv.Quote(c.ID) + " in the tenant claim of" + issuer
	case ConflictAudience:
		return both + " share the audience " + strconv.Quote(c.Audience) + " of" + issuer
	case ConflictEntryID:
		return "id " + strconv.Quote(c.ID) + " of issuer " + strconv.Quote(c.Asks.Issuer) + " belongs to another tenant"
	case ConflictHeldID:
		return "tenant " + asks + " has the id " + strconv.Quote(c.ID) + " of tenant " + has + ", which has no good version"
	case ConflictHeldClaim:
		return "tenant " + asks + " tells tokens of issuer " + strconv.Quote(c.Has.Issuer) + " apart by another claim than tenant " + has +
			", which has no good version"
	default:
		return ErrConflict.Error()
	}
}

// place names the place of a side for a person.
func (s *ConflictSide) place() string {
	text := strconv.Quote(s.Host)
	if s.Prefix != "" {
		text += " with prefix " + strconv.Quote(s.Prefix)
	}
	if s.Tenant != "" {
		text += " of tenant " + strconv.Quote(s.Tenant)
	}
	if s.Entry != "" {
		text += " of entry " + strconv.Quote(s.Entry)
	}
	return text
}

// side returns the place as one side of a conflict.
func (p *place) side() ConflictSide {
	side := ConflictSide{Tenant: p.owner(), Host: p.host}
	if len(p.prefix.segments) > 0 {
		side.Prefix = "/" + strings.Join(p.prefix.segments, "/")
	}
	if p.entry != nil {
		side.Entry = p.entry.name
	}
	return side
}

// conflict adds a conflict as a problem.
func (p *problems) conflict(path string, c ConflictError, mend string) {
	p.list = append(p.list, c.problem(path, mend))
}

func (c ConflictError) problem(path, mend string) Problem {
	return Problem{Path: path, Message: c.Error(), Mend: mend, Cause: c}
}
