package authz

import (
	"slices"
	"strings"

	"github.com/claimgate/claimgate/authz/token"
)

// authorizationHeader is where bearer tokens stand (RFC 6750 section 2.1).
const authorizationHeader = "authorization"

// bearerPlace is where a token stands unless an issuer says otherwise (RFC 6750
// section 2.1).
func bearerPlace() CredentialSpec {
	return CredentialSpec{Header: authorizationHeader, Prefix: "Bearer"}
}

// same reports whether both are one place. Schemes have no case.
func (c *CredentialSpec) same(other *CredentialSpec) bool {
	return c.Header == other.Header && c.Cookie == other.Cookie && c.Param == other.Param &&
		strings.EqualFold(c.Prefix, other.Prefix)
}

// credentials are the places where a token of any of some issuers may stand:
// those of a tenant, or of an entry before the tenant is known. Immutable.
type credentials struct {
	headers []credentialHeader
	cookies []*CredentialSpec
	params  []*CredentialSpec
	names   []string // of headers besides authorization
}

// credentialHeader is one header with the schemes that are read in it.
type credentialHeader struct {
	name     string
	ours     bool // Authorization, which every survey tells of
	schemes  []*CredentialSpec
	bare     *CredentialSpec // a token without a scheme; nil: not read
	variants []string        // spellings with `_`
}

// newCredentials puts the places of the issuers together. Tenants of one issuer
// alone share its own.
func newCredentials(issuers ...*Issuer) *credentials {
	if len(issuers) == 1 && issuers[0].alone != nil {
		return issuers[0].alone
	}
	c := &credentials{}
	for _, issuer := range issuers {
		if len(issuer.places()) == 0 {
			spec := bearerPlace()
			c.add(&spec)
		}
		for _, spec := range issuer.places() {
			c.add(&spec)
		}
	}
	return c
}

// issuersOf returns the issuers of the grants.
func issuersOf(grants []grant) []*Issuer {
	issuers := make([]*Issuer, len(grants))
	for i := range grants {
		issuers[i] = grants[i].issuer
	}
	return issuers
}

func (c *credentials) add(spec *CredentialSpec) {
	switch {
	case spec.Header != "":
		c.addHeader(spec)
	case spec.Cookie != "":
		c.cookies = addPlace(c.cookies, spec)
	case spec.Param != "":
		c.params = addPlace(c.params, spec)
	}
}

func addPlace(list []*CredentialSpec, spec *CredentialSpec) []*CredentialSpec {
	if slices.ContainsFunc(list, spec.same) {
		return list
	}
	return append(list, spec)
}

func (c *credentials) addHeader(spec *CredentialSpec) {
	i := slices.IndexFunc(c.headers, func(h credentialHeader) bool { return h.name == spec.Header })
	if i < 0 {
		i = len(c.headers)
		c.headers = append(c.headers, credentialHeader{name: spec.Header, ours: spec.Header == authorizationHeader, variants: appendVariants(nil, spec.Header)})
		if spec.Header != authorizationHeader {
			c.names = append(c.names, spec.Header)
		}
	}
	if spec.Prefix == "" {
		c.headers[i].bare = spec
		return
	}
	c.headers[i].schemes = addPlace(c.headers[i].schemes, spec)
}

// bearer is the token of a request and the place where it stands.
type bearer struct {
	raw   string
	place *CredentialSpec
}

// joined reports whether what stands in a header may be more than one token: a
// proxy joins repeated lines by a comma, which no token holds.
func (b *bearer) joined() bool {
	return b.place != nil && b.place.Header != "" && strings.IndexByte(b.raw, ',') >= 0
}

// reading is what the places hold.
type reading struct {
	bearer
	filled int    // places that hold something meant for us
	broken Reason // what is wrong with it; 0 for nothing
}

// fill notes that a place holds something, a token or a mistake.
func (r *reading) fill(raw string, place *CredentialSpec) {
	r.filled++
	r.bearer = bearer{raw: raw, place: place}
	switch {
	case len(raw) > token.MaxTokenBytes:
		r.broken = TokenTooLarge
	case raw == "":
		r.broken = TokenMalformed
	}
}

// several notes that a place holds more than one thing.
func (r *reading) several() { r.filled += 2 }

// read returns the one token of a request, whose alphabet is not looked at: see
// authenticate. sees is the survey of the request's headers. It trims nothing and
// never chooses: where two places are filled, or one holds two tokens, there is none. Without
// a token it reports false and the reason.
func (c *credentials) read(req *Request, sees *survey) (bearer, Reason, bool) {
	var r reading
	for i := range c.headers {
		h := &c.headers[i]
		if h.ours {
			h.read(sees.authorization, sees.lines, &r)
		} else if value, count := req.Headers.Get(h.name); count > 0 {
			h.read(value, count, &r)
		}
	}
	for _, place := range c.cookies {
		readCookie(&req.Headers, place, &r)
	}
	for _, place := range c.params {
		readParam(req.Query, place, &r)
	}
	switch {
	case !c.soundQuery(req.Query):
		return bearer{}, RequestInvalid, false
	case r.filled == 0:
		return bearer{}, NoToken, false
	case r.filled > 1:
		return bearer{}, SeveralTokens, false
	case r.broken != 0:
		return bearer{}, r.broken, false
	}
	return r.bearer, 0, true
}

// read reads one header, of which there are so many lines. The scheme is compared
// without case, one or more spaces follow, then a token68 up to the end: whether
// that is one is looked at where it does not verify.
func (h *credentialHeader) read(value string, lines int, r *reading) {
	switch lines {
	case 0:
		return
	case 1:
	default:
		r.several()
		return
	}
	raw, place := h.cut(value)
	switch {
	case place != nil && raw != "" && len(raw) <= token.MaxTokenBytes:
		r.fill(raw, place) // of a comma it is refused later: see joined
	case strings.IndexByte(value, ',') >= 0:
		r.several()
	case place != nil:
		r.fill(raw, place)
	case h.bare != nil:
		r.fill(value, h.bare)
	case !namesScheme(value):
		r.fill("", nil)
	}
}

// cut returns what follows the scheme of a place, nil where the value has none
// of them.
func (h *credentialHeader) cut(value string) (raw string, _ *CredentialSpec) {
	for _, place := range h.schemes {
		rest, ok := cutScheme(value, place.Prefix)
		if !ok {
			continue
		}
		raw = rest
		for raw != "" && raw[0] == ' ' {
			raw = raw[1:]
		}
		if len(raw) == len(rest) {
			raw = "" // another separator than spaces, or nothing at all
		}
		return raw, place
	}
	return "", nil
}

// cutScheme cuts the scheme off; a longer word, such as BearerX, is another.
func cutScheme(value, scheme string) (rest string, ok bool) {
	if len(value) < len(scheme) || value[:len(scheme)] != scheme && !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", false
	}
	rest = value[len(scheme):]
	return rest, rest == "" || rest[0] == ' ' || !isTokenByte(rest[0])
}

// namesScheme reports whether a value begins with some scheme and so is no
// token of ours. One that does not, such as an empty value or one with a
// leading space, is a mistake.
func namesScheme(value string) bool {
	name, _, _ := strings.Cut(value, " ")
	return isTokenText(name)
}

// credentials returns the places where the token of this request may stand.
func (j *judgement) credentials() *credentials {
	if j.tenant != nil {
		return j.tenant.credentials
	}
	return j.entry.credentials
}

// present reports whether a request holds anything that may be a credential,
// whatever its scheme.
func (c *credentials) present(req *Request) bool {
	if req.Headers.sends(authorizationHeader) || slices.ContainsFunc(c.names, req.Headers.sends) {
		return true
	}
	var r reading
	for _, place := range c.cookies {
		readCookie(&req.Headers, place, &r)
	}
	for _, place := range c.params {
		readParam(req.Query, place, &r)
	}
	return r.filled > 0
}

// sends reports whether the header occurs.
func (h *Headers) sends(name string) bool {
	_, count := h.Get(name)
	return count > 0
}

// admits reports whether tokens of the issuer may stand in that place.
func (i *Issuer) admits(place *CredentialSpec) bool {
	if len(i.places()) == 0 {
		own := bearerPlace()
		return own.same(place)
	}
	for _, own := range i.places() {
		if own.same(place) {
			return true
		}
	}
	return false
}

// isToken68 reports whether the text holds only bytes of RFC 9110 section 11.2.
func isToken68(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isUnreserved(c) && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return true
}

// isTokenText reports whether the text is a token of RFC 9110 section 5.6.2.
func isTokenText(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
