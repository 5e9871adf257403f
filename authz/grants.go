package authz

import (
	"slices"
	"strconv"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// MaxTenantIssuers is the greatest number of issuers that one tenant or entry
// admits.
const MaxTenantIssuers = 64

const maxTenantIDBytes = 256

// grant is a compiled IssuerGrant.
type grant struct {
	issuer    *Issuer
	until     time.Time
	audiences []string // sorted; nil: all of the issuer's
	shared    bool
	id        string // the value of the issuer's tenant claim, "" without one
}

// check judges a verified token by what the tenant demands beyond its issuer,
// fresh and cached tokens alike.
func (g *grant) check(claims *token.Value, now time.Time) (Reason, bool) {
	if !g.until.IsZero() && !now.Before(g.until) {
		return IssuerRetired, false
	}
	if g.audiences != nil {
		if reason, ok := g.checkAudiences(g.issuer.issuer.Audience(claims)); !ok {
			return reason, false
		}
	}
	if !g.mine(claims) {
		return TenantMismatch, false
	}
	return 0, true
}

// mine reports whether the token is for this tenant, as far as its claim tells.
func (g *grant) mine(claims *token.Value) bool {
	if g.issuer.tenantClaim == nil {
		return true
	}
	id := g.issuer.tenantOf(claims)
	return id != "" && id == g.id // no id and no claim are no match
}

// checkAudiences wants the token to name an audience of this part of the
// issuer's, and none of another part: such a token would be good for two
// tenants. Audiences that are not the issuer's concern nobody here.
func (g *grant) checkAudiences(aud *token.Value) (Reason, bool) {
	own, foreign := false, false
	look := func(audience string) {
		_, mine := slices.BinarySearch(g.audiences, audience)
		own = own || mine
		foreign = foreign || !mine && g.issuer.issuer.HasAudience(audience)
	}
	look(aud.Str())
	for i := range aud.Len() {
		look(aud.At(i).Str())
	}
	switch {
	case !own:
		return AudienceRefused, false
	case foreign:
		return AudienceAmbiguous, false
	}
	return 0, true
}

// tenantOf returns the value of the issuer's tenant claim: one non-empty
// string, or "".
func (i *Issuer) tenantOf(claims *token.Value) string {
	return claims.Lookup(i.tenantClaim).Str()
}

// compileGrants checks and compiles the issuers of a tenant and builds its
// verifier. Without any problem there is one.
func compileGrants(spec *TenantSpec, found *problems) ([]grant, *token.Verifier) {
	before := len(found.list)
	wanted := grantsOf(spec, found)
	grants := make([]grant, 0, len(wanted))
	issuers := make([]*token.Issuer, 0, len(wanted))
	urls := make(map[string]bool, len(wanted))
	for i := range wanted {
		place := at("issuers", i)
		if wanted[i].Issuer == nil || wanted[i].Issuer.issuer == nil {
			found.add(place, "the issuer is missing", "define it")
			continue
		}
		g := compileGrant(spec, &wanted[i], place, found)
		if url := g.issuer.issuer.URL(); urls[url] {
			found.add(place, "issuer "+strconv.Quote(url)+" is listed twice", "remove one")
		} else {
			urls[url] = true
		}
		grants, issuers = append(grants, g), append(issuers, g.issuer.issuer)
	}
	checkIDs(spec, grants, found)
	if len(found.list) > before {
		return nil, nil
	}
	verifier, err := token.NewVerifier(issuers, spec.Cache)
	if err != nil {
		found.add("issuers", err.Error(), "a token of one could be taken for one of the other: remove one")
		return nil, nil
	}
	// The settings may be those of other tenants: each has a share of its own.
	name := spec.Name
	verifier = verifier.ChargeTo(spec.Scheduler, token.Payer{Tenant: spec.Name})
	return grants, verifier.CountFor(func(issuer *token.Issuer, claims *token.Value) string {
		for i := range grants {
			if g := &grants[i]; g.issuer.issuer == issuer && g.mine(claims) {
				return name
			}
		}
		return ""
	})
}

// grantsOf returns the grants, also where they were written as issuers alone.
func grantsOf(spec *TenantSpec, found *problems) []IssuerGrant {
	count := len(spec.Issuers) + len(spec.Grants)
	switch {
	case count == 0:
		found.add("issuers", "the tenant admits no issuer", "name at least one")
	case count > MaxTenantIssuers:
		found.add("issuers", "the tenant admits more than "+strconv.Itoa(MaxTenantIssuers)+" issuers", "remove some")
		return nil
	case len(spec.Issuers) == 0:
		return spec.Grants
	case len(spec.Grants) > 0:
		found.add("issuers", "both issuers and grants are given", "write each issuer as a grant")
		return nil
	}
	grants := make([]IssuerGrant, len(spec.Issuers))
	for i, issuer := range spec.Issuers {
		grants[i].Issuer = &Issuer{issuer: issuer}
	}
	return grants
}

func compileGrant(spec *TenantSpec, wanted *IssuerGrant, place string, found *problems) grant {
	g := grant{issuer: wanted.Issuer, until: wanted.Until, shared: wanted.SharedTokens}
	if wanted.Audiences != nil {
		g.audiences = slices.Clone(wanted.Audiences)
		slices.Sort(g.audiences)
	}
	if wanted.Audiences != nil && len(wanted.Audiences) == 0 {
		found.add(place+".audiences", "the list is empty, so that no token would be good", "name some of the issuer's audiences or remove the list")
	}
	for i, audience := range wanted.Audiences {
		switch {
		case !g.issuer.issuer.HasAudience(audience):
			found.add(place+"."+at("audiences", i), strconv.Quote(audience)+" is no audience of issuer "+strconv.Quote(g.issuer.Name()),
				"a tenant narrows the audiences of its issuer: name some of them")
		case slices.Contains(wanted.Audiences[:i], audience):
			found.add(place+"."+at("audiences", i), "audience "+strconv.Quote(audience)+" is listed twice", "remove one")
		}
	}
	if g.issuer.tenantClaim == nil {
		return g
	}
	g.id = spec.Name
	if id, given := spec.IDs[g.issuer.Name()]; given {
		g.id = id
	}
	return g
}

// checkIDs wants each id to belong to an issuer that carries one.
func checkIDs(spec *TenantSpec, grants []grant, found *problems) {
	for _, name := range sortedKeys(spec.IDs) {
		id := spec.IDs[name]
		index := slices.IndexFunc(grants, func(g grant) bool { return g.issuer.Name() == name })
		switch {
		case index < 0:
			found.add("ids."+name, "the tenant admits no issuer named "+strconv.Quote(name), "name it under issuers or remove the id")
		case grants[index].issuer.tenantClaim == nil:
			found.add("ids."+name, "tokens of issuer "+strconv.Quote(name)+" carry no tenant", "give the issuer a tenantClaim or remove the id")
		case id == "" || len(id) > maxTenantIDBytes:
			found.add("ids."+name, "an id is 1 to "+strconv.Itoa(maxTenantIDBytes)+" bytes", "write the value of the issuer's tenant claim")
		}
	}
}
