package authz

import (
	"strconv"
	"strings"
)

// maxCredentialPlaces is the greatest number of places of one issuer.
const maxCredentialPlaces = 8

// maxPlaces is the greatest number of different places in which tokens of all
// issuers of one tenant or entry may stand. Each of them is looked for in every
// request, with or without a token.
const maxPlaces = 16

// maxCredentialName is the greatest length of a name or scheme, in bytes.
const maxCredentialName = 64

// checkCredentials checks the places of an issuer's tokens.
func (p *problems) checkCredentials(specs []CredentialSpec) {
	if len(specs) > maxCredentialPlaces {
		p.add("credentials", "more than "+strconv.Itoa(maxCredentialPlaces)+" places for one token", "remove some")
		return
	}
	for i := range specs {
		place := at("credentials", i)
		p.checkCredential(place, &specs[i])
		for j := range i {
			if specs[j].same(&specs[i]) {
				p.add(place, "the place is listed twice", "remove one")
				break
			}
		}
	}
}

func (p *problems) checkCredential(place string, spec *CredentialSpec) {
	filled := 0
	for _, name := range []string{spec.Header, spec.Cookie, spec.Param} {
		if name != "" {
			filled++
		}
	}
	switch {
	case filled != 1:
		p.add(place, "a token stands in exactly one of a header, a cookie and a query parameter", "name one of them")
		return
	case spec.Prefix != "" && spec.Header == "":
		p.add(place, "only a header has a prefix", "remove it")
	case spec.Header != "":
		p.checkCredentialHeader(place, spec)
	case !isTokenText(spec.Cookie) && spec.Cookie != "", len(spec.Cookie) > maxCredentialName:
		p.add(place, "cookie "+strconv.Quote(spec.Cookie)+" is not the name of a cookie of at most 64 bytes", "write letters, digits, `-` and `_`")
	case !isParamName(spec.Param):
		p.add(place, "query parameter "+strconv.Quote(spec.Param)+" is not 1 to 64 of a-z, A-Z, 0-9, `_`, `-`, `~`", "choose another name")
	}
}

func (p *problems) checkCredentialHeader(place string, spec *CredentialSpec) {
	name := spec.Header
	switch {
	case !isTokenText(name) || name != strings.ToLower(name) || strings.Contains(name, "_") ||
		len(name) > maxCredentialName || strings.Count(name, "-") > maxHeaderNameDashes:
		p.add(place, "header "+strconv.Quote(name)+" is not a lower-case name of at most 64 bytes and 6 dashes", "write lower-case letters, digits and dashes")
	case isProxyHeader(name) && !strings.HasPrefix(name, "x-forwarded-"):
		p.add(place, "header "+strconv.Quote(name)+" belongs to the proxy or the connection", "choose another header; cookies have a list of their own")
	case spec.Prefix != "" && !isTokenText(spec.Prefix) || len(spec.Prefix) > maxCredentialName:
		p.add(place, "prefix "+strconv.Quote(spec.Prefix)+" is not a scheme", "write the word alone, as in Bearer; spaces after it are understood")
	}
}

// checkPlaces wants few places in all.
func (c *credentials) checkPlaces(field string, found *problems) {
	count := len(c.cookies) + len(c.params)
	for i := range c.headers {
		count += len(c.headers[i].schemes)
		if c.headers[i].bare != nil {
			count++
		}
	}
	if count > maxPlaces {
		found.add(field, "tokens of these issuers may stand in "+strconv.Itoa(count)+" different places, more than "+strconv.Itoa(maxPlaces),
			"let issuers share places, or remove some")
	}
}

// checkOwnedCredentials wants no owned header to hold credentials: what an
// upstream is told there must come from us alone.
func checkOwnedCredentials(places *credentials, owned *OwnedHeaders, found *problems) {
	for _, name := range places.names {
		if owned.bit(name) != 0 {
			found.add("issuers", "header "+strconv.Quote(name)+" holds tokens of an issuer and is in ownedHeaders",
				"read the token from another header, or do not own this one")
		}
	}
}

// isParamName reports whether the name needs no escape in a query and is read
// alike everywhere.
func isParamName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && c != '_' && c != '-' && c != '~' {
			return false
		}
	}
	return len(name) <= maxCredentialName
}
