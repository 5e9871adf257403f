package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/claimgate/claimgate/authz"
)

// credentials are the places of an issuer's tokens, in a fixed order; nil where
// none is written.
func credentials(doc *issuerDoc) []authz.CredentialSpec {
	count := len(doc.FromHeaders) + len(doc.FromCookies) + len(doc.FromParams)
	if count == 0 {
		return nil
	}
	specs := make([]authz.CredentialSpec, 0, count)
	for _, header := range doc.FromHeaders {
		specs = append(specs, authz.CredentialSpec{Header: strings.ToLower(header.Name), Prefix: header.Prefix})
	}
	for _, name := range doc.FromCookies {
		specs = append(specs, authz.CredentialSpec{Cookie: name})
	}
	for _, name := range doc.FromParams {
		specs = append(specs, authz.CredentialSpec{Param: name})
	}
	return specs
}

var (
	headerToken = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")
	schemeForm  = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	paramForm   = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)
)

// maxCredentials bounds the places of an issuer's tokens.
const maxCredentials = 8

func (b *report) checkCredentials(at place, doc *issuerDoc) {
	seen := map[string]bool{}
	for i, header := range doc.FromHeaders {
		at, name := at.item("fromHeaders", i), strings.ToLower(header.Name)
		switch {
		case name == "":
		case !headerToken.MatchString(name):
			b.problem(at.at("name"), "this is no header name", "")
		case name == "cookie":
			b.problem(at.at("name"), "a cookie has a name of its own", "write fromCookies")
		case name == "host" || name == "connection" || strings.HasPrefix(name, "x-envoy-") || strings.HasPrefix(name, "x-forwarded-"):
			b.problem(at.at("name"), "proxies write this header, so no token can come in it", "use another name")
		case seen[name]:
			b.problem(at.at("name"), "this header is listed twice", "remove one of them")
		}
		seen[name] = true
		if header.Prefix != "" && !schemeForm.MatchString(header.Prefix) {
			b.problem(at.at("prefix"), "this is no authentication scheme", "write one word, without the space after it")
		}
	}
	b.once(at.at("fromCookies"), doc.FromCookies)
	for i, name := range doc.FromCookies {
		if name != "" && !headerToken.MatchString(name) {
			b.problem(at.item("fromCookies", i), "this is no name of a cookie", "")
		}
	}
	b.once(at.at("fromParams"), doc.FromParams)
	for i, name := range doc.FromParams {
		if name != "" && !paramForm.MatchString(name) {
			b.problem(at.item("fromParams", i), "this is no name of a query parameter that needs no escapes", "use 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -")
		}
	}
	if len(doc.FromHeaders)+len(doc.FromCookies)+len(doc.FromParams) > maxCredentials {
		b.problem(at, fmt.Sprintf("a token may stand in at most %d places", maxCredentials), "remove some of fromHeaders, fromCookies and fromParams")
	}
}
